import type { BatchPrediction } from '../../compiler/analysis/probability/index.ts';
import type { Phase } from '../../compiler/ir/graph.ts';
import { type Bound, divide, fromNumber, isUnbounded, toNumber } from '../../compiler/numeric/bound.ts';
import type { ProbedTensor, StepProbe } from '../analysis/probe.ts';
import { boundText } from '../analysis/summary.ts';
import { number, paragraph, percent, table } from './text.ts';

const PHASES: readonly (readonly [Phase, string])[] = [
  ['F', 'F, forward'],
  ['B', 'B, backward'],
  ['U', 'U, update'],
];

/** What was predicted of the real minibatches with a probability, where it could be. */
export interface Predicted {
  readonly probability: number;
  readonly predictions: readonly BatchPrediction[];
}

/** Bounds beside observed errors: of the quantities of requirements, then of every tensor. */
export function probeText(probe: StepProbe, predicted: Predicted | undefined): readonly string[] {
  const count = probe.batches.length;
  const predictedTitle = predicted === undefined ? [] : [`predicted, ${100 * predicted.probability} %`];
  const quantities = probe.quantities.map(({ name, bound, observed, norm }) => [
    name,
    boundText(bound),
    ...(predicted === undefined ? [] : [quantileText(predicted, name)]),
    number(observed),
    ratioText(observed > 0 ? divide(bound, fromNumber(observed)) : undefined),
    norm > 0 ? percent(observed / norm) : '',
  ]);
  return [
    `${count} ${count === 1 ? 'minibatch' : 'minibatches'} of the training set, one quantized step each, against the same step in float32`,
    ...table(
      [['2-norm', 'bound', ...predictedTitle, 'observed', 'bound / observed', 'of its norm'], ...quantities],
      '  ',
    ),
    ...paragraph(
      'Observed is the largest over the minibatches, at the initial weights: no bound, and a bound below it would be wrong. A high ratio says that the bound is pessimistic, not that errors are large.',
      '  ',
    ),
    ...(predicted === undefined
      ? []
      : paragraph(
          `Predicted is the largest over the minibatches of the ${100 * predicted.probability} % quantile over the rounding of stochastic sites; rounding to nearest is modelled as uniform.`,
          '  ',
        )),
    ...PHASES.flatMap(([phase, title]) => [
      '',
      title,
      ...table(
        [
          ['tensor', 'bound ∞', 'observed ∞', 'ratio ∞', 'bound 2', 'observed 2', 'ratio 2'],
          ...probe.tensors.filter(({ tensor }) => tensor.phase === phase).map(cells),
        ],
        '  ',
      ),
    ]),
  ];
}

function cells({ tensor, observed, ratio }: ProbedTensor): readonly string[] {
  const { name, error } = tensor;
  return [
    name,
    boundText(error.inf),
    number(observed.inf),
    ratioText(ratio.inf),
    boundText(error.two),
    number(observed.two),
    ratioText(ratio.two),
  ];
}

function ratioText(ratio: Bound | undefined): string {
  if (ratio === undefined) return '';
  if (isUnbounded(ratio)) return 'no bound';
  const value = toNumber(ratio);
  return value < 1e4 ? `${Number(value.toPrecision(2))}` : boundText(ratio, 2);
}

/** The largest quantile over the batches. */
function quantileText({ predictions }: Predicted, name: string): string {
  const all = predictions.flatMap(({ quantities }) => quantities.get(name)?.quantile ?? []);
  return all.length === 0 ? '' : number(Math.max(...all));
}
