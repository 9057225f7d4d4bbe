import { EngineUnavailable } from './engine.ts';

/** The library onnxruntime-node with its version. */
export type OnnxRuntime = Pick<typeof import('onnxruntime-node'), 'InferenceSession' | 'Tensor'> & {
  readonly version: string;
};

/**
 * Loads onnxruntime-node, which is an optional dependency.
 * @throws EngineUnavailable
 */
export async function loadOnnxRuntime(): Promise<OnnxRuntime> {
  try {
    const { InferenceSession, Tensor, env } = await import('onnxruntime-node');
    return { InferenceSession, Tensor, version: env.versions.node ?? env.versions.common };
  } catch (cause) {
    throw new EngineUnavailable('onnx', 'onnxruntime-node', cause);
  }
}
