import type { Range } from '../../compiler/ir/bound-rules.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { fromNumber, UNBOUNDED, ZERO } from '../../compiler/numeric/bound.ts';
import { normsOf, type Tensor } from './check.ts';
import type { Random } from './random.ts';

/** What the elements of an operand must be, in the real and in the computed run. */
export type Kind =
  | 'real'
  /** Small enough that exp neither overflows nor is all there is. */
  | 'exponent'
  | 'nonNegative'
  /** Not 0, of either sign. */
  | 'away'
  | 'positive'
  | 'negative'
  /** Positive in the real run alone. */
  | 'fragile'
  /** Rows that sum to 1, in the real run; the computed one is near it. */
  | 'distribution'
  | 'noise'
  | 'codes';

/** Magnitudes that tensors have: often near 1, else anywhere that float32 reaches, subnormal numbers included. */
function level(random: Random, kind: Kind): number {
  if (kind === 'exponent') return 10 ** random.between(-6, 1.9);
  if (random.chance(0.45)) return 2 ** random.between(-3, 3);
  return random.chance(0.1) ? 10 ** random.between(-44, -38) : 10 ** random.between(-30, 30);
}

/** Patterns of elements in [−1, 1]. */
function pattern(random: Random, size: number): number[] {
  const fill = (value: (i: number) => number): number[] => Array.from({ length: size }, (_, i) => value(i));
  switch (random.below(8)) {
    case 0: {
      // Equal elements: sums are monotone, deviations vanish, pools tie.
      const value = random.sign();
      return fill(() => value);
    }
    case 1:
      return fill(() => random.sign());
    case 2:
      return fill(() => random.sign() * 2 ** random.between(-24, 0));
    case 3:
      return fill(() => random.sign() * 10 ** random.between(-30, 0));
    case 4: {
      const only = random.below(size);
      return fill((i) => (i === only ? random.sign() : 0));
    }
    case 5:
      // On a grid, so that ties and codes' boundaries are met.
      return fill(() => random.below(33) / 16 - 1);
    case 6:
      return fill(() => (random.chance(0.4) ? 0 : random.between(-1, 1)));
    default:
      return fill(() => random.between(-1, 1));
  }
}

function elements(random: Random, kind: Kind, shape: readonly number[]): number[] {
  const size = sizeOf(shape);
  if (kind === 'noise') return Array.from({ length: size }, () => random.below(2 ** 24) / 2 ** 24);
  if (kind === 'codes') return Array.from({ length: size }, () => random.below(15) - 7);
  const scale = level(random, kind);
  const values = pattern(random, size).map((x) => x * scale);
  switch (kind) {
    case 'nonNegative':
      return values.map(Math.abs);
    case 'negative':
      return values.map((x) => -Math.abs(x));
    case 'positive':
    case 'fragile':
      return values.map((x) => Math.abs(x) + (x === 0 ? scale : 0));
    case 'away':
      return values.map((x) => x + (x === 0 ? scale : 0));
    case 'distribution':
      return normalized(
        values.map((x) => Math.abs(x / scale)),
        shape.at(-1) ?? 1,
      );
    default:
      return values;
  }
}

function normalized(values: readonly number[], width: number): number[] {
  return values.map((x, i) => {
    const start = Math.floor(i / width) * width;
    const total = values.slice(start, start + width).reduce((a, b) => a + b, 0);
    return total === 0 ? 1 / width : x / total;
  });
}

/** Errors of an operand, from none to several times its magnitude, in directions that add up or cancel. */
function disturbed(random: Random, kind: Kind, values: readonly number[]): number[] {
  if (kind === 'noise' || kind === 'codes') return [...values];
  const most = Math.max(...values.map(Math.abs));
  const sizes = [0, 2 ** -24, 1e-7, 1e-3, 0.1, 1, 8];
  const relative = random.pick(sizes);
  const size = (most === 0 ? level(random, kind) : most) * relative;
  const direction = random.sign();
  const only = random.below(values.length);
  const shift = [
    () => direction * size,
    (x: number) => Math.sign(x) * size,
    (x: number) => -Math.sign(x) * size,
    () => random.sign() * size,
    () => random.between(-size, size),
    (_: number, i: number) => (i === only ? direction * size : 0),
    // To the other side of 0, as little as possible.
    (x: number) => (Math.abs(x) <= size ? -x * (1 + 2 ** -20) : 0),
  ];
  const chosen = random.pick(shift);
  const moved = values.map((x, i) => x + chosen(x, i));
  switch (kind) {
    case 'nonNegative':
    case 'distribution':
      return moved.map((x) => Math.max(x, 0));
    case 'positive':
      return moved.map((x, i) => (x > 0 ? x : (values[i] ?? 0) * 2 ** -random.below(3)));
    case 'away':
      return moved.map((x, i) => (x === 0 ? (values[i] ?? 0) : x));
    case 'exponent':
      return moved.map((x) => Math.min(Math.max(x, -100), 80));
    default:
      return moved;
  }
}

/** What holds of both runs of a tensor, exactly or with room to spare. */
export function rangeOf(real: NdArray, computed: NdArray, random?: Random, structure = false): Range {
  const room = random === undefined || random.chance(0.5) ? 1 : 1 + random.unit();
  const both = [...real.data, ...computed.data];
  const magnitudes = both.map(Math.abs);
  const up = (x: number) => fromNumber(x * room);
  const told = (): boolean => structure && (random === undefined || random.chance(0.7));
  return {
    pos: up(Math.max(0, ...real.data)),
    neg: up(Math.max(0, ...real.data.map((x) => -x))),
    norm2: random?.chance(0.3) ? UNBOUNDED : up(normsOf(real.data).two * (1 + 2 ** -40)),
    away: told() ? fromNumber(Math.min(...magnitudes)) : ZERO,
    cap: random !== undefined && told() ? fromNumber(Math.max(...magnitudes) * room) : UNBOUNDED,
    nonNegative: both.every((x) => x >= 0) && told(),
  };
}

/** A tensor of the given kind with its error and its range; `known` ones have the error of a float32 number at most. */
export function drawTensor(random: Random, kind: Kind, shape: readonly number[]): Tensor {
  const drawn = elements(random, kind, shape);
  const known = random.chance(0.35) && kind !== 'distribution';
  // Weights are float32 numbers, mostly.
  const real = ndarray(shape, known && random.chance(0.7) ? drawn.map(storedAs) : drawn);
  const computed = ndarray(shape, known ? real.data.map(storedAs) : disturbed(random, kind, [...real.data]));
  const range = rangeOf(real, computed, random, true);
  const away = kind === 'away' || kind === 'positive';
  const structural: Partial<Range> = away
    ? { away: fromNumber(Math.min(...[...real.data, ...computed.data].map(Math.abs))) }
    : {};
  // Of some inputs nothing is known.
  const nothing = random.chance(0.03);
  const unknown: Partial<Range> = nothing ? { pos: UNBOUNDED, neg: UNBOUNDED, norm2: UNBOUNDED } : {};
  const sign =
    kind === 'real' ||
    kind === 'negative' ||
    kind === 'fragile' ||
    kind === 'exponent' ||
    kind === 'away' ||
    kind === 'codes';
  return {
    real,
    computed,
    range: { ...range, ...structural, ...unknown, nonNegative: sign ? range.nonNegative : true },
    known: known && real.data.every((x) => Math.abs(x) === 0 || Math.abs(x) >= 2 ** -126),
  };
}

/** The nearest float32; small numbers are left as they are, for `known` tensors are stated to be near theirs. */
function storedAs(x: number): number {
  return Math.abs(x) < 2 ** -126 || Math.abs(x) > 3e38 ? x : Math.fround(x);
}

/** A tensor without error, of which exactly what it holds is known by its range. */
export function exactTensor(
  shape: readonly number[],
  data: readonly number[],
  facts: Partial<Range> = {},
): Tensor {
  const real = ndarray(shape, data);
  return { real, computed: real, range: { ...rangeOf(real, real), ...facts }, known: false };
}
