import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compose,
  copy,
  identity,
  pair,
  parallel,
  rename,
  select,
  total,
} from '../../compiler/functional/algebra.ts';
import { apply, local } from '../../compiler/functional/apply.ts';
import { FunctionalBuilder } from '../../compiler/functional/builder.ts';
import { levelAt, stepsOf } from '../../compiler/functional/step.ts';
import {
  add,
  type Bound,
  compare,
  fromNumber,
  isUnbounded,
  max,
  min,
  ZERO,
} from '../../compiler/numeric/bound.ts';
import { compareDyadic, dyadicOf, timesDyadic } from '../support/dyadic.ts';
import { build, functionals, magnitudes, points, recipes, reference } from '../support/functionals.ts';
import { cases } from '../support/property.ts';

const A = ['a1', 'a2'];
const B = ['b1', 'b2', 'b3'];
const C = ['c1', 'c2'];
const D = ['d1'];

describe('functionals compose as maps do', () => {
  test('associatively, to equal data', () => {
    fc.assert(
      fc.property(functionals(A, B), functionals(B, C), functionals(C, D), (f, g, h) => {
        const composed = compose(h, g, f);
        expect(compose(compose(h, g), f)).toEqual(composed);
        expect(compose(h, compose(g, f))).toEqual(composed);
      }),
      cases(200),
    );
  });

  test('with the identity as neutral element', () => {
    fc.assert(
      fc.property(functionals(A, B), points(A), (f, point) => {
        expect(compose(identity(B), f)).toEqual(f);
        expect(compose(f, identity(A))).toEqual(f);
        expect(apply(identity(A), point)).toEqual(point);
      }),
      cases(100),
    );
  });

  test('and apply one after the other', () => {
    fc.assert(
      fc.property(functionals(A, B), functionals(B, C), points(A), (f, g, point) => {
        expect(apply(compose(g, f), point)).toEqual(apply(g, apply(f, point)));
      }),
      cases(200),
    );
  });

  test('only where each reads what the next gives', () => {
    expect(() => compose(identity(['x', 'y']), identity(['x', 'z']))).toThrow(
      "functionals do not compose: 'y' is read but not given, 'z' is given but not read",
    );
    expect(() => compose()).toThrow('a composition of nothing');
  });
});

describe('side by side', () => {
  test('parallel is block-diagonal', () => {
    fc.assert(
      fc.property(functionals(A, B), functionals(C, D), points(A), points(C), (f, g, a, c) => {
        const both = apply(parallel(f, g), new Map([...a, ...c]));
        expect(both).toEqual(new Map([...apply(f, a), ...apply(g, c)]));
      }),
      cases(100),
    );
  });

  test('parallel and compose interchange', () => {
    const E = ['e1', 'e2'];
    const F = ['f1'];
    fc.assert(
      fc.property(
        functionals(A, B),
        functionals(B, C),
        functionals(D, E),
        functionals(E, F),
        (f, g, h, k) => {
          expect(compose(parallel(g, k), parallel(f, h))).toEqual(parallel(compose(g, f), compose(k, h)));
        },
      ),
      cases(100),
    );
  });

  test('pair is parallel after copies', () => {
    fc.assert(
      fc.property(functionals(['a1'], B), functionals(['a1'], C), (f, g) => {
        const apart = parallel(
          rename(f, { inputs: new Map([['a1', 'left']]) }),
          rename(g, { inputs: new Map([['a1', 'right']]) }),
        );
        expect(compose(apart, copy('a1', ['left', 'right']))).toEqual(pair(f, g));
      }),
      cases(100),
    );
  });

  test('names that clash are refused', () => {
    expect(() => parallel(identity(['x']), copy('x', ['y']))).toThrow('share an input');
    expect(() => pair(identity(['x']), identity(['x']))).toThrow("two outputs of a functional are named 'x'");
    expect(() => identity(['x', 'x'])).toThrow("two inputs of a functional are named 'x'");
  });
});

describe('residual connections', () => {
  test('are copy, then the branch, then the sum', () => {
    fc.assert(
      fc.property(functionals(['x'], ['y']), magnitudes, (branch, error) => {
        const residual = compose(
          total(['y', 'shortcut'], 'out'),
          parallel(branch, identity(['shortcut'])),
          copy('x0', ['x', 'shortcut']),
        );
        const through = apply(branch, new Map([['x', error]])).get('y') ?? ZERO;
        expect(apply(residual, new Map([['x0', error]])).get('out')).toEqual(add(through, error));
      }),
      cases(100),
    );
  });
});

describe('the map', () => {
  test('is monotone in every input', () => {
    fc.assert(
      fc.property(functionals(A, B), points(A), points(A), (f, p, q) => {
        const pick = (choose: (a: Bound, b: Bound) => Bound): Map<string, Bound> =>
          new Map(A.map((name) => [name, choose(p.get(name) ?? ZERO, q.get(name) ?? ZERO)]));
        const low = apply(f, pick(min));
        for (const [name, high] of apply(f, pick(max))) {
          expect(compare(low.get(name) ?? ZERO, high)).toBeLessThanOrEqual(0);
        }
      }),
      cases(300),
    );
  });

  test('has its value at 0 as the local error', () => {
    fc.assert(
      fc.property(functionals(A, B), points(A), (f, point) => {
        expect(local(f)).toEqual(apply(f, new Map(A.map((name) => [name, ZERO]))));
        for (const [name, error] of apply(f, point)) {
          expect(compare(local(f).get(name) ?? ZERO, error)).toBeLessThanOrEqual(0);
        }
      }),
      cases(100),
    );
    expect(local(identity(A))).toEqual(new Map(A.map((name) => [name, ZERO])));
  });

  test('is at or above the exact value, however the expression was simplified', () => {
    fc.assert(
      fc.property(recipes(A, B), points(A), (recipe, point) => {
        const computed = apply(build(recipe), point);
        const exact = reference(recipe, new Map([...point].map(([name, x]) => [name, dyadicOf(x)])));
        recipe.outputs.forEach(([name], i) => {
          const value = computed.get(name) ?? ZERO;
          expect(compareDyadic(dyadicOf(value), exact[i]?.value ?? dyadicOf(ZERO))).toBeGreaterThanOrEqual(0);
        });
      }),
      cases(1000),
    );
  });

  test('is above it by no more than a few units in the last place for each rounding', () => {
    fc.assert(
      fc.property(recipes(A, B, { steps: false }), points(A), (recipe, point) => {
        const computed = apply(build(recipe), point);
        const exact = reference(recipe, new Map([...point].map(([name, x]) => [name, dyadicOf(x)])));
        recipe.outputs.forEach(([name], i) => {
          const { value, roundings } = exact[i] ?? { value: dyadicOf(ZERO), roundings: 0 };
          // (1 + 2^-52)^k ≤ 1 + k·2^-51, and one more for the reference's own truncation.
          const slack = { significand: 2n ** 51n + BigInt(roundings) + 1n, exponent: -51 };
          const most = timesDyadic(value, slack);
          expect(compareDyadic(dyadicOf(computed.get(name) ?? ZERO), most)).toBeLessThanOrEqual(0);
        });
      }),
      cases(1000),
    );
  });

  test('asks for a bound of every input', () => {
    expect(() => apply(identity(A), new Map([['a1', ZERO]]))).toThrow("no bound for the input 'a2'");
  });
});

describe('the canonical form', () => {
  const x = new FunctionalBuilder(['x', 'y']);
  const [a, b] = [x.input('x'), x.input('y')];
  const zero = x.constant(ZERO);
  const one = x.constant(fromNumber(1));

  test('leaves out what changes no value', () => {
    expect([x.sum([a, zero]), x.product([one, a]), x.max([zero, a]), x.norm([a, zero])]).toEqual([
      a,
      a,
      a,
      a,
    ]);
    expect([x.min([a, a]), x.max([a, a]), x.scale(fromNumber(1), a)]).toEqual([a, a, a]);
    expect([x.product([a, zero]), x.min([a, zero]), x.sqrt(zero), x.sum([]), x.step(a, [])]).toEqual(
      Array(5).fill(zero),
    );
    expect(x.product([])).toBe(one);
    expect(() => x.min([])).toThrow('min of nothing');
  });

  test('keeps everything else: order, repetition, constants', () => {
    expect(x.sum([a, b])).not.toBe(x.sum([b, a]));
    expect(x.sum([a, a])).not.toBe(a);
    expect(x.sum([a, one, one])).not.toBe(x.sum([a, x.constant(fromNumber(2))]));
  });

  test('has equal expressions once, and only what an output needs', () => {
    const f = x.build([
      ['u', x.sum([x.product([a, b]), one])],
      ['v', x.product([a, b])],
    ]);
    expect(f.nodes).toHaveLength(5);
    expect(select(f, ['v']).nodes).toHaveLength(3);
    expect(() => select(f, ['w'])).toThrow("does not give 'w'");
    expect(x.build([['x', a]])).toEqual(select(pair(identity(['x']), identity(['y'])), ['x']));
  });
});

describe('steps of uncertain masks', () => {
  const elements = [0.5, 0.25, 0.5, 2].map((margin, i) => ({
    margin: fromNumber(margin),
    cost: fromNumber([3, 8, 4, 0][i] ?? 0),
  }));
  const level = (norm: 'l1' | 'l2' | 'inf', error: number): number => {
    const { mantissa, exponent } = levelAt(stepsOf(elements, norm), fromNumber(error));
    return mantissa * 2 ** exponent;
  };

  test('charge an element from its margin on, in each norm', () => {
    const below = 0.25 - 2 ** -54;
    expect([0, below, 0.25, 0.4, 0.5, 100].map((e) => level('l1', e))).toEqual([0, 0, 8, 8, 15, 15]);
    expect([below, 0.25].map((e) => level('l2', e))).toEqual([0, 8]);
    expect(level('l2', 0.5)).toBeCloseTo(Math.sqrt(89), 12);
    expect([below, 0.25, 0.5].map((e) => level('inf', e))).toEqual([0, 8, 8]);
    expect(stepsOf(elements, 'inf')).toHaveLength(1);
    expect(stepsOf([], 'l1')).toEqual([]);
  });

  test('must ascend', () => {
    const builder = new FunctionalBuilder(['e']);
    const steps = stepsOf(elements, 'l1');
    expect(() => builder.step(builder.input('e'), [...steps].reverse())).toThrow('do not ascend');
  });
});

describe('ten thousand layers', () => {
  const layer = (): ReturnType<typeof identity> => {
    const builder = new FunctionalBuilder(['x', 'w']);
    const [x, w] = [builder.input('x'), builder.input('w')];
    const amplified = builder.scale(fromNumber(3), x);
    return builder.build([
      ['x', builder.sum([amplified, builder.product([x, w]), builder.constant(fromNumber(1e-3))])],
      ['w', w],
    ]);
  };

  test('compose to a functional ten thousand times as large with a finite bound', () => {
    const deep = compose(...Array.from({ length: 10_000 }, layer));
    // Three nodes a layer, and the inputs and constants that all share.
    expect(deep.nodes).toHaveLength(4 + 3 * 10_000);
    const bound = apply(deep, new Map(['x', 'w'].map((name) => [name, fromNumber(0.1)]))).get('x') ?? ZERO;
    expect(isUnbounded(bound)).toBe(false);
    // 3.1^10000 · (0.1 + 0.001/2.1), of which the roundings may add 4·10^4 units in the last place.
    const exponent = 10_000 * Math.log2(3.1) + Math.log2(0.1 + 0.001 / 2.1);
    expect(Math.abs(bound.exponent + Math.log2(bound.mantissa) - exponent)).toBeLessThan(1e-9);
  });
});
