import fc from 'fast-check';
import type { Builder } from '../../compiler/ir/builder.ts';
import { sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import {
  add,
  allAxes,
  broadcastTo,
  div,
  mean,
  mul,
  reshape,
  scale,
  shift,
  sqrt,
  square,
  sub,
  transpose,
} from '../../compiler/ops/algebra.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { real } from './draws.ts';

/** A graph that was put together at random, with values for its inputs. */
export interface RandomGraph {
  readonly builder: Builder;
  readonly parameters: readonly {
    readonly name: string;
    readonly value: Value;
    readonly shape: readonly number[];
    readonly size: number;
  }[];
  /** A scalar that depends on every value that was made. */
  readonly loss: Value;
  readonly point: ReadonlyMap<string, NdArray>;
}

/** Chooses one of `count`, the next of the choices that fast-check shrinks. */
type Choose = (count: number) => number;

/** A value made from x (and y), of moderate size if they are. */
type Move = (builder: Builder, x: Value, y: Value, choose: Choose) => Value;

const SHAPES = [[2, 3], [3], [2, 2, 4, 4], [4, 2], []] as const;

/** `x/√(1 + x²)`: keeps values within ±1. */
function bounded(builder: Builder, x: Value): Value {
  return div(builder, x, sqrt(builder, shift(builder, square(builder, x), 1)));
}

/** y in the shape of x where it has as many elements, else its mean, which broadcasts. */
function likeOf(builder: Builder, x: Value, y: Value): Value {
  const shape = builder.shapeOf(x);
  if (sizeOf(builder.shapeOf(y)) === sizeOf(shape)) return reshape(builder, y, shape);
  return mean(builder, y, allAxes(builder, y));
}

/** x as `[rows, columns]`, columns being its last axis. */
function asMatrix(builder: Builder, x: Value): Value {
  const shape = builder.shapeOf(x);
  const columns = shape.at(-1) ?? 1;
  return reshape(builder, x, [sizeOf(shape) / columns, columns]);
}

function asImage(builder: Builder, x: Value): Value {
  const shape = builder.shapeOf(x);
  return shape.length === 4
    ? x
    : reshape(builder, asMatrix(builder, x), [1, 1, ...builder.shapeOf(asMatrix(builder, x))]);
}

const SMOOTH: readonly Move[] = [
  (b, x) => bounded(b, x),
  (b, x) => b.op('exp', [b.op('neg', [square(b, x)], {})], {}),
  (b, x) => b.op('log', [shift(b, square(b, x), 1)], {}),
  (b, x, y) => add(b, x, likeOf(b, x, y)),
  (b, x, y) => sub(b, likeOf(b, x, y), x),
  (b, x, y) => mul(b, bounded(b, x), likeOf(b, x, y)),
  (b, x, y) => div(b, x, shift(b, square(b, likeOf(b, x, y)), 0.5)),
  (b, x, _, choose) => mean(b, x, chosenAxes(b, x, choose), choose(2) === 0),
  (b, x) => broadcastTo(b, x, [2, ...b.shapeOf(x)].slice(-4)),
  (b, x) => transpose(b, x, allAxes(b, x).reverse()),
  (b, x) => reshape(b, x, [sizeOf(b.shapeOf(x))]),
  (b, x, _, choose) => {
    const shape = b.shapeOf(x);
    if (shape.length === 0) return x;
    const starts = shape.map((n) => choose(n));
    return b.op('slice', [x], {
      starts,
      ends: shape.map((n, i) => (starts[i] ?? 0) + 1 + choose(n - (starts[i] ?? 0))),
    });
  },
  (b, x, _, choose) => {
    if (b.shapeOf(x).length === 0) return x;
    const sides = () => b.shapeOf(x).map(() => choose(2));
    return b.op('pad', [x], { before: sides(), after: sides() });
  },
  (b, x) => (b.shapeOf(x).length === 0 ? x : b.op('softmax', [x], {})),
  (b, x, _, choose) => {
    const axes = chosenAxes(b, x, choose);
    return axes.length === 0 ? x : b.op('standardize', [x], { axes, epsilon: 0.1 });
  },
  (b, x, _, choose) => {
    const axes = chosenAxes(b, x, choose);
    return axes.length === 0 ? x : bounded(b, b.op('variance', [x], { axes }));
  },
  (b, x, y) => {
    const logits = asMatrix(b, x);
    const target = b.op('softmax', [broadcastTo(b, likeOf(b, logits, y), b.shapeOf(logits))], {});
    return b.op('softmaxCrossEntropy', [logits, target], {});
  },
  // The Gram matrix over the rows.
  (b, x) => {
    const matrix = bounded(b, asMatrix(b, x));
    const columns = b.shapeOf(matrix)[1] ?? 1;
    return scale(b, b.op('matmul', [matrix, matrix], { transposeA: false, transposeB: true }), 1 / columns);
  },
  // Each image correlated with its own channel means as a kernel.
  (b, x) => {
    const image = bounded(b, asImage(b, x));
    const channels = b.shapeOf(image)[1] ?? 1;
    const kernel = broadcastTo(b, mean(b, image, [0, 2, 3], true), [1, channels, 2, 2]);
    return b.op('conv2d', [image, kernel], { strides: [2, 1], pads: [1, 1, 0, 1] });
  },
  (b, x) => {
    const sums = b.op('sumPool', [asImage(b, x)], { kernel: [2, 2], strides: [1, 2], pads: [1, 0, 1, 1] });
    return scale(b, sums, 1 / 4);
  },
];

const KINKED: readonly Move[] = [
  (b, x) => b.op('relu', [x], {}),
  (b, x) => b.op('abs', [x], {}),
  (b, x, y) => b.op('maximum', [x, likeOf(b, x, y)], {}),
  (b, x, y) => b.op('minimum', [likeOf(b, x, y), x], {}),
  (b, x) => mul(b, b.op('stopGradient', [bounded(b, x)], {}), bounded(b, x)),
  (b, x) => b.op('maxPool', [asImage(b, x)], { kernel: [2, 2], strides: [2, 1], pads: [1, 0, 1, 1] }),
];

function chosenAxes(builder: Builder, x: Value, choose: Choose): number[] {
  const axes = allAxes(builder, x).filter(() => choose(2) === 0);
  return axes.length === 0 ? allAxes(builder, x) : axes;
}

/**
 * Random graphs over three inputs.
 * @param options.smooth whether ops with kinks are left out, so that finite differences hold everywhere
 */
export function randomGraphs({ smooth }: { readonly smooth: boolean }): fc.Arbitrary<RandomGraph> {
  const moves = smooth ? SMOOTH : [...SMOOTH, ...KINKED];
  const choices = fc.array(fc.nat(0xffff), { minLength: 6, maxLength: 60 });
  return choices.map((list) => assemble(moves, list));
}

function assemble(moves: readonly Move[], choices: readonly number[]): RandomGraph {
  let next = 0;
  const choose: Choose = (count) => (choices[next++] ?? 0) % count;
  const pick = <T>(list: readonly T[]): T => {
    const item = list[choose(list.length)];
    if (item === undefined) throw new Error('nothing to pick from');
    return item;
  };

  const builder = newBuilder();
  const parameters = [0, 1, 2].map((i) => {
    const shape = pick(SHAPES);
    const value = builder.input(`p${i}`, 'parameter', { dtype: 'f32', shape });
    return { name: `p${i}`, value, shape, size: sizeOf(shape) };
  });
  const values = parameters.map((p) => p.value);
  while (next < choices.length) {
    const made = pick(moves)(builder, pick(values), pick(values), choose);
    // A few repeats and paddings would otherwise grow without bound.
    values.push(sizeOf(builder.shapeOf(made)) > 200 ? mean(builder, made, allAxes(builder, made)) : made);
  }
  const terms = [...new Set(values)].map((value) =>
    mean(builder, square(builder, value), allAxes(builder, value)),
  );
  const loss = terms.reduce((a, b) => add(builder, a, b));
  const point = new Map(parameters.map(({ name, shape, size }) => [name, ndarray(shape, real(name, size))]));
  return { builder, parameters, loss, point };
}
