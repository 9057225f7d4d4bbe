import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newBuilder } from '../../compiler/ops/registry.ts';
import type { Engine } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { createTfjsEngine } from '../../runtime/engines/tfjs.ts';
import { countNonFinite, firstNonFinite, watch } from '../../runtime/train/finite.ts';

const f32 = (shape: readonly number[], data: ArrayLike<number>) =>
  ({ dtype: 'f32', shape, data: Float32Array.from(data) }) as const;

test('values that are not finite are counted, however large the finite ones are', () => {
  const huge = 3.4e38;
  expect(countNonFinite(f32([4], [huge, huge, -huge, huge]))).toBe(0);
  expect(countNonFinite(f32([4], [Infinity, -Infinity, NaN, huge]))).toBe(3);
  for (let i = 0; i < 7; i++) {
    const values = Array.from({ length: 7 }, (_, j) => (j === i ? Infinity : 1));
    expect(countNonFinite(f32([7], values))).toBe(1);
  }
});

test('of several outputs that are not finite the one computed first is named', () => {
  const graph = {
    outputs: [
      { name: 'w', value: 9 },
      { name: 'loss', value: 3 },
      { name: 'logits', value: 1 },
    ],
  };
  const outputs = new Map([
    ['w', f32([1], [NaN])],
    ['loss', f32([], [Infinity])],
    ['logits', f32([1], [1])],
  ]);
  expect(firstNonFinite(graph, outputs)).toEqual({ name: 'loss', value: Infinity });
});

describe('a watched step', () => {
  const SHAPE = [160, 160] as const;
  const SIZE = SHAPE[0] * SHAPE[1];
  const HUGE = 3e38;

  /** Gives back what it is given: two large states and a small one. */
  function identity() {
    const builder = newBuilder();
    const outputs = (['w', 'm'] as const).map((name) => {
      const x = builder.input(name, 'state', { dtype: 'f32', shape: SHAPE });
      return { name, value: builder.op('stopGradient', [x], {}) };
    });
    const b = builder.input('b', 'state', { dtype: 'f32', shape: [3] });
    return builder.build('identity', [...outputs, { name: 'b', value: builder.op('stopGradient', [b], {}) }]);
  }

  let engines: readonly Engine[] = [];
  beforeAll(async () => {
    engines = [await createOnnxEngine({ threads: 2 }), await createTfjsEngine(), createReferenceEngine()];
  });
  afterAll(async () => {
    for (const engine of engines) await engine.dispose();
  });

  test.each([
    ['nothing', {}, 0],
    ['a NaN in a large state', { m: [NaN] }, 1],
    ['infinities that would cancel, in two of them', { w: [Infinity], m: [-Infinity] }, 2],
    ['an infinity in the last place', { w: { [SIZE - 1]: Infinity } }, 1],
    ['a NaN in a small state', { b: [1, NaN, 2] }, 1],
    ['large values whose sum is infinite in float32', { w: [HUGE, HUGE], m: [HUGE, HUGE] }, 0],
    ['such values and a NaN', { w: [HUGE, HUGE, HUGE], b: [NaN] }, 1],
  ] as const)('counts %s', async (_, values, expected) => {
    const given: Record<string, ArrayLike<number> | Record<number, number>> = values;
    const inputs = new Map(
      (['w', 'm', 'b'] as const).map((name) => {
        const shape = name === 'b' ? [3] : SHAPE;
        const data = Object.assign(new Float32Array(name === 'b' ? 3 : SIZE), given[name]);
        return [name, f32(shape, data)] as const;
      }),
    );
    const { step, countNonFinite: count } = watch(identity());
    expect(step.outputs).toHaveLength(4);
    for (const engine of engines) {
      const executable = await engine.load(step, { seed: 0 });
      expect(count(await executable.run(inputs, 0)), engine.name).toBe(expected);
      await executable.dispose();
    }
  });

  test('has nothing more to compute where it has no large outputs', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'state', { dtype: 'f32', shape: [3] });
    const graph = builder.build('small', [{ name: 'x', value: builder.op('neg', [x], {}) }]);
    expect(watch(graph).step).toBe(graph);
  });
});
