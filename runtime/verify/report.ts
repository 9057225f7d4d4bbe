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
  /** Codes and logits compared. */
  readonly codes: number;
  readonly logits: number;
  /** Differing codes by site, end to end: a flip moves every later code. */
  readonly endToEnd: Readonly<Record<string, number>>;
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

/** The report as text for people. */
export function renderReport(report: VerificationReport): string {
  const lines = [
    `verify ${report.spec}: ${report.samples} test samples against the training engine's evaluation graph`,
    report.exact
      ? `accumulation: exact in every layer (powers of two, partial sums below 2^24)`
      : `accumulation: float32 sums of general scales, compared layer by layer on the same incoming codes`,
  ];
  const width = Math.max(0, ...report.comparisons.map(({ name }) => name.length));
  for (const comparison of report.comparisons) lines.push(...renderComparison(comparison, width));
  if (report.accuracy.exported !== undefined) {
    lines.push(`accuracy of the exported model: ${(100 * report.accuracy.exported).toFixed(2)} %`);
  }
  lines.push(...report.failures.map((failure) => `FAILED: ${failure}`));
  lines.push(
    report.failures.length === 0 ? 'verified: the exported model computes what was trained' : 'not verified',
  );
  return `${lines.join('\n')}\n`;
}

/** Differences on the same incoming codes that are listed one by one; the report file has all of them. */
const LISTED = 10;

function renderComparison(comparison: Comparison, width: number): string[] {
  const { name, codes, logits, endToEnd, logitDifferences, layerwise } = comparison;
  const flips = countOf(endToEnd);
  const line =
    `  ${name.padEnd(width)}  ${flips} of ${codes} codes and ${logitDifferences} of ${logits} logits differ end to end` +
    (logitDifferences > 0
      ? ` (logits by at most ${comparison.largestLogitDifference.toExponential(1)}, ${comparison.predictions} predictions)`
      : '');
  if (!layerwise) return [line];
  const listed = layerwise
    .slice(0, LISTED)
    .map(
      (d) =>
        `      ${d.site} sample ${d.sample} element ${d.element}: ${d.reference} → ${d.found}, ` +
        `${d.distance.toExponential(1)} steps from a tie (float32 sums reach ${d.bound.toExponential(1)})`,
    );
  const more = layerwise.length - listed.length;
  return [
    line,
    `  ${''.padEnd(width)}  ${layerwise.length} codes differ on the same incoming codes`,
    ...listed,
    ...(more > 0 ? [`      … and ${more} more in verify.json`] : []),
  ];
}
