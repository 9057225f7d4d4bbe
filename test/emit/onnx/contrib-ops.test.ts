import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { printModel } from '../../../compiler/emit/onnx/print.ts';
import type { TrainingProgram } from '../../../compiler/lower/program.ts';
import { EngineUnavailable } from '../../../runtime/engines/engine.ts';
import { createOnnxEngine, type OptimizationLevel } from '../../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../../runtime/engines/reference.ts';
import { qspec } from '../../support/cli.ts';
import { compileText, specText } from '../../support/compile.ts';
import { distance, inputsOf } from '../../support/step.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const MODEL = `x |> conv(16, kernel: 3, pad: 1) as c1 |> relu |> maxpool(2)
  |> conv(32, kernel: 5, pad: 2) as c2 |> relu |> conv(16, kernel: 3, stride: 2, pad: 1) as c3 |> relu
  |> conv(16, kernel: 1) as c4 |> relu |> conv(12, kernel: 3) as c5 |> relu |> flatten |> dense(10) as f1`;
const INT8 = 'weights: int8 per channel, activations: int8, gradients: int8 stochastic';
const TRAIN = 'U = momentum(lr: 0.1, momentum: 0.9)\n  T = U ∘ B ∘ F';

/** So small that no code of its gradients lies close enough to a tie to flip. */
const SMALL = `x |> avgpool(4) |> conv(16, kernel: 3, pad: 1) as c1 |> relu
  |> conv(16, kernel: 3, pad: 1) as c2 |> relu |> flatten |> dense(10) as f1`;

function program(precision?: string, model = MODEL): TrainingProgram {
  const text = specText({ model, train: TRAIN, batch: 6, ...(precision ? { precision } : {}) });
  return compileText(text).program;
}

/** Sites of the blocked convolutions of a step. */
function blocked(step: TrainingProgram['step'], block?: number): string[] {
  const { model } = emitOnnx(step, { scheme: 'arithmetic', ...(block ? { block } : {}) });
  expect(checkModel(model)).toEqual([]);
  const domains = model.opsetImport.map(({ domain }) => domain);
  const nodes = model.graph.node.filter((node) => node.domain);
  expect(domains).toEqual(nodes.length === 0 ? [''] : ['', 'com.microsoft.nchwc']);
  for (const node of nodes) expect(printModel(model)).toContain(`com.microsoft.nchwc.${node.opType}(`);
  return nodes.filter(({ opType }) => opType === 'Conv').map(({ name }) => name.replace(/\.Conv.*$/, ''));
}

test('a step holds standard operators only, unless it is told the size of a block', () => {
  expect(blocked(program().step)).toEqual([]);
});

test('convolutions of more than one pixel whose channels are whole blocks are blocked, forwards and in the gradient of the input', () => {
  expect(blocked(program().step, 16).sort()).toEqual(['c2', 'c2.grad', 'c3.grad', 'c3.grad', 'c3.grad']);
  expect(blocked(program(INT8).step, 16).sort()).toEqual(['c2.grad', 'c3.grad', 'c3.grad', 'c3.grad']);
  expect(blocked(program().step, 64)).toEqual([]);
});

/** Of a whole step no code of which flips: sums of some thousand terms in float32, through five layers and back. */
const TOLERANCE = 2 ** -14;

describe.each(['basic', 'all'] as const)('at level %s', (optimization: OptimizationLevel) => {
  test.each([
    ['f32', program()],
    ['int8', program(INT8, SMALL)],
  ])('the %s step is that of the float64 reference', async (_, of) => {
    const opened = createOnnxEngine({ threads: 2, optimization, contribOps: true });
    const engine = await opened.catch((failure: unknown) => failure);
    if (engine instanceof EngineUnavailable) {
      expect(engine.message).toContain('blocked convolution');
      return;
    }
    expect(blocked(of.step, 16)).not.toEqual([]);
    const inputs = inputsOf(of);
    const { description, load } = await opened;
    expect(description).toMatch(/, convolutions in blocks of (8|16) channels, 2 threads$/);
    const found = await (await load(of.step, { seed: 3 })).run(inputs, 0);
    const reference = await createReferenceEngine().load(of.step, { seed: 3 });
    expect(distance(found, await reference.run(inputs, 0))).toBeLessThan(TOLERANCE);
  });
});

test('other engines have none', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'a.qspec'), specText({ model: 'x |> flatten |> dense(10)' }));
  const { exitCode, stderr } = await qspec(['train', 'a.qspec', '--engine', 'tfjs', '--contrib-ops'], {
    cwd,
  });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('--contrib-ops is of the onnx engine: the tfjs engine has none');
});
