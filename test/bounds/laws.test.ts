import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DOMAINS } from '../../compiler/analysis/worst-case/domain.ts';
import { compose, identity, parallel } from '../../compiler/functional/algebra.ts';
import { apply, local } from '../../compiler/functional/apply.ts';
import { add, compare, ONE, ZERO } from '../../compiler/numeric/bound.ts';
import { cases } from '../support/property.ts';
import { analyse, type Case } from './check.ts';
import { crossing, factsOfCase, inputsOf, part, pointOf } from './composition.ts';
import { graphCase, kinked, MAKINGS, seeds } from './graphs.ts';

const MAKING = MAKINGS['quantizers between'];
const anyCase: fc.Arbitrary<Case> = fc.tuple(kinked, seeds).map(([random, seed]) => {
  if (MAKING === undefined) throw new Error('no such making');
  return graphCase(random, seed, MAKING);
});

/** A case in two parts that are analysed by themselves, at ranges of one pass over the whole. */
function halves(one: Case, share: number, domain: (typeof DOMAINS)[number]) {
  const { graph } = one;
  const facts = factsOfCase(one, domain);
  const inputs = inputsOf(graph);
  const outputs = [...new Set(graph.outputs.map(({ value }) => value))];
  const cut = inputs.length + Math.floor(share * (graph.nodes.length - inputs.length));
  const through = [...new Set([...crossing(graph, cut, outputs)])];
  const first = part(graph, facts, domain, { start: 0, end: cut, inputs, outputs: through });
  const second = part(graph, facts, domain, {
    start: cut,
    end: graph.nodes.length,
    inputs: through,
    outputs,
  });
  const whole = part(graph, facts, domain, { start: 0, end: graph.nodes.length, inputs, outputs });
  return { first, second, whole };
}

describe('law 1: composition', () => {
  test.each(['componentwise', 'spectral'] as const)(
    'of parts is the whole as data, in the %s domain',
    (domain) => {
      fc.assert(
        fc.property(anyCase, fc.double({ min: 0, max: 1, noNaN: true }), (one, share) => {
          const { first, second, whole } = halves(one, share, domain);
          expect(compose(second, first)).toEqual(whole);
        }),
        cases(150, 2000),
      );
    },
  );

  test('of parts is never smaller than the whole, in the meet', () => {
    fc.assert(
      fc.property(anyCase, fc.double({ min: 0, max: 1, noNaN: true }), (one, share) => {
        const { first, second, whole } = halves(one, share, 'meet');
        const point = pointOf(one, 'meet');
        const composed = apply(compose(second, first), point);
        for (const [name, bound] of apply(whole, point)) {
          if (compare(bound, composed.get(name) ?? ZERO) > 0) throw new Error(`${name}: the whole is larger`);
        }
      }),
      cases(150, 2000),
    );
  });

  test('has identities, and parts side by side are the block-diagonal map', () => {
    fc.assert(
      fc.property(anyCase, anyCase, (one, other) => {
        const a = part(one.graph, factsOfCase(one, 'meet'), 'meet', ends(one));
        expect(compose(a, identity(a.inputs))).toEqual(a);
        expect(compose(identity(a.outputs.map(({ name }) => name)), a)).toEqual(a);
        const b = part(other.graph, factsOfCase(other, 'meet'), 'meet', ends(other));
        const apart = (name: string) => `other ${name}`;
        const renamed = {
          ...b,
          inputs: b.inputs.map(apart),
          nodes: b.nodes.map((node) => (node.kind === 'input' ? { ...node, name: apart(node.name) } : node)),
          outputs: b.outputs.map(({ name, node }) => ({ name: apart(name), node })),
        };
        const [p, q] = [pointOf(one, 'meet'), pointOf(other, 'meet')];
        const point = new Map([...p, ...Array.from(q, ([name, bound]) => [apart(name), bound] as const)]);
        const both = apply(parallel(a, renamed), point);
        for (const [name, bound] of apply(a, p)) expect(both.get(name)).toEqual(bound);
        for (const [name, bound] of apply(b, q)) expect(both.get(apart(name))).toEqual(bound);
      }),
      cases(40, 500),
    );
  });
});

function ends({ graph }: Case) {
  const outputs = [...new Set(graph.outputs.map(({ value }) => value))];
  return { start: 0, end: graph.nodes.length, inputs: inputsOf(graph), outputs };
}

describe('law 2: the functional', () => {
  test('is what numbers give, is monotone, and is the local rounding at 0', () => {
    fc.assert(
      fc.property(anyCase, fc.constantFrom(...DOMAINS), (one, domain) => {
        const phi = part(one.graph, factsOfCase(one, domain), domain, ends(one));
        const point = pointOf(one, domain);
        const here = apply(phi, point);
        const larger = apply(
          phi,
          pointOf(one, domain, (bound) => add(add(bound, bound), { ...ONE, exponent: -40 })),
        );
        const nothing = local(phi);
        const exact: Case = {
          ...one,
          inputs: new Map(Array.from(one.inputs, ([name, x]) => [name, { ...x, computed: x.real }])),
        };
        const [numbers, without] = [analyse(one, domain), analyse(exact, domain)];
        for (const { value } of one.graph.outputs) {
          for (const norm of domain === 'spectral' ? (['two'] as const) : (['inf'] as const)) {
            const name = `v${value}.${norm}`;
            // In a domain of one norm the inputs' other norm is what follows from it, which numbers take as it is.
            if (domain === 'meet') {
              expect(here.get(name)).toEqual(numbers.errors[value]?.[norm]);
              expect(nothing.get(name)).toEqual(without.errors[value]?.[norm]);
            }
            expect(compare(nothing.get(name) ?? ZERO, here.get(name) ?? ZERO)).toBeLessThanOrEqual(0);
            expect(compare(here.get(name) ?? ZERO, larger.get(name) ?? ZERO)).toBeLessThanOrEqual(0);
          }
        }
      }),
      cases(200, 3000),
    );
  });
});
