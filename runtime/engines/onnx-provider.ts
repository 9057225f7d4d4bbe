import { EngineUnavailable } from './engine.ts';
import type { OnnxRuntime } from './onnx-runtime.ts';
import { probeModel } from './probe-model.ts';

/** What of onnxruntime runs operators: its execution providers, as far as its package for Node.js has them on some platform. */
export const PROVIDERS = ['cpu', 'cuda', 'webgpu', 'coreml'] as const;
export type Provider = (typeof PROVIDERS)[number];

/**
 * Makes a session of one operator on a provider, so that one that is not there is refused before anything is loaded.
 * @throws EngineUnavailable
 */
export async function requireProvider(runtime: OnnxRuntime, provider: Provider): Promise<void> {
  if (provider === 'cpu') return;
  const model = probeModel('Neg', [{ name: 'x', type: 'float', shape: [1] }], {
    name: 'y',
    type: 'float',
    shape: [1],
  });
  try {
    const options = { executionProviders: [provider], logSeverityLevel: 4 } as const;
    const session = await runtime.InferenceSession.create(model, options);
    await session.release();
  } catch (cause) {
    throw new EngineUnavailable('onnx', `the ${provider} provider of onnxruntime-node`, cause);
  }
}
