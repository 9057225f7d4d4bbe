import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { idx, noiseBytes } from '../data/synthetic.ts';
import { qspec } from '../support/cli.ts';
import { expectRefusal, folderWith } from '../support/refusal.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';
import { flipped } from '../support/spoiled.ts';

const TABLE_SPEC = `spec table
data csv(path: "t.csv", target: "y") { batch: 2 }
model M(x: f32[2]) -> f32[1] { x |> dense(1) as f1 }
train {
  F = forward(M) |> mse
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 1
}
precision { weights: int8, activations: int8, gradients: int8 stochastic }
`;

const TABLE = 'a,b,y\n1,2,3\n4,5,6\n7,8,9\n1,1,1\n2,2,2\n3,3,3\n';

describe('paths of a spec', () => {
  test.each([
    '../t.csv',
    'a/../../t.csv',
    '/etc/passwd',
    '..',
    '.',
    '',
    String.raw`..\\t.csv`,
    String.raw`a\\..\\..\\t.csv`,
    String.raw`C:\\t.csv`,
    'C:t.csv',
    String.raw`\\\\server\\share\\t.csv`,
    'a\\nb.csv',
  ])('"%s" does not reach the data', async (path) => {
    const cwd = folderWith({ 's.qspec': TABLE_SPEC.replace('t.csv', () => path) });
    for (const command of ['check', 'compile', 'train']) {
      await expectRefusal([command, 's.qspec'], { cwd, exitCode: 1, says: 'error[QS2013]' });
    }
    const from = TABLE_SPEC.replace('-> f32[1] {', () => `-> f32[1] init from "${path}" {`);
    const beside = folderWith({ 's.qspec': from });
    await expectRefusal(['compile', 's.qspec'], { cwd: beside, exitCode: 1, says: 'error[QS2013]' });
  });

  test('a link does not lead out of the folder', async () => {
    const outside = folderWith({ 't.csv': TABLE, 'w.safetensors': '' });
    const cwd = folderWith({ 's.qspec': TABLE_SPEC });
    const env = { QSPEC_DATA: cwd };
    const refusal = { cwd, env, exitCode: 3, says: 'error[QS7002]' };
    symlinkSync(join(outside, 't.csv'), join(cwd, 't.csv'));
    await expectRefusal(['train', 's.qspec'], refusal);
    symlinkSync(outside, join(cwd, 'linked'));
    writeFileSync(join(cwd, 's.qspec'), TABLE_SPEC.replace('t.csv', 'linked/t.csv'));
    await expectRefusal(['train', 's.qspec'], refusal);
    const from = SMALL_SPEC.replace('-> f32[10] {', '-> f32[10] init from "linked/w.safetensors" {');
    writeFileSync(join(cwd, 's.qspec'), from);
    const { exitCode, stderr } = await qspec(['train', 's.qspec', '--engine', 'reference'], { cwd });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7002') });
  });
});

describe('data files', () => {
  test.each<readonly [what: string, says: string, content: string | Uint8Array]>([
    ['nothing', 'QS7024', ''],
    ['a header alone', 'QS7024', 'a,b,y\n'],
    ['no target', 'QS7022', TABLE.replace('y', 'z')],
    ['two targets', 'QS7023', TABLE.replace('a', 'y')],
    ['a row cut short', 'QS7020', `${TABLE}1,2`],
    ['NaN', 'QS7021', `${TABLE}1,NaN,2\n`],
    ['a number beyond float32', 'QS7021', `${TABLE}1,1e39,2\n`],
    ['a formula', 'QS7021', `${TABLE}1,=cmd|calc,2\n`],
    ['a quote without end', 'QS7023', `${TABLE}1,"2,3\n`],
    ['binary', 'QS70', noiseBytes(5000)],
    ['null characters', 'QS7022', '\0'.repeat(5000)],
    ['UTF-16', 'QS7022', Buffer.from(TABLE, 'utf16le')],
    ['one field without end', 'QS7023', 'x'.repeat(1_000_000)],
    ['the columns of another table', 'QS7013', TABLE.replaceAll(/(\d)$/gm, '$1,9').replace('y', 'y,c')],
  ])('a table of %s', async (_, says, content) => {
    const cwd = folderWith({ 's.qspec': TABLE_SPEC, 't.csv': content });
    const refusal = { cwd, env: { QSPEC_DATA: cwd }, exitCode: 3, says };
    await expectRefusal(['train', 's.qspec', '--engine', 'reference'], refusal);
  });

  const images = idx([2, 28, 28], noiseBytes(2 * 784));
  test.each<readonly [what: string, says: string, content: Uint8Array]>([
    ['nothing', 'QS7005', new Uint8Array()],
    ['a header cut short', 'QS7005', images.subarray(0, 9)],
    ['pixels cut short', 'QS7005', images.subarray(0, 1000)],
    ['other images', 'QS70', images],
    ['another format', 'QS7008', noiseBytes(2000)],
    ['sizes whose product overflows', 'QS7005', idx([0xffff_ffff, 0xffff_ffff, 0xffff_ffff], noiseBytes(10))],
    ['gzip cut short', 'QS7005', gzipSync(images).subarray(0, 200)],
    ['gzip with a flipped bit', 'QS7006', flipped(gzipSync(images), 300)],
    ['gzip of too much', 'QS7006', gzipSync(new Uint8Array(60_000_000))],
  ])('images of %s', async (_, says, content) => {
    const spec = SMALL_SPEC.replace(
      'data glyphs(samples: 192, test: 60, seed: 1) {',
      'data d { source: mnist,',
    );
    const cwd = folderWith({ 's.qspec': spec });
    for (const name of ['train-images-idx3', 'train-labels-idx1', 't10k-images-idx3', 't10k-labels-idx1'])
      writeFileSync(join(cwd, `${name}-ubyte`), content);
    const refusal = { cwd, env: { QSPEC_DATA: cwd }, exitCode: 3, says };
    await expectRefusal(['train', 's.qspec', '--engine', 'reference'], refusal);
  });
});
