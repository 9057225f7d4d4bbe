/** Running what the compiler made: data sets, engines, training, export and verification on Node.js. */
export { type Dataset, loadDataset, type Split } from './data/dataset.ts';
export type { Engine, Executable, HostTensor, Tensors } from './engines/engine.ts';
export { EngineUnavailable } from './engines/engine.ts';
export { createOnnxEngine } from './engines/onnx.ts';
export { createReferenceEngine } from './engines/reference.ts';
export { createTfjsEngine } from './engines/tfjs.ts';
export { RunFailure } from './failure.ts';
export { DataError } from './storage/data-error.ts';
export { decodeSafetensors, encodeSafetensors } from './storage/safetensors.ts';
export { type Evaluation, evaluate } from './train/evaluate.ts';
export { exportOnnx } from './train/export.ts';
export { readModel, type TrainedModel } from './train/model-file.ts';
export { type RunSummary, type TrainOptions, type TrainOutcome, train } from './train/run.ts';
export { createRun, findRun, inspectFolder, runPaths } from './train/run-directory.ts';
export { type VerifyOptions, verify } from './verify/verify.ts';
