import { lookup } from '../../lower/lookup.ts';
import { groupPositions } from '../../ops/strided.ts';
import type { ProbeTensor, ProbeTensors } from './contract.ts';
import { addJumps, type ForwardErrors, type Injection, type Jumps } from './injections.ts';
import type { Kink } from './perturb.ts';
import { kinkNames, type Study } from './study.ts';
import { capped, type PoolPairs, poolPairs, remainder, switching } from './switches.ts';

/** What the switches of every kink add, given its forward error. */
export function kinkInjections(
  study: Study,
  base: ProbeTensors,
  errors: ForwardErrors,
): readonly Injection[] {
  return study.perturbed.kinks.flatMap((kink) => {
    const z = lookup(base, kink.operand);
    const squares = errors.get(kink.name);
    if (!squares) return [];
    const cotangents = kink.backward.map((_, i) => lookup(base, kinkNames(kink, i).v));
    return kink.kind === 'relu'
      ? reluInjections(kink, z, squares, cotangents)
      : poolInjections(kink, z, squares, cotangents);
  });
}

function reluInjections(
  kink: Kink,
  z: ProbeTensor,
  squares: Float32Array,
  cotangents: readonly ProbeTensor[],
): readonly Injection[] {
  const odds = squares.map((square, i) => switching(z.data[i] ?? 0, Math.sqrt(square)));
  const to = placesOf(odds);
  const probability = gathered(to, (i) => odds[i] ?? 0);
  const forward = remaining(
    to,
    (i) => i,
    (i) => z.data[i] ?? 0,
    squares,
  );
  return [
    jumping(kinkNames(kink).forward, z.shape, forward),
    ...cotangents.map((v, index) => {
      const amount = gathered(to, (i) => ((z.data[i] ?? 0) > 0 ? -1 : 1) * (v.data[i] ?? 0));
      return jumping(kinkNames(kink, index).back, z.shape, { to, amount, probability });
    }),
  ];
}

function poolInjections(
  kink: Kink,
  z: ProbeTensor,
  squares: Float32Array,
  cotangents: readonly ProbeTensor[],
): readonly Injection[] {
  const pairs = pairsOf(kink, z);
  const winner = (i: number): number => z.data[pairs.winner[i] ?? 0] ?? 0;
  const distance = (i: number): number => winner(i) - (z.data[pairs.loser[i] ?? 0] ?? 0);
  const output = (i: number): number => pairs.output[i] ?? 0;
  const odds = capped(
    pairs,
    squares.map((square, i) => switching(distance(i), Math.sqrt(square))),
  );
  const chosen = placesOf(odds);
  // Behind a relu a window that is negative gives 0 whoever wins.
  const open = chosen.filter((i) => !kink.rectified || winner(i) > 0);
  const forward = remaining(open, output, distance, squares);
  const pick = (values: Int32Array): Int32Array => chosen.map((i) => values[i] ?? 0);
  const [to, from] = [pick(pairs.loser), pick(pairs.winner)];
  const probability = gathered(chosen, (i) => odds[i] ?? 0);
  const injections: Injection[] = [];
  cotangents.forEach((v, index) => {
    if (index === 0) injections.push(jumping(kinkNames(kink).forward, v.shape, forward));
    const amount = gathered(chosen, (i) => v.data[output(i)] ?? 0);
    injections.push(jumping(kinkNames(kink, index).back, z.shape, { to, from, amount, probability }));
  });
  return injections;
}

/** Millions of numbers: `Float32Array.from` with a function takes many times as long. */
function gathered(places: Int32Array, of: (place: number) => number): Float32Array {
  const values = new Float32Array(places.length);
  for (let i = 0; i < values.length; i++) values[i] = of(places[i] ?? 0);
  return values;
}

/** The places of what is positive. */
function placesOf(odds: Float32Array): Int32Array {
  const places = new Int32Array(odds.reduce((count, p) => count + Number(p > 0), 0));
  let next = 0;
  for (let i = 0; i < odds.length; i++) if ((odds[i] ?? 0) > 0) places[next++] = i;
  return places;
}

/**
 * Remainders as jumps of two values, 0 and `second moment / mean`, that have their mean and variance: nothing at all happens to an
 * element that does not switch.
 *
 * @param at where the i-th remainder is added
 */
function remaining(
  places: Int32Array,
  at: (place: number) => number,
  distance: (place: number) => number,
  squares: Float32Array,
): Jumps {
  const amount = new Float32Array(places.length);
  const probability = new Float32Array(places.length);
  places.forEach((place, i) => {
    const { mean, variance } = remainder(distance(place), Math.sqrt(squares[place] ?? 0));
    const square = mean * mean + variance;
    if (!(mean > 0 && square > 0)) return;
    amount[i] = square / mean;
    probability[i] = (mean * mean) / square;
  });
  return { to: places.map(at), amount, probability };
}

/** An injection of jumps with its mean. */
function jumping(point: string, shape: readonly number[], jumps: Jumps): Injection {
  const mean = new Float32Array(shape.reduce((a, b) => a * b, 1));
  addJumps(mean, jumps, (i) => jumps.probability[i] ?? 0);
  return { point, shape, mean, jumps };
}

/**
 * What noise does to values that are standardized by their own moments, in second order: it adds its mean square v to their variance of 1,
 * so that the values shrink by v/2. Without it the remainders of relus would look like a shift of every mean, which
 * the next normalization takes back.
 */
export function normalizationInjections(
  study: Study,
  base: ProbeTensors,
  errors: ForwardErrors,
): readonly Injection[] {
  return study.perturbed.normalizations.flatMap(({ name, axes }) => {
    const { shape, data } = lookup(base, name);
    const squares = errors.get(name);
    if (!squares) return [];
    const group = groupPositions(shape, axes);
    const mean = new Float32Array(data.length);
    for (let i = 0; i < mean.length; i++) mean[i] = (-(data[i] ?? 0) * (squares[group[i] ?? 0] ?? 0)) / 2;
    return [{ point: name, shape, mean }];
  });
}

/** The pairs of a pooling at its operand's values. */
export function pairsOf(kink: Kink, z: ProbeTensor): PoolPairs {
  if (!kink.window) throw new Error(`${kink.name} is no pooling`);
  return poolPairs(z, kink.window);
}
