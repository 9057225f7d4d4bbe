import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SMALL_AUTO_SPEC } from '../auto/small-auto-spec.ts';
import { qspec } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

const WRITTEN = 'preset: int8\n  bias: f32\n  weight gradients: f32\n  bias gradients: f32';

/** A folder with `small_auto.qspec`, whose precision section says nothing else. */
async function folderOf(precision: string): Promise<string> {
  const cwd = await temporaryFolder();
  const text = SMALL_AUTO_SPEC.replace(/precision \{[\s\S]*/, `precision {\n  ${precision}\n}\n`);
  await writeFile(join(cwd, 'small_auto.qspec'), text);
  return cwd;
}

describe('a requirement without a probability', () => {
  const WORST = 'require error(logits, norm: linf, relative to: 1) <= 0.5';

  test('derives formats without data, which every command proves anew', async () => {
    const cwd = await folderOf(WORST);
    const refused = await qspec(['compile', 'small_auto.qspec'], { cwd });
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain('error[QS6501]');
    const derived = await qspec(['allocate', 'small_auto.qspec'], { cwd });
    expect(derived.stderr).toMatch(
      /^formats derived from the worst case: [\d.]+ % of the cost of the widest, of which at least [\d.]+ % is needed\n {2}logits \(real, linf\): at most 0\.4\d+ of 0\.5\nwrote small_auto\.certificate\.json\n$/,
    );
    expect(derived.stdout).toMatch(/^f1\.in +uint\d+\nf1\.weights +int\d+ per channel\n/);
    const certified = await qspec(['certify', 'small_auto.certificate.json'], { cwd });
    expect(certified.stdout).toMatch(/certified\n$/);
    const checked = await qspec(['check', 'small_auto.qspec'], { cwd });
    expect(checked.stdout).toMatch(/required +logits \(real, ∞\) +0\.4\d+ of at most 0\.5\d* +proved/);
    expect((await qspec(['compile', 'small_auto.qspec'], { cwd })).exitCode).toBe(0);

    // Formats of a file that somebody changed are proved like any others, and refused where they do not hold.
    const path = join(cwd, 'small_auto.certificate.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"f1\.in": "uint\d+"/, '"f1.in": "uint2"'));
    const changed = await qspec(['compile', 'small_auto.qspec'], { cwd });
    expect(changed.exitCode).toBe(1);
    expect(changed.stderr).toMatch(/error\[QS5015\]: the error of logits may reach [\d.]+ in the ∞-norm/);
  });

  test('is proved of formats that are written down, before any training', async () => {
    const cwd = await folderOf(`${WRITTEN}\n  ${WORST.replace('0.5', '0.01')}`);
    for (const command of ['check', 'compile', 'train']) {
      const { exitCode, stderr } = await qspec([command, 'small_auto.qspec'], { cwd });
      expect(exitCode, command).toBe(1);
      expect(stderr).toContain('error[QS5015]');
    }
  });
});

describe('a requirement with a probability on formats that are written down', () => {
  test('is measured, confirmed and certified', async () => {
    const cwd = await folderOf(`${WRITTEN}\n  require error(logits) <= 10% with probability 0.99`);
    const refused = await qspec(['compile', 'small_auto.qspec'], { cwd });
    expect(refused.stderr).toContain('error[QS6504]');
    const measured = await qspec(['allocate', 'small_auto.qspec'], { cwd });
    expect(measured.stderr).toMatch(
      /formats as written held against what is required at step 0 in \d+ s\n {2}logits \(real\): predicted [\d.]+ %, observed [\d.]+ % of at most 10 %; 128 of 128 steps within\n/,
    );
    const certified = await qspec(['certify', 'small_auto.certificate.json'], { cwd });
    expect(certified.stdout).toMatch(/certified\n$/);
    expect((await qspec(['compile', 'small_auto.qspec'], { cwd })).exitCode).toBe(0);
    const trained = await qspec(['train', 'small_auto.qspec'], { cwd });
    expect(trained.exitCode).toBe(0);
    expect(trained.stderr).toContain('the formats before broke what is required of logits in 0 of 128 steps');
  });

  test('can be estimated from the declared range, and says that it is an estimate', async () => {
    const cwd = await folderOf(`${WRITTEN}\n  require error(logits) <= 10% with probability 0.99`);
    const { stderr } = await qspec(['allocate', 'small_auto.qspec', '--drawn-inputs'], { cwd });
    expect(stderr).toMatch(
      /^note: inputs are drawn uniformly from the declared range, .*: what follows is an estimate\n/,
    );
    const path = join(cwd, 'small_auto.certificate.json');
    const { probability } = JSON.parse(await readFile(path, 'utf8'));
    expect(probability[0].batches[0].batch).toBe('drawn inputs, seed 4 epoch 0 step 0');
    const file = join(cwd, 'small_auto.qspec');
    await writeFile(file, (await readFile(file, 'utf8')).replace(' in [0, 1]', ''));
    const refused = await qspec(['allocate', 'small_auto.qspec', '--drawn-inputs'], { cwd });
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain(
      'no inputs can be drawn for small_auto: the range of its input is not declared',
    );
  });

  test('is refused where they are too coarse', async () => {
    const cwd = await folderOf(`${WRITTEN}\n  require error(logits) <= 0.1% with probability 0.99`);
    for (const command of ['allocate', 'train']) {
      const { exitCode, stderr } = await qspec([command, 'small_auto.qspec'], { cwd });
      expect(exitCode, command).not.toBe(0);
      expect(stderr).toContain(
        'error[QS5017]: the formats as written do not keep the error of logits at 0.1 %',
      );
    }
  });
});

test('both kinds side by side: derived with a probability, and proved at each derivation', async () => {
  const both = `levels { 2 to 16: { weights: int per channel, activations: int, gradients: int stochastic }, 32: f32 }
  require error(logits) <= 10% with probability 0.99
  require error(logits, norm: linf, relative to: 1) <= `;
  const cwd = await folderOf(`${both}5`);
  expect((await qspec(['allocate', 'small_auto.qspec'], { cwd })).exitCode).toBe(0);
  const certified = await qspec(['certify', 'small_auto.certificate.json'], { cwd });
  expect(certified.stdout).toContain('2 requirements');
  expect(certified.stdout).toMatch(/certified\n$/);
  const tight = await folderOf(`${both}0.01`);
  const refused = await qspec(['allocate', 'small_auto.qspec'], { cwd: tight });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain('error[QS5015]');
});
