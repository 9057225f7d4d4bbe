import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Source } from '../../compiler/source/source.ts';
import { EXIT, runFailure } from '../failure.ts';
import { temporaryName, writeAtomic } from '../storage/atomic.ts';
import { readFailure, systemCode, writeFailure } from '../storage/data-error.ts';
import { parseRunRecord, type RunRecord } from './run-record.ts';

/** The files of a run, all in one folder; `docs/cli.md` says what each holds. */
const FILES = {
  spec: 'spec.qspec',
  record: 'environment.json',
  metrics: 'metrics.jsonl',
  checkpoint: 'checkpoint.safetensors',
  model: 'model.safetensors',
  onnx: 'model.onnx',
  summary: 'summary.json',
} as const;

export type RunPaths = Readonly<Record<keyof typeof FILES | 'folder', string>>;

export function runPaths(folder: string): RunPaths {
  const { spec, record, metrics, checkpoint, model, onnx, summary } = FILES;
  const path = (name: string) => join(folder, name);
  return {
    folder,
    spec: path(spec),
    record: path(record),
    metrics: path(metrics),
    checkpoint: path(checkpoint),
    model: path(model),
    onnx: path(onnx),
    summary: path(summary),
  };
}

/** A run found on disk. */
export interface FoundRun {
  readonly source: Source;
  readonly record: RunRecord;
  readonly finished: boolean;
}

/** The run in a folder; undefined where the folder is missing or holds none. @throws DataError where it cannot be read */
export async function findRun(folder: string): Promise<FoundRun | undefined> {
  const names = (await list(folder)) ?? [];
  if (!names.includes(FILES.record) || !names.includes(FILES.spec)) return undefined;
  const paths = runPaths(folder);
  return {
    source: { path: paths.spec, text: await readText(paths.spec) },
    record: parseRunRecord(await readText(paths.record), paths.record),
    finished: names.includes(FILES.summary),
  };
}

export type IfExists = 'refuse' | 'resume' | 'replace';

/**
 * Makes the folder ready for a run: a new one, or the one that it holds if that is the same. A folder in which a run was
 * only being set up when it was killed counts as empty.
 *
 * @returns the run to go on with; undefined where a new one starts
 * @throws RunFailure where the folder holds something else
 */
export async function claimFolder(
  folder: string,
  text: string,
  record: RunRecord,
  ifExists: IfExists,
): Promise<FoundRun | undefined> {
  const names = (await list(folder)) ?? [];
  const foreign = names.find((name) => !isRunFile(name));
  const found = ifExists === 'replace' ? undefined : await findRun(folder);
  if (found) {
    if (ifExists === 'resume') return sameRun(folder, found, record);
    const hint = 'pass --resume to go on with it, --force to replace it, or another --out';
    throw runFailure('QS7100', { path: folder }, hint, EXIT.usage);
  }
  if (foreign !== undefined && ifExists !== 'replace') {
    const hint = `choose another --out; --force would keep '${foreign}' and write the run beside it`;
    throw runFailure('QS7101', { path: folder }, hint, EXIT.usage);
  }
  const paths = runPaths(folder);
  try {
    await mkdir(folder, { recursive: true });
    for (const name of names.filter(isRunFile)) await rm(join(folder, name), { force: true });
  } catch (failure) {
    throw writeFailure(folder, failure);
  }
  await writeAtomic(paths.spec, text);
  await writeAtomic(paths.record, `${JSON.stringify(record, undefined, 2)}\n`);
  return undefined;
}

/** @throws RunFailure where what was asked for is not what the folder's run was started with */
function sameRun(folder: string, found: FoundRun, wanted: RunRecord): FoundRun {
  if (found.record.hash !== wanted.hash) {
    throw runFailure(
      'QS7104',
      { path: folder },
      'choose another --out, or replace it with --force',
      EXIT.usage,
    );
  }
  for (const option of ['seed', 'epochs', 'engine', 'threads'] as const) {
    const recorded = `${found.record[option]}`;
    const given = `${wanted[option]}`;
    if (recorded !== given) {
      throw runFailure(
        'QS7103',
        { path: folder, option: `--${option}`, recorded, given },
        undefined,
        EXIT.usage,
      );
    }
  }
  return found;
}

function isRunFile(name: string): boolean {
  return Object.values(FILES).some((own) => name === own || name === temporaryName(own));
}

/** Names in a folder; undefined where there is none. */
async function list(folder: string): Promise<readonly string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (failure) {
    const code = systemCode(failure);
    if (code === 'ENOENT') return undefined;
    if (code === 'ENOTDIR') {
      throw runFailure('QS7105', { path: folder, reason: 'it is not a folder' }, undefined, EXIT.usage);
    }
    throw readFailure(folder, failure);
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((failure: unknown) => {
    throw readFailure(path, failure);
  });
}
