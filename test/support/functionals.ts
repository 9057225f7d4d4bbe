import fc from 'fast-check';
import { FunctionalBuilder } from '../../compiler/functional/builder.ts';
import type { Functional, NodeId } from '../../compiler/functional/functional.ts';
import type { OperationName } from '../../compiler/functional/operations.ts';
import { levelAt, type Step, stepsOf } from '../../compiler/functional/step.ts';
import { type Bound, fromNumber, ONE, ZERO } from '../../compiler/numeric/bound.ts';
import {
  bitLength,
  compareDyadic,
  type Dyadic,
  dyadicOf,
  exactSum,
  isqrt,
  timesDyadic,
  truncated,
} from './dyadic.ts';

/**
 * Random functionals as recipes: expressions before any simplification, which are built with `FunctionalBuilder` and evaluated here in
 * 300-bit arithmetic that shares no code with it.
 */
export interface Recipe {
  readonly inputs: readonly string[];
  readonly parts: readonly Part[];
  readonly outputs: readonly (readonly [name: string, pick: number])[];
}

/** One node; `picks` choose among the inputs and the parts before it, modulo their number. */
type Part =
  | { readonly kind: 'constant'; readonly value: Bound }
  | { readonly kind: 'operation'; readonly operation: OperationName; readonly picks: readonly number[] }
  | { readonly kind: 'step'; readonly pick: number; readonly steps: readonly Step[] };

/** 0, 1 and magnitudes from 1e-300 to 1e300, log-uniform. */
export const magnitudes: fc.Arbitrary<Bound> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(ZERO, ONE) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(fc.double({ min: 1, max: 10, noNaN: true }), fc.integer({ min: -300, max: 299 }))
      .map(([digits, exponent]) => fromNumber(digits * 10 ** exponent)),
  },
);

/** Whole numbers up to 8: sums and products of them are exact, so that ties are ties. */
export const smallNumbers: fc.Arbitrary<Bound> = fc.integer({ min: 0, max: 8 }).map(fromNumber);

export const EVERY_OPERATION: readonly OperationName[] = ['sum', 'product', 'min', 'max', 'norm', 'sqrt'];

export interface RecipeOptions {
  readonly operations?: readonly OperationName[];
  readonly steps?: boolean;
  readonly numbers?: fc.Arbitrary<Bound>;
}

export function recipes(
  inputs: readonly string[],
  outputs: readonly string[],
  { operations = EVERY_OPERATION, steps = true, numbers = magnitudes }: RecipeOptions = {},
): fc.Arbitrary<Recipe> {
  const pick = fc.nat({ max: 1000 });
  const constant = fc.record({ kind: fc.constant('constant' as const), value: numbers });
  const operation = fc.constantFrom(...operations).chain((name) =>
    fc.record({
      kind: fc.constant('operation' as const),
      operation: fc.constant(name),
      picks: fc.array(pick, { minLength: 1, maxLength: name === 'sqrt' ? 1 : 3 }),
    }),
  );
  const step = fc.record({
    kind: fc.constant('step' as const),
    pick,
    steps: fc
      .array(fc.record({ margin: numbers, cost: numbers }), { maxLength: 4 })
      .map((elements) => stepsOf(elements, 'l1')),
  });
  const part: fc.Arbitrary<Part> = fc.oneof(
    { weight: 1, arbitrary: constant },
    { weight: 3, arbitrary: operation },
    ...(steps ? [{ weight: 1, arbitrary: step }] : []),
  );
  return fc
    .tuple(fc.array(part, { minLength: 1, maxLength: 10 }), fc.tuple(...outputs.map(() => pick)))
    .map(([parts, picks]) => ({ inputs, parts, outputs: outputs.map((name, i) => [name, picks[i] ?? 0]) }));
}

export function build({ inputs, parts, outputs }: Recipe): Functional {
  const builder = new FunctionalBuilder(inputs);
  const ids: NodeId[] = inputs.map((name) => builder.input(name));
  const picked = (pick: number): NodeId => ids[pick % ids.length] ?? builder.constant(ZERO);
  for (const part of parts) {
    if (part.kind === 'constant') ids.push(builder.constant(part.value));
    else if (part.kind === 'step') ids.push(builder.step(picked(part.pick), part.steps));
    else ids.push(builder.operation(part.operation, part.picks.map(picked)));
  }
  return builder.build(outputs.map(([name, pick]) => [name, picked(pick)]));
}

export function functionals(
  inputs: readonly string[],
  outputs: readonly string[],
  options?: RecipeOptions,
): fc.Arbitrary<Functional> {
  return recipes(inputs, outputs, options).map(build);
}

/** A bound for each name. */
export function points(
  names: readonly string[],
  numbers: fc.Arbitrary<Bound> = magnitudes,
): fc.Arbitrary<ReadonlyMap<string, Bound>> {
  return fc
    .tuple(...names.map(() => numbers))
    .map((bounds) => new Map(names.map((name, i) => [name, bounds[i] ?? ZERO])));
}

/** The exact value from below, within 2^-250 of it, and how many roundings `apply` may have made on the way to it. */
export interface Reference {
  readonly value: Dyadic;
  readonly roundings: number;
}

/** The outputs of a recipe in the order of its outputs, evaluated as written. */
export function reference(
  { inputs, parts, outputs }: Recipe,
  point: ReadonlyMap<string, Dyadic>,
): readonly Reference[] {
  const known: Reference[] = inputs.map((name) => ({ value: point.get(name) ?? NOTHING, roundings: 0 }));
  const picked = (pick: number): Reference => known[pick % known.length] ?? { value: NOTHING, roundings: 0 };
  for (const part of parts) {
    if (part.kind === 'constant') known.push({ value: dyadicOf(part.value), roundings: 0 });
    else if (part.kind === 'step') {
      const { value, roundings } = picked(part.pick);
      known.push({ value: dyadicOf(levelAt(part.steps, below(value))), roundings });
    } else known.push(REFERENCE[part.operation](part.picks.map(picked)));
  }
  return outputs.map(([, pick]) => picked(pick));
}

const NOTHING: Dyadic = { significand: 0n, exponent: 0 };

/** The largest bound at or below. */
function below({ significand, exponent }: Dyadic): Bound {
  if (significand === 0n) return ZERO;
  const excess = bitLength(significand) - 53;
  const kept = excess > 0 ? significand >> BigInt(excess) : significand;
  const own = fromNumber(Number(kept));
  return { mantissa: own.mantissa, exponent: own.exponent + exponent + Math.max(excess, 0) };
}

const most = (xs: readonly Reference[]): number => Math.max(...xs.map(({ roundings }) => roundings));
const all = (xs: readonly Reference[]): number => xs.reduce((total, { roundings }) => total + roundings, 0);
const values = (xs: readonly Reference[]): readonly Dyadic[] => xs.map(({ value }) => value);

const REFERENCE: { readonly [K in OperationName]: (xs: readonly Reference[]) => Reference } = {
  sum: (xs) => ({
    value: truncated(values(xs).reduce(exactSum)),
    roundings: most(xs) + xs.length - 1,
  }),
  product: (xs) => ({
    value: truncated(values(xs).reduce(timesDyadic)),
    roundings: all(xs) + xs.length - 1,
  }),
  min: (xs) => ({
    value: values(xs).reduce((a, b) => (compareDyadic(b, a) < 0 ? b : a)),
    roundings: most(xs),
  }),
  max: (xs) => ({
    value: values(xs).reduce((a, b) => (compareDyadic(a, b) < 0 ? b : a)),
    roundings: most(xs),
  }),
  norm: (xs) => ({
    value: rootOf(
      values(xs)
        .map((x) => timesDyadic(x, x))
        .reduce(exactSum),
    ),
    roundings: most(xs) + xs.length + 1,
  }),
  sqrt: (xs) => ({ value: rootOf(values(xs)[0] ?? NOTHING), roundings: most(xs) + 1 }),
};

function rootOf(x: Dyadic): Dyadic {
  const { significand, exponent } = x;
  const places = 600 + ((600 + exponent) % 2 === 0 ? 0 : 1);
  return truncated({ significand: isqrt(significand << BigInt(places)), exponent: (exponent - places) / 2 });
}
