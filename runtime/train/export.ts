import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { emitInference, type InferenceModel } from '../../compiler/emit/onnx/inference.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import { lowerEvaluation } from '../../compiler/lower/deploy/evaluation.ts';
import { freeze } from '../../compiler/lower/deploy/freeze.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { qspecVersion } from '../version.ts';
import type { TrainedModel } from './model-file.ts';

/** The trained model as an ONNX file; see `emitInference`. */
export function exportOnnx({ spec, plan, hash }: Compiled, model: TrainedModel): InferenceModel {
  const frozen = freeze(spec, plan, model.state, model.calibration);
  const properties = { spec: spec.name, specHash: hash };
  return emitInference(spec, plan, frozen, { version: qspecVersion(), properties });
}

/** What exporting the model will have to say, known before it is trained: it does not depend on the numbers. */
export function exportDiagnostics({ spec, plan }: Compiled): readonly Diagnostic[] {
  const ones = lowerEvaluation(spec, plan, 1).nodes.flatMap((node) => {
    if (node.kind !== 'input' || node.role !== 'parameter') return [];
    const { shape } = node.type;
    return [[node.input, { shape, data: new Float32Array(sizeOf(shape)).fill(1) }] as const];
  });
  return emitInference(spec, plan, { tensors: new Map(ones) }, { version: qspecVersion() }).diagnostics;
}
