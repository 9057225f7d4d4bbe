import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SPEC } from '../../runtime/cli/commands/init.ts';
import { qspec } from '../support/cli.ts';
import { temporaryFolder } from '../support/temporary.ts';

describe('the command line itself', () => {
  test.each([
    [[], /Usage: qspec/],
    [['chekc'], /Did you mean check/],
    [['check'], /missing required argument 'file'/],
    [['check', 'x.qspec', '--colour'], /unknown option '--colour'/],
    [['check', 'x.qspec', '--reporter', 'xml'], /Allowed choices are pretty, json, github/],
    [['train', 'x.qspec', '--epochs', '1.5'], /whole number/],
    [['train', 'x.qspec', '--threads', '0'], /at least 1/],
    [['train', 'x.qspec', '--resume', '--force'], /cannot be used with/],
    [['train', 'x.qspec', '--engine', 'torch'], /Allowed choices are onnx, tfjs, reference/],
    [['data', 'fetch', 'imagenet'], /there are mnist/],
  ])('%j is a usage error', async (argv, message) => {
    const { exitCode, stdout, stderr } = await qspec(argv);
    expect(stderr).toMatch(message);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  });

  test('help and version are data', async () => {
    expect(await qspec(['--version'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      stderr: '',
    });
    expect(await qspec(['help', 'train'])).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('--resume'),
      stderr: '',
    });
  });
});

describe('files that are no specs', () => {
  test.each([
    ['missing.qspec', 'no such file'],
    ['folder', 'it is a folder'],
    ['latin1.qspec', 'it is not UTF-8 text'],
    ['/dev/zero', 'it is not a regular file'],
    ['file/below.qspec', 'not a folder'],
  ])('%s: %s', async (path, reason) => {
    const cwd = await temporaryFolder();
    await mkdir(join(cwd, 'folder'));
    await writeFile(join(cwd, 'file'), '');
    await writeFile(join(cwd, 'latin1.qspec'), Buffer.from([0x73, 0xff, 0xfe, 0x00]));
    for (const command of ['check', 'explain', 'fmt', 'compile', 'train']) {
      const { exitCode, stdout, stderr } = await qspec([command, path], { cwd });
      expect(stderr).toContain(reason);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    }
  });

  test.each(['eval', 'export', 'verify'])('%s wants a run directory', async (command) => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'file'), '');
    for (const path of ['.', 'missing']) {
      expect(await qspec([command, path], { cwd })).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('is not a run directory'),
      });
    }
    expect(await qspec([command, 'file'], { cwd })).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('it is not a folder'),
    });
  });
});

describe('init', () => {
  test('writes a project whose spec is right and formatted', async () => {
    const cwd = await temporaryFolder();
    expect(await qspec(['init', 'demo'], { cwd })).toMatchObject({ exitCode: 0 });
    const folder = join(cwd, 'demo');
    expect((await readdir(folder)).sort()).toEqual(['.gitignore', 'README.md', 'demo.qspec']);
    expect(await qspec(['check', 'demo.qspec'], { cwd: folder })).toMatchObject({
      exitCode: 0,
      stderr: 'ok demo.qspec\n',
    });
    expect(await qspec(['fmt', '--check', 'demo.qspec'], { cwd: folder })).toMatchObject({
      exitCode: 0,
      stdout: '',
    });
  });

  test('never writes into a folder that is not empty', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'thesis.tex'), '');
    expect(await qspec(['init', '.'], { cwd })).toMatchObject({ exitCode: 2 });
    expect(await qspec(['init', 'thesis.tex'], { cwd })).toMatchObject({ exitCode: 2 });
    expect(await readdir(cwd)).toEqual(['thesis.tex']);
  });
});

describe('specs with mistakes', () => {
  const WRONG = SPEC.replace('epochs: 3', 'epoch: 3');

  test('check prints diagnostics and exits with 1, with every reporter', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'wrong.qspec'), WRONG);
    const line = WRONG.slice(0, WRONG.indexOf('epoch: 3')).split('\n').length;
    const run = (reporter: string) => qspec(['check', 'wrong.qspec', '--reporter', reporter], { cwd });
    const pretty = await run('pretty');
    expect(pretty).toMatchObject({ exitCode: 1, stdout: '' });
    expect(pretty.stderr).toContain(`wrong.qspec:${line}:`);
    const json = await run('json');
    expect(json).toMatchObject({ exitCode: 1, stderr: '' });
    for (const text of json.stdout.trimEnd().split('\n')) {
      expect(JSON.parse(text)).toMatchObject({
        code: expect.stringMatching(/^QS\d{4}$/),
        file: 'wrong.qspec',
      });
    }
    const github = await run('github');
    expect(github.stderr).toMatch(/^::error /);
  });

  test('compile, explain and train write nothing', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'wrong.qspec'), WRONG);
    for (const command of ['compile', 'explain', 'train']) {
      expect(await qspec([command, 'wrong.qspec'], { cwd })).toMatchObject({ exitCode: 1, stdout: '' });
    }
    expect(await readdir(cwd)).toEqual(['wrong.qspec']);
  });

  test('fmt leaves a file with a syntax error alone and formats the others', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'broken.qspec'), 'spec broken {');
    await writeFile(join(cwd, 'loose.qspec'), SPEC.replaceAll('  ', '      '));
    const checked = await qspec(['fmt', '--check', 'loose.qspec'], { cwd });
    expect(checked).toMatchObject({ exitCode: 1, stdout: 'loose.qspec\n' });
    expect(await qspec(['fmt', 'broken.qspec', 'loose.qspec'], { cwd })).toMatchObject({ exitCode: 1 });
    expect(await readFile(join(cwd, 'broken.qspec'), 'utf8')).toBe('spec broken {');
    expect(await readFile(join(cwd, 'loose.qspec'), 'utf8')).toBe(SPEC);
  });

  test('NO_COLOR goes before FORCE_COLOR, and both before the terminal', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'wrong.qspec'), WRONG);
    const colored = async (env: Record<string, string>, terminal: boolean) =>
      (await qspec(['check', 'wrong.qspec'], { cwd, env, terminal })).stderr.includes('\u001b[');
    expect(await colored({}, false)).toBe(false);
    expect(await colored({}, true)).toBe(true);
    expect(await colored({ FORCE_COLOR: '1' }, false)).toBe(true);
    expect(await colored({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
  });
});

describe('compile', () => {
  test('emits the tree and the graph to stdout, programs to a folder', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'demo.qspec'), SPEC);
    const ast = await qspec(['compile', 'demo.qspec', '--emit', 'ast'], { cwd });
    expect(JSON.parse(ast.stdout)).toMatchObject({ kind: 'spec', name: { text: 'demo' } });
    const ir = await qspec(['compile', 'demo.qspec', '--emit', 'ir'], { cwd });
    expect(ir.stdout).toContain('conv2d');
    expect(await qspec(['compile', 'demo.qspec'], { cwd })).toMatchObject({ exitCode: 0, stdout: '' });
    expect(await readdir(join(cwd, 'generated', 'demo'))).toContain('step.ts');
    expect(await qspec(['compile', 'demo.qspec', '--emit', 'onnx', '--out', 'step'], { cwd })).toMatchObject({
      exitCode: 0,
    });
    expect(await readdir(join(cwd, 'step'))).toEqual(['step.onnx']);
  });

  test('a path that cannot be written is one clear error', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'demo.qspec'), SPEC);
    const { exitCode, stderr } = await qspec(['compile', 'demo.qspec', '--out', 'demo.qspec/below'], { cwd });
    expect({ exitCode, stderr }).toEqual({
      exitCode: 3,
      stderr: expect.stringContaining('error[QS7051]: cannot write'),
    });
  });
});

test('explain lists every site of the plan with its line, and what is f32', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'demo.qspec'), SPEC);
  const { exitCode, stdout } = await qspec(['explain', 'demo.qspec'], { cwd });
  expect(exitCode).toBe(0);
  const line = SPEC.slice(0, SPEC.indexOf('weights: int8')).split('\n').length;
  expect(stdout).toMatch(new RegExp(`^ *c1\\.weights +int8 per channel .* line ${line}$`, 'm'));
  expect(stdout).toMatch(/^ *c2\.in +uint8 .*unsigned/m);
  expect(stdout).toMatch(/^ *c1\.grad +int8 stochastic/m);
  expect(stdout).toMatch(/f32, no quantizer: \d+ values/);
});

test('doctor says what there is', async () => {
  const { stdout } = await qspec(['doctor'], { env: { QSPEC_DATA: '/nowhere' } });
  expect(stdout).toMatch(/^engine reference +float64/m);
  expect(stdout).toContain('/nowhere (not there');
});
