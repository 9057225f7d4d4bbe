import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NUMBERS } from '../../compiler/analysis/worst-case/algebras.ts';
import { DOMAINS } from '../../compiler/analysis/worst-case/domain.ts';
import { errorsOf } from '../../compiler/analysis/worst-case/errors.ts';
import type { Errors } from '../../compiler/ir/bound-rules.ts';
import { type Graph, nodeOf, type Value } from '../../compiler/ir/graph.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import {
  type Bound,
  compare,
  fromNumber,
  isUnbounded,
  multiply,
  toNumber,
} from '../../compiler/numeric/bound.ts';
import type { FloatElement, IntElement } from '../../compiler/numeric/format.ts';
import { backward } from '../support/calculus.ts';
import { cases } from '../support/property.ts';
import { caseOf, DRAWINGS } from './cases.ts';
import { analyse, type Case, givenError } from './check.ts';
import { factsOfCase } from './composition.ts';
import { graphCase, kinked, type Making, seeds, withQuantizers } from './graphs.ts';
import { exactTensor } from './operands.ts';
import { Random } from './random.ts';

const OPS = Object.keys(DRAWINGS) as OpName[];
const QUANTIZERS: readonly OpName[] = ['quantize', 'quantizeStochastic', 'quantizeMask', 'quantScale'];

/** Ops that give exactly what they are given, so that they add nothing to inputs without error. */
const EXACT: ReadonlySet<OpName> = new Set<OpName>([
  ...([
    'neg',
    'abs',
    'relu',
    'step',
    'stopGradient',
    'minimum',
    'maximum',
    'broadcastTo',
    'reshape',
  ] as const),
  ...([
    'transpose',
    'slice',
    'pad',
    'oneHot',
    'maxPool',
    'maxPoolPick',
    'quantizeCotangent',
    'uniform',
  ] as const),
  'normal',
]);

describe('law 2: without quantizers there is accumulation error alone', () => {
  test.each(OPS.filter((op) => !QUANTIZERS.includes(op)))('%s', (op) => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const drawn = caseOf(op, seed);
        fc.pre(!drawn.graph.nodes.some((node) => node.kind === 'op' && QUANTIZERS.includes(node.op)));
        const inputs = new Map(Array.from(drawn.inputs, ([name, x]) => [name, { ...x, computed: x.real }]));
        const { terms } = analyse({ ...drawn, inputs }, 'meet');
        for (const { through, local } of terms.values()) {
          for (const { inf, two } of through) expect([inf.mantissa, two.mantissa]).toEqual([0, 0]);
          if (EXACT.has(op)) expect([local.inf.mantissa, local.two.mantissa]).toEqual([0, 0]);
        }
      }),
      cases(20, 200),
    );
  });
});

/**
 * One more bit of codes or of the significand. One more of the exponent is another grid: a scale that follows the data then meets the
 * smallest float32 scale at larger numbers, and what lies below that is rounded in absolute steps.
 */
function wider(element: IntElement | FloatElement): IntElement | FloatElement {
  return element.kind === 'int'
    ? { ...element, bits: element.bits + 1 }
    : { ...element, mantissa: element.mantissa + 1 };
}

function withElements(
  graph: Graph,
  change: (element: IntElement | FloatElement) => IntElement | FloatElement,
): Graph {
  const nodes = graph.nodes.map((node) => {
    if (node.kind !== 'op' || !('element' in node.attributes)) return node;
    const attributes = { ...node.attributes, element: change(node.attributes.element) };
    return { ...node, attributes } as typeof node;
  });
  return { ...graph, nodes };
}

function errors(
  graph: Graph,
  one: Case,
  facts: ReturnType<typeof factsOfCase>,
  domain: (typeof DOMAINS)[number],
) {
  return errorsOf(graph, {
    algebra: NUMBERS,
    facts,
    domain,
    given: (value): Errors<Bound> | undefined => {
      const node = nodeOf(graph, value);
      const tensor = node.kind === 'input' ? one.inputs.get(node.input) : undefined;
      return tensor && givenError(tensor);
    },
  });
}

/** Nothing is known by its elements: the rounding that a known weight really has may rise with its bits. */
function unknown(one: Case): Case {
  return { ...one, inputs: new Map(Array.from(one.inputs, ([name, x]) => [name, { ...x, known: false }])) };
}

const QUANTIZED: Making = { quantized: 0.3, differentiated: true, disturbed: true };

test('law 3: a bit more in every format of a family raises no bound, at fixed ranges', () => {
  fc.assert(
    fc.property(
      kinked,
      seeds,
      fc.constantFrom(...DOMAINS),
      fc.boolean(),
      (random, seed, domain, _exponent) => {
        const one = unknown(graphCase(random, seed, QUANTIZED));
        const facts = factsOfCase(one, domain);
        const narrow = errors(one.graph, one, facts, domain);
        const wide = errors(withElements(one.graph, wider), one, facts, domain);
        one.graph.nodes.forEach((node, value) => {
          // A scale by itself is not an error of a value: it may round where that of a coarser grid does not.
          if (node.kind === 'op' && node.op === 'quantScale') return;
          for (const norm of ['inf', 'two'] as const) {
            const [before, after] = [narrow[value]?.[norm], wide[value]?.[norm]];
            if (before === undefined || after === undefined || compare(after, before) > 0)
              throw new Error(
                `%${value} ${norm}: ${after && toNumber(after)} after ${before && toNumber(before)}`,
              );
          }
        });
      },
    ),
    { ...cases(150, 2000), endOnFailure: true },
  );
});

test('law 5: a loss scaled by a power of two changes no relative bound of a gradient whose formats follow it', () => {
  fc.assert(
    fc.property(kinked, seeds, fc.integer({ min: -20, max: 20 }), (random, seed, k) => {
      const drawn = new Random(seed);
      const { builder, loss, values } = withQuantizers(random.builder, random.loss, drawn, 0.1, true);
      const cotangent = builder.input('cotangent', 'batch', { dtype: 'f32', shape: [] });
      const wrt = random.parameters.map(({ value }) => values[value] ?? -1);
      const gradients = differentiate(builder, loss, wrt, backward, cotangent);
      const graph = builder.build(
        'scaled',
        gradients.map((value, i) => ({ name: `g${i}`, value })),
      );
      const plain = random.parameters.map(({ name, shape, size }) => {
        const numbers = Array.from({ length: size }, () => drawn.between(-2, 2));
        return [name, exactTensor(shape, numbers)] as const;
      });
      const at = (power: number) =>
        analyse({ graph, inputs: new Map([...plain, ['cotangent', exactTensor([], [2 ** power])]]) }, 'meet');
      const [here, there] = [at(0), at(k)];
      for (const gradient of gradients) expectScaled(gradient, here.errors, there.errors, k);
    }),
    { ...cases(100, 1500), endOnFailure: true },
  );
});

/** What underflows does not scale; next to gradients near 1 it is nothing. */
function expectScaled(
  value: Value,
  here: readonly Errors<Bound>[],
  there: readonly Errors<Bound>[],
  k: number,
): void {
  for (const norm of ['inf', 'two'] as const) {
    const [a, b] = [here[value]?.[norm], there[value]?.[norm]];
    if (a === undefined || b === undefined) throw new Error(`%${value} is not analysed`);
    if (isUnbounded(a) || isUnbounded(b)) {
      expect(isUnbounded(a)).toBe(isUnbounded(b));
      continue;
    }
    const scaled = multiply(a, fromNumber(2 ** k));
    const near = (x: Bound, y: Bound) => compare(x, multiply(y, fromNumber(1 + 2 ** -20))) <= 0;
    expect([near(scaled, b), near(b, scaled)]).toEqual([true, true]);
  }
}
