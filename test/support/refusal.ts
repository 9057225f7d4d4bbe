import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type CliOptions, type CliResult, qspec } from './cli.ts';

/** Files and folders below a folder with the checksums of their contents. */
export function snapshot(folder: string): Readonly<Record<string, string>> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
    const path = join(entry.parentPath, entry.name);
    const content = entry.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : entry.isDirectory()
        ? 'folder'
        : 'link';
    return [relative(folder, path), content] as const;
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A folder with the given files, removed when the running test ends. */
export function folderWith(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'qspec-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return folder;
}

export interface Refusal extends CliOptions {
  readonly cwd: string;
  readonly exitCode: number;
  /** What the one error says. */
  readonly says: string | RegExp;
}

/**
 * Runs a command that has to fail and holds it to what a user is promised then: the exit code, exactly one error, no stack and
 * no excuse for a mistake of ours, nothing on stdout, every file as it was, nothing executed.
 */
export async function expectRefusal(argv: readonly string[], refusal: Refusal): Promise<CliResult> {
  const { exitCode, says, ...options } = refusal;
  const before = snapshot(options.cwd);
  const result = await qspec(argv, options);
  expect(result.stderr).toMatch(says);
  expect({ exitCode: result.exitCode, stdout: result.stdout }).toEqual({ exitCode, stdout: '' });
  expectPlain(result);
  expect(result.stderr.match(/^error/gm)).toHaveLength(1);
  expect(snapshot(options.cwd)).toEqual(before);
  return result;
}

/** No stack, no excuse, nothing executed. */
export function expectPlain({ stdout, stderr }: CliResult): void {
  expect(stdout + stderr).not.toMatch(/mistake in QSpec|^\s+at |node:internal/m);
  expect(globalThis).not.toHaveProperty('pwned');
}
