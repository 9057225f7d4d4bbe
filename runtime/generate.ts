import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { emitTfjsProgram } from '../compiler/emit/tfjs/emit-program.ts';
import { lowerReal } from '../compiler/lower/deploy/evaluation.ts';
import { type Compiled, compile } from '../compiler/pipeline.ts';
import type { Source } from '../compiler/source/source.ts';
import { CHECKED_ONLY } from './checked-only.ts';
import { assignmentBeside } from './cli/sensitivities.ts';
import { writeAtomic } from './storage/atomic.ts';
import { qspecVersion } from './version.ts';

/** The tfjs program of a compiled spec: texts by path in the folder `generated/<spec>/`. */
export function emitProgramFolder(
  { spec, plan, program, hash }: Compiled,
  source: Source,
): Map<string, string> {
  return emitTfjsProgram(program, {
    source,
    toolVersion: qspecVersion(),
    specHash: hash,
    evaluation: lowerReal(spec, plan, program.batch),
  });
}

/**
 * Brings `generated/` under `root` in line with `specs/*.qspec` but for {@link CHECKED_ONLY}, or with `check` changes nothing.
 *
 * @returns paths under `generated/` that were (or would be) written or removed, sorted; empty where all is fresh
 * @throws where a spec does not compile
 */
export async function generate(root: string, check: boolean): Promise<readonly string[]> {
  const wanted = await wantedFiles(join(root, 'specs'));
  const folder = join(root, 'generated');
  const present = await presentFiles(folder);
  const stale: string[] = [];
  for (const [path, text] of wanted) {
    if (present.has(path) && (await readFile(join(folder, path), 'utf8')) === text) continue;
    stale.push(path);
    if (check) continue;
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeAtomic(join(folder, path), text);
  }
  for (const path of present) {
    if (wanted.has(path)) continue;
    stale.push(path);
    if (!check) await rm(join(folder, path));
  }
  return stale.sort();
}

async function wantedFiles(specs: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(specs)).filter((n) => n.endsWith('.qspec')).sort()) {
    if (CHECKED_ONLY.has(name)) continue;
    const source = { path: name, text: await readFile(join(specs, name), 'utf8') };
    const { value, diagnostics } = compile(source, await assignmentBeside(specs, name));
    if (value === undefined) {
      throw new Error(
        `${name} does not compile: ${diagnostics.map(({ code, message }) => `${code} ${message}`).join('; ')}`,
      );
    }
    for (const [path, text] of emitProgramFolder(value, source))
      files.set(`${value.spec.name}/${path}`, text);
  }
  return files;
}

/** Every file under a folder by its path with '/'. */
async function presentFiles(folder: string): Promise<ReadonlySet<string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return new Set(
    files.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')),
  );
}
