import { describe, expect, test } from 'vitest';
import { sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import {
  codeRange,
  type FloatElement,
  gridMax,
  type IntElement,
  maxFinite,
  minNormalExponent,
} from '../../compiler/numeric/format.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { binade, quantizeValue, roundHalfEven, scaleOf, staysOnGrid } from '../../compiler/numeric/round.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { broadcastStrides, positions } from '../../compiler/ops/strided.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { apply, gradients } from '../support/apply.ts';
import { FLOATS } from '../support/float-codes.ts';
import { ENGINES } from '../support/op-engines.ts';

const { fround } = Math;

const INTEGERS: Readonly<Record<string, IntElement>> = {
  int2: { kind: 'int', bits: 2, signed: true, narrow: true },
  int4: { kind: 'int', bits: 4, signed: true, narrow: true },
  'int5 full': { kind: 'int', bits: 5, signed: true, narrow: false },
  int8: { kind: 'int', bits: 8, signed: true, narrow: true },
  'int8 full': { kind: 'int', bits: 8, signed: true, narrow: false },
  int12: { kind: 'int', bits: 12, signed: true, narrow: true },
  'int16 full': { kind: 'int', bits: 16, signed: true, narrow: false },
  uint2: { kind: 'int', bits: 2, signed: false, narrow: false },
  uint4: { kind: 'int', bits: 4, signed: false, narrow: false },
  uint8: { kind: 'int', bits: 8, signed: false, narrow: false },
};

const ELEMENTS: readonly (readonly [string, IntElement | FloatElement])[] = [
  ...Object.entries(INTEGERS),
  ...Object.entries(FLOATS),
];

/** Quotients at which a quantizer decides: ties, codes and their neighbours in float32, what saturates, what is tiny. */
function quotients(element: IntElement | FloatElement): number[] {
  const top = gridMax(element);
  const near = (v: number): number[] => [v, fround(v * (1 + 2 ** -23)), fround(v * (1 - 2 ** -23))];
  const bases = [
    0,
    0.5,
    1,
    1.5,
    2.5,
    3.5,
    6.5,
    7.5,
    127.5,
    128.5,
    top,
    top + 0.5,
    top - 0.5,
    top * 1.0625,
    top * 1.5,
    top * 3,
  ];
  const powers = Array.from({ length: 24 }, (_, i) => 2 ** (i - 18) * 1.25);
  const tiny =
    element.kind === 'float'
      ? [0.5, 0.25, 0.75, 1.5, 3].map((f) => f * 2 ** (minNormalExponent(element) - element.mantissa))
      : [1e-30];
  const random = [...uniforms(3, 'x', 0, 200)].flatMap((u, i) => [u * top * 1.2, u * 2 ** (-i / 12)]);
  return [...bases, ...powers, ...tiny, ...random]
    .flatMap(near)
    .flatMap((v) => [v, -v])
    .filter((v) => Math.abs(v) < 2 ** 120);
}

/** Scales as data gives them, and powers of two. */
const SCALES = [1, 0.0078125, fround(0.0123), fround(3.7)];

/** The operation in float32 as section "numerics" of the design has it, one rounding a line. */
function quantized32(x: number, scale: number, element: IntElement | FloatElement): number {
  const v = fround(x / scale);
  if (element.kind === 'int') {
    const { min, max } = codeRange(element);
    return fround(Math.min(Math.max(roundHalfEven(v), min), max) * scale);
  }
  return fround(quantizeValue(v, 1, element) * scale);
}

function stochastic32(x: number, scale: number, noise: number, element: IntElement | FloatElement): number {
  const v = fround(x / scale);
  if (element.kind === 'int') {
    const { min, max } = codeRange(element);
    return fround(Math.min(Math.max(Math.floor(fround(v + noise)), min), max) * scale);
  }
  const largest = maxFinite(element);
  const magnitude = Math.min(Math.max(Math.abs(v), 2 ** minNormalExponent(element)), largest);
  const step = binade(magnitude) * 2 ** -element.mantissa;
  const rounded = Math.floor(fround(fround(v / step) + noise)) * step;
  if (Math.abs(rounded) <= largest) return fround(rounded * scale);
  return fround(Math.sign(rounded) * (element.specials === 'ieee' ? Infinity : largest) * scale);
}

/** Equal as numbers; the sign of a zero is not compared, since codes have none. */
function expectEqual(actual: NdArray, expected: NdArray): void {
  expect(actual.shape).toEqual(expected.shape);
  const differing = [...actual.data].flatMap((value, i) =>
    value === expected.data[i] ? [] : [`[${i}] ${value} is not ${expected.data[i]}`],
  );
  expect(differing.slice(0, 5)).toEqual([]);
}

function elementwise(
  x: NdArray,
  scale: NdArray,
  rule: (x: number, scale: number, index: number) => number,
): NdArray {
  const at = positions(x.shape, broadcastStrides(scale.shape, x.shape));
  return { shape: x.shape, data: x.data.map((v, i) => rule(v, scale.data[at[i] ?? 0] ?? 0, i)) };
}

function vector(values: readonly number[]): NdArray {
  return ndarray([values.length], values.map(fround));
}

describe.each(ENGINES)('in %s', (_, run) => {
  test.each(ELEMENTS)('%s: rounds to nearest, to the bit', async (_, element) => {
    for (const s of SCALES) {
      const x = vector(quotients(element).map((q) => q * s));
      const scale = ndarray([1], [s]);
      const expected = elementwise(x, scale, (v, sc) => quantized32(v, sc, element));
      expectEqual(await run('quantize', [x, scale], { element }), expected);
    }
  });

  test.each(ELEMENTS)('%s: rounds stochastically, to the bit', async (_, element) => {
    for (const s of SCALES.slice(1, 3)) {
      const x = vector(quotients(element).map((q) => q * s));
      const scale = ndarray([], [s]);
      const noise = ndarray(x.shape, uniforms(5, 'noise', 0, sizeOf(x.shape)));
      const expected = elementwise(x, scale, (v, sc, i) => stochastic32(v, sc, noise.data[i] ?? 0, element));
      expectEqual(await run('quantizeStochastic', [x, scale, noise], { element }), expected);
    }
  });

  test.each(ELEMENTS)('%s: masks what saturates', async (_, element) => {
    for (const s of SCALES) {
      const x = vector(quotients(element).map((q) => q * s));
      const scale = ndarray([1], [s]);
      const expected = elementwise(x, scale, (v, sc) => Number(staysOnGrid(fround(v / sc), 1, element)));
      expectEqual(await run('quantizeMask', [x, scale], { element }), expected);
    }
  });

  test.each([[[]], [[1, 1, 1]], [[3, 1, 1]], [[1, 4, 1]], [[4, 1]], [[1, 4, 2]], [[3, 4, 2]]])(
    'scales of shape %j reach the elements that they broadcast to',
    async (shape) => {
      const x = ndarray(
        [3, 4, 2],
        Array.from(uniforms(7, 'x', 0, 24), (u) => fround(4 * u - 2)),
      );
      const scale = ndarray(
        shape,
        Array.from({ length: sizeOf(shape) }, (_, i) => fround(0.1 + 0.07 * i)),
      );
      for (const element of [
        INTEGERS['int4'],
        INTEGERS['uint8'],
        INTEGERS['int12'],
        FLOATS['fp16'],
        FLOATS['e2m1'],
      ]) {
        if (element === undefined) throw new Error('no such element');
        const expected = elementwise(x, scale, (v, s) => quantized32(v, s, element));
        expectEqual(await run('quantize', [x, scale], { element }), expected);
        const mask = elementwise(x, scale, (v, s) => Number(staysOnGrid(fround(v / s), 1, element)));
        expectEqual(await run('quantizeMask', [x, scale], { element }), mask);
      }
      const codes = ndarray(
        x.shape,
        x.data.map((v) => Math.round(3 * v)),
      );
      const attributes = { element: { kind: 'int', bits: 4, signed: true, narrow: true } } as const;
      const expected = elementwise(codes, scale, (code, s) => fround(code * s));
      expectEqual(await run('dequantize', [codes, scale], attributes), expected);
    },
  );

  test('a scale is the largest magnitude over the largest code, rounded once, or the power of two at or above', async () => {
    const magnitudes = [
      0,
      2 ** -149,
      2 ** -140,
      2 ** -126,
      1e-10,
      0.5,
      fround(0.7),
      1,
      7,
      fround(7.000001),
      127,
      448,
      1e20,
      2 ** 127,
    ];
    const x = ndarray(
      [magnitudes.length, 3],
      magnitudes.flatMap((m) => [-m / 2, fround(m), m / 4].map(fround)),
    );
    const negated = ndarray(
      x.shape,
      x.data.map((v) => -v),
    );
    for (const element of [
      INTEGERS['int2'],
      INTEGERS['int4'],
      INTEGERS['uint8'],
      FLOATS['e4m3fn'],
      FLOATS['e3m0'],
    ]) {
      if (element === undefined) throw new Error('no such element');
      for (const kind of ['absmax', 'power_of_two'] as const) {
        const expected = ndarray(
          [magnitudes.length, 1],
          magnitudes.map((m) => {
            if (m === 0) return 1;
            const scale = Math.max(fround(fround(m) / gridMax(element)), 2 ** -126);
            return kind === 'absmax' ? scale : scaleOf(scale * gridMax(element), element, kind);
          }),
        );
        expectEqual(await run('quantScale', [x], { element, axes: [1], kind }), expected);
        expectEqual(await run('quantScale', [negated], { element, axes: [1], kind }), expected);
        const [last = 0] = expected.data.slice(-1);
        expectEqual(await run('quantScale', [x], { element, axes: [0, 1], kind }), ndarray([1, 1], [last]));
      }
    }
  });

  test('a scale over no axes is one for each element', async () => {
    const element = { kind: 'int', bits: 4, signed: true, narrow: true } as const;
    const attributes = { element, axes: [], kind: 'absmax' } as const;
    expectEqual(await run('quantScale', [ndarray([3], [-14, 0, 7])], attributes), ndarray([3], [2, 1, 1]));
  });
});

// Between a DequantizeLinear and a QuantizeLinear onnxruntime would put integer operators, which round differently or fail to load.
test('onnxruntime changes no bit of a graph of quantizers when it optimizes', async () => {
  const builder = newBuilder();
  const shape = [2, 3, 6, 6];
  const signed = { kind: 'int', bits: 8, signed: true, narrow: true } as const;
  const unsigned = { kind: 'int', bits: 8, signed: false, narrow: false } as const;
  const at = (x: Value, scale: number, element: IntElement) =>
    builder.op('quantize', [x, builder.constant(scale)], { element });
  const x = at(builder.input('x', 'batch', { dtype: 'f32', shape }), 0.0081, signed);
  const sum = at(builder.op('relu', [builder.op('add', [x, x], {})], {}), 0.013, unsigned);
  const window = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] } as const;
  const pooled = at(builder.op('maxPool', [x], window), 0.017, unsigned);
  const graph = builder.build('quantizers', [
    { name: 'sum', value: sum },
    { name: 'pooled', value: pooled },
  ]);
  const data = uniforms(2, 'x', 0, sizeOf(shape)).map((u) => 2 * u - 1);
  const inputs = new Map([['x', { dtype: 'f32', shape, data } as const]]);
  const results = [];
  for (const optimization of ['disabled', 'basic', 'extended', 'all'] as const) {
    const engine = await createOnnxEngine({ threads: 1, optimization });
    const executable = await engine.load(graph, { seed: 0 });
    results.push(await executable.run(inputs, 0));
    await executable.dispose();
  }
  for (const result of results) expect(result).toEqual(results[0]);
});

describe('the gradient', () => {
  const element = { kind: 'int', bits: 4, signed: true, narrow: true } as const;

  test('of a quantizer passes where the value is on the grid, ties to its end included', () => {
    const x = [-7.6, -7.5, -7.4, 0, 0.3, 7.49, 7.5, 7.6];
    // 7.5 is a tie between 7 and 8, and 8 is even.
    const expected = [0, 0, 1, 1, 1, 1, 0, 0];
    expect([...(gradients('quantize', [x, 1], { element })[0]?.data ?? [])]).toEqual(expected);
    const noise = new Array<number>(x.length).fill(0.5);
    expect([...(gradients('quantizeStochastic', [x, 1, noise], { element })[0]?.data ?? [])]).toEqual(
      expected,
    );
  });

  test('of a cotangent quantizer is quantized at its own scale', () => {
    const attributes = { element, axes: [0], kind: 'absmax' } as const;
    const delta = [14, -3, 0.9, 5];
    expect([...apply('quantizeCotangent', [[1, 2, 3, 4]], attributes).data]).toEqual([1, 2, 3, 4]);
    const [gradient] = gradients('quantizeCotangent', [[1, 2, 3, 4]], attributes, delta);
    expect([...(gradient?.data ?? [])]).toEqual([14, -4, 0, 4]);
  });

  test('of a cotangent quantizer without a scale lies on the grid itself', () => {
    const e2m1 = { kind: 'float', exponent: 2, mantissa: 1, specials: 'none' } as const;
    const attributes = { element: e2m1, axes: [0], kind: 'none' } as const;
    const [gradient] = gradients('quantizeCotangent', [[1, 2, 3]], attributes, [0.3, -5.1, 100]);
    expect([...(gradient?.data ?? [])]).toEqual([0.5, -6, 6]);
  });

  test('of a stochastic cotangent quantizer is a neighbour of δ', () => {
    const attributes = { element, axes: [0], kind: 'power_of_two', stream: 'c1.grad' } as const;
    const delta = [7, 0.4, -2.7, 3.5];
    const [gradient] = gradients('quantizeCotangent', [[1, 2, 3, 4]], attributes, delta);
    const neighbours = delta.map((d) => [Math.floor(d), Math.ceil(d)]);
    expect([...(gradient?.data ?? [])].every((g, i) => neighbours[i]?.includes(g))).toBe(true);
  });

  test('of dequantized codes is the scale, and of the scale the sum of δ·code', () => {
    const codes = ndarray([2, 2], [1, -2, 3, 4]);
    const scale = ndarray([2, 1], [0.5, 0.25]);
    const delta = ndarray([2, 2], [1, 10, 100, 1000]);
    const [forCodes, forScale] = gradients('dequantize', [codes, scale], { element }, delta);
    expect([...(forCodes?.data ?? [])]).toEqual([0.5, 5, 25, 250]);
    expect(forScale).toEqual(ndarray([2, 1], [-19, 4300]));
  });
});
