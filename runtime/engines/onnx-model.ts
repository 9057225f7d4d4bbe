import type { Tensor } from 'onnxruntime-node';
import type { OptimizationLevel } from './onnx.ts';
import { sessionOptions } from './onnx.ts';
import { loadOnnxRuntime, type OnnxRuntime } from './onnx-runtime.ts';

/** What a model of any origin takes and gives: more element types than the IR has. */
export type ModelData =
  | Float32Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint16Array
  | Uint8Array
  | BigInt64Array;

export interface ModelTensor {
  readonly shape: readonly number[];
  readonly data: ModelData;
}

/** A model in onnxruntime, whatever made it. Give it only bytes that `checkModel` found nothing in. */
export interface LoadedModel {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  run(feeds: ReadonlyMap<string, ModelTensor>): Promise<ReadonlyMap<string, ModelTensor>>;
  dispose(): Promise<void>;
}

/** @throws EngineUnavailable, or an error of onnxruntime's about the model */
export async function loadModel(
  bytes: Uint8Array,
  level: OptimizationLevel,
  threads = 1,
): Promise<LoadedModel> {
  const runtime = await loadOnnxRuntime();
  const session = await runtime.InferenceSession.create(bytes, sessionOptions(level, threads));
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    run: async (feeds) => {
      const given = [...feeds].map(([name, tensor]) => [name, toTensor(runtime, tensor)] as const);
      const results = await session.run(Object.fromEntries(given));
      return new Map(session.outputNames.map((name) => [name, fromTensor(name, results[name])]));
    },
    dispose: () => session.release(),
  };
}

/** Loads a model, runs it once and lets it go. */
export async function runModel(
  bytes: Uint8Array,
  feeds: ReadonlyMap<string, ModelTensor>,
  level: OptimizationLevel,
): Promise<ReadonlyMap<string, ModelTensor>> {
  const model = await loadModel(bytes, level);
  try {
    return await model.run(feeds);
  } finally {
    await model.dispose();
  }
}

function toTensor(runtime: OnnxRuntime, { shape, data }: ModelTensor): Tensor {
  if (data instanceof Float32Array) return new runtime.Tensor('float32', data, shape);
  if (data instanceof Int32Array) return new runtime.Tensor('int32', data, shape);
  if (data instanceof Int16Array) return new runtime.Tensor('int16', data, shape);
  if (data instanceof Int8Array) return new runtime.Tensor('int8', data, shape);
  if (data instanceof Uint16Array) return new runtime.Tensor('uint16', data, shape);
  if (data instanceof Uint8Array) return new runtime.Tensor('uint8', data, shape);
  return new runtime.Tensor('int64', data, shape);
}

function fromTensor(name: string, tensor: Tensor | undefined): ModelTensor {
  const data = tensor?.data;
  const readable =
    data instanceof Float32Array ||
    data instanceof Int32Array ||
    data instanceof Int16Array ||
    data instanceof Int8Array ||
    data instanceof Uint16Array ||
    data instanceof Uint8Array ||
    data instanceof BigInt64Array;
  if (!tensor || !readable) throw new Error(`the output '${name}' has element type ${tensor?.type}`);
  return { shape: [...tensor.dims], data };
}
