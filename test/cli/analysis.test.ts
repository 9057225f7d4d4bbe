import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { qspec } from '../support/cli.ts';
import { specText } from '../support/compile.ts';
import { temporaryFolder } from '../support/temporary.ts';

const PRECISION = `weights: int8 per channel, activations: int8, gradients: int8 stochastic,
  stored weights: int8 stochastic`;

const TWO_LAYERS = specText({
  model: 'x |> flatten |> dense(16) as f1 |> relu |> dense(10) as f2',
  train: 'U = adam(lr: 1e-3)\n  T = U ∘ B ∘ F',
  precision: PRECISION,
});

async function folderOf(text: string): Promise<string> {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'two.qspec'), text);
  return cwd;
}

describe('check', () => {
  test('says how large the errors of a step can be', async () => {
    const cwd = await folderOf(TWO_LAYERS);
    const { exitCode, stdout, stderr } = await qspec(['check', 'two.qspec'], { cwd });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'ok two.qspec\n' });
    await expect(stdout).toMatchFileSnapshot('golden/check-two-layers.txt');
  });

  test('without analysis, or for other programs, says only what is wrong', async () => {
    const cwd = await folderOf(TWO_LAYERS);
    for (const argv of [['--no-analysis'], ['--reporter', 'json'], ['--reporter', 'github']]) {
      expect(await qspec(['check', 'two.qspec', ...argv], { cwd })).toMatchObject({
        exitCode: 0,
        stdout: '',
      });
    }
  });

  test('warns of what ranges and formats show, with every reporter', async () => {
    const cwd = await folderOf(
      TWO_LAYERS.replace('int8 stochastic\n', 'int8 stochastic, f1.weights.v: bf16\n').replace(
        ' in [0, 1]',
        '',
      ),
    );
    const pretty = await qspec(['check', 'two.qspec'], { cwd });
    expect(pretty.stderr).toContain("warning[QS4101]: the range of 'x' is not declared");
    expect(pretty.stdout).toMatch(/^ {2}logits +real +none +none +none +no bound$/m);
    const json = await qspec(['check', 'two.qspec', '--reporter', 'json'], { cwd });
    expect(JSON.parse(json.stdout.split('\n')[0] ?? '')).toMatchObject({
      code: 'QS4101',
      severity: 'warning',
    });
  });

  test('says why there are no bounds where the step cannot be lowered', async () => {
    const cwd = await folderOf(TWO_LAYERS.replace('int8 per channel', 'int8 scale(learned)'));
    expect(await qspec(['check', 'two.qspec'], { cwd })).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^no worst-case bounds: .*learned scale/),
    });
  });

  test('reports and probes one file', async () => {
    const cwd = await folderOf(TWO_LAYERS);
    for (const argv of [
      ['--report', 'r.html'],
      ['--probe', '2'],
    ]) {
      expect(await qspec(['check', 'two.qspec', 'two.qspec', ...argv], { cwd })).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('one file at a time'),
      });
    }
  });
});

describe('explain', () => {
  test('composes F, B and U and names what bounds are made of', async () => {
    const cwd = await folderOf(TWO_LAYERS);
    const { exitCode, stdout } = await qspec(['explain', 'two.qspec'], { cwd });
    expect(exitCode).toBe(0);
    await expect(stdout).toMatchFileSnapshot('golden/explain-two-layers.txt');
  });

  test.each(['mixed-formats', 't0-regression'])('explains %s', async (name) => {
    const { exitCode, stdout } = await qspec(['explain', `specs/${name}.qspec`]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('Contributors to the bound of the update');
  });

  test('prints the functionals', async () => {
    const cwd = await folderOf(TWO_LAYERS);
    const { stdout } = await qspec(['explain', 'two.qspec', '--functionals'], { cwd });
    for (const part of ['F', 'B', 'U']) expect(stdout).toMatch(new RegExp(`^Φ_${part} \\(.*\\) -> \\(`, 'm'));
    expect(stdout).toMatch(/^ {2}f2\.weights ₂ = /m);
  });
});
