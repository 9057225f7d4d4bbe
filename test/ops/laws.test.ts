import { describe, expect, test } from 'vitest';
import { nodeOf, sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import { inner } from '../../compiler/ops/algebra.ts';
import { newBuilder, REGISTRY } from '../../compiler/ops/registry.ts';
import { along, backward, distance, dot, type Point, valuesAt } from '../support/calculus.ts';
import { real } from '../support/draws.ts';
import { type OpSamples, SAMPLES, type Sample, type SampleOperand } from './samples.ts';

/** Largest error of a central difference that is put down to the difference itself. */
const TOLERANCE = 1e-7;

function isOpName(name: string): name is OpName {
  return name in REGISTRY;
}

const OPS = Object.keys(SAMPLES).filter(isOpName);

/** One sample as a graph: operands `x0`, `x1`, …, the op's result, and `u`, a cotangent of the result. */
function setUp<K extends OpName>(op: K, sample: Sample<K>) {
  const builder = newBuilder();
  const operands = sample.operands.map(({ shape, dtype = 'f32' }, i) =>
    builder.input(`x${i}`, 'batch', { dtype, shape }),
  );
  const result = builder.op(op, operands, sample.attributes);
  const shape = builder.shapeOf(result);
  const u = builder.input('u', 'batch', { dtype: 'f32', shape });
  const point = new Map<string, NdArray>();
  sample.operands.forEach((operand, i) => {
    point.set(`x${i}`, ndarray(operand.shape, operand.draw(`x${i}`, sizeOf(operand.shape))));
  });
  point.set('u', ndarray(shape, (sample.cotangent ?? real)('u', sizeOf(shape))));
  const evaluated = (at: Point) => only(valuesAt(builder, [result], at));
  const forward = sample.surrogate === undefined ? evaluated : surrogateOf(sample.surrogate, operands.length);
  return { builder, operands, result, u, point, forward };
}

function surrogateOf(surrogate: (operands: readonly NdArray[]) => NdArray, count: number) {
  return (at: Point) => surrogate(Array.from({ length: count }, (_, i) => get(at, `x${i}`)));
}

/** A direction in which an operand may move. */
function tangent(operand: SampleOperand, key: string): NdArray {
  const drawn = ndarray(operand.shape, real(`${key} tangent`, sizeOf(operand.shape)));
  return operand.simplex === true ? withoutRowMeans(drawn) : drawn;
}

/** What of a cotangent can be told from changes that keep the sum of each row. */
function withoutRowMeans(x: NdArray): NdArray {
  const width = x.shape.at(-1) ?? 1;
  const data = x.data.map((value, i) => {
    const row = Math.floor(i / width) * width;
    return value - x.data.subarray(row, row + width).reduce((a, b) => a + b, 0) / width;
  });
  return { shape: x.shape, data };
}

function only<T>(list: readonly T[]): T {
  const [first] = list;
  if (first === undefined) throw new Error('the list is empty');
  return first;
}

function get(point: Point, name: string): NdArray {
  return only([point.get(name) ?? only<NdArray>([])]);
}

function lawsOf<K extends OpName>(op: K, { flows, linear, samples }: OpSamples<K>) {
  describe.each(samples.map((sample) => [sample.title, sample] as const))('%s', (_, sample) => {
    const x = sample.operands.map((_, i) => `x${i}`);
    const moving = flows.map((i) => {
      const operand = sample.operands[i];
      if (operand === undefined) throw new Error(`${op} has no operand ${i}`);
      return { operand, name: `x${i}`, tangent: tangent(operand, `x${i}`) };
    });
    const tangents = new Map(moving.map(({ name, tangent }) => [name, tangent]));

    test('is evaluated to the shape that its type states', () => {
      const { builder, result, forward, point } = setUp(op, sample);
      expect(forward(point).shape).toEqual(builder.shapeOf(result));
    });

    test('lets cotangents flow to exactly the stated operands', () => {
      const { builder, operands, result, u } = setUp(op, sample);
      const { type, origin } = nodeOf(builder, result);
      const node = { kind: 'op', op, operands, attributes: sample.attributes, type, origin } as const;
      const cotangents = REGISTRY[op].vjp({ builder, node, operands, result, cotangent: u });
      expect(cotangents).toHaveLength(x.length);
      expect(cotangents.flatMap((c, i) => (c === undefined ? [] : [i]))).toEqual(flows);
    });

    test.each(moving)('has the derivative in $name that finite differences have', ({ name, tangent }) => {
      const { builder, operands, result, u, point, forward } = setUp(op, sample);
      const operand = operands[x.indexOf(name)] ?? -1;
      const gradient = only(valuesAt(builder, differentiate(builder, result, [operand], backward, u), point));
      const difference = along(forward, point, new Map([[name, tangent]]));
      const slope = dot(difference, get(point, 'u'));
      expect(Math.abs(dot(gradient, tangent) - slope)).toBeLessThan(TOLERANCE * (1 + Math.abs(slope)));
    });

    test.each(linear)('is linear in operand %i, with its reverse rule as the adjoint', (i) => {
      const { builder, operands, result, u, point } = setUp(op, sample);
      const operand = sample.operands[i] ?? only<SampleOperand>([]);
      const f = (value: NdArray) => only(valuesAt(builder, [result], new Map(point).set(`x${i}`, value)));
      const [a, b] = [get(point, `x${i}`), tangent(operand, `x${i}`)];
      const sum = { shape: a.shape, data: a.data.map((value, j) => 2 * value - 3 * (b.data[j] ?? 0)) };
      const [fa, fb] = [f(a), f(b)];
      const combined = {
        shape: fa.shape,
        data: fa.data.map((value, j) => 2 * value - 3 * (fb.data[j] ?? 0)),
      };
      expect(distance(f(sum), combined)).toBeLessThan(1e-13);
      if (!flows.includes(i)) return;
      const adjoint = only(
        valuesAt(builder, differentiate(builder, result, [operands[i] ?? -1], backward, u), point),
      );
      const [left, right] = [dot(fb, get(point, 'u')), dot(b, adjoint)];
      expect(Math.abs(left - right)).toBeLessThan(1e-13 * (1 + Math.abs(left)));
    });

    if (moving.length === 0) return;

    test('has a reverse rule whose own transpose is the forward derivative', () => {
      const { builder, operands, result, u, point, forward } = setUp(op, sample);
      const wrt = flows.map((i) => operands[i] ?? -1);
      const gradients = differentiate(builder, result, wrt, backward, u);
      const total = contracted(
        builder,
        gradients,
        moving.map((m) => m.tangent),
      );
      const jvp = only(valuesAt(builder, differentiate(builder, total, [u], backward), point));
      expect(distance(jvp, along(forward, point, tangents))).toBeLessThan(TOLERANCE);
    });

    test('has the Hessian-vector products that differences of gradients have', () => {
      const { builder, operands, result, u, point } = setUp(op, sample);
      const wrt = flows.map((i) => operands[i] ?? -1);
      const gradients = differentiate(builder, result, wrt, backward, u);
      const total = contracted(
        builder,
        gradients,
        moving.map((m) => m.tangent),
      );
      const products = valuesAt(builder, differentiate(builder, total, wrt, backward), point);
      moving.forEach(({ operand }, i) => {
        const gradient = (at: Point) => only(valuesAt(builder, [gradients[i] ?? -1], at));
        const observable = operand.simplex === true ? withoutRowMeans : (cotangent: NdArray) => cotangent;
        const expected = observable(along(gradient, point, tangents));
        expect(distance(observable(products[i] ?? expected), expected)).toBeLessThan(TOLERANCE);
      });
    });
  });
}

/** `Σᵢ ⟨values[i], tangents[i]⟩` as IR. */
function contracted(
  builder: ReturnType<typeof newBuilder>,
  values: readonly Value[],
  tangents: readonly NdArray[],
) {
  const terms = values.map((value, i) => {
    const tangent = tangents[i] ?? only<NdArray>([]);
    return inner(builder, value, builder.constant([...tangent.data], tangent.shape));
  });
  return terms.reduce((a, b) => builder.op('add', [a, b], {}));
}

describe.each(OPS)('%s', (op) => {
  lawsOf(op, SAMPLES[op]);
});
