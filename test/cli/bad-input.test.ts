import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { qspec } from '../support/cli.ts';
import { expectPlain, expectRefusal, folderWith, snapshot } from '../support/refusal.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';

/** The small spec with one piece of it replaced. */
function changed(from: string, to: string): string {
  expect(SMALL_SPEC).toContain(from);
  return SMALL_SPEC.replace(from, () => to);
}

const nested = (open: string, close: string, inside = '') =>
  open.repeat(10_000) + inside + close.repeat(10_000);
const bytes = (...values: number[]) => Uint8Array.from(values);

describe('bytes that are no text', () => {
  test.each<readonly [string, Uint8Array]>([
    ['UTF-16 with a mark', Buffer.from(`\uFEFF${SMALL_SPEC}`, 'utf16le')],
    ['UTF-16, big end first', Buffer.from(`\uFEFF${SMALL_SPEC}`, 'utf16le').swap16()],
    ['Latin-1', Buffer.from('spec caf\u00e9', 'latin1')],
    ['an overlong encoding', bytes(0xc0, 0xaf)],
    ['a surrogate', bytes(0xed, 0xa0, 0x80)],
    ['a picture', bytes(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a)],
    [
      'a spec cut inside a character',
      Buffer.from(SMALL_SPEC).subarray(0, Buffer.from(SMALL_SPEC).indexOf('∘') + 1),
    ],
  ])('%s', async (_, content) => {
    const cwd = folderWith({ 's.qspec': content });
    for (const command of ['check', 'explain', 'fmt', 'compile', 'train']) {
      await expectRefusal([command, 's.qspec'], { cwd, exitCode: 2, says: 'it is not UTF-8 text' });
    }
  });
});

/** What is refused, by the code of its first diagnostic. */
const REFUSED: readonly (readonly [what: string, code: string, text: string])[] = [
  ['nothing', 'QS1007', ''],
  ['blanks', 'QS1007', ' \t\r\n\n'],
  ['comments alone', 'QS1007', '# spec a\n# data b'],
  ['null characters', 'QS1003', changed('conv(', 'co\0nv(')],
  ['nothing but null characters', 'QS1003', '\0'.repeat(100)],
  ['an escape of a terminal', 'QS1003', changed('conv(', '\u001bconv(')],
  ['a line separator', 'QS1003', `${SMALL_SPEC}\u2028`],
  ['an override of the direction', 'QS1003', `${SMALL_SPEC}\u202e`],
  ['10 MB of comment', 'QS1009', '#'.padEnd(10_000_000, 'x')],
  ['10 MB of specs', 'QS1009', SMALL_SPEC.repeat(20_000).slice(0, 10_000_000)],
  ['a digit of 10 MB', 'QS1009', '1'.repeat(10_000_000)],

  ['nested braces', 'QS1008', `spec a\n${nested('{', '}')}`],
  ['nested parentheses', 'QS1008', changed('dense(10)', `dense(${nested('(', ')', '10')})`)],
  ['nested lists', 'QS1008', `spec a\ndata d { augment: ${nested('[', ']')} }`],
  ['nested blocks', 'QS1008', `spec a\n${nested('block b(x) { ', '}')}`],
  ['nested repeats', 'QS1008', changed('relu', nested('repeat 2 { ', ' }', 'relu'))],
  ['nested calls', 'QS1008', changed('T = U ∘ B ∘ F', `T = ${nested('U(', ')', 'B')}`)],
  ['nested signs', 'QS1008', changed('dense(10)', `dense(${'-'.repeat(10_000)}10)`)],
  ['unclosed braces', 'QS1008', `spec a\n${'{'.repeat(10_000)}`],
  ['a long sum', 'QS1008', changed('dense(10)', `dense(${'1+'.repeat(10_000)}1)`)],
  ['a long composition', 'QS1008', changed('U ∘ B ∘ F', `U${' ∘ B'.repeat(10_000)}`)],

  ['an input whose elements overflow', 'QS3009', changed('f32[1, 28, 28]', 'f32[1e9, 1e9, 1e9]')],
  [
    'weights whose elements overflow',
    'QS3009',
    changed('dense(10)', 'dense(4e9) |> dense(4e9) |> dense(10)'),
  ],
  ['filters beyond exact integers', 'QS3002', changed('conv(4', 'conv(9007199254740993')],
  ['a batch beyond exact integers', 'QS3002', changed('batch: 8', 'batch: 1e30')],
  ['more samples than fit', 'QS3002', changed('samples: 192', 'samples: 1e12')],
  ['a window beyond the input', 'QS3005', changed('kernel: 3', 'kernel: 1e12')],
  ['padding beyond the kernel', 'QS3002', changed('pad: 1', 'pad: 1e15')],
  ['too many layers', 'QS2010', changed('relu', 'repeat 1000 { repeat 1000 { relu } }')],

  ['no filters', 'QS3002', changed('conv(4', 'conv(0')],
  ['fewer than no filters', 'QS3002', changed('conv(4', 'conv(-4')],
  ['half a filter', 'QS3002', changed('conv(4', 'conv(4.5')],
  ['an empty axis', 'QS3002', changed('[1, 28, 28]', '[0, 28, 28]')],
  ['a negative axis', 'QS3002', changed('[1, 28, 28]', '[-1, 28, 28]')],
  ['no stride', 'QS3002', changed('stride: 2', 'stride: 0')],
  ['no kernel', 'QS3002', changed('kernel: 3', 'kernel: 0')],
  ['negative padding', 'QS3002', changed('pad: 1', 'pad: -1')],
  ['no batch', 'QS3002', changed('batch: 8', 'batch: 0')],
  ['no epochs', 'QS3002', changed('epochs: 2', 'epochs: 0')],
  ['a pool of nothing', 'QS3002', changed('maxpool(2)', 'maxpool(0)')],
  ['a division by zero', 'QS3012', changed('dense(10)', 'dense(10 / 0)')],

  ['a learning rate of NaN', 'QS1004', changed('3e-3', 'NaN')],
  ['a range of NaN', 'QS1004', changed('in [0, 1]', 'in [NaN, 1]')],
  ['infinity', 'QS1004', changed('3e-3', 'Infinity')],
  ['minus infinity', 'QS1004', changed('3e-3', '-inf')],
  ['a literal beyond float64', 'QS3002', changed('3e-3', '1e400')],
  ['an exponent without end', 'QS1004', changed('3e-3', '1e999999999999')],
  ['5000 digits', 'QS1004', changed('3e-3', `0.${'1'.repeat(5000)}`)],
  ['a negative learning rate', 'QS3002', changed('3e-3', '-1')],
  ['a huge seed', 'QS3002', changed('seed: 1', 'seed: 1e99')],
  ['a range the wrong way round', 'QS4008', changed('in [0, 1]', 'in [1, 0]')],
];

test.each(REFUSED)('a spec of %s is refused with %s', async (_, code, text) => {
  const cwd = folderWith({ 's.qspec': text });
  const { exitCode, stdout, stderr } = await qspec(['check', 's.qspec', '--reporter', 'json'], { cwd });
  expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
  const [first] = stdout.split('\n');
  expect(JSON.parse(first ?? '')).toMatchObject({ severity: 'error', code, file: 's.qspec' });
  const compiled = await expectRefusal(['compile', 's.qspec'], { cwd, exitCode: 1, says: code });
  // What a terminal would act on is shown, not sent.
  expect(compiled.stderr).not.toMatch(/[\0\u001b\u2028\u202e]/);
});

test.each([
  ['a byte order mark', `\uFEFF${SMALL_SPEC}`],
  ['line ends of Windows', SMALL_SPEC.replaceAll('\n', '\r\n')],
  ['4 MB of comments', `${SMALL_SPEC}${'# comment\n'.repeat(400_000)}`],
])('a spec with %s is read', async (_, text) => {
  const cwd = folderWith({ 's.qspec': text });
  expect(await qspec(['check', 's.qspec'], { cwd })).toMatchObject({ exitCode: 0, stderr: 'ok s.qspec\n' });
});

test('thousands of mistakes are a hundred diagnostics, and one that says so', async () => {
  const sections = 'data d { source: mnist }\n'.repeat(20_000);
  const blocks = [...Array(3000).keys()].map((i) => `block b${i}(x) { x |> relu }\n`).join('');
  const cwd = folderWith({ 'errors.qspec': `spec a\n${sections}`, 'warnings.qspec': SMALL_SPEC + blocks });
  const codes = async (name: string) => {
    const { stdout } = await qspec(['check', name, '--reporter', 'json'], { cwd });
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { code: string }).code);
  };
  const errors = await codes('errors.qspec');
  expect(errors).toHaveLength(101);
  expect(errors).toContain('QS2015');
  const warnings = await codes('warnings.qspec');
  expect(warnings).toHaveLength(101);
  expect(warnings.at(-1)).toBe('QS2016');
  expect(await qspec(['check', 'warnings.qspec'], { cwd })).toMatchObject({ exitCode: 0 });
});

describe('a spec that no machine can train', () => {
  test('more layers in a step than a graph holds', async () => {
    const cwd = folderWith({ 's.qspec': changed('relu', 'repeat 30000 { relu }') });
    expect(await qspec(['check', 's.qspec'], { cwd })).toMatchObject({ exitCode: 0 });
    await expectRefusal(['compile', 's.qspec'], { cwd, exitCode: 1, says: 'QS2010' });
    const summed = changed('B ∘ F', 'accumulate(1000, B ∘ F)').replace('relu', 'repeat 100 { relu }');
    const other = folderWith({ 's.qspec': summed.replace('batch: 8', 'batch: all') });
    await expectRefusal(['compile', 's.qspec'], { cwd: other, exitCode: 1, says: 'QS2010' });
  });

  test('more parameters than memory', async () => {
    const cwd = folderWith({ 's.qspec': changed('dense(10)', 'dense(1000000000) |> dense(10)') });
    const argv = ['train', 's.qspec', '--engine', 'reference'];
    const { exitCode, stdout, stderr } = await qspec(argv, { cwd });
    expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' });
    expect(stderr).toMatch(/^error\[QS7112\]: a step needs at least .* GB of memory/m);
    expect(Object.keys(snapshot(cwd))).toEqual(['s.qspec']);
  });

  test('numbers beyond float32 end the run at its first step', async () => {
    const cwd = folderWith({ 's.qspec': changed('adam(lr: cosine(3e-3, 0))', 'sgd(lr: 1e300)') });
    const result = await qspec(['train', 's.qspec', '--engine', 'reference'], { cwd });
    expect(result).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7110') });
    expectPlain(result);
  });
});

describe('a path that is no spec', () => {
  test.each([
    ['missing.qspec', 'no such file'],
    ['.', 'it is a folder'],
    ['s.qspec/below', 'not a folder'],
    ['loop', 'its links lead in a circle'],
    ['/dev/zero', 'it is not a regular file'],
    ['a\0b', 'the path holds a null character'],
    ['x'.repeat(5000), 'the name is too long'],
  ])('%s', async (path, says) => {
    const cwd = folderWith({ 's.qspec': SMALL_SPEC });
    symlinkSync('loop', join(cwd, 'loop'));
    for (const command of ['check', 'compile', 'train']) {
      await expectRefusal([command, path], { cwd, exitCode: 2, says });
    }
  });
});

describe('options', () => {
  test.each<readonly [argv: readonly string[], says: string]>([
    [['train', 's.qspec', '--epochs', '-1'], 'It must be a whole number'],
    [['train', 's.qspec', '--epochs=-1'], 'It must be a whole number'],
    [['train', 's.qspec', '--epochs', '1e99'], 'It must be a whole number'],
    [['train', 's.qspec', '--epochs', '9007199254740992'], 'It must be a whole number'],
    [['train', 's.qspec', '--epochs', ''], 'It must be a whole number'],
    [['train', 's.qspec', '--seed', 'abc'], 'It must be a whole number'],
    [['train', 's.qspec', '--seed', '18446744073709551616'], 'It must be a whole number'],
    [['train', 's.qspec', '--seed', '0x10'], 'It must be a whole number'],
    [['train', 's.qspec', '--threads', '100000'], 'It must be at most 256'],
    [['train', 's.qspec', '--checkpoint-every', '0s'], 'It must be at least 1'],
    [['train', 's.qspec', '--checkpoint-every', '30m'], 'It must be a whole number'],
    [['train', 's.qspec', '--engine', 'gpu'], 'Allowed choices are'],
    [['train', 's.qspec', '--resume', '--force'], 'cannot be used with'],
    [['train', 's.qspec', '--frobnicate'], 'unknown option'],
    [['train', 's.qspec', 'second.qspec'], 'too many arguments'],
    [['train', 's.qspec', '--out', ''], 'It must not be empty'],
    [['compile', 's.qspec', '--out', ''], 'It must not be empty'],
    [['compile', 's.qspec', '--emit', 'exe'], 'Allowed choices are'],
    [['fmt', 's.qspec', '--check', '--stdout'], 'cannot be used with'],
    [['data', 'fetch', '../../etc'], 'no data set named'],
    [['data', 'fetch', '__proto__'], 'no data set named'],
  ])('%j', async (argv, says) => {
    await expectRefusal(argv, { cwd: folderWith({ 's.qspec': SMALL_SPEC }), exitCode: 2, says });
  });

  test('no epochs and the largest seed are allowed', async () => {
    const cwd = folderWith({ 's.qspec': SMALL_SPEC });
    const seed = `${Number.MAX_SAFE_INTEGER}`;
    const argv = ['train', 's.qspec', '--epochs', '0', '--seed', seed, '--threads', '1'];
    expect(await qspec(argv, { cwd })).toMatchObject({ exitCode: 0, stdout: 'runs/small\n' });
  });
});

describe('an output that cannot be written', () => {
  test.each<readonly [argv: readonly string[], exitCode: number, says: string]>([
    [['train', 's.qspec', '--out', 's.qspec'], 2, 'it is not a folder'],
    [['train', 's.qspec', '--out', 's.qspec/run'], 2, 'it is not a folder'],
    [['train', 's.qspec', '--out', '.'], 2, 'QS7101'],
    [['train', 's.qspec', '--out', 'a\0b'], 3, 'the path holds a null character'],
    [['compile', 's.qspec', '--out', 's.qspec'], 3, 'it is not a folder'],
    [['compile', 's.qspec', '--out', 's.qspec/program'], 3, 'not a folder'],
    [['compile', 's.qspec', '--out', 'x'.repeat(300)], 3, 'the name is too long'],
    [['compile', 's.qspec', '--out', '/dev/null'], 3, 'it is not a folder'],
    [['init', 's.qspec'], 2, 'not a folder'],
    [['init', 's.qspec/demo'], 2, 'not a folder'],
    [['init', '.'], 2, 'is not empty'],
  ])('%j', async (argv, exitCode, says) => {
    const cwd = folderWith({ 's.qspec': SMALL_SPEC });
    await expectRefusal(argv, { cwd, exitCode, says });
  });

  test.runIf(process.platform === 'linux')('a folder in which the system makes none', async () => {
    const cwd = folderWith({ 's.qspec': SMALL_SPEC });
    const says = 'error[QS7051]: cannot write /proc/qspec';
    await expectRefusal(['compile', 's.qspec', '--out', '/proc/qspec'], { cwd, exitCode: 3, says });
    await expectRefusal(['init', '/proc/qspec'], { cwd, exitCode: 3, says });
  });
});
