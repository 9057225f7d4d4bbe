import { createRequire } from 'node:module';
import { compileFunction } from 'node:vm';
import { ts } from 'ts-morph';

type Exports = Readonly<Record<string, unknown>>;

/** Finds what emitted modules may import: tfjs's core, as installed beside QSpec. */
const requireInstalled = createRequire(import.meta.url);

/**
 * Runs emitted TypeScript in this process: every file is transpiled to CommonJS and evaluated when first imported.
 * Nothing is written to disk and nothing outlives the returned object. Files import each other and
 * `@tensorflow/tfjs-core` only; anything else throws.
 *
 * @param files texts by path
 * @returns what the file `main` exports
 */
export function evaluateModules(files: ReadonlyMap<string, string>, main: string): Exports {
  const loaded = new Map<string, Exports>();
  const load = (path: string): Exports => {
    const known = loaded.get(path);
    if (known) return known;
    const text = files.get(path);
    if (text === undefined) throw new Error(`an emitted module imports '${path}', which is not beside it`);
    const exports: Exports = {};
    loaded.set(path, exports);
    const resolve = (specifier: string): unknown =>
      specifier === '@tensorflow/tfjs-core' ? requireInstalled(specifier) : load(join(path, specifier));
    compileFunction(transpile(path, text), ['exports', 'require'], { filename: `qspec-tfjs/${path}` })(
      exports,
      resolve,
    );
    return exports;
  };
  return load(main);
}

/** Transpiled support modules by their text, for every program has the same. */
const transpiled = new Map<string, string>();

function transpile(path: string, text: string): string {
  const known = transpiled.get(text);
  if (known !== undefined) return known;
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      removeComments: true,
    },
  });
  if (path.startsWith('support/')) transpiled.set(text, outputText);
  return outputText;
}

/** The path of `./other.ts` or `../other.ts` as seen from the file `from`. */
function join(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
