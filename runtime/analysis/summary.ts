import { formatBound } from '../../compiler/numeric/bound/decimal.ts';
import { type Bound, isUnbounded } from '../../compiler/numeric/bound.ts';
import type { QuantityBound, StepAnalysis, WeightSource } from './analyse.ts';

/** Bounds as people read them: those that are none say so. */
export function boundText(bound: Bound, digits?: number): string {
  return isUnbounded(bound) ? 'none' : formatBound(bound, digits);
}

/** What an error bound is worth: its share of the quantity, or that it has none. */
export function verdictText({ verdict, share }: Pick<QuantityBound, 'verdict' | 'share'>): string {
  if (verdict === 'unbounded') return 'no bound';
  if (verdict === 'vacuous') return 'vacuous';
  return share === undefined ? '' : `${formatBound(scaled(share), 2)} %`;
}

function scaled({ mantissa, exponent }: Bound): Bound {
  const hundred = mantissa * 100;
  const shift = Math.floor(Math.log2(hundred));
  return mantissa === 0
    ? { mantissa, exponent }
    : { mantissa: hundred / 2 ** shift, exponent: exponent + shift };
}

/** Where the analysed weights come from, in a few words. */
export function weightsText(weights: WeightSource): string {
  switch (weights.kind) {
    case 'drawn':
      return `at the initial weights that seed ${weights.seed} draws`;
    case 'bounded':
      return 'at any initial weights: they are too many to draw, so the limits of their initializers stand for them';
    case 'file':
      return `at the weights of ${JSON.stringify(weights.path)}`;
  }
}

/** The quantities of the summary: logits of one sample, and of the step what is no single parameter's. */
export function summaryRows({ quantities }: StepAnalysis): readonly QuantityBound[] {
  return quantities.filter(({ name }) => !name.endsWith('.grad'));
}

export const SUMMARY_HEADER = ['', 'reference', 'error ∞', 'error 2', 'size 2', 'error / size'] as const;

export function summaryCells(row: QuantityBound): readonly string[] {
  return [
    row.name,
    row.reference,
    boundText(row.error.inf),
    boundText(row.error.two),
    boundText(row.size.two),
    verdictText(row),
  ];
}

/** What the words of the summary mean, as far as they occur in it. */
export function summaryNotes(analysis: StepAnalysis): readonly string[] {
  const rows = summaryRows(analysis);
  const notes = [
    'Bounds hold for every rounding and every input in range. Logits are those of one sample, the update is what the step takes from the parameters; ∞ and 2 are norms, size is the largest that exact arithmetic allows.',
  ];
  if (rows.some(({ verdict }) => verdict === 'vacuous')) {
    notes.push(
      'Vacuous: the error bound is no smaller than the quantity can be, so it says nothing. More bits, or fewer and narrower layers, make it meaningful; real errors are mostly far below it (qspec check --probe 8 measures them).',
    );
  }
  if (rows.some(({ verdict }) => verdict === 'unbounded')) {
    notes.push(
      'No bound: the text does not limit what this depends on; the warnings above say what is missing.',
    );
  }
  return notes;
}
