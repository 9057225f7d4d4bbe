import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import { inner, mul, square, sum } from '../../compiler/ops/algebra.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { along, backward, distance, dot, valuesAt } from '../support/calculus.ts';
import { real } from '../support/draws.ts';
import { cases } from '../support/property.ts';
import { randomGraphs } from '../support/random-graph.ts';

const VECTOR = { dtype: 'f32', shape: [2] } as const;

describe('gradients', () => {
  test('of a value that is read twice are sums', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'parameter', VECTOR);
    const loss = sum(builder, mul(builder, x, builder.op('exp', [x], {})), [0]);
    const [gradient] = valuesAt(
      builder,
      differentiate(builder, loss, [x], backward),
      new Map([['x', ndarray([2], [0, 1])]]),
    );
    expect(distance(gradient ?? ndarray([]), ndarray([2], [1, 2 * Math.E]))).toBeLessThan(1e-15);
  });

  test('of what the loss does not read are zero', () => {
    const builder = newBuilder();
    const [x, y] = [builder.input('x', 'parameter', VECTOR), builder.input('y', 'parameter', VECTOR)];
    const loss = sum(builder, x, [0]);
    const point = new Map([
      ['x', ndarray([2])],
      ['y', ndarray([2])],
    ]);
    const values = valuesAt(builder, differentiate(builder, loss, [y, x], backward), point);
    expect(values.map((v) => [...v.data])).toEqual([
      [0, 0],
      [1, 1],
    ]);
  });

  test('with respect to a value in the middle and to what it is computed from', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'parameter', VECTOR);
    const y = square(builder, x);
    const loss = sum(builder, square(builder, y), [0]);
    const point = new Map([['x', ndarray([2], [1, 2])]]);
    const values = valuesAt(builder, differentiate(builder, loss, [x, y, loss], backward), point);
    expect(values.map((v) => [...v.data])).toEqual([[4, 32], [2, 8], [1]]);
  });

  test('visit nothing but the paths from the parameters', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', VECTOR);
    const w = builder.input('w', 'parameter', VECTOR);
    const data = builder.named('data', () => builder.op('exp', [x], {}));
    const loss = sum(builder, mul(builder, data, w), [0]);
    const before = builder.nodes.length;
    differentiate(builder, loss, [w], backward);
    expect(builder.nodes.slice(before).filter((node) => node.origin.name === 'data')).toEqual([]);
  });

  test('carry the provenance that is asked for', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'parameter', VECTOR);
    const span = { start: 3, end: 9 };
    const y = builder.at({ phase: 'F', span, name: 'c1.out' }, () => builder.op('exp', [x], {}));
    const before = builder.nodes.length;
    differentiate(builder, sum(builder, y, [0]), [x], ({ origin }) => ({ ...origin, phase: 'B' }));
    const made = builder.nodes.slice(before).filter((node) => node.origin.phase === 'B');
    expect(made.map((node) => node.origin)).toContainEqual({ phase: 'B', span, name: 'c1.out' });
  });

  test('pass through ten thousand layers', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'parameter', VECTOR);
    let y = x;
    for (let layer = 0; layer < 10_000; layer++) y = builder.op('add', [builder.op('relu', [y], {}), x], {});
    const point = new Map([['x', ndarray([2], [1, -1])]]);
    const [gradient] = valuesAt(builder, differentiate(builder, sum(builder, y, [0]), [x], backward), point);
    expect([...(gradient?.data ?? [])]).toEqual([10_001, 1]);
  });

  test('of a seed of another shape are refused', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'parameter', VECTOR);
    expect(() => differentiate(builder, x, [x], backward, builder.constant(1))).toThrow(
      'cotangent of shape []',
    );
  });
});

describe('on random graphs', () => {
  test('gradients are those of finite differences', () => {
    fc.assert(
      fc.property(randomGraphs({ smooth: true }), ({ builder, parameters, loss, point }) => {
        const gradients = valuesAt(
          builder,
          differentiate(
            builder,
            loss,
            parameters.map((p) => p.value),
            backward,
          ),
          point,
        );
        const value = (at: typeof point) => valuesAt(builder, [loss], at)[0] ?? ndarray([]);
        parameters.forEach(({ name, shape, size }, i) => {
          const tangent = ndarray(shape, real(`${name} tangent`, size));
          const expected = along(value, point, new Map([[name, tangent]])).data[0] ?? 0;
          const slope = dot(gradients[i] ?? tangent, tangent);
          expect(Math.abs(slope - expected)).toBeLessThan(1e-6 * (1 + Math.abs(expected)));
        });
      }),
      cases(100),
    );
  });

  test('second derivatives are symmetric: ⟨u, H·v⟩ = ⟨v, H·u⟩, at kinks too', () => {
    fc.assert(
      fc.property(randomGraphs({ smooth: false }), ({ builder, parameters, loss, point }) => {
        const wrt = parameters.map((p) => p.value);
        const gradients = differentiate(builder, loss, wrt, backward);
        const direction = (key: string) =>
          parameters.map((p) => ndarray(p.shape, real(`${p.name} ${key}`, p.size)));
        const product = (tangents: readonly ReturnType<typeof ndarray>[]) => {
          const terms = gradients.map((g, i) => {
            const tangent = tangents[i] ?? ndarray([]);
            return inner(builder, g, builder.constant([...tangent.data], tangent.shape));
          });
          const slope = terms.reduce((a, b) => builder.op('add', [a, b], {}));
          return valuesAt(builder, differentiate(builder, slope, wrt, backward), point);
        };
        const contract = (a: readonly ReturnType<typeof ndarray>[], b: typeof a) =>
          a.reduce((total, x, i) => total + dot(x, b[i] ?? x), 0);
        const [u, v] = [direction('u'), direction('v')];
        const [left, right] = [contract(u, product(v)), contract(v, product(u))];
        expect(Math.abs(left - right)).toBeLessThan(1e-9 * (1 + Math.abs(left)));
      }),
      cases(100),
    );
  });
});
