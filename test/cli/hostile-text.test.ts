import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ts } from 'ts-morph';
import { afterEach, describe, expect, test } from 'vitest';
import { evaluateModules } from '../../runtime/engines/tfjs-module.ts';
import { qspec } from '../support/cli.ts';
import { expectPlain, folderWith } from '../support/refusal.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';

/** Would set `globalThis.pwned` if it got out of the place that it stands in. */
const CODE = 'globalThis.pwned = 1';

/** Ways out of strings, comments, templates and lines, each with the code behind it. */
const ESCAPES: readonly string[] = [
  `'; ${CODE}; '`,
  `"; ${CODE}; "`,
  `\`; ${CODE}; \``,
  `\${${CODE}}`,
  `*/ ${CODE}; /*`,
  `// */ ${CODE}`,
  `\\'; ${CODE}; //`,
  `\u2028${CODE}; //`,
  `\u2029${CODE}; //`,
  `\u0085${CODE}; //`,
  `\r${CODE}; //`,
  `</script><script>${CODE}</script>`,
  `<!-- ${CODE}`,
  `'); process.exit(0); //`,
  `'); import('node:fs'); //`,
  '__proto__',
  'constructor',
  '\u202e\u2066',
];

/** A name that a file may have; what no file system takes is left out. */
const fileName = (hostile: string) => `${hostile.replaceAll('/', '⁄')}.qspec`;

/** How a string of the language is written. */
const quoted = (text: string) => `"${text.replace(/[\\"]/g, (c) => `\\${c}`).replaceAll('\r', '\\n')}"`;

afterEach(() => expect(globalThis).not.toHaveProperty('pwned'));

/** Every file below a folder by its path. */
function programIn(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name.replaceAll('\\', '/'), readFileSync(join(folder, name), 'utf8')]));
}

/** Compiles a file to `program`, runs what was written as far as importing runs it, and returns it. */
async function compiled(name: string, text: string): Promise<ReadonlyMap<string, string>> {
  const cwd = folderWith({ [name]: text });
  const result = await qspec(['compile', name, '--out', 'program'], { cwd });
  expect(result).toMatchObject({ exitCode: 0, stdout: '' });
  expectPlain(result);
  const program = programIn(join(cwd, 'program'));
  for (const file of program.keys()) {
    if (file.endsWith('.ts')) evaluateModules(program, file);
  }
  return program;
}

/** The tokens of a program's code: all of it but comments and blanks. */
function codeOf(program: ReadonlyMap<string, string>): ReadonlyMap<string, readonly string[]> {
  const code = [...program].filter(([name]) => name.endsWith('.ts'));
  return new Map(code.map(([name, text]) => [name, tokensOf(text)]));
}

function tokensOf(text: string): readonly string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, text);
  const found: string[] = [];
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) found.push(scanner.getTokenText());
  return found;
}

const TABLE_SPEC = (path: string, target: string, start?: string) => `spec table
data csv(path: ${path}, target: ${target}) { batch: 2 }
model M(x: f32[2]) -> f32[1] ${start === undefined ? '' : `init from ${start} `}{ x |> dense(1) as f1 }
train {
  F = forward(M) |> mse
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 1
}
precision { weights: int8, activations: int8, gradients: int8 stochastic }
`;

const PLAIN = TABLE_SPEC('"t.csv"', '"y"');

let plain: ReturnType<typeof codeOf> | undefined;

/** What every hostile spelling of the plain spec must compile to; compiled once. */
async function plainCode(): Promise<ReturnType<typeof codeOf>> {
  plain ??= codeOf(await compiled('plain.qspec', PLAIN));
  return plain;
}

describe('text of a stranger, wherever the language takes text', () => {
  test.each(ESCAPES)('%j in the name of the file', async (hostile) => {
    const program = await compiled(fileName(hostile), PLAIN);
    expect(codeOf(program)).toEqual(await plainCode());
    for (const text of program.values()) expect(text).not.toMatch(/[\u0085\u2028\u2029\u202e\u2066\r]/);
  });

  test.each(ESCAPES)('%j in comments, paths and columns', async (hostile) => {
    const path = quoted(`t${hostile}`.replaceAll('/', '-').replaceAll('\r', '-'));
    const text = TABLE_SPEC(path, quoted(hostile), path).replaceAll(
      /$/gm,
      () => ` # ${hostile.replaceAll('\r', ' ')}`,
    );
    expect(codeOf(await compiled('s.qspec', text))).toEqual(await plainCode());
  });

  test.each(ESCAPES)('%j in place of a name is no name', async (hostile) => {
    for (const name of ['spec small', 'as c1', 'model Small', 'data glyphs', 'F =']) {
      const [word, old] = name.split(' ');
      const text = SMALL_SPEC.replace(name, () => (old === '=' ? `${hostile} =` : `${word} ${hostile}`));
      const result = await qspec(['compile', 's.qspec'], { cwd: folderWith({ 's.qspec': text }) });
      expect([0, 1]).toContain(result.exitCode);
      if (!/^\w+$/.test(hostile)) expect(result.exitCode).toBe(1);
      expectPlain(result);
      expect(result.stderr).not.toMatch(/[\u0085\u2028\u2029\u202e\u2066\r]/);
    }
  });

  test.each(ESCAPES)(
    '%j in a table that does not fit is shown, not sent to the terminal',
    async (hostile) => {
      const cwd = folderWith({
        's.qspec': TABLE_SPEC('"t.csv"', '"y"'),
        't.csv': `a,"${hostile}\u001b[2J",b\n1,2,3\n`,
      });
      const result = await qspec(['train', 's.qspec', '--engine', 'reference'], {
        cwd,
        env: { QSPEC_DATA: cwd },
      });
      expect(result.exitCode).toBe(3);
      expectPlain(result);
      expect(result.stderr).not.toMatch(/[\u0085\u2028\u2029\u202e\u2066\u001b\r]/);
    },
  );
});

/** Words that mean something in TypeScript, in tfjs programs, in JavaScript's objects or in the emitted files themselves. */
const WORDS = [
  'class function default await yield let return delete null true arguments eval undefined NaN globalThis process require',
  'exports module constructor __proto__ prototype toString hasOwnProperty then tf params buffers optimizer batch hyper cache',
  'gradients noise loss logits labels Tensors State Batch trainStep createState weights bias scale in data train spec step',
].flatMap((line) => line.split(' '));

describe('names', () => {
  /** Words of the language itself and values that no spec can hold are refused; the others may name anything. */
  async function isName(word: string): Promise<boolean> {
    const cwd = folderWith({ 's.qspec': PLAIN.replace('as f1', `as ${word}`) });
    const { exitCode, stderr } = await qspec(['check', 's.qspec'], { cwd });
    if (exitCode !== 0) expect(stderr).toMatch(/^error\[QS[12]/);
    return exitCode === 0;
  }

  test.each(WORDS)('%s may name a spec and a model', async (word) => {
    if (!(await isName(word))) return;
    const text = PLAIN.replace('spec table', `spec ${word}`).replaceAll(/\bM\b/g, word);
    const program = await compiled('s.qspec', text);
    expect([...program.keys()]).toContain('index.ts');
  });

  test('all of them may name the layers and values of one model, which trains and is verified', async () => {
    const allowed: string[] = [];
    for (const word of WORDS) if (await isName(word)) allowed.push(word);
    expect(allowed.length).toBeGreaterThan(30);
    const lets = allowed.map((word, i) => {
      const before = i === 0 ? 'x' : (allowed[i - 1] ?? '');
      return `  let ${word} = ${before} |> dense(3) as ${word}_layer |> relu`;
    });
    const labels = allowed.map((word) => `|> dense(3) as ${word}`);
    const model = (body: string) => `spec names
data regression(samples: 40, features: 10, seed: 1) { batch: 8 }
model M(x: f32[10]) -> f32[1] {\n${body}\n}
train {
  F = forward(M) |> mse
  B = backward(F)
  U = adam(lr: 1e-3)
  T = U ∘ B ∘ F
  epochs: 1
}
precision { weights: int8, activations: int8, gradients: int8 stochastic }
`;
    const bodies = [
      `  x ${labels.join(' ')} |> dense(1)`,
      `${lets.join('\n')}\n  return ${allowed.at(-1)} |> dense(1)`,
    ];
    for (const body of bodies) {
      const cwd = folderWith({ 's.qspec': model(body) });
      const argv = ['train', 's.qspec', '--engine', 'tfjs', '--out', 'run'];
      expect(await qspec(argv, { cwd })).toMatchObject({ exitCode: 0 });
      expect(await qspec(['verify', 'run', '--threads', '1'], { cwd })).toMatchObject({ exitCode: 0 });
    }
  });

  test('a prototype is no option, data set, engine or operator', async () => {
    for (const word of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const cwd = folderWith({
        'layer.qspec': SMALL_SPEC.replace('relu', word),
        'format.qspec': SMALL_SPEC.replace('activations: int8', `activations: ${word}`),
        'setting.qspec': SMALL_SPEC.replace('epochs: 2', `epochs: 2, ${word}: 1`),
        'source.qspec': SMALL_SPEC.replace(
          'data glyphs(samples: 192, test: 60, seed: 1) {',
          `data d { source: ${word},`,
        ),
        'argument.qspec': SMALL_SPEC.replace('kernel: 3', `kernel: 3, ${word}: 1`),
        'optimizer.qspec': SMALL_SPEC.replace('adam(', `${word}(`),
        'loss.qspec': SMALL_SPEC.replace('cross_entropy', word),
        'site.qspec': SMALL_SPEC.replace('activations: int8', `activations: int8, c1.${word}: int8`),
        'label.qspec': SMALL_SPEC.replace('activations: int8', `activations: int8, ${word}.in: int8`),
      });
      for (const name of readdirSync(cwd)) {
        const result = await qspec(['check', name], { cwd });
        expect({ name, exitCode: result.exitCode }).toEqual({ name, exitCode: 1 });
        expectPlain(result);
      }
    }
  });
});
