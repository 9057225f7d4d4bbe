/**
 * The compiler as a library: pure functions from text to checked specs, graphs and emitted code. It does no IO and
 * needs no native package, so that it runs in a browser (through a bundler) as it does in Node.
 */
export type { CheckedSpec } from './check/checked-spec.ts';
export type { Diagnostic, Fix, Related, Result, Severity } from './diagnostics/diagnostic.ts';
export { renderDiagnostics } from './diagnostics/render.ts';
export { emitOnnx } from './emit/onnx/emit.ts';
export { emitTfjsProgram } from './emit/tfjs/emit-program.ts';
export type { Graph } from './ir/graph.ts';
export { printGraph } from './ir/print.ts';
export type { FloatTensor, FloatTensors } from './ir/tensor.ts';
export { lowerCalibration, meanCalibration } from './lower/deploy/calibration.ts';
export { lowerEvaluation, lowerReal } from './lower/deploy/evaluation.ts';
export { type FrozenModel, freeze } from './lower/deploy/freeze.ts';
export type { FormatPlan } from './lower/plan.ts';
export type { TrainingProgram } from './lower/program.ts';
export { type Compiled, checkSource, compile, hashOf } from './pipeline.ts';
export type { Source, Span } from './source/source.ts';
export { format } from './syntax/format.ts';
export { parse } from './syntax/parse.ts';
