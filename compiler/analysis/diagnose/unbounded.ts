import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';

/** What the text leaves open, so that there is no worst case. */
export function unboundedInputs({ model, train }: CheckedSpec): readonly Diagnostic[] {
  const [input] = model.layers;
  if (input?.kind !== 'input') throw new Error('the first layer of a model is its input');
  const { low, high } = input.options;
  const diagnostics: Diagnostic[] = [];
  if (low === undefined || high === undefined) {
    diagnostics.push(
      diagnostic(
        'QS4101',
        input.span,
        { input: input.path },
        {
          hint: `write the range that the data keeps to, such as '${input.path}: f32[${input.shape.join(', ')}] in [-1, 1]'`,
        },
      ),
    );
  }
  if (train.loss === 'mse') {
    diagnostics.push(
      diagnostic(
        'QS4102',
        train.spans.F,
        {},
        {
          hint: "'qspec check --probe 8' measures both on real batches; the logits, and an update by Adam, have bounds all the same",
        },
      ),
    );
  }
  return diagnostics;
}
