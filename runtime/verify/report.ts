import { visibleText } from '../../compiler/diagnostics/render/visible.ts';

/** One code that two evaluations of the same incoming codes disagree on. */
export interface CodeDifference {
  readonly site: string;
  /** Index of the sample in the test set, and of the element within the sample. */
  readonly sample: number;
  readonly element: number;
  readonly reference: number;
  readonly found: number;
  /** Distance of the exact value from the rounding tie between the two codes, in steps. */
  readonly distance: number;
  /** Largest distance that float32 summation in any order can account for, in steps; 0 where accumulation is exact. */
  readonly bound: number;
}

/** How one evaluation compares with the training engine's evaluation graph. */
export interface Comparison {
  readonly name: string;
  /** Whether every layer was run on the codes that the reference computed, instead of end to end. */
  readonly given: boolean;
  /** Codes and logits compared. */
  readonly codes: number;
  readonly logits: number;
  /** Differing codes by site. End to end, a flip moves every later code. */
  readonly differing: Readonly<Record<string, number>>;
  readonly logitDifferences: number;
  readonly largestLogitDifference: number;
  readonly predictions: number;
  /** Differences on the same incoming codes; undefined where nothing differed end to end, so that it is the same question. */
  readonly layerwise: readonly CodeDifference[] | undefined;
}

/** A convolution or product and what was proved of its sums. */
export interface ProofSummary {
  readonly node: string;
  readonly largestSum: number;
  readonly exact: boolean;
}

export interface VerificationReport {
  readonly spec: string;
  readonly samples: number;
  readonly accuracy: { readonly engine: number | undefined; readonly exported: number | undefined };
  /** Every accumulation of the model is exact in float32, whatever its order. */
  readonly exact: boolean;
  readonly proofs: readonly ProofSummary[];
  readonly comparisons: readonly Comparison[];
  /** What is wrong; empty where the export computes what was trained. */
  readonly failures: readonly string[];
}

export function countOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}

/** Failures that are listed one by one; the report file has all of them. */
const LISTED_FAILURES = 10;

/** The report as text for people. */
export function renderReport(report: VerificationReport): string {
  const lines =
    report.comparisons.length === 0
      ? [`${report.spec}: the exported file cannot be compared with the training engine`]
      : [
          `${report.spec}: ${report.samples} test samples, against the training engine's evaluation graph`,
          report.exact
            ? 'sums are exact in every layer: scales are powers of two, partial sums stay below 2^24'
            : 'sums are rounded, as scales are general: a code may differ where its exact value is at a rounding tie',
        ];
  const width = Math.max(0, ...report.comparisons.map(({ name }) => name.length));
  for (const comparison of report.comparisons) lines.push(...renderComparison(comparison, width));
  if (report.accuracy.exported !== undefined) {
    lines.push(`accuracy of the exported model: ${(100 * report.accuracy.exported).toFixed(2)} %`);
  }
  const { failures } = report;
  // Names in a file that someone else made may hold anything.
  lines.push(...failures.slice(0, LISTED_FAILURES).map((failure) => `FAILED: ${visibleText(failure)}`));
  if (failures.length > LISTED_FAILURES)
    lines.push(`and ${failures.length - LISTED_FAILURES} more failures, in verify.json`);
  lines.push(
    failures.length === 0 ? 'verified: the exported model computes what was trained' : 'not verified',
  );
  return `${lines.join('\n')}\n`;
}

/** Differences on the same incoming codes that are listed one by one; the report file has all of them. */
const LISTED = 3;

function renderComparison(comparison: Comparison, width: number): string[] {
  const { name, codes, logits, differing, logitDifferences, layerwise } = comparison;
  const where = comparison.given ? ' on the same incoming codes' : '';
  const parts = [
    ...(codes > 0 ? [`${countOf(differing)} of ${codes} codes differ${where}`] : []),
    `${logitDifferences} of ${logits} logits${codes > 0 ? '' : ' differ'}`,
    ...(logitDifferences > 0 ? [`by at most ${comparison.largestLogitDifference.toExponential(1)}`] : []),
    ...(comparison.predictions > 0 ? [`${comparison.predictions} predictions change`] : []),
  ];
  const lines = [`  ${name.padEnd(width)}  ${parts.join(', ')}`];
  if (!layerwise) return lines;
  const indent = ' '.repeat(width + 4);
  if (!comparison.given) lines.push(`${indent}${layerwise.length} codes differ on the same incoming codes`);
  for (const d of layerwise.slice(0, LISTED)) {
    const place = `${d.site}, sample ${d.sample}, element ${d.element}: ${d.reference} or ${d.found}`;
    const [distance, bound] = [d.distance, d.bound].map((steps) => steps.toExponential(1));
    lines.push(`${indent}  ${place}; a tie is ${distance} steps away, sums reach ${bound}`);
  }
  if (layerwise.length > LISTED)
    lines.push(`${indent}  and ${layerwise.length - LISTED} more, in verify.json`);
  return lines;
}
