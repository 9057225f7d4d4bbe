import { spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { qspec } from '../support/cli.ts';
import { expectPlain, folderWith, snapshot } from '../support/refusal.ts';
import { RESUME, Runs } from '../support/spoiled.ts';

const runs = new Runs();
beforeAll(() => runs.make());
afterAll(() => runs.remove());

describe.runIf(process.platform === 'linux')('a disk that is full', () => {
  // What is written under the temporary name goes to a device that has no space.
  const DEVICE = '/dev/full';

  test.each<readonly [argv: readonly string[], written: string]>([
    [['compile', 's.qspec', '--out', 'run'], 'run/step.ts'],
    [['compile', 's.qspec', '--out', 'run'], 'run/support/random.ts'],
    [['compile', 's.qspec', '--out', 'run', '--emit', 'onnx'], 'run/step.onnx'],
    [['fmt', 's.qspec'], 's.qspec'],
    [['export', 'run'], 'run/model.onnx'],
    [['export', 'run', '--out', 'm.onnx'], 'm.onnx'],
    [['verify', 'run'], 'run/verify.json'],
  ])('%j leaves everything as it was', async (argv, written) => {
    const cwd = runs.copy('run', 'note', '');
    mkdirSync(join(cwd, 'run/support'));
    writeFileSync(join(cwd, 's.qspec'), readFileSync(join(cwd, 's.qspec'), 'utf8').replaceAll('  ', '    '));
    const before = snapshot(cwd);
    symlinkSync(DEVICE, join(cwd, `${written}.tmp`));
    const result = await qspec(argv, { cwd });
    expect(result).toMatchObject({
      exitCode: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /^error\[QS7050\]: no space left on the disk while writing .*\n {2}hint: .*\n$/,
      ),
    });
    expect(snapshot(cwd)).toEqual(before);
  });

  test('a run keeps its last checkpoint', async () => {
    const cwd = folderWith({ 's.qspec': readFileSync(join(runs.folder, 's.qspec')) });
    const first = await qspec(['train', 's.qspec', '--out', 'run', '--epochs', '50'], {
      cwd,
      onInterrupt: (interrupt) => setTimeout(interrupt, 150),
    });
    expect(first).toMatchObject({ exitCode: 130 });
    const checkpoint = readFileSync(join(cwd, 'run/checkpoint.safetensors'));
    symlinkSync(DEVICE, join(cwd, 'run/checkpoint.safetensors.tmp'));
    const result = await qspec([...RESUME, '--checkpoint-every', '1'], { cwd });
    expect(result).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7050') });
    expectPlain(result);
    expect(readFileSync(join(cwd, 'run/checkpoint.safetensors'))).toEqual(checkpoint);
    expect(await qspec(RESUME, { cwd })).toMatchObject({ exitCode: 0 });
  });

  test('a disk that fills up at any point holds what it held, or a run that can be gone on with', async ({
    skip,
  }) => {
    const cwd = folderWith({});
    // A file system of a few pages; only root may mount one.
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', cwd]);
    if (mount.status !== 0) skip('mounting a tmpfs is not allowed here');
    onTestFinished(() => {
      spawnSync('umount', [cwd]);
    });
    writeFileSync(join(cwd, 's.qspec'), readFileSync(join(runs.folder, 's.qspec')));
    for (const free of [0, 1, 2, 4, 6, 8, 10]) {
      fillUp(cwd, free * 4096);
      const before = snapshot(cwd);
      for (const argv of [
        ['compile', 's.qspec'],
        ['init', 'demo'],
      ]) {
        const { exitCode, stderr } = await qspec(argv, { cwd });
        if (exitCode === 0) continue;
        expect({ exitCode, stderr }).toMatchObject({
          exitCode: 3,
          stderr: expect.stringMatching(/^error\[QS7050\]/),
        });
        expect(snapshot(cwd)).toEqual(before);
      }
      rmSync(join(cwd, 'demo'), { recursive: true, force: true });
      const trained = await qspec(['train', 's.qspec', '--out', 'run', '--threads', '1'], { cwd });
      expect(trained).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('error[QS7050]') });
      expectPlain(trained);
      expect(readdirSync(cwd, { recursive: true }).filter((name) => `${name}`.endsWith('.tmp'))).toEqual([]);
      rmSync(join(cwd, 'fill'));
      expect(await qspec([...RESUME, '--threads', '1'], { cwd })).toMatchObject({ exitCode: 0 });
      for (const name of ['model.safetensors', 'calibration.safetensors', 'model.onnx'])
        expect(readFileSync(join(cwd, 'run', name))).toEqual(readFileSync(join(runs.folder, 'run', name)));
      rmSync(join(cwd, 'run'), { recursive: true });
    }
  });
});

/** Leaves a file system with that many free bytes, about. */
function fillUp(folder: string, free: number): void {
  const file = openSync(join(folder, 'fill'), 'w');
  for (
    let { bavail, bsize } = statfsSync(folder);
    bavail * bsize > free;
    { bavail, bsize } = statfsSync(folder)
  )
    writeSync(file, Buffer.alloc(bsize));
  closeSync(file);
}
