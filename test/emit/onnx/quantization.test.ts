import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { dataTypeName } from '../../../compiler/emit/onnx/data-types.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { tensorValues } from '../../../compiler/emit/onnx/tensor-data.ts';
import { type Graph, sizeOf } from '../../../compiler/ir/graph.ts';
import type { FloatTensors } from '../../../compiler/ir/tensor.ts';
import {
  elementName,
  type FloatElement,
  formatName,
  type IntElement,
} from '../../../compiler/numeric/format.ts';
import { evaluate } from '../../../compiler/ops/evaluate.ts';
import { noNoise } from '../../../compiler/ops/pool-noise.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import { loadModel, type ModelData } from '../../../runtime/engines/onnx-model.ts';
import { BIAS, deployedNet, int, referenceInputs } from './nets.ts';

const SHAPE = [4, 3, 5];

const INTEGERS: readonly IntElement[] = Array.from({ length: 15 }, (_, i) => i + 2).flatMap((bits) => [
  int(bits),
  int(bits, { narrow: false }),
  int(bits, { signed: false, narrow: false }),
]);
const FLOATS: readonly FloatElement[] = [
  { kind: 'float', exponent: 5, mantissa: 10, specials: 'ieee' },
  { kind: 'float', exponent: 8, mantissa: 7, specials: 'ieee' },
  { kind: 'float', exponent: 5, mantissa: 2, specials: 'ieee_saturating' },
  { kind: 'float', exponent: 4, mantissa: 3, specials: 'fn' },
];

interface Quantizer {
  readonly graph: Graph;
  readonly frozen: FloatTensors;
}

/** `quantize(x)` or `quantize(relu(x))` at a frozen scale. */
function quantizer(
  element: IntElement | FloatElement,
  relu: boolean,
  scaleShape: readonly number[],
  scales: readonly number[],
): Quantizer {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: SHAPE });
  const scale = builder.input('c1.in.scale', 'parameter', { dtype: 'f32', shape: scaleShape });
  const value = relu ? builder.op('relu', [x], {}) : x;
  const y = builder.named('c1.in', () => builder.op('quantize', [value, scale], { element }));
  const frozen = new Map([['c1.in.scale', { shape: scaleShape, data: Float32Array.from(scales) }]]);
  return { graph: builder.build('quantizer', [{ name: 'y', value: y }]), frozen };
}

/** Values within, at the edges of and beyond the grid, ties between codes among them; scales are powers of two. */
function inputsFor(element: IntElement | FloatElement): Float32Array {
  const reach = element.kind === 'int' ? 2 ** element.bits * 0.25 : 2 ** 7;
  return Float32Array.from({ length: 60 }, (_, i) => ((i - 30) / 20) * reach + (i % 4) * 0.03125);
}

/** Adding 0 makes −0 and 0 one value. */
function numbers(data: ModelData | Float64Array | undefined): number[] {
  return data instanceof BigInt64Array ? Array.from(data, Number) : Array.from(data ?? [], (v) => v + 0);
}

describe.each(['basic', 'all'] as const)(
  'quantizers in onnxruntime at %s give the codes of the reference',
  (level) => {
    const scales = [
      { granularity: 'per tensor', shape: [1, 1, 1], values: [0.25] },
      { granularity: 'per channel', shape: [1, 3, 1], values: [0.25, 0.5, 0.125] },
    ];
    for (const element of [...INTEGERS, ...FLOATS]) {
      const name = formatName({
        element,
        granularity: { kind: 'tensor' },
        scale: { kind: 'absmax' },
        rounding: 'nearest',
      });
      test(name, async () => {
        for (const relu of [false, true]) {
          for (const { granularity, shape, values } of scales) {
            const { graph, frozen } = quantizer(element, relu, shape, values);
            const emission = emitOnnx(graph, { scheme: 'qdq', initializers: frozen });
            expect(emission.diagnostics).toEqual([]);
            expect(checkModel(emission.model)).toEqual([]);
            const data = inputsFor(element);
            const x = { shape: SHAPE, data };
            const net = { graph, frozen, x: data, batch: 4 };
            const expected = evaluate(graph, referenceInputs(net), noNoise).get('y');
            const model = await loadModel(emission.bytes(), level);
            const found = (await model.run(new Map([['x', x]]))).get('y');
            await model.dispose();
            expect(numbers(found?.data), `${granularity}${relu ? ' after relu' : ''}`).toEqual(
              numbers(expected?.data),
            );
          }
        }
      });
    }
  },
);

test('the integer type is the narrowest that holds the codes, and raises the versions where it must', () => {
  const types = [int(2), int(3), int(5), int(9), int(2, { signed: false })].map((element) => {
    const { graph, frozen } = quantizer(element, false, [1, 1, 1], [0.25]);
    const { model } = emitOnnx(graph, { scheme: 'qdq', initializers: frozen });
    const zero = model.graph.initializer.find((t) => t.name.endsWith('.0'));
    const type = model.graph.initializer.map((t) => dataTypeName(t.dataType)).find((t) => t !== 'float');
    expect(zero).toBeDefined();
    return `${elementName(element)} → ${type}, opset ${model.opsetImport[0]?.version}, IR ${model.irVersion}`;
  });
  expect(types).toEqual([
    'int2 → int2, opset 25, IR 13',
    'int3 → int4, opset 21, IR 10',
    'int5 → int8, opset 21, IR 10',
    'int9 → int16, opset 21, IR 10',
    'uint2 → uint2, opset 25, IR 13',
  ]);
});

test.each([2, 4, 5, 8])(
  'an exported network of int%i weights computes the logits of the reference to the bit',
  async (bits) => {
    const net = deployedNet(3, int(bits));
    const emission = emitOnnx(net.graph, { scheme: 'qdq', initializers: net.frozen });
    expect(checkModel(emission.model)).toEqual([]);
    const expected = evaluate(net.graph, referenceInputs(net), noNoise);
    for (const level of ['basic', 'all'] as const) {
      const model = await loadModel(emission.bytes(), level);
      const found = await model.run(new Map([['x', { shape: [3, 2, 6, 6], data: net.x }]]));
      await model.dispose();
      for (const [name, tensor] of expected) {
        expect(numbers(found.get(name)?.data), `${name} at ${level}`).toEqual(numbers(tensor.data));
      }
    }
  },
);

test('codes become integer initializers under their own names', () => {
  const net = deployedNet(1, int(4));
  const { model } = emitOnnx(net.graph, { scheme: 'qdq', initializers: net.frozen });
  const held = new Map(model.graph.initializer.map((t) => [t.name, t]));
  for (const [name, type] of [
    ['c1.weights.codes', 'int4'],
    ['f1.weights.codes', 'int4'],
    ['c1.bias.codes', 'int32'],
  ] as const) {
    const tensor = held.get(name);
    expect(dataTypeName(tensor?.dataType ?? 0), name).toBe(type);
    expect(tensor && [...(tensorValues(tensor) ?? [])]).toEqual([...(net.frozen.get(name)?.data ?? [])]);
  }
  expect(held.get('c1.weights.scale')?.dims).toEqual([4]);
  expect(held.get('f1.weights.scale')?.dims).toEqual([]);
});

test.each([
  ['groups', int(4), [1, 3, 5]],
  [
    'floats without a type',
    { kind: 'float', exponent: 3, mantissa: 0, specials: 'none' } as const,
    [1, 1, 1],
  ],
  ['more than 16 bits', BIAS, [1, 1, 1]],
] as const)('%s are refused with what can be exported', (_, element, scaleShape) => {
  const values = new Array<number>(sizeOf(scaleShape)).fill(0.25);
  const { graph, frozen } = quantizer(element, false, scaleShape, values);
  const { diagnostics, model } = emitOnnx(graph, { scheme: 'qdq', initializers: frozen });
  expect(diagnostics.map((d) => d.code)).toEqual(['QS6101']);
  expect(diagnostics[0]?.message).toContain("'c1.in'");
  expect(diagnostics[0]?.hint).toContain('can be exported');
  expect(checkModel(model)).toEqual([]);
});
