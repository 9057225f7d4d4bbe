import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { certificateText } from '../../compiler/certificate/index.ts';
import { qspec } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { certificateOf, QUICK } from './support.ts';

const SPEC = join(import.meta.dirname, '../../specs/quickstart.qspec');

test('what check writes, certify certifies', async () => {
  const cwd = await temporaryFolder();
  await copyFile(SPEC, join(cwd, 'quickstart.qspec'));
  const made = await qspec(['check', 'quickstart.qspec', '--certificate', 'c.json'], { cwd });
  expect(made.exitCode).toBe(0);
  const found = await qspec(['certify', 'c.json'], { cwd });
  expect(found.stderr).toBe('');
  expect(found.stdout).toMatch(
    /^quickstart \(quickstart\.qspec\) at its initial parameters, seed 0: worst case\n0 requirements\nerrors at most\n {2}logits +against real +∞ [\d.]+ +2 [\d.]+\n/,
  );
  expect(found.stdout).toMatch(
    / {2}range: 240\n {2}coefficient: 75\n {2}bound: 90\n {2}requirement: 1\ncertified\n$/,
  );
  expect(found.exitCode).toBe(0);
});

test('a changed certificate is refused by name', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'quick.qspec'), QUICK.text);
  const text = certificateText(certificateOf(QUICK));
  await writeFile(join(cwd, 'c.json'), text.replace('"c1.in": "uint16"', '"c1.in": "uint8"'));
  const { exitCode, stdout, stderr } = await qspec(['certify', 'c.json', '--spec', 'quick.qspec'], { cwd });
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/refused\n$/);
  expect(stderr).toContain(
    'the certificate is refused at /digest: the certificate was changed after it was made',
  );
  expect(stderr).toContain('at /formats/c1.in: it states uint8, the spec allows uint16');
  const json = await qspec(['--reporter', 'json', 'certify', 'c.json', '--spec', 'quick.qspec'], { cwd });
  expect(json.stderr).toContain('"code":"QS7061"');
});

test('a certificate is about the spec that its file is called after, where it lies beside it', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'my-net.qspec'), QUICK.text);
  await writeFile(join(cwd, 'my-net.certificate.json'), certificateText(certificateOf(QUICK)));
  const { exitCode, stdout } = await qspec(['certify', 'my-net.certificate.json'], { cwd });
  expect({ exitCode, last: stdout.trimEnd().split('\n').at(-1) }).toEqual({ exitCode: 0, last: 'certified' });
});

test('what cannot be read is said in a line', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'c.json'), 'no JSON');
  const broken = await qspec(['certify', 'c.json'], { cwd });
  expect(broken.exitCode).toBe(1);
  expect(broken.stderr).toContain('this is no certificate: it is not JSON');
  await writeFile(join(cwd, 'c.json'), certificateText(certificateOf(QUICK)));
  const alone = await qspec(['certify', 'c.json'], { cwd });
  expect(alone.exitCode).toBe(2);
  expect(alone.stderr).toContain('no spec.qspec or quick.qspec beside c.json: name the spec with --spec');
  expect((await qspec(['certify', 'none.json'], { cwd })).stderr).toContain(
    'cannot read none.json: no such file',
  );
  expect(await readFile(join(cwd, 'c.json'), 'utf8')).toContain('qspec certificate');
});
