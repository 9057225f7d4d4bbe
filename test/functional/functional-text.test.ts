import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compose } from '../../compiler/functional/algebra.ts';
import { FunctionalBuilder } from '../../compiler/functional/builder.ts';
import type { Functional } from '../../compiler/functional/functional.ts';
import { functionalFromJson, functionalToJson } from '../../compiler/functional/json.ts';
import { printFunctional } from '../../compiler/functional/print.ts';
import { stepsOf } from '../../compiler/functional/step.ts';
import { fromNumber } from '../../compiler/numeric/bound.ts';
import { functionals } from '../support/functionals.ts';
import { cases } from '../support/property.ts';

function dense(): Functional {
  const b = new FunctionalBuilder(['c1.in', 'c1.weights']);
  const [x, w] = [b.input('c1.in'), b.input('c1.weights')];
  const z = b.sum([b.constant(fromNumber(0.01)), b.scale(fromNumber(3.2), x), b.product([x, w])]);
  const masks = stepsOf(
    [0.1, 0.2, 0.4, 0.8].map((margin) => ({ margin: fromNumber(margin), cost: fromNumber(1) })),
    'l1',
  );
  return b.build([
    ['c1', z],
    [
      'c1.grad',
      b.product([b.norm([w, b.min([x, b.constant(fromNumber(2))])]), b.sum([w, b.step(z, masks)])]),
    ],
  ]);
}

const ten = compose(
  ...Array.from({ length: 10_000 }, () => {
    const b = new FunctionalBuilder(['x']);
    const x = b.input('x');
    return b.build([['x', b.sum([b.scale(fromNumber(3), x), b.constant(fromNumber(1))])]]);
  }),
);

function parsed(json: unknown): Functional {
  const read = functionalFromJson(json);
  if ('problem' in read) throw new Error(read.problem);
  return read.functional;
}

describe('printing', () => {
  test('shows formulas, and what is used twice by its number', () => {
    expect(printFunctional(dense())).toMatchInlineSnapshot(`
      "(c1.in, c1.weights) -> (c1, c1.grad)
        %6 = 0.0101 + 3.21·c1.in + c1.in·c1.weights
        c1 = %6
        c1.grad = norm(c1.weights, min(c1.in, 2))·(c1.weights + step(%6: 1 from 0.101, 2 from 0.201, 3 from 0.401, 1 more))
      "
    `);
  });

  test('is linear in the functional', () => {
    const text = printFunctional(ten);
    expect(text.length).toBeLessThan(40 * ten.nodes.length);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(200);
  });
});

describe('JSON', () => {
  test('holds functionals exactly', () => {
    fc.assert(
      fc.property(functionals(['a', 'b'], ['y', 'z']), (functional) => {
        expect(parsed(JSON.parse(JSON.stringify(functionalToJson(functional))))).toEqual(functional);
      }),
      cases(200),
    );
    expect(parsed(functionalToJson(ten))).toEqual(ten);
  });

  test('that is no functional is refused with the place', () => {
    const one = ['constant', [1, 0]];
    const problem = (inputs: unknown, nodes: unknown, outputs: unknown): string => {
      const read = functionalFromJson({ inputs, nodes, outputs });
      return 'problem' in read ? read.problem : 'none';
    };
    expect(problem(['x'], [['input', 'x']], [['y', 0]])).toBe('none');
    expect(functionalFromJson(null)).toEqual({ problem: 'it is not an object' });
    expect(problem(['x', 'x'], [], [])).toBe('its inputs are not distinct names');
    expect(problem([], 3, [])).toBe('its nodes are not a list');
    const malformed: unknown[] = [
      ['input', 'y'],
      ['sum', 0, 1],
      ['sum', 0],
      ['sqrt', 0, 0],
      ['sum', 0, -1],
      ['sum', 0, 0.5],
      ['toString', 0, 0],
      ['constant', [0.5, 0]],
      ['step', 0, []],
      ['step', 0, [[[1, 0]]]],
      [
        'step',
        0,
        [
          [
            [1, 0],
            [1, 1],
          ],
          [
            [1, 0],
            [1, 2],
          ],
        ],
      ],
      {},
    ];
    for (const node of malformed) {
      expect(problem(['x'], [one, node], [['y', 0]])).toBe('its node 1 is malformed');
    }
    for (const outputs of [
      undefined,
      [['y', 1]],
      [[0, 0]],
      [
        ['y', 0],
        ['y', 0],
      ],
    ]) {
      expect(problem([], [one], outputs)).toBe('its outputs are not distinct names of nodes');
    }
  });
});
