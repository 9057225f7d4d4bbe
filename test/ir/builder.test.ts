import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Builder } from '../../compiler/ir/builder.ts';
import type { TensorType } from '../../compiler/ir/graph.ts';
import { prune } from '../../compiler/ir/prune.ts';
import { cases } from '../support/property.ts';

const SCALAR: TensorType = { dtype: 'f32', shape: [] };

/** A builder to which every op gives a scalar, so that operands and attributes can be anything. */
function builder(): { readonly made: Builder; readonly x: number } {
  const made = new Builder(() => SCALAR);
  return { made, x: made.input('x', 'batch', SCALAR) };
}

const element = fc.record({
  kind: fc.constant('int' as const),
  bits: fc.integer({ min: 2, max: 4 }),
  signed: fc.boolean(),
  narrow: fc.boolean(),
});
const axes = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 });
const attributes = fc.record({
  element,
  axes,
  kind: fc.constantFrom('absmax' as const, 'power_of_two' as const),
});

test('two ops are one value exactly where operands and attributes are equal', () => {
  fc.assert(
    fc.property(attributes, attributes, (a, b) => {
      const { made, x } = builder();
      const [first, second] = [made.op('quantScale', [x], a), made.op('quantScale', [x], b)];
      expect(first === second).toBe(JSON.stringify(a) === JSON.stringify(b));
      expect(made.op('quantScale', [x], structuredClone(a))).toBe(first);
      expect(made.op('quantScale', [first], a)).not.toBe(first);
    }),
    cases(300),
  );
});

test('thousands of nodes are each found again', () => {
  const { made, x } = builder();
  const streams = [...Array(5000).keys()].map((i) => ({ shape: [i % 7], stream: `r[${i}].d.grad` }));
  const values = streams.map((stream) => made.op('add', [x, made.op('uniform', [], stream)], {}));
  expect(new Set(values).size).toBe(streams.length);
  const count = made.nodes.length;
  expect(streams.map((stream) => made.op('add', [x, made.op('uniform', [], { ...stream })], {}))).toEqual(
    values,
  );
  expect(made.nodes).toHaveLength(count);
});

test('constants are one value where shape and numbers are equal', () => {
  const { made } = builder();
  const one = made.constant(1);
  expect(made.constant([1])).toBe(one);
  expect(made.constant(1, [2])).not.toBe(one);
  expect(made.constant(1 + 2 ** -40)).not.toBe(one);
  expect(made.constant([1, 2], [2])).toBe(made.constant([1, 2], [2]));
});

test('a builder that goes on from nodes finds those that were there, the last of equal ones', () => {
  const { made, x } = builder();
  const y = made.op('relu', [x], {});
  const [input, relu] = made.nodes;
  if (!input || !relu) throw new Error('two nodes were made');
  const next = new Builder(() => SCALAR, [input, relu, relu]);
  expect(next.op('relu', [x], {})).toBe(y + 1);
  expect(() => next.input('x', 'batch', SCALAR)).toThrow('two inputs');
});

test('pruning keeps inputs and what outputs need, in order, and nodes that need no new number as they are', () => {
  const { made, x } = builder();
  const kept = made.op('relu', [x], {});
  made.op('exp', [x], {});
  const result = made.op('neg', [kept], {});
  const last = made.op('abs', [result], {});
  const unused = made.input('unused', 'batch', SCALAR);
  const graph = made.build('g', [
    { name: 'a', value: result },
    { name: 'b', value: last },
  ]);
  const pruned = prune(graph);
  expect(
    pruned.nodes.map((node) => (node.kind === 'op' ? `${node.op} ${node.operands}` : node.kind)),
  ).toEqual(['input', 'relu 0', 'neg 1', 'abs 2', 'input']);
  expect(pruned.nodes[kept]).toBe(graph.nodes[kept]);
  expect(pruned.outputs.map(({ value }) => value)).toEqual([2, 3]);
  expect(prune(graph, [{ name: 'only', value: unused }]).nodes).toHaveLength(2);
});
