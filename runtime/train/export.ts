import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { emitOnnx } from '../../compiler/emit/onnx/emit.ts';
import { encodeModel } from '../../compiler/emit/onnx/proto.ts';
import { lowerEvaluation } from '../../compiler/lower/deploy/evaluation.ts';
import { freeze } from '../../compiler/lower/deploy/freeze.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { qspecVersion } from '../version.ts';
import type { TrainedModel } from './model-file.ts';

export interface ExportedModel {
  /** The `.onnx` file; undefined where the model cannot be exported. */
  readonly bytes: Uint8Array | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The trained model as an ONNX graph of integer codes with fixed scales: input `x`, output `logits`, any batch size. The
 * value of each activation site is a tensor of the site's name, which the verifier finds it by.
 */
export function exportOnnx({ spec, plan, hash }: Compiled, model: TrainedModel): ExportedModel {
  const emission = emitOnnx(lowerEvaluation(spec, plan, 1), {
    scheme: spec.exported.scheme,
    initializers: freeze(spec, plan, model.state, model.calibration).tensors,
    symbolicBatch: true,
    opset: spec.exported.opset,
    metadata: { version: qspecVersion(), properties: { spec: spec.name, specHash: hash } },
  });
  const { model: whole, diagnostics } = emission;
  const output = whole.graph.output.filter(({ name }) => name === 'logits');
  const failed = diagnostics.some(({ severity }) => severity === 'error');
  return {
    bytes: failed ? undefined : encodeModel({ ...whole, graph: { ...whole.graph, output } }),
    diagnostics,
  };
}
