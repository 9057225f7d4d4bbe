import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic, hasErrors } from '../../diagnostics/diagnostic.ts';
import { deploymentOf } from '../../lower/deploy/deployment.ts';
import { lowerEvaluation } from '../../lower/deploy/evaluation.ts';
import type { FrozenModel } from '../../lower/deploy/freeze.ts';
import { tensorName } from '../../lower/model.ts';
import type { FormatPlan } from '../../lower/plan.ts';
import { elementBits, formatName } from '../../numeric/format.ts';
import { checkModel } from './check-model.ts';
import { emitOnnx, type OnnxMetadata } from './emit.ts';
import { encodeModel } from './proto.ts';

export interface InferenceModel {
  /** The `.onnx` file; undefined where the model cannot be exported. */
  readonly bytes: Uint8Array | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * The deployed model as an ONNX file of integer codes with fixed scales: input `x`, output `logits`, any batch size. The value
 * of each activation site is a tensor of the site's name, which the verifier finds it by.
 */
export function emitInference(
  spec: CheckedSpec,
  plan: FormatPlan,
  frozen: FrozenModel,
  metadata: OnnxMetadata,
): InferenceModel {
  const { model: whole, diagnostics: found } = emitOnnx(lowerEvaluation(spec, plan, 1), {
    scheme: spec.exported.scheme,
    initializers: frozen.tensors,
    symbolicBatch: true,
    opset: spec.exported.opset,
    metadata,
  });
  const diagnostics = [...found, ...storedAsFloat(spec, plan)];
  if (hasErrors(diagnostics)) return { bytes: undefined, diagnostics };
  const output = whole.graph.output.filter(({ name }) => name === 'logits');
  const model = { ...whole, graph: { ...whole.graph, output } };
  const problems = checkModel(model);
  if (problems.length > 0) throw new Error(`the exported model is malformed: ${problems.join('; ')}`);
  return { bytes: encodeModel(model), diagnostics };
}

/** Weights whose format has no ONNX storage: the file holds their values in f32, which is right but no smaller. */
function storedAsFloat(spec: CheckedSpec, plan: FormatPlan): Diagnostic[] {
  const { linear, formats } = deploymentOf(spec, plan);
  return [...linear.values()].flatMap(({ layer, weights }) => {
    const site = tensorName(layer, 'weights');
    const format = formats.of(site);
    if (weights || elementBits(format.element) === 32) return [];
    const hint = 'integers of 2 to 16 bits with one scale a tensor or channel are stored as codes';
    return [diagnostic('QS6103', layer.span, { site, format: formatName(format) }, { hint })];
  });
}
