import { describe, expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { noiseStreams } from '../../compiler/ir/noise.ts';
import { noisePool, POOL_STEPS, poolOffset, poolSize } from '../../compiler/numeric/random.ts';
import { evaluate, evaluateAll } from '../../compiler/ops/evaluate.ts';
import { noNoise, poolNoise, poolNoises } from '../../compiler/ops/pool-noise.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';

/** `y = exp(−x)` and `z = y + y`, with x and a constant among the outputs. */
function example() {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [2] });
  const y = builder.op('exp', [builder.op('neg', [x], {})], {});
  const z = builder.op('add', [y, y], {});
  const one = builder.constant(1, [2]);
  const outputs = [
    { name: 'z', value: z },
    { name: 'x', value: x },
    { name: 'y', value: y },
    { name: 'one', value: one },
  ];
  return builder.build('example', outputs);
}

const AT_ZERO = new Map([['x', ndarray([2])]]);

describe('evaluate', () => {
  test('gives every output, inputs and constants among them', () => {
    const results = evaluate(example(), AT_ZERO, noNoise);
    expect([...results].map(([name, { data }]) => [name, [...data]])).toEqual([
      ['z', [2, 2]],
      ['x', [0, 0]],
      ['y', [1, 1]],
      ['one', [1, 1]],
    ]);
  });

  test('gives what evaluateAll gives for each node', () => {
    const graph = example();
    const all = evaluateAll(graph, AT_ZERO, noNoise);
    expect(all).toHaveLength(graph.nodes.length);
    for (const [i, [, value]] of [...evaluate(graph, AT_ZERO, noNoise)].entries()) {
      expect(value).toEqual(all[graph.outputs[i]?.value ?? -1]);
    }
  });

  test('says which input is missing or has the wrong shape', () => {
    expect(() => evaluate(example(), new Map(), noNoise)).toThrow("no value for the input 'x'");
    const wrong = new Map([['x', ndarray([3])]]);
    expect(() => evaluate(example(), wrong, noNoise)).toThrow(
      "the input 'x' has the shape [3] where the graph states [2]",
    );
  });

  test('takes constants with one number per element', () => {
    const builder = newBuilder();
    const table = builder.constant([1, 2, 3, 4], [2, 2]);
    const graph = builder.build('table', [{ name: 'table', value: table }]);
    expect(evaluate(graph, new Map(), noNoise).get('table')).toEqual(ndarray([2, 2], [1, 2, 3, 4]));
  });
});

/** Two uniform streams of different sizes and a normal one, added up where they fit. */
function noisy(order: readonly ('a' | 'b')[]) {
  const builder = newBuilder();
  const draws = {
    a: () => builder.op('uniform', [], { shape: [2, 3], stream: 'a' }),
    b: () => builder.op('uniform', [], { shape: [100_000], stream: 'b' }),
  };
  const uniform = order.map((stream) => ({ name: stream, value: draws[stream]() }));
  const normal = { name: 'n', value: builder.op('normal', [], { shape: [4], stream: 'n' }) };
  return builder.build('noisy', [...uniform, normal]);
}

describe('noise', () => {
  test('streams are listed once each, sorted by name', () => {
    expect(noiseStreams(noisy(['b', 'a', 'b']))).toEqual([
      { stream: 'a', distribution: 'uniform', size: 6 },
      { stream: 'b', distribution: 'uniform', size: 100_000 },
      { stream: 'n', distribution: 'normal', size: 4 },
    ]);
  });

  test('a stream of two sizes is refused', () => {
    const builder = newBuilder();
    const values = [[2], [3]].map((shape) => builder.op('uniform', [], { shape, stream: 'a' }));
    const graph = builder.build(
      'twice',
      values.map((value, i) => ({ name: `${i}`, value })),
    );
    expect(() => noiseStreams(graph)).toThrow("two kinds of noise are called 'a'");
  });

  test('is the slice of the pool at the offset of (seed, step, stream)', () => {
    const graph = noisy(['a', 'b']);
    const size = poolSize(100_000);
    const offset = poolOffset(11, 7, 'a', 6, size);
    const expected = noisePool('uniform', 11, 7, size).slice(offset, offset + 6);
    expect(evaluate(graph, new Map(), poolNoise(graph, 11, 7)).get('a')).toEqual(ndarray([2, 3], expected));
  });

  test('depends on seed, step and stream, not on the order in which it is read', () => {
    const draw = (order: readonly ('a' | 'b')[], seed: number, step: number) => {
      const graph = noisy(order);
      return evaluate(graph, new Map(), poolNoise(graph, seed, step)).get('a');
    };
    expect(draw(['a', 'b'], 1, 5)).toEqual(draw(['b', 'a'], 1, 5));
    expect(draw(['a', 'b'], 1, 5)).not.toEqual(draw(['a', 'b'], 1, 6));
    expect(draw(['a', 'b'], 1, 5)).not.toEqual(draw(['a', 'b'], 2, 5));
  });

  test('of a kept pool is the noise of a fresh one, across the end of the pool', () => {
    const graph = noisy(['a', 'b']);
    const at = poolNoises(graph, 3);
    for (const step of [POOL_STEPS - 1, POOL_STEPS, 0]) {
      expect(at(step)('normal', 'n', [4])).toEqual(poolNoise(graph, 3, step)('normal', 'n', [4]));
    }
  });

  test('is refused where a graph is said to have none', () => {
    expect(() => evaluate(noisy([]), new Map(), noNoise)).toThrow("reads the noise stream 'n'");
  });
});
