import type {
  BiasStatement,
  CurveStatement,
  GrowthStatement,
  KinkStatement,
  ModelledQuantity,
  ProbabilityStatement,
} from '../certificate/certificate.ts';
import { type Findings, member } from './verdict.ts';
import { differs } from './worst-case.ts';

/** Relative difference of figures that are computed twice in float64. */
const ALIKE = 1e-9;

export function isAlike(a: number, b: number): boolean {
  return Math.abs(a - b) <= ALIKE * Math.max(Math.abs(a), Math.abs(b));
}

/**
 * Recomputes what a probability statement predicts from the coefficients that it states.
 * @param sites that round and that the reference counts
 */
export function checkModel(
  stated: ProbabilityStatement,
  at: string,
  sites: readonly string[],
  findings: Findings,
): void {
  const counted = (given: object, where: string): void => {
    findings.sameNames('prediction', where, Object.keys(given), sites, 'site that rounds');
  };
  stated.batches.forEach((batch, i) => {
    const where = `${at}/batches/${i}`;
    const ratios = batch.kinks.map(ratioOf);
    batch.kinks.forEach((kink, k) => {
      counted(kink.sites, `${where}/kinks/${k}/sites`);
      const ratio = ratios[k] ?? 0;
      findings.check('prediction', `${where}/kinks/${k}/ratio`, isAlike(kink.ratio, ratio), () =>
        differs(`${kink.ratio}`, `${ratio}`),
      );
    });
    const gradient = new Map(Object.entries(batch.quantities)).get('gradient');
    const gradientRms = gradient && rmsOf(gradient, ratios, 0);
    for (const [name, quantity] of Object.entries(batch.quantities)) {
      const place = member(`${where}/quantities`, name);
      counted(quantity.sites, `${place}/sites`);
      checkQuantity(quantity, place, ratios, gradientRms, findings);
    }
  });
  const names = stated.batches.map(({ batch }) => batch);
  findings.taken(`coefficients of the error model, from ${stated.passes} passes on ${names.join(', ')}`);
}

function checkQuantity(
  stated: ModelledQuantity,
  at: string,
  ratiosOfKinks: readonly number[],
  gradientRms: number | undefined,
  findings: Findings,
): void {
  const { of_gradient: ofGradient } = stated;
  const ratios = ofGradient === undefined ? ratiosOfKinks : [];
  let ofRatio = 0;
  if (ofGradient !== undefined) {
    findings.check(
      'prediction',
      `${at}/of_gradient`,
      gradientRms !== undefined,
      () => 'no gradient is stated',
    );
    if (ofGradient.measured > 0) ofRatio = (gradientRms ?? 0) / Math.sqrt(ofGradient.measured);
    checkExponent(ofGradient, ofRatio, `${at}/of_gradient`, findings);
  }
  const lists = [
    ['switches', stated.switches],
    ['bias/forward', stated.bias.forward],
    ['bias/backward', stated.bias.backward],
  ] as const;
  for (const [name, curves] of lists) {
    findings.check('prediction', `${at}/${name}`, curves.length === ratios.length, () =>
      differs(`${curves.length} curves`, `${ratios.length}, one for each kink`),
    );
    curves.forEach((curve, k) => {
      checkExponent(curve, ratios[k] ?? 0, `${at}/${name}/${k}`, findings);
    });
  }
  const size = ratios.length + 1;
  const { products } = stated.bias;
  const square =
    products.length === 0 || (products.length === size && products.every((row) => row.length === size));
  findings.check('prediction', `${at}/bias/products`, square, () => `it must have ${size} rows and columns`);
  const symmetric = products.every((row, i) =>
    row.every((x, j) => isAlike(x, products[j]?.[i] ?? Number.NaN)),
  );
  findings.check('prediction', `${at}/bias/products`, symmetric, () => 'inner products must be symmetric');

  const rms = rmsOf(stated, ratios, ofRatio);
  const quantile = rms * stated.quantile_factor;
  findings.check('prediction', `${at}/rms`, isAlike(stated.rms, rms), () =>
    differs(`${stated.rms}`, `${rms}`),
  );
  findings.check('prediction', `${at}/quantile`, isAlike(stated.quantile, quantile), () =>
    differs(`${stated.quantile}`, `${quantile}`),
  );
}

/** A curve is given where it is read. */
function checkExponent(curve: CurveStatement, ratio: number, at: string, findings: Findings): void {
  // A ratio next to a power of two may have been rounded to either side of it.
  const right = [ratio * (1 - ALIKE), ratio * (1 + ALIKE)].some((r) => exponentAt(r) === curve.exponent);
  findings.check('prediction', `${at}/exponent`, right, () =>
    differs(`${curve.exponent}`, `${exponentAt(ratio)}`),
  );
}

function rmsOf(stated: ModelledQuantity, ratios: readonly number[], ofGradient: number): number {
  let expected = stated.of_gradient === undefined ? 0 : valueAt(stated.of_gradient, ofGradient);
  for (const variance of Object.values(stated.sites)) expected += variance;
  stated.switches.forEach((curve, k) => {
    expected += valueAt(curve, ratios[k] ?? 0);
  });
  const scales = scalesOf(stated.bias, ratios);
  stated.bias.products.forEach((row, i) => {
    row.forEach((product, j) => {
      if (product > 0) expected += product * (scales[i] ?? 0) * (scales[j] ?? 0);
    });
  });
  return Math.sqrt(expected);
}

/** How much the forward bias, and each kink's backward bias, grew since the model was measured. */
function scalesOf({ forward, backward }: BiasStatement, ratios: readonly number[]): readonly number[] {
  const grown = (curves: readonly GrowthStatement[], at: readonly number[]): number => {
    let [before, now] = [0, 0];
    curves.forEach((curve, k) => {
      before += curve.measured;
      now += valueAt(curve, at[k] ?? 0);
    });
    return before > 0 ? Math.sqrt(now / before) : 0;
  };
  return [grown(forward, ratios), ...backward.map((curve, k) => grown([curve], [ratios[k] ?? 0]))];
}

function ratioOf({ measured, sites }: KinkStatement): number {
  if (measured === 0) return 0;
  return Math.sqrt(Object.values(sites).reduce((sum, share) => sum + share, 0) / measured);
}

/** The lower of the two points, of −12 to 12, between which log₂ r lies. */
function exponentAt(ratio: number): number {
  if (!(ratio > 0)) return -12;
  return Math.max(-12, Math.min(11, Math.floor(Math.log2(ratio))));
}

/** Between its two points a curve is a power of r where both values are positive, else a straight line over log₂ r; beyond the ends flat. */
function valueAt({ exponent, low, high }: CurveStatement, ratio: number): number {
  if (!(ratio > 0)) return 0;
  const share = Math.max(0, Math.min(1, Math.log2(ratio) - exponent));
  return low > 0 && high > 0
    ? Math.exp((1 - share) * Math.log(low) + share * Math.log(high))
    : low + share * (high - low);
}
