import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { printModel } from '../../../compiler/emit/onnx/print.ts';
import { MODEL_REWRITES, type Rewrites, STEP_REWRITES } from '../../../compiler/emit/onnx/rewrites/table.ts';
import type { Graph } from '../../../compiler/ir/graph.ts';
import type { Tensors } from '../../../runtime/engines/engine.ts';
import { createOnnxEngine, type OptimizationLevel } from '../../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../../runtime/engines/reference.ts';
import { compileText, specText } from '../../support/compile.ts';
import { distance, inputsOf } from '../../support/step.ts';

test('every rewrite is described', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/engine.md'), 'utf8');
  expect([...STEP_REWRITES, ...MODEL_REWRITES].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

const ALL_OFF: Rewrites = Object.fromEntries(STEP_REWRITES.map((name) => [name, false]));

const INT8 = 'weights: int8 per channel, activations: int8, gradients: int8 stochastic';
/** Small steps in which every rewrite has something to do. */
const STEPS: Readonly<
  Record<string, { readonly model: string; readonly precision?: string; readonly train?: string }>
> = {
  adam: {
    model: 'x |> maxpool(4) |> flatten |> dense(10) as f1',
    // With a large ε the direction is no sign of what rounding left of small gradients.
    train: 'U = adam(lr: 0.1, eps: 1)\n  T = U ∘ B ∘ F',
  },
  plain: {
    model: `x |> conv(4, kernel: 3, pad: 1) as c1 |> relu |> maxpool(2)
      |> conv(8, kernel: 3, pad: 1) as c2 |> relu |> maxpool(2)
      |> flatten |> dense(16) as f1 |> relu |> dense(10) as f2`,
  },
  quantized: {
    model: `x |> conv(8, kernel: 3, pad: 1) as c1 |> relu |> maxpool(2)
      |> conv(8, kernel: 3, pad: 1) as c2 |> relu |> conv(4, kernel: 3, pad: 1) as c3 |> relu |> maxpool(2)
      |> flatten |> dense(10) as f1`,
    precision: INT8,
  },
  // Of weights with one scale for all filters both gradients of a convolution are products of integers.
  'quantized per tensor': {
    model: `x |> conv(8, kernel: 3, pad: 1) as c1 |> relu |> conv(8, kernel: 3, pad: 1) as c2 |> relu |> maxpool(4)
      |> flatten |> dense(10) as f1`,
    precision: 'weights: int8, activations: int8, gradients: int8 stochastic',
  },
  normalized: {
    model: `x |> conv(8, kernel: 3, pad: 1, bias: false) as c1 |> batchnorm as n1 |> relu
      |> conv(8, kernel: 3, stride: 2, pad: 1, bias: false) as c2 |> batchnorm as n2 |> relu
      |> conv(4, kernel: 1, stride: 2, bias: false) as c3 |> globalavgpool |> dense(10) as f1`,
    precision: INT8,
  },
  // Between its layers there is no relu, so that activations are signed; and they are rounded stochastically.
  signed: {
    model: `x |> avgpool(4) |> conv(4, kernel: 3, pad: 1) as c1 |> conv(4, kernel: 3, pad: 1) as c2
      |> conv(4, kernel: 3, stride: 2, pad: 1) as c3 |> flatten |> dense(10) as f1`,
    precision: 'weights: int8 per channel, activations: int8 stochastic, gradients: int8 stochastic',
  },
};

const TRAIN = 'U = momentum(lr: 0.1, momentum: 0.9)\n  T = U ∘ B ∘ F';
const PROGRAMS = Object.entries(STEPS).map(([name, step]) => {
  const { program } = compileText(specText({ train: TRAIN, ...step, batch: 6 }));
  return { name, program };
});

/** Rewrites of tensors of a size for which threads are worthwhile: these keep every bit. */
const OF_LARGE = ['extremeInTwo', 'threadsApart'] as const;
const LARGE = compileText(
  specText({
    train: TRAIN,
    model: `x |> conv(64, kernel: 3, pad: 1) as c1 |> relu |> conv(16, kernel: 3, pad: 1) as c2 |> relu
      |> maxpool(7) |> flatten |> dense(10) as f1`,
    precision: INT8,
    batch: 6,
  }),
).program;

async function run(
  graph: Graph,
  inputs: Tensors,
  rewrites: Rewrites,
  optimization: OptimizationLevel,
): Promise<Tensors> {
  const engine = await createOnnxEngine({ threads: 2, optimization, rewrites });
  const executable = await engine.load(graph, { seed: 3 });
  const outputs = await executable.run(inputs, 0);
  await executable.dispose();
  return outputs;
}

/** Of a whole step no code of which flips: sums of some thousand terms in float32, through three layers and back. */
const TOLERANCE = 2 ** -14;

describe.each(['basic', 'all'] as const)('at level %s', (level) => {
  test.each(PROGRAMS)(
    'the $name step is that of the float64 reference with all rewrites and with none',
    async ({ program }) => {
      const inputs = inputsOf(program);
      const reference = await createReferenceEngine().load(program.step, { seed: 3 });
      const expected = await reference.run(inputs, 0);
      for (const rewrites of [ALL_OFF, {}])
        expect(distance(await run(program.step, inputs, rewrites, level), expected)).toBeLessThan(TOLERANCE);
    },
  );

  test.each(OF_LARGE)('%s changes no bit when it is switched off', async (name) => {
    const texts = [{}, { [name]: false }].map((rewrites) =>
      printModel(emitOnnx(LARGE.step, { scheme: 'arithmetic', rewrites }).model),
    );
    expect(texts[0]).not.toEqual(texts[1]);
    const inputs = inputsOf(LARGE);
    const [on, off] = [
      await run(LARGE.step, inputs, {}, level),
      await run(LARGE.step, inputs, { [name]: false }, level),
    ];
    expect(distance(on, off)).toBe(0);
  });

  const others = STEP_REWRITES.filter((name) => !OF_LARGE.some((large) => large === name));
  test.each(others)('%s changes no result when it is switched off', async (name) => {
    let changes = 0;
    for (const { program } of PROGRAMS) {
      const texts = [{}, { [name]: false }].map((rewrites) => {
        const { model } = emitOnnx(program.step, { scheme: 'arithmetic', rewrites });
        expect(checkModel(model)).toEqual([]);
        return printModel(model);
      });
      if (texts[0] === texts[1]) continue;
      changes++;
      const inputs = inputsOf(program);
      const [on, off] = [
        await run(program.step, inputs, {}, level),
        await run(program.step, inputs, { [name]: false }, level),
      ];
      expect(distance(on, off)).toBeLessThan(TOLERANCE);
    }
    expect(changes, 'the rewrite has something to do').toBeGreaterThan(0);
  });
});
