import { gateOf } from '../../compiler/analysis/worst-case/gates.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import type { Gate, SlopeContext, Slopes } from '../../compiler/ir/slopes.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { Random } from './random.ts';

/**
 * The law of slopes. Let g be a slope of an output in the result y = f(x) of an op: it lies within `rest` of `center`. What the op's rule returns must
 * enclose a slope s of that output in x, `g·(f(u) − f(w)) = s·(u − w)`, for all u and w that the gate allows. There is such an s within r of c if
 * and only if `|g·(f(u) − f(w)) − c·(u − w)| ≤ r·‖u − w‖`.
 */

/** One op on one sample, and where its operand may lie. */
interface SlopeCase {
  readonly op: OpName;
  readonly attributes: unknown;
  /** Shapes of the operands, a batch of one first. */
  readonly shapes: readonly (readonly number[])[];
  readonly output: readonly number[];
  /** Operands that are known: weights and constants. */
  readonly known: ReadonlyMap<number, NdArray>;
  /** Whether there are no slopes: an operand that is broadcast is none of one sample. */
  readonly silent?: true;
  /** With a gate, operands lie no further than `reach` from `at`. */
  readonly gate?: { readonly gate: Gate; readonly at: Float64Array; readonly reach: Float64Array };
}

const window = (random: Random) => {
  const kernel = [1 + random.below(3), 1 + random.below(3)] as const;
  const strides = [1 + random.below(2), 1 + random.below(2)] as const;
  return { kernel, strides, pads: [0, 0, 0, 0] as const };
};

const outputSize = (size: number, kernel: number, stride: number): number =>
  Math.floor((size - kernel) / stride) + 1;

function gaussian(random: Random, count: number): Float64Array {
  return Float64Array.from(
    { length: count },
    () => random.sign() * Math.sqrt(-2 * Math.log(1 - random.unit())),
  );
}

const DRAWINGS: Partial<Readonly<Record<OpName, (random: Random) => SlopeCase>>> = {
  reshape: (random) => {
    const [a, b] = [1 + random.below(3), 1 + random.below(3)];
    return plain('reshape', { shape: [1, a * b] }, [[1, a, b]], [1, a * b]);
  },
  stopGradient: () => plain('stopGradient', {}, [[1, 3]], [1, 3]),
  add: (random) => binary('add', random, gaussian(random, 4)),
  sub: (random) => binary('sub', random, gaussian(random, 4)),
  mul: (random) => binary('mul', random, gaussian(random, 4)),
  div: (random) =>
    binary(
      'div',
      random,
      gaussian(random, 4).map((x) => x + Math.sign(x)),
    ),
  sum: (random) => {
    const [a, b] = [1 + random.below(3), 1 + random.below(4)];
    if (random.chance(0.1)) {
      return { ...plain('sum', { axes: [0], keepDims: true }, [[1, a, b]], [1, a, b]), silent: true };
    }
    const axes = random.pick([[1], [2], [1, 2]]);
    const keepDims = random.chance(0.5);
    const full = [1, a, b].map((n, axis) => (axes.includes(axis) ? 1 : n));
    const output = keepDims ? full : full.filter((_, axis) => !axes.includes(axis));
    return plain('sum', { axes, keepDims }, [[1, a, b]], output);
  },
  matmul: (random) => {
    const [n, m] = [1 + random.below(5), 1 + random.below(5)];
    if (random.chance(0.1)) return unanswered(random);
    const transposeB = random.chance(0.5);
    const weights = ndarray(transposeB ? [m, n] : [n, m], gaussian(random, n * m));
    return plain(
      'matmul',
      { transposeA: false, transposeB },
      [[1, n], weights.shape],
      [1, m],
      [[1, weights]],
    );
  },
  conv2d: (random) => {
    if (random.chance(0.1)) {
      const shapes = [
        [1, 1, 2, 2],
        [1, 1, 1, 1],
      ];
      const attributes = { strides: [1, 1], pads: [0, 0, 0, 0] };
      return { ...plain('conv2d', attributes, shapes, [1, 1, 2, 2]), silent: true };
    }
    const [channels, filters] = [1 + random.below(2), 1 + random.below(3)];
    const { kernel, strides } = window(random);
    const pads = random.pick([
      [0, 0, 0, 0],
      [0, 1, 0, 1],
    ] as const);
    const [height, width] = [3 + random.below(2), 3 + random.below(2)];
    const weights = ndarray(
      [filters, channels, ...kernel],
      gaussian(random, filters * channels * sizeOf(kernel)),
    );
    const size = [
      outputSize(height, kernel[0], strides[0]),
      outputSize(width + pads[1] + pads[3], kernel[1], strides[1]),
    ];
    const shapes = [[1, channels, height, width], weights.shape];
    return plain('conv2d', { strides, pads }, shapes, [1, filters, ...size], [[1, weights]]);
  },
  sumPool: (random) => pool('sumPool', random),
  relu: (random) => {
    const n = 1 + random.below(5);
    const made = plain('relu', {}, [[1, n]], [1, n]);
    return random.chance(0.5) ? made : gated(made, random);
  },
  maxPool: (random) => {
    const made = pool('maxPool', random);
    return random.chance(0.5) ? made : gated(made, random);
  },
};

/** Products whose slopes are not to be had: of weights that are not known, that are more than a matrix, or of a transposed sample. */
function unanswered(random: Random): SlopeCase {
  const weights = ndarray([2, 2], gaussian(random, 4));
  const both = plain(
    'matmul',
    { transposeA: false, transposeB: false },
    [
      [1, 2],
      [2, 2],
    ],
    [1, 2],
  );
  const batched = ndarray([1, 2, 2], gaussian(random, 4));
  return {
    ...random.pick([
      both,
      {
        ...both,
        attributes: { transposeA: true, transposeB: false },
        shapes: [
          [2, 1],
          [2, 2],
        ],
        known: new Map([[1, weights]]),
      },
      {
        ...both,
        shapes: [
          [1, 1, 2],
          [1, 2, 2],
        ],
        output: [1, 1, 2],
        known: new Map([[1, batched]]),
      },
    ]),
    silent: true,
  };
}

export const SLOPE_OPS = Object.keys(DRAWINGS) as OpName[];

function plain(
  op: OpName,
  attributes: unknown,
  shapes: readonly (readonly number[])[],
  output: readonly number[],
  known: readonly (readonly [number, NdArray])[] = [],
): SlopeCase {
  return { op, attributes, shapes, output, known: new Map(known) };
}

/** Two operands, of which the second is known, or not where a rule takes two. */
function binary(op: 'add' | 'sub' | 'mul' | 'div', random: Random, second: Float64Array): SlopeCase {
  const sums = op === 'add' || op === 'sub';
  if (random.chance(0.1))
    return {
      ...plain(
        op,
        {},
        [
          [1, 1],
          [1, 4],
        ],
        [1, 4],
        [[1, ndarray([1, 4], second)]],
      ),
      silent: true,
    };
  if (!sums && random.chance(0.1))
    return {
      ...plain(
        op,
        {},
        [
          [1, 4],
          [1, 4],
        ],
        [1, 4],
      ),
      silent: true,
    };
  if (random.chance(0.2)) {
    const first = plain(
      op,
      {},
      [
        [1, 4],
        [1, 4],
      ],
      [1, 4],
      [[0, ndarray([1, 4], second)]],
    );
    return sums ? first : { ...first, silent: true };
  }
  const both = sums && random.chance(0.5);
  if (both)
    return plain(
      op,
      {},
      [
        [1, 4],
        [1, 4],
      ],
      [1, 4],
    );
  const constant = random.chance(0.5) ? ndarray([1, 4], second) : ndarray([], second.subarray(0, 1));
  return plain(op, {}, [[1, 4], constant.shape], [1, 4], [[1, constant]]);
}

function pool(op: 'sumPool' | 'maxPool', random: Random): SlopeCase {
  const attributes = window(random);
  const [height, width] = [3 + random.below(2), 3 + random.below(2)];
  const { kernel, strides } = attributes;
  const size = [outputSize(height, kernel[0], strides[0]), outputSize(width, kernel[1], strides[1])];
  return plain(op, attributes, [[1, 1, height, width]], [1, 1, ...size]);
}

function gated(made: SlopeCase, random: Random): SlopeCase {
  const [shape = []] = made.shapes;
  const at = gaussian(random, sizeOf(shape));
  const reach = at.map(() => (random.chance(0.5) ? random.unit() : 0.01 * random.unit()));
  const node = { op: made.op, attributes: made.attributes as OpAttributes[OpName] };
  return { ...made, gate: { gate: gateOf(node, at, shape, (i) => reach[i] ?? 0), at, reach } };
}

function evaluate(
  op: OpName,
  attributes: unknown,
  operands: readonly NdArray[],
  shape: readonly number[],
): NdArray {
  const noise = (): never => {
    throw new Error('no noise');
  };
  const context = { attributes, operands, type: { dtype: 'f32', shape }, noise };
  return REGISTRY[op].evaluate(context as never);
}

/** What the rule makes of slopes, by operand; undefined where it has nothing to say. */
function ruled(made: SlopeCase, slopes: Slopes): readonly (Slopes | undefined)[] | undefined {
  const type = (shape: readonly number[]) => ({ dtype: 'f32' as const, shape });
  const context: SlopeContext<OpName> = {
    attributes: made.attributes as OpAttributes[OpName],
    operandTypes: made.shapes.map(type),
    type: type(made.output),
    slopes,
    isActive: (i) => !made.known.has(i),
    known: (i) => made.known.get(i),
    norm: (i, _, compute) => compute(made.known.get(i) ?? ndarray([0])),
    gate: made.gate?.gate,
    evaluate,
  };
  return REGISTRY[made.op].bounds.slopes?.(context as never);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
};
const norm = (a: ArrayLike<number>): number => Math.sqrt(dot(a, a));

/** Points of the active operands. */
type Point = readonly Float64Array[];

/** What one op and one slope come to. */
export interface SlopeVerdict {
  readonly violation: string | undefined;
  /** The largest share of `rest` that was reached; 1 where it is tight. */
  readonly reached: number;
  readonly gated: boolean;
  /** Of every rest: how many times the 2-norm of the slope that came in it is. */
  readonly rests: readonly number[];
}

/** Outputs whose slopes are followed together. */
const ROWS = 2;

/** Two outputs' slopes through one random case of an op, at pairs of points chosen to reach as much of the rest as can be. */
export function slopeVerdict(op: OpName, seed: number): SlopeVerdict {
  const random = new Random(seed);
  const made = DRAWINGS[op]?.(random);
  if (made === undefined) throw new Error(`${op} has no slopes`);
  const gated = made.gate !== undefined;
  const size = sizeOf(made.output);
  const centers = Array.from({ length: ROWS }, () => gaussian(random, size));
  const exact = random.chance(0.3);
  const rest = Float64Array.from(centers, (center) => (exact ? 0 : random.unit() * norm(center)));
  const all = Float64Array.from(centers.flatMap((center) => [...center]));
  const found = ruled(made, { center: ndarray([ROWS, ...made.output.slice(1)], all), rest });
  if (found === undefined || made.silent === true) {
    const wrong = found === undefined ? 'nothing' : 'slopes';
    return {
      violation: made.silent === (found === undefined) ? undefined : wrong,
      reached: 1,
      gated,
      rests: [],
    };
  }
  const malformed = found.findIndex(
    (slopes, i) => slopes !== undefined && !isWellFormed(slopes, made.shapes[i] ?? []),
  );
  if (malformed >= 0) return { violation: `slopes of another shape, or none`, reached: 0, gated, rests: [] };
  let reached = 0;
  const rests = centers.flatMap((center, row) =>
    found.flatMap((slopes) => (slopes === undefined ? [] : (slopes.rest[row] ?? 0) / norm(center))),
  );
  for (const [row, center] of centers.entries()) {
    const own = found.map((slopes) => slopes && rowOf(slopes, row));
    const unasked = own.findIndex(
      (slope, i) => (slope === undefined) !== made.known.has(i) && i < made.shapes.length,
    );
    if (unasked >= 0) return { violation: `slopes of operand ${unasked}`, reached, gated, rests };
    const lost = exact && !isKink(op) ? roundingOf(made, center, own) : undefined;
    if (lost !== undefined) return { violation: lost, reached, gated, rests };
    for (let trial = 0; trial < 16; trial++) {
      const points = pair(made, center, random, trial);
      const { violation, share } = judged(made, { center, rest: rest[row] ?? 0 }, own, points);
      if (violation !== undefined) return { violation, reached, gated, rests };
      reached = Math.max(reached, share);
    }
  }
  return { violation: undefined, reached, gated, rests };
}

/** One row an output, in the operand's shape for one sample, and numbers everywhere. */
function isWellFormed({ center, rest }: Slopes, operand: readonly number[]): boolean {
  const shape = [ROWS, ...operand.slice(1)];
  const sized =
    center.shape.join() === shape.join() && center.data.length === sizeOf(shape) && rest.length === ROWS;
  return (
    sized &&
    rest.every((r) => Number.isFinite(r) && r >= 0) &&
    center.data.every((c: number) => Number.isFinite(c))
  );
}

/** The slope of one output. */
interface Row {
  readonly center: Float64Array;
  readonly rest: number;
}

function rowOf({ center, rest }: Slopes, row: number): Row {
  const columns = center.data.length / (center.shape[0] ?? 1);
  return {
    center: (center.data as Float64Array).slice(row * columns, (row + 1) * columns),
    rest: rest[row] ?? 0,
  };
}

function isKink(op: OpName): boolean {
  return op === 'relu' || op === 'maxPool';
}

/** Whether one slope of the result, the one that costs most, is enclosed; and the share of the rest that it takes. */
function judged(
  made: SlopeCase,
  { center, rest }: Row,
  own: readonly (Row | undefined)[],
  [u, w]: readonly [Point, Point],
): { readonly violation?: string; readonly share: number } {
  const [yu, yw] = [image(made, u), image(made, w)];
  const moved = yu.map((y, i) => y - (yw[i] ?? 0));
  const length = norm(moved);
  let share = 0;
  for (const sign of [1, -1]) {
    const g = center.map((c, i) => c + (length > 0 ? (sign * rest * (moved[i] ?? 0)) / length : 0));
    let off = dot(g, moved);
    let allowed = 0;
    let noise = norm(g) * (norm(yu) + norm(yw));
    for (const [i, slope] of own.entries()) {
      if (slope === undefined) continue;
      const d = (u[i] ?? new Float64Array()).map((x, j) => x - (w[i]?.[j] ?? 0));
      off -= dot(slope.center, d);
      allowed += slope.rest * norm(d);
      noise += norm(slope.center) * (norm(u[i] ?? []) + norm(w[i] ?? []));
    }
    const tolerance = noise * 1e-14;
    if (Math.abs(off) > allowed + tolerance)
      return { violation: `${Math.abs(off)} where ${allowed} is allowed`, share };
    if (allowed > 1e3 * tolerance) share = Math.max(share, Math.abs(off) / allowed);
    // A linear op of a slope that is known leaves nothing but rounding.
    if (!isKink(made.op) && rest === 0 && allowed > 1e4 * tolerance) {
      return { violation: `a rest of ${allowed} out of nothing`, share };
    }
  }
  return { share };
}

function image(made: SlopeCase, point: Point): Float64Array {
  const operands = made.shapes.map((shape, i) => made.known.get(i) ?? ndarray(shape, point[i] ?? []));
  return evaluate(made.op, made.attributes, operands, made.output).data as Float64Array;
}

/** The columns of a linear op's matrix, each by the operand and element that it is of. */
function columnsOf(made: SlopeCase) {
  const sizes = made.shapes.map((shape, i) => (made.known.has(i) ? 0 : sizeOf(shape)));
  const zero = sizes.map((n) => new Float64Array(n));
  const origin = image(made, zero);
  return sizes.flatMap((n, operand) =>
    Array.from({ length: n }, (_, index) => {
      const point = zero.map((x) => x.slice());
      point[operand]?.fill(1, index, index + 1);
      return { operand, index, column: image(made, point).map((y, k) => y - (origin[k] ?? 0)) };
    }),
  );
}

/** A float64 in units of 2^-150. */
const whole = (x: number): bigint => BigInt(x * 2 ** 150);

/** What is wrong where float64 rounds more away of a slope that is known than the rest admits, by exact arithmetic. */
function roundingOf(
  made: SlopeCase,
  center: Float64Array,
  own: readonly (Row | undefined)[],
): string | undefined {
  // Quotients and constants that are added are no whole numbers of units.
  if (made.op === 'div' || made.op === 'add' || made.op === 'sub') return undefined;
  const squares = own.map(() => 0);
  for (const { operand, index, column } of columnsOf(made)) {
    const exact = column.reduce((sum, a, i) => sum + whole(a) * whole(center[i] ?? 0), 0n);
    const off = Number(whole(own[operand]?.center[index] ?? 0) * 2n ** 150n - exact) * 2 ** -300;
    squares[operand] = (squares[operand] ?? 0) + off * off;
  }
  const lost = squares.findIndex((square, i) => Math.sqrt(square) > (own[i]?.rest ?? 0));
  return lost < 0
    ? undefined
    : `rounding loses ${Math.sqrt(squares[lost] ?? 0)} where ${own[lost]?.rest} is allowed`;
}

/** Two points: at random, along the slope, along what the op stretches most, or at the ends of what a gate allows. */
function pair(made: SlopeCase, center: Float64Array, random: Random, trial: number): readonly [Point, Point] {
  const active = made.shapes.map((shape, i) =>
    made.known.has(i) ? new Float64Array() : gaussian(random, sizeOf(shape)),
  );
  const { gate } = made;
  if (gate !== undefined) {
    const inside = (towards: number): Float64Array =>
      gate.at.map((x, i) => {
        const c = made.op === 'relu' ? (center[i] ?? 0) : random.sign();
        const share = trial % 2 === 0 ? Math.sign(c) * towards : random.between(-1, 1);
        return x + (gate.reach[i] ?? 0) * share;
      });
    return [[inside(1)], [inside(-1)]];
  }
  if (made.op === 'relu' && trial % 2 === 0) {
    // Where a change counts for the slope the mask is open, and shut where it counts against it.
    const w = center.map((c) => (c > 0 ? 1 : -2 - Math.abs(c)));
    return [[w.map((x, i) => x + (center[i] ?? 0))], [w]];
  }
  if (made.op === 'maxPool' && trial % 2 === 0)
    return [poolPair(made, center), [new Float64Array(sizeOf(made.shapes[0] ?? []))]];
  let direction: Point = active;
  if (trial % 3 === 0) direction = stretched(made, direction);
  const origin = active.map((x) => gaussian(random, x.length));
  return [direction.map((d, i) => d.map((x, j) => x + (origin[i]?.[j] ?? 0))), origin];
}

/** Winners move with the slope, all others against it and below them. */
function poolPair(made: SlopeCase, center: Float64Array): Point {
  const { kernel, strides } = made.attributes as OpAttributes['maxPool'];
  const [, , height = 1, width = 1] = made.shapes[0] ?? [];
  const [, , rows = 1, columns = 1] = made.output;
  const u = new Float64Array(height * width);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const g = Math.abs(center[r * columns + c] ?? 0);
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const at = (r * strides[0] + i) * width + c * strides[1] + j;
          u[at] = i === 0 && j === 0 ? g : -g;
        }
      }
    }
  }
  return [u];
}

/** A direction that a linear op stretches most, by iterating with its matrix. */
function stretched(made: SlopeCase, start: Point): Point {
  const basis = columnsOf(made);
  let weights = basis.map(({ operand, index }) => start[operand]?.[index] ?? 0);
  for (let iteration = 0; iteration < 30; iteration++) {
    const y = new Float64Array(sizeOf(made.output));
    for (const [k, { column }] of basis.entries()) {
      for (let i = 0; i < y.length; i++) y[i] = (y[i] ?? 0) + (column[i] ?? 0) * (weights[k] ?? 0);
    }
    weights = basis.map(({ column }) => dot(column, y));
    const length = norm(weights) || 1;
    weights = weights.map((x) => x / length);
  }
  const direction = start.map((x) => new Float64Array(x.length));
  for (const [k, { operand, index }] of basis.entries())
    direction[operand]?.fill(weights[k] ?? 0, index, index + 1);
  return direction;
}

/** Geometric means of the rests that an op's rule gives: where slopes came in exactly, behind gates, and else. */
export interface SlopeTightness {
  readonly exact: number;
  readonly gated: number;
  readonly open: number;
}

const KINDS = ['exact', 'gated', 'open'] as const;

/** Cases that tightness is measured on. */
const CASES = 200;

/** How much of its rest a rule must have reached in many cases, with a gate and without. */
const LEAST = 0.9;

/** By how much a mean may grow without notice; rests that are all rounding are less steady. */
const ROOM = 1.002;

export function slopeTightness(op: OpName): SlopeTightness {
  return tightnessOfRests(Array.from({ length: CASES }, (_, seed) => slopeVerdict(op, seed)));
}

function tightnessOfRests(verdicts: readonly SlopeVerdict[]): SlopeTightness {
  const logs: Record<(typeof KINDS)[number], number[]> = { exact: [], gated: [], open: [] };
  for (const { rests, gated } of verdicts) {
    for (const rest of rests) {
      if (rest > 0) logs[rest < 1e-9 ? 'exact' : gated ? 'gated' : 'open'].push(Math.log(rest));
    }
  }
  const mean = (list: readonly number[]): number =>
    list.length === 0 ? 0 : Number(Math.exp(list.reduce((a, b) => a + b, 0) / list.length).toPrecision(5));
  return { exact: mean(logs.exact), gated: mean(logs.gated), open: mean(logs.open) };
}

/** What is wrong with the slopes of an op in so many cases, or where they are further off than a table says. */
export function wrongSlopes(
  op: OpName,
  count: number,
  table: SlopeTightness | undefined,
): string | undefined {
  const verdicts: SlopeVerdict[] = [];
  const reached = new Map<boolean, number>();
  for (let seed = 0; seed < Math.max(count, CASES); seed++) {
    const verdict = slopeVerdict(op, seed);
    if (verdict.violation !== undefined) return `case ${seed}: ${verdict.violation}`;
    reached.set(verdict.gated, Math.max(reached.get(verdict.gated) ?? 0, verdict.reached));
    if (seed < CASES) verdicts.push(verdict);
  }
  for (const [gated, most] of reached) {
    if (most < LEAST) return `${most} of the rest is all that is reached${gated ? ' behind a gate' : ''}`;
  }
  const measured = tightnessOfRests(verdicts);
  const worse = KINDS.find((kind) => !(measured[kind] <= (table?.[kind] ?? 0) * ROOM));
  return worse === undefined ? undefined : `rests of ${worse} slopes are ${measured[worse]}`;
}
