import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { uniforms } from '../../compiler/numeric/random.ts';
import { noiseBytes } from '../data/synthetic.ts';
import { qspec } from '../support/cli.ts';
import { FULL, SEED } from '../support/property.ts';
import { expectRefusal } from '../support/refusal.ts';
import { flipped, RESUME, Runs } from '../support/spoiled.ts';

const runs = new Runs();
beforeAll(() => runs.make());
afterAll(() => runs.remove());

describe('files of a run', () => {
  const files = [
    ['half', 'checkpoint.safetensors', RESUME],
    ['run', 'model.safetensors', ['eval', 'run']],
    ['run', 'calibration.safetensors', ['export', 'run']],
  ] as const;

  test.each(files)('%s/%s cut short, replaced, or of another run', async (from, file, argv) => {
    const original = readFileSync(join(runs.folder, from, file));
    const refuse = (content: Uint8Array | string, says: string | RegExp) =>
      expectRefusal(argv, { cwd: runs.copy(from, file, content), exitCode: 3, says });
    await refuse('', 'QS7052');
    await refuse('{}', 'QS7052');
    await refuse(noiseBytes(3000), 'QS7052');
    await refuse(original.subarray(0, 6), 'QS7052');
    await refuse(original.subarray(0, original.length - 1), 'QS7052');
    await refuse(Buffer.concat([original, Buffer.of(0)]), 'QS7052');
    await refuse(readFileSync(join(runs.folder, 'other', file)), 'QS7105');
  });

  test.each(files)('%s/%s with any bit flipped', async (from, file, argv) => {
    const original = readFileSync(join(runs.folder, from, file));
    // A flip in the name of the checksum hides the checksum, and changes nothing else.
    const name = original.indexOf('qspec.sha256') * 8;
    for (const u of uniforms(SEED, file, 0, FULL ? 1000 : 25)) {
      const bit = Math.floor(u * original.length * 8);
      if (bit >= name && bit < name + 8 * 'qspec.sha256'.length) continue;
      const cwd = runs.copy(from, file, flipped(original, bit));
      await expectRefusal(argv, { cwd, exitCode: 3, says: /QS7006|QS7052/ });
    }
  });

  test('a log shorter than the checkpoint says', async () => {
    const log = readFileSync(join(runs.folder, 'half', 'metrics.jsonl'));
    const cwd = runs.copy('half', 'metrics.jsonl', log.subarray(0, log.length - 10));
    const { exitCode, stderr } = await qspec(RESUME, { cwd });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7105') });
    expect(readFileSync(join(cwd, 'run/metrics.jsonl'))).toEqual(log.subarray(0, log.length - 10));
  });

  test.each([
    ['nothing', ''],
    ['no object', '[]'],
    ['half of it', '{"name": "small", "hash": "'],
    ['other types', '{"engine": 3}'],
    ['__proto__', '{"__proto__": {"engine": "onnx"}}'],
    [
      'threads that no machine has',
      JSON.stringify({ engine: 'onnx', name: '', hash: '', seed: 0, epochs: 1, threads: 1e6 }),
    ],
  ])('a record of %s', async (_, text) => {
    for (const argv of [RESUME, ['eval', 'run'], ['verify', 'run']]) {
      await expectRefusal(argv, {
        cwd: runs.copy('run', 'environment.json', text),
        exitCode: 3,
        says: 'QS7105',
      });
    }
  });

  test('a spec that is not the one that was trained', async () => {
    const text = readFileSync(join(runs.folder, 'run/spec.qspec'), 'utf8');
    for (const other of [text.replace('3e-3', '5e-3'), `${text} `, '', noiseBytes(500)]) {
      const cwd = runs.copy('run', 'spec.qspec', other);
      for (const command of ['eval', 'export', 'verify'])
        await expectRefusal([command, 'run'], { cwd, exitCode: 3, says: 'QS7105' });
    }
  });
});
