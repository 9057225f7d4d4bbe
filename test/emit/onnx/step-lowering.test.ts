import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { printModel } from '../../../compiler/emit/onnx/print.ts';
import type { Rewrites } from '../../../compiler/emit/onnx/rewrites/table.ts';
import { type Graph, sizeOf, type Value } from '../../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../../compiler/ir/ndarray.ts';
import { codeRange, type IntElement } from '../../../compiler/numeric/format.ts';
import { uniforms } from '../../../compiler/numeric/random.ts';
import { evaluate } from '../../../compiler/ops/evaluate.ts';
import { poolNoise } from '../../../compiler/ops/pool-noise.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import type { HostTensor } from '../../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../../runtime/engines/onnx.ts';
import { type ImageGeometry, imageGeometry } from '../../support/image-geometry.ts';
import { filled } from '../../support/op-engines.ts';
import { cases } from '../../support/property.ts';
import { int } from './nets.ts';

const SEED = 7;
const LEVELS = ['basic', 'all'] as const;

/** The outputs of a graph in onnxruntime and in float64. */
async function bothOf(
  graph: Graph,
  inputs: ReadonlyMap<string, NdArray>,
  optimization: (typeof LEVELS)[number],
) {
  const engine = await createOnnxEngine({ threads: 2, optimization });
  const executable = await engine.load(graph, { seed: SEED });
  const feeds = [...inputs].map(([name, { shape, data }]): [string, HostTensor] => [
    name,
    { dtype: 'f32', shape, data: Float32Array.from(data) },
  ]);
  const found = await executable.run(new Map(feeds), 0);
  await executable.dispose();
  return { found, expected: evaluate(graph, inputs, poolNoise(graph, SEED, 0)) };
}

async function expectEqual(graph: Graph, inputs: ReadonlyMap<string, NdArray>): Promise<void> {
  for (const level of LEVELS) {
    const { found, expected } = await bothOf(graph, inputs, level);
    // −0 and 0 are one number.
    for (const [name, { data }] of expected)
      expect(
        [...(found.get(name)?.data ?? [])].map((v) => v + 0),
        `${name} at ${level}`,
      ).toEqual([...data].map((v) => v + 0));
  }
}

function operatorsOf(graph: Graph): readonly string[] {
  return emitOnnx(graph, { scheme: 'arithmetic' }).model.graph.node.map((n) => n.opType);
}

/** Whole numbers of an element's grid, scattered. */
function codes(shape: readonly number[], element: IntElement, stream: string): NdArray {
  const { min, max } = codeRange(element);
  const draws = uniforms(SEED, stream, 0, sizeOf(shape));
  return ndarray(
    shape,
    Float64Array.from(draws, (u) => min + Math.floor(u * (max - min + 1))),
  );
}

/** Quantized x, w and δ of a convolution with their three products and the gradient of a bias. */
function products(
  geometry: ImageGeometry,
  x: IntElement,
  w: IntElement,
  delta: IntElement,
  perChannel: boolean,
) {
  const { batch, channels, filters, input, kernel, strides, pads } = geometry;
  const builder = newBuilder();
  const window = { strides, pads };
  const inputs = new Map<string, NdArray>();
  const given = (name: string, tensor: NdArray): Value => {
    inputs.set(name, tensor);
    return builder.input(name, 'batch', { dtype: 'f32', shape: tensor.shape });
  };
  const quantized = (name: string, shape: readonly number[], element: IntElement, scales: NdArray): Value =>
    builder.op('quantize', [given(name, codes(shape, element, name)), given(`${name}.scale`, scales)], {
      element,
    });
  const one = filled([1, 1, 1, 1], () => 1);
  const image = quantized('x', [batch, channels, ...input], x, one);
  const scales = filled([perChannel ? filters : 1, 1, 1, 1], (i) => 2 ** -(i % 4));
  const weights = quantized('w', [filters, channels, ...kernel], w, scales);
  const forward = builder.op('conv2d', [image, weights], window);
  const shape = builder.shapeOf(forward);
  const noise = builder.op('uniform', [], { shape, stream: 'noise' });
  const cotangent = builder.op(
    'quantizeStochastic',
    [given('delta', codes(shape, delta, 'delta')), given('delta.scale', one), noise],
    { element: delta },
  );
  const bias = builder.op('sum', [cotangent], { axes: [0, 2, 3], keepDims: false });
  const weightGrad = builder.op('conv2dWeightGrad', [image, cotangent], { ...window, kernel });
  const inputGrad = builder.op('conv2dInputGrad', [cotangent, weights], { ...window, inputSize: input });
  const graph = builder.build('products', [
    { name: 'forward', value: forward },
    { name: 'bias', value: bias },
    { name: 'weightGrad', value: weightGrad },
    { name: 'inputGrad', value: inputGrad },
  ]);
  return { graph, inputs };
}

const element = (bits: number, signed: boolean): IntElement => int(bits, { signed, narrow: signed });

/** Of bytes, activations unsigned, with 3×3 windows that keep the size. */
function byteProducts(
  size: Pick<ImageGeometry, 'batch' | 'channels' | 'filters' | 'input'>,
  perChannel: boolean,
) {
  const geometry: ImageGeometry = { ...size, kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
  return products(geometry, element(8, false), element(8, true), element(8, true), perChannel);
}

/** Some of the inputs with other numbers. */
function changed(
  inputs: ReadonlyMap<string, NdArray>,
  by: Readonly<Record<string, (v: number) => number>>,
): ReadonlyMap<string, NdArray> {
  const moved = Object.entries(by).map(([name, change]) => {
    const { shape, data } = inputs.get(name) ?? filled([], () => 0);
    return [name, ndarray(shape, data.map(change))] as const;
  });
  return new Map([...inputs, ...moved]);
}

describe('products of codes', () => {
  test('are exact on whole numbers for every geometry and width', async () => {
    await fc.assert(
      fc.asyncProperty(
        imageGeometry(false),
        fc.record({
          x: fc.integer({ min: 2, max: 8 }),
          w: fc.integer({ min: 2, max: 8 }),
          delta: fc.integer({ min: 2, max: 8 }),
          signed: fc.boolean(),
          perChannel: fc.boolean(),
          channels: fc.constantFrom(1, 8, 40),
          filters: fc.constantFrom(2, 8, 40),
        }),
        async (geometry, { x, w, delta, signed, perChannel, channels, filters }) => {
          const { graph, inputs } = products(
            { ...geometry, channels, filters },
            element(x, signed),
            element(w, true),
            element(delta, true),
            perChannel,
          );
          await expectEqual(graph, inputs);
        },
      ),
      cases(12),
    );
  });

  test('that are gradients are exact for every kernel and padding', async () => {
    await fc.assert(
      fc.asyncProperty(
        imageGeometry(true),
        fc.record({ x: fc.integer({ min: 2, max: 8 }), w: fc.integer({ min: 2, max: 8 }) }),
        fc.constantFrom(64, 70),
        async (geometry, bits, filters) => {
          const { graph, inputs } = products(
            { ...geometry, strides: [1, 1], filters },
            element(bits.x, false),
            element(bits.w, true),
            element(8, true),
            false,
          );
          const integers = operatorsOf(graph).filter((op) => op === 'MatMulInteger');
          // Of at most 48 terms, the forward product is none.
          expect(integers).toHaveLength(2);
          await expectEqual(graph, inputs);
        },
      ),
      cases(12),
    );
  });

  test.each([
    [32, { batch: 64, channels: 1, filters: 16, input: [8, 8] }],
    [16, { batch: 5, channels: 1, filters: 32, input: [28, 28] }],
    [8, { batch: 42, channels: 1, filters: 16, input: [14, 14] }],
  ] as const)('are exact where δ is transposed in two steps, by way of %i columns', async (split, size) => {
    const { graph, inputs } = byteProducts(size, true);
    const text = printModel(emitOnnx(graph, { scheme: 'arithmetic' }).model);
    const rows = (size.filters * size.batch * size.input[0] * size.input[1]) / split;
    expect(text).toContain(`const.int64.${rows}_${split})`);
    await expectEqual(graph, inputs);
  });

  test('of the largest codes neither saturate nor wrap', async () => {
    const { graph, inputs } = byteProducts({ batch: 3, channels: 16, filters: 8, input: [5, 5] }, false);
    expect(operatorsOf(graph).filter((op) => op === 'MatMulInteger')).toHaveLength(3);
    const extreme = changed(inputs, { x: () => 255, w: () => -127, delta: () => 127 });
    await expectEqual(graph, extreme);
  });

  test('of more terms than 32 bits hold are summed in parts', async () => {
    const { graph, inputs } = byteProducts({ batch: 48, channels: 2, filters: 2, input: [38, 38] }, false);
    // Both are parts of the gradient of the weights: 18 terms are too few for a forward product of integers.
    expect(operatorsOf(graph).filter((op) => op === 'MatMulInteger')).toHaveLength(2);
    const small = changed(inputs, { x: (v) => v % 3, delta: (v) => v % 3 });
    await expectEqual(graph, small);
  });

  test.each([
    ['a scale for each filter', true, ['forward', 'weightGrad']],
    ['one scale', false, ['forward', 'weightGrad', 'inputGrad']],
  ] as const)('of weights with %s round three times, not once a term', async (_, perChannel, names) => {
    const { graph, inputs } = byteProducts({ batch: 4, channels: 16, filters: 8, input: [9, 9] }, perChannel);
    expect(operatorsOf(graph).filter((op) => op === 'MatMulInteger')).toHaveLength(names.length);
    const scaled = new Map(inputs);
    const scale = (name: string, factor: number): void => {
      for (const of of [name, `${name}.scale`]) {
        const { shape, data } = scaled.get(of) ?? filled([], () => 0);
        scaled.set(of, ndarray(shape, Float64Array.from(Float32Array.from(data, (v) => v * factor))));
      }
    };
    for (const [name, factor] of [
      ['x', 0.0137],
      ['w', 0.0291],
      ['delta', 0.00173],
    ] as const)
      scale(name, factor);
    const absolute = new Map(
      [...scaled].map(([name, { shape, data }]) => [name, ndarray(shape, data.map(Math.abs))]),
    );
    const terms = evaluate(graph, absolute, poolNoise(graph, SEED, 0));
    for (const level of LEVELS) {
      const { found, expected } = await bothOf(graph, scaled, level);
      for (const name of names)
        expected.get(name)?.data.forEach((value, i) => {
          const error = Math.abs((found.get(name)?.data[i] ?? NaN) - value);
          // Codes times scales are rounded twice before, in the reference; three roundings follow here.
          expect(error).toBeLessThanOrEqual(5.01 * 2 ** -24 * (terms.get(name)?.data[i] ?? 0));
        });
    }
  });

  test('of tensors that are all zero are zero', async () => {
    const geometry: ImageGeometry = {
      batch: 2,
      channels: 8,
      filters: 4,
      input: [4, 4],
      kernel: [3, 3],
      strides: [1, 1],
      pads: [1, 1, 1, 1],
    };
    const { graph, inputs } = products(geometry, element(8, false), element(8, true), element(8, true), true);
    const zeros = new Map(
      [...inputs].map(
        ([name, t]) =>
          [
            name,
            name.endsWith('.scale')
              ? t
              : ndarray(
                  t.shape,
                  t.data.map(() => 0),
                ),
          ] as const,
      ),
    );
    await expectEqual(graph, zeros);
  });
});

/** Few different whole numbers of both signs, so that most windows have several winners. */
function tied(shape: readonly number[]): NdArray {
  return filled(shape, (i) => ((Math.imul(i + 1, 0x9e3779b1) >>> 9) % 5) - 2);
}

describe('pooling with the batch innermost', () => {
  test.each([
    [2, 2],
    [3, 2],
    [1, 3],
  ] as const)('routes %i×%i windows to their first winners, before and after relu', async (...kernel) => {
    const builder = newBuilder();
    const shape = [3, 2, 2 * kernel[0], 3 * kernel[1]];
    const x = builder.input('x', 'batch', { dtype: 'f32', shape });
    const delta = builder.input('delta', 'batch', { dtype: 'f32', shape: [3, 2, 2, 3] });
    // A product with the identity brings the image into the layout of convolutions.
    const identity = builder.constant([1, 0, 0, 1], [2, 2, 1, 1]);
    const image = builder.op('conv2d', [x, identity], { strides: [1, 1], pads: [0, 0, 0, 0] });
    const relu = builder.op('relu', [image], {});
    const window = { kernel, strides: kernel, pads: [0, 0, 0, 0] as const };
    const masked = builder.op(
      'mul',
      [builder.op('maxPoolRoute', [relu, delta], window), builder.op('step', [image], {})],
      {},
    );
    const routed = builder.op('maxPoolRoute', [image, delta], window);
    const graph = builder.build('pools', [
      { name: 'pooled', value: builder.op('maxPool', [relu], window) },
      { name: 'masked', value: masked },
      { name: 'routed', value: routed },
      {
        name: 'scale',
        value: builder.op('quantScale', [routed], {
          element: int(8),
          axes: [0, 1, 2, 3],
          kind: 'power_of_two',
        }),
      },
    ]);
    expect(operatorsOf(graph)).not.toContain('MaxPool');
    const inputs = new Map([
      ['x', tied(shape)],
      ['delta', filled([3, 2, 2, 3], (i) => 2 ** (i % 20) + 1)],
    ]);
    await expectEqual(graph, inputs);
  });
});

test('integer sums are pooled before scale and bias, with the winners of the values', async () => {
  const builder = newBuilder();
  const [x, w] = [
    codes([3, 8, 6, 6], int(2, { signed: false, narrow: false }), 'x'),
    codes([4, 8, 3, 3], int(2), 'w'),
  ];
  const inputs = new Map([
    ['x', x],
    ['w', w],
    ['b', filled([4], (i) => i - 2)],
    ['delta', filled([3, 4, 3, 3], (i) => 2 ** (i % 20) + 1)],
    ['x.scale', filled([1, 1, 1, 1], () => 1)],
    ['w.scale', filled([4, 1, 1, 1], (i) => 2 ** -i)],
  ]);
  const given = (name: string): Value =>
    builder.input(name, 'batch', { dtype: 'f32', shape: inputs.get(name)?.shape ?? [] });
  const image = builder.op('quantize', [given('x'), given('x.scale')], { element: element(8, false) });
  const weights = builder.op('quantize', [given('w'), given('w.scale')], { element: element(8, true) });
  const product = builder.op('conv2d', [image, weights], { strides: [1, 1], pads: [1, 1, 1, 1] });
  const biased = builder.op('add', [product, builder.op('reshape', [given('b')], { shape: [4, 1, 1] })], {});
  const window = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] } as const;
  const graph = builder.build('pooled', [
    { name: 'pooled', value: builder.op('maxPool', [biased], window) },
    { name: 'routed', value: builder.op('maxPoolRoute', [biased, given('delta')], window) },
  ]);
  const text = (rewrites: Rewrites) => printModel(emitOnnx(graph, { scheme: 'arithmetic', rewrites }).model);
  expect(text({})).not.toEqual(text({ poolSums: false }));
  await expectEqual(graph, inputs);
});

describe('masks as ramps', () => {
  const LEAST_NORMAL = 2 ** -126;
  // Neighbours in float32, of both signs, down to the least normal number.
  const float = fc.float({ noNaN: true }).filter((x) => x === 0 || Math.abs(x) >= LEAST_NORMAL);

  test('of relu are 1 at what is positive', async () => {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', { dtype: 'f32', shape: [64] });
    const graph = builder.build('mask', [{ name: 'mask', value: builder.op('step', [x], {}) }]);
    expect(operatorsOf(graph)).toEqual(['HardSigmoid']);
    await fc.assert(
      fc.asyncProperty(fc.array(float, { minLength: 64, maxLength: 64 }), async (values) => {
        await expectEqual(graph, new Map([['x', ndarray([64], values)]]));
      }),
      cases(20),
    );
  });

  test('are in between for what is less than every normal number', async () => {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', { dtype: 'f32', shape: [3] });
    const graph = builder.build('mask', [{ name: 'mask', value: builder.op('step', [x], {}) }]);
    const { found } = await bothOf(
      graph,
      new Map([['x', ndarray([3], [2 ** -149, 2 ** -130, -(2 ** -149)])]]),
      'all',
    );
    const [least = NaN, small = NaN, negative] = found.get('mask')?.data ?? [];
    expect([0 <= least && least <= small && small < 1, negative]).toEqual([true, 0]);
  });

  test('of windows are 1 at the first of their maxima, however near the others are', async () => {
    const builder = newBuilder();
    const window = { kernel: [1, 3], strides: [1, 3], pads: [0, 0, 0, 0] } as const;
    const [x, delta] = [
      builder.input('x', 'batch', { dtype: 'f32', shape: [2, 1, 1, 24] }),
      builder.input('delta', 'batch', { dtype: 'f32', shape: [2, 1, 1, 8] }),
    ];
    // A product with 1 brings the image into the layout of convolutions, with every bit.
    const one = builder.constant([1], [1, 1, 1, 1]);
    const image = builder.op('conv2d', [x, one], { strides: [1, 1], pads: [0, 0, 0, 0] });
    const graph = builder.build('route', [
      { name: 'routed', value: builder.op('maxPoolRoute', [image, delta], window) },
    ]);
    expect(operatorsOf(graph)).toContain('HardSigmoid');
    // Differences of neighbours above 2⁻¹⁰² are normal numbers.
    const near = fc
      .tuple(
        float.filter((v) => Math.abs(v) > 2 ** -102 && Math.abs(v) < 2 ** 126),
        fc.constantFrom(-1, 0, 1),
      )
      .map(([v, by]) => [v, Math.fround(v * (1 + by * 2 ** -23)), v]);
    const far = fc
      .constantFrom([3e38, -3e38, 3e38], [-3e38, -3e38, 3e38], [0, -0, 2 ** -126])
      .map((v) => v.map(Math.fround));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(near, far), { minLength: 16, maxLength: 16 }), async (windows) => {
        const inputs = new Map([
          ['x', ndarray([2, 1, 1, 24], windows.flat())],
          ['delta', filled([2, 1, 1, 8], (i) => i + 1)],
        ]);
        await expectEqual(graph, inputs);
      }),
      cases(20),
    );
  });
});

describe('stochastic rounding with noise around 0', () => {
  const shape = [4, 8, 9, 9];

  function stochastic() {
    const builder = newBuilder();
    const element = int(8);
    const x = builder.input('x', 'batch', { dtype: 'f32', shape });
    const scale = builder.input('scale', 'batch', { dtype: 'f32', shape: [] });
    const noise = builder.op('uniform', [], { shape, stream: 'noise' });
    const value = builder.op('quantizeStochastic', [x, scale, noise], { element });
    const w = builder.input('w', 'batch', { dtype: 'f32', shape: [8, 8, 1, 1] });
    const product = builder.op('conv2d', [value, w], { strides: [1, 1], pads: [0, 0, 0, 0] });
    const graph = builder.build('stochastic', [
      { name: 'y', value },
      { name: 'product', value: product },
    ]);
    const identity = filled([8, 8, 1, 1], (i) => Number(i % 9 === 0));
    const layout = emitOnnx(graph, { scheme: 'arithmetic' }).noise;
    expect(layout.inputs.map(({ isCentered }) => isCentered)).toEqual([true]);
    return (draw: (u: number) => number, step: number) => {
      const data = Float32Array.from(uniforms(SEED, 'values', 0, sizeOf(shape)), draw);
      return bothOf(
        graph,
        new Map([
          ['x', ndarray(shape, data)],
          ['scale', ndarray([], [step])],
          ['w', identity],
        ]),
        'all',
      );
    };
  }

  test('keeps whole quotients whatever the noise', async () => {
    const { found } = await stochastic()((u) => Math.floor(u * 255) - 127, 1);
    const data = Float32Array.from(
      uniforms(SEED, 'values', 0, sizeOf(shape)),
      (u) => Math.floor(u * 255) - 127,
    );
    // Next to 127 the noise itself is rounded, to 2⁻¹⁸: a draw within that of 1 moves the code, in every float32 engine.
    const moved = [...(found.get('y')?.data ?? [])].filter((v, i) => v !== data[i]);
    expect(moved).toEqual([]);
  });

  test('rounds as the reference where no rounding decides', async () => {
    const scale = Math.fround(0.0123);
    const { found, expected } = await stochastic()((u) => 3.2 * (u - 0.5), scale);
    const differing = [...(expected.get('y')?.data ?? [])].filter(
      (v, i) => Math.abs((found.get('y')?.data[i] ?? NaN) - v) > 2 ** -20,
    );
    expect(differing).toEqual([]);
    const saturated = [...(found.get('y')?.data ?? [])].filter((v) => Math.abs(v) > 127.001 * scale);
    expect(saturated).toEqual([]);
  });
});
