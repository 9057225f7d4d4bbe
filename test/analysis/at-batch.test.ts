import { describe, expect, test } from 'vitest';
import { NUMBERS } from '../../compiler/analysis/worst-case/algebras.ts';
import { prepareAtBatch, realValues } from '../../compiler/analysis/worst-case/at-batch.ts';
import { stepInputs } from '../../compiler/analysis/worst-case/inputs.ts';
import { passErrors, prepareStep } from '../../compiler/analysis/worst-case/pass.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { initialValues } from '../../compiler/lower/initialize.ts';
import { lowerSample } from '../../compiler/lower/training.ts';
import { toNumber } from '../../compiler/numeric/bound.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { evaluateAll } from '../../compiler/ops/evaluate.ts';
import { poolNoises } from '../../compiler/ops/pool-noise.ts';
import { compileText, specText } from '../support/compile.ts';
import { SEED } from '../support/property.ts';

const BATCH = 3;

/** Nets through every op with a slope rule, at formats coarse enough that masks and winners do switch. */
const NETS = {
  dense: 'x |> flatten |> dense(12) |> relu |> dense(9) |> relu |> dense(10)',
  convolutions:
    'x |> maxpool(4) |> conv(3, kernel: 3, pad: 1) |> relu |> maxpool(2) |> flatten |> dense(8) |> relu |> dense(10)',
  'overlapping pools':
    'x |> maxpool(7) |> conv(2, kernel: 2) |> relu |> maxpool(2, stride: 1) |> flatten |> dense(10)',
  averages:
    'x |> normalize([0.2], [0.5]) |> avgpool(4) |> conv(4, kernel: 3) |> relu |> globalavgpool |> dense(10)',
} as const;

function setUp(model: string, bits: number) {
  const { spec, plan, program } = compileText(
    specText({
      model,
      batch: BATCH,
      precision: `weights: int${bits} per channel\nactivations: int${bits}\ngradients: int${bits} stochastic`,
    }),
  );
  const graph = program.stepWithGradients;
  const inputs = new Map<string, NdArray>();
  for (const node of graph.nodes) {
    if (node.kind !== 'input') continue;
    const { input, type } = node;
    const tensor = program.tensors.find(({ name }) => name === input);
    if (tensor) inputs.set(input, ndarray(tensor.shape, initialValues(tensor, spec.train.seed)));
    else if (input === 'x')
      inputs.set(input, ndarray(type.shape, uniforms(SEED, 'x', 0, sizeOf(type.shape))));
    else if (input === 'labels') inputs.set(input, ndarray(type.shape, [3, 0, 9]));
    else inputs.set(input, ndarray(type.shape, [0.1]));
  }
  const facts = stepInputs(spec, program, { seed: spec.train.seed });
  return { program, graph, inputs, single: lowerSample(spec, plan), facts };
}

const noise = (): never => {
  throw new Error('the real step reads no noise that it uses');
};

describe.each(Object.entries(NETS))('bounds of %s', (_, model) => {
  test.each([3, 6, 10])(
    'hold at a named batch at %i bits, in every domain, and are no larger than those of all inputs',
    (bits) => {
      const { program, graph, inputs, single, facts } = setUp(model, bits);
      const zeros = { inputs, noise: (_: string, __: string, shape: readonly number[]) => ndarray(shape) };
      const real = realValues(graph, zeros);
      expect(() => realValues(graph, { inputs, noise })).toThrow();
      const options = { algebra: NUMBERS };
      const everywhere = passErrors(prepareStep(graph, single, facts), options);
      const domains = (['componentwise', 'spectral', 'meet'] as const).map((domain) =>
        passErrors(prepareAtBatch(graph, single, facts, zeros, { domain }), options),
      );
      const [, , meet = []] = domains;
      for (let step = 0; step < 6; step++) {
        const computed = evaluateAll(graph, inputs, poolNoises(graph, SEED)(step));
        for (const { name, value } of graph.outputs) {
          const differences = Array.from(
            computed[value]?.data ?? [],
            (x, i) => x - (real[value]?.data[i] ?? 0),
          );
          const inf = differences.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
          const two = Math.sqrt(differences.reduce((a, b) => a + b * b, 0));
          for (const errors of [...domains, everywhere]) {
            const bound = errors[value];
            if (bound === undefined) throw new Error(`${name} has no bound`);
            expect(inf).toBeLessThanOrEqual(toNumber(bound.inf));
            expect(two).toBeLessThanOrEqual(toNumber(bound.two));
          }
        }
      }
      for (const { value } of graph.outputs.filter(({ name }) => name === 'logits')) {
        expect(
          toNumber(meet[value]?.two ?? everywhere[value]?.two ?? { mantissa: 0, exponent: 0 }),
        ).toBeLessThanOrEqual(toNumber(everywhere[value]?.two ?? { mantissa: 0, exponent: 0 }));
      }
      expect(program.tensors.length).toBeGreaterThan(0);
    },
  );
});
