import type { Decimal, Norms, WorstCaseStatement } from '../certificate/certificate.ts';
import { namedTensors } from '../certificate/names.ts';
import type { Errors } from '../ir/bound-rules.ts';
import { fromBound } from './bounds-of-rules.ts';
import { productCoefficients, quantizerCoefficients, weightCoefficients } from './coefficients.ts';
import { readDecimal, writeDecimal } from './decimal.ts';
import type { Dyadic } from './dyadic.ts';
import * as D from './dyadic.ts';
import { magnitudeOf } from './ranges.ts';
import type { RecomputedStep } from './step.ts';
import { type Findings, type Kind, member } from './verdict.ts';

/** Compares every number of a worst-case statement with the one that was recomputed. */
export function checkWorstCase(stated: WorstCaseStatement, step: RecomputedStep, findings: Findings): void {
  const { walk } = step;
  const { coefficients } = stated;
  const at = '/worst_case';
  const tensors = namedTensors(walk.graph);
  compareAll(findings, 'range', `${at}/ranges`, 'tensor', stated.ranges, tensors, (where, norms, value) => {
    const range = walk.range(value);
    const recomputed = { inf: magnitudeOf(range), two: fromBound(range.norm2) };
    compareNorms(findings, 'range', where, norms, recomputed);
  });

  const compareNamed = (where: string, given: object, recomputed: ReadonlyMap<string, Dyadic>): void => {
    const numbers = new Map<string, Decimal>(Object.entries(given));
    for (const [name, number] of recomputed)
      compare(findings, 'coefficient', member(where, name), numbers.get(name) ?? '', number);
  };
  const inside = `${at}/coefficients`;
  compareAll(
    findings,
    'coefficient',
    `${inside}/quantizers`,
    'site that rounds',
    coefficients.quantizers,
    quantizerCoefficients(walk.graph),
    compareNamed,
  );
  compareAll(
    findings,
    'coefficient',
    `${inside}/weights`,
    'weights',
    coefficients.weights,
    weightCoefficients(walk),
    compareNamed,
  );
  compareAll(
    findings,
    'coefficient',
    `${inside}/products`,
    'product',
    coefficients.products,
    productCoefficients(walk.graph),
    (where, given, { terms, gamma }) => {
      findings.check('coefficient', `${where}/terms`, given.terms === terms, () =>
        differs(`${given.terms}`, `${terms}`),
      );
      compare(findings, 'coefficient', `${where}/gamma`, given.gamma, gamma);
    },
  );

  for (const reference of ['real', 'quantized_point'] as const) {
    const recomputed = step.bounds[reference];
    const given = stated.bounds[reference] ?? {};
    const where = `${at}/bounds/${reference}`;
    for (const [quantity, { error }] of recomputed) {
      findings.bound({ reference, quantity, inf: writeDecimal(error.inf), two: writeDecimal(error.two) });
    }
    compareAll(findings, 'bound', where, 'quantity', given, recomputed, (place, bound, { error, range }) => {
      compareNorms(findings, 'bound', `${place}/error`, bound.error, error);
      compareNorms(findings, 'bound', `${place}/range`, bound.range, range);
    });
  }
}

/** Compares the members of a record with those that were recomputed; neither may have others. */
function compareAll<S, R>(
  findings: Findings,
  kind: Kind,
  at: string,
  what: string,
  stated: Readonly<Record<string, S>>,
  recomputed: ReadonlyMap<string, R>,
  one: (at: string, stated: S, recomputed: R) => void,
): void {
  const given = new Map(Object.entries(stated));
  findings.sameNames(kind, at, given.keys(), recomputed.keys(), what);
  for (const [name, value] of recomputed) {
    const member_ = given.get(name);
    if (member_ !== undefined) one(member(at, name), member_, value);
  }
}

function compareNorms(
  findings: Findings,
  kind: Kind,
  at: string,
  stated: Norms,
  recomputed: Errors<Dyadic>,
): void {
  compare(findings, kind, `${at}/inf`, stated.inf, recomputed.inf);
  compare(findings, kind, `${at}/two`, stated.two, recomputed.two);
}

function compare(findings: Findings, kind: Kind, at: string, stated: Decimal, recomputed: Dyadic): void {
  const given = readDecimal(stated);
  const alike = given !== undefined && D.isAlike(given, recomputed);
  findings.check(kind, at, alike, () => differs(stated, writeDecimal(recomputed)));
}

export function differs(stated: string, recomputed: string): string {
  return `it states ${stated || 'nothing'}, recomputed ${recomputed}`;
}
