import { describe, expect, test } from 'vitest';
import { probabilityStatement } from '../../compiler/analysis/certificate/index.ts';
import { type Levels, measure, modelErrors } from '../../compiler/analysis/probability/index.ts';
import type { ProbabilityStatement } from '../../compiler/certificate/index.ts';
import { namedQuantizers } from '../../compiler/certificate/index.ts';
import { checkModel } from '../../compiler/certify/model.ts';
import { Findings } from '../../compiler/certify/verdict.ts';
import { nodeOf } from '../../compiler/ir/graph.ts';
import { type Format, formatName } from '../../compiler/numeric/format.ts';
import { CNN, referenceEvaluate, situation, widths } from '../analysis/probability/support.ts';
import { randomBatch } from '../support/run-program.ts';

const at = situation({ model: CNN, precision: widths(8), batch: 8 }, 41);
const withBits = (format: Format, bits: number): Format =>
  format.element.kind === 'int' ? { ...format, element: { ...format.element, bits } } : format;
const rounding = [...at.program.plan.sites.values()].filter(({ format }) => format.element.kind === 'int');
const levels: Levels = new Map(
  rounding.map(({ site, format }) => [site.name, [4, 6, 8].map((bits) => withBits(format, bits))]),
);
const other = { name: 'another', tensors: randomBatch(at.program, 42) };

describe.each(['real', 'quantized_point'] as const)('what is predicted against %s', async (reference) => {
  const table = await measure(at.program, at.point, [at.batch, other], referenceEvaluate(5), {
    reference,
    levels,
    quantities: ['gradient', 'gradient:c1.weights', 'update', ...(reference === 'real' ? ['logits'] : [])],
  });
  const graph = at.program.stepWithGradients;
  const sites = [...namedQuantizers(graph)].flatMap(([site, value]) =>
    reference === 'real' || nodeOf(graph, value).origin.phase !== 'F' ? [site] : [],
  );
  const stated = (bitsOf: (i: number) => number) =>
    probabilityStatement(
      table,
      new Map(rounding.map(({ site, format }, i) => [site.name, formatName(withBits(format, bitsOf(i)))])),
    );
  const discrepancies = (statement: ProbabilityStatement) => {
    const findings = new Findings();
    checkModel(statement, '/probability/0', sites, findings);
    return findings.verdict().discrepancies;
  };

  test.each([
    ['measured', () => 8],
    ['narrow', () => 4],
    ['mixed', (i: number) => [4, 6, 8][i % 3] ?? 8],
  ])('is recomputed from the statement alone at %s formats', (_, bitsOf) => {
    const statement = stated(bitsOf);
    expect(discrepancies(statement)).toEqual([]);
    const assignment = new Map(
      rounding.map(({ site, format }, i) => [site.name, formatName(withBits(format, bitsOf(i)))]),
    );
    for (const [i, error] of modelErrors(table, 'gradient', assignment).entries())
      expect(statement.batches[i]?.quantities['gradient']?.quantile).toBe(error.quantile);
  });

  test('is refused where a figure, a coefficient that counts or a site is another one', () => {
    const changed = (change: (json: Json) => void) => {
      const json = JSON.parse(JSON.stringify(stated(() => 6)));
      change(json);
      return discrepancies(json).map(({ at: where }) => where);
    };
    expect(changed((s) => scale(s.batches[0].quantities.gradient, 'rms', 1.01))).toEqual([
      '/probability/0/batches/0/quantities/gradient/rms',
    ]);
    expect(changed((s) => scale(s.batches[1].quantities.update, 'quantile', 0.99))).toEqual([
      '/probability/0/batches/1/quantities/update/quantile',
    ]);
    expect(changed((s) => scale(s.batches[0].quantities.gradient.sites, 'c1.grad', 1.01))).toHaveLength(1);
    expect(changed((s) => scale(s.batches[0].quantities.update.of_gradient, 'measured', 1.01))).toHaveLength(
      1,
    );
    expect(changed((s) => Reflect.deleteProperty(s.batches[0].quantities.gradient.sites, 'c1.grad'))).toEqual(
      ['/probability/0/batches/0/quantities/gradient/sites/c1.grad'],
    );
    if (reference === 'quantized_point') return;
    expect(changed((s) => scale(s.batches[0].kinks[0], 'ratio', 1.01))).toEqual([
      '/probability/0/batches/0/kinks/0/ratio',
    ]);
    expect(changed((s) => scale(s.batches[0].quantities.gradient.switches[0], 'low', 1.01))).toHaveLength(1);
  });
});

type Quantity = Record<string, unknown> & {
  readonly sites: Record<string, number>;
  readonly switches: readonly [Record<string, number>];
  readonly of_gradient: Record<string, number>;
};

interface Batch {
  readonly kinks: readonly [Record<string, number>];
  readonly quantities: { readonly gradient: Quantity; readonly update: Quantity };
}

/** A statement as far as it is changed here. */
interface Json {
  readonly batches: readonly [Batch, Batch];
}

function scale(of: Record<string, unknown>, name: string, by: number): void {
  of[name] = Number(of[name]) * by;
}
