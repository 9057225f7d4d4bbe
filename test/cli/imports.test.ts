import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const COMMANDS = resolve(import.meta.dirname, '../../runtime/cli/commands');

const known = new Map<string, readonly string[]>();

/** What a file imports, at once or later, when types are erased. */
function importsOf(file: string): readonly string[] {
  const found = known.get(file);
  if (found) return found;
  const compilerOptions = { target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true };
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions });
  const names = ts.preProcessFile(outputText).importedFiles.map(({ fileName }) => fileName);
  known.set(file, names);
  return names;
}

/** Packages that a file reaches. @param leaving files that it may reach, and what they import then does not count */
function packagesOf(entry: string, leaving: readonly string[] = []): ReadonlySet<string> {
  const packages = new Set<string>();
  const reached = new Set([entry]);
  for (const file of reached) {
    if (leaving.includes(file)) continue;
    for (const name of importsOf(file)) {
      if (name.startsWith('.')) reached.add(join(dirname(file), name));
      else packages.add(name);
    }
  }
  return packages;
}

/** `check --probe` runs engines, and alone loads this. */
const PROBE = join(COMMANDS, 'check-probe.ts');

test.each(['init', 'check', 'explain', 'fmt', 'compile'])('%s needs no native package', (command) => {
  const packages = packagesOf(join(COMMANDS, `${command}.ts`), [PROBE]);
  expect([...packages].filter((name) => /onnxruntime|tensorflow/.test(name))).toEqual([]);
});

test('the walk finds native packages where they are', () => {
  expect(packagesOf(join(COMMANDS, 'train.ts'))).toContain('onnxruntime-node');
});
