import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createRun, findRun, inspectFolder } from '../../runtime/train/run-directory.ts';
import { parseRunRecord, type RunRecord } from '../../runtime/train/run-record.ts';
import { temporaryFolder } from '../support/temporary.ts';

const TEXT = 'spec tiny';
const RECORD: RunRecord = {
  name: 'tiny',
  hash: 'abc',
  seed: 1,
  epochs: 2,
  engine: 'reference',
  threads: 1,
  refresh: 0,
  engineDescription: 'float64 reference evaluator',
  qspec: '0.0.0',
  node: 'v20',
  platform: 'any',
};

async function claimed(): Promise<string> {
  const folder = join(await temporaryFolder(), 'new', 'run');
  expect(await inspectFolder(folder, RECORD, 'refuse')).toBeUndefined();
  await createRun(folder, TEXT, RECORD);
  return folder;
}

test('a new folder is made with its parents, and found again as a run', async () => {
  const folder = await claimed();
  expect(await findRun(folder)).toMatchObject({ source: { text: TEXT }, record: RECORD, finished: false });
});

test('another run is not touched unless asked for', async () => {
  const folder = await claimed();
  await expect(inspectFolder(folder, RECORD, 'refuse')).rejects.toMatchObject({
    code: 'QS7100',
    exitCode: 2,
  });
  expect(await inspectFolder(folder, RECORD, 'resume')).toMatchObject({ finished: false });
});

test('resuming with other options or another spec is refused and says what differs', async () => {
  const folder = await claimed();
  const resume = (record: RunRecord) => inspectFolder(folder, record, 'resume');
  await expect(resume({ ...RECORD, hash: 'def' })).rejects.toMatchObject({ code: 'QS7104' });
  await expect(resume({ ...RECORD, epochs: 3 })).rejects.toThrow('started with --epochs 2, not 3');
});

test('replacing removes the files of the run and no others', async () => {
  const folder = await claimed();
  for (const name of ['checkpoint.safetensors', 'summary.json', 'notes.txt']) {
    await writeFile(join(folder, name), '');
  }
  expect(await inspectFolder(folder, RECORD, 'replace')).toBeUndefined();
  await createRun(folder, TEXT, RECORD);
  expect(await readdir(folder)).toEqual(['environment.json', 'notes.txt', 'spec.qspec']);
});

test("a folder with somebody's files is refused; one that a killed process only began is not", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'environment.json.tmp'), '{');
  await writeFile(join(folder, 'spec.qspec'), TEXT);
  expect(await inspectFolder(folder, RECORD, 'refuse')).toBeUndefined();
  const other = await temporaryFolder();
  await writeFile(join(other, 'thesis.tex'), '');
  await expect(inspectFolder(other, RECORD, 'resume')).rejects.toMatchObject({ code: 'QS7101' });
});

test('a file in place of the folder, and a folder in place of a file, are clear errors', async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'file'), '');
  await expect(inspectFolder(join(folder, 'file'), RECORD, 'refuse')).rejects.toMatchObject({
    code: 'QS7105',
  });
  await mkdir(join(folder, 'run', 'environment.json'), { recursive: true });
  await writeFile(join(folder, 'run', 'spec.qspec'), '');
  await expect(findRun(join(folder, 'run'))).rejects.toMatchObject({ code: 'QS7004' });
});

test.each([
  '',
  '[]',
  '{"name": 1}',
  JSON.stringify({ ...RECORD, seed: -1 }),
  JSON.stringify({ ...RECORD, engine: 'x' }),
])('the record %j is refused', (text) => {
  expect(() => parseRunRecord(text, 'environment.json')).toThrow(/environment\.json cannot be used/);
});
