import { requirementBounds } from '../../compiler/analysis/prove/requirements.ts';
import { printFunctional } from '../../compiler/functional/print.ts';
import { measuredRequirements } from '../../compiler/lower/levels.ts';
import { lineStarts, positionAt, type Span } from '../../compiler/source/source.ts';
import type { StepAnalysis } from '../analysis/analyse.ts';
import type { Composition } from '../analysis/composition.ts';
import type { Contributors, SharedContribution } from '../analysis/contributors.ts';
import {
  boundText,
  SUMMARY_HEADER,
  summaryCells,
  summaryNotes,
  summaryRows,
  weightsText,
} from '../analysis/summary.ts';
import { paragraph, table } from './text.ts';

/** The bounds of a step in a few lines: what `qspec check` prints after its ok. */
export function summaryText(analysis: StepAnalysis): readonly string[] {
  const { spec } = analysis.compiled;
  return [
    ...paragraph(`${spec.name}: worst case of one training step ${weightsText(analysis.weights)}`),
    ...table([SUMMARY_HEADER, ...summaryRows(analysis).map(summaryCells)], '  '),
    ...table(requirementRows(analysis), '  '),
    ...summaryNotes(analysis).flatMap((note) => paragraph(note, '  ')),
  ];
}

/** What the spec requires, and whether the worst case says so; those with a probability are not for it to judge. */
function requirementRows({ compiled: { spec }, worst }: StepAnalysis): readonly (readonly string[])[] {
  const bounds = requirementBounds(spec, worst.quantities);
  return [
    ...bounds.map(({ requirement: { quantity, norm, reference }, error, allowed, met }) => [
      'required',
      `${quantity} (${reference}, ${norm === 'linf' ? '∞' : '2'})`,
      `${boundText(error)} of at most ${boundText(allowed)}`,
      met ? 'proved' : 'not met',
    ]),
    ...measuredRequirements(spec).map(({ quantity, reference, probability }) => [
      'required',
      `${quantity} (${reference}, 2)`,
      `with probability ${probability}`,
      'see qspec allocate',
    ]),
  ];
}

/** Gains and local errors of F, B, U and T. */
export function compositionText({ parts }: Composition): readonly string[] {
  const rows = parts.map(({ part, from, to, gain, local, bound }) => [
    `${part}: ${from} → ${to}`,
    `L_${part} = ${boundText(gain)}`,
    `Δ_${part} = ${boundText(local)}`,
    boundText(bound),
  ]);
  return [
    'Composition in the 2-norm, Φ_T = Φ_U ∘ Φ_B ∘ Φ_F',
    ...table([['part', 'gain, first order', 'local error', 'bound at the formats'], ...rows], '  '),
    ...paragraph(
      'L is the slope of Φ where nothing has an error yet, along equal errors of all inputs: it explains a bound and is none. Δ = Φ(0) is what the part adds by itself. Masks and rounding scales jump, which no slope shows, so that L_T is not L_U · L_B · L_F. The bound knows the rounding of each weight and the slopes of the whole network, and may lie below Δ.',
      '  ',
    ),
  ];
}

/** What the bounds are made of, largest first. */
export function contributorsText(
  { compiled }: StepAnalysis,
  contributors: readonly Contributors[],
): readonly string[] {
  const starts = lineStarts(compiled.spec.source.text);
  const lineOf = (span: Span | undefined): string =>
    span === undefined ? '' : `line ${positionAt(starts, span.start).line}`;
  const row = ({ kind, name, span, amount, share }: SharedContribution): readonly string[] => [
    Number.isNaN(share) ? '' : `${(100 * share).toFixed(1)} %`,
    boundText(amount),
    kind === 'rest' ? name : `${KINDS[kind]}${kind === 'float32' ? '' : ` ${name}`}`,
    lineOf(span),
  ];
  return contributors.flatMap(({ quantity, shown, rest }) => [
    `Contributors to the bound of the ${quantity}, to first order, against the real step`,
    ...(shown.length === 0
      ? ['  none: nothing rounds']
      : table([...shown, ...(rest === undefined ? [] : [rest])].map(row), '  ')),
  ]);
}

const KINDS = {
  quantizer: 'rounding of',
  switches: 'switches of',
  float32: 'float32 rounding, and the caps that it reaches',
} as const;

/** Φ_F, Φ_B and Φ_U as formulas. */
export function functionalsText({ functionals }: Composition): readonly string[] {
  return (
    [
      ['Φ_F', functionals.forward],
      ['Φ_B', functionals.backward],
      ['Φ_U', functionals.update],
    ] as const
  ).flatMap(([name, functional]) => ['', `${name} ${printFunctional(functional).trimEnd()}`]);
}
