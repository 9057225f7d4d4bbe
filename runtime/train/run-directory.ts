import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Source } from '../../compiler/source/source.ts';
import { EXIT, runFailure } from '../failure.ts';
import { temporaryName } from '../storage/atomic.ts';
import { readFailure, systemCode, writeFailure } from '../storage/data-error.ts';
import { writeFiles } from '../storage/folder.ts';
import { parseRunRecord, type RunRecord } from './run-record.ts';

/** The files of a run, all in one folder; `docs/cli.md` says what each holds. */
const FILES = {
  spec: 'spec.qspec',
  record: 'environment.json',
  metrics: 'metrics.jsonl',
  checkpoint: 'checkpoint.safetensors',
  model: 'model.safetensors',
  calibration: 'calibration.safetensors',
  onnx: 'model.onnx',
  summary: 'summary.json',
  verification: 'verify.json',
} as const;

export type RunPaths = Readonly<Record<keyof typeof FILES | 'folder', string>>;

export function runPaths(folder: string): RunPaths {
  const entries = Object.entries(FILES).map(([key, name]) => [key, join(folder, name)]);
  return { folder, ...Object.fromEntries(entries) } as RunPaths;
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

/**
 * The run that the wanted one goes on with; undefined where a new one may be made in the folder.
 *
 * @param ifExists what to do about a run in the folder; `resume` goes on with it if it is the same
 * @throws RunFailure where the folder holds something else, DataError where it cannot be read
 */
export async function inspectFolder(
  folder: string,
  wanted: RunRecord,
  ifExists: 'refuse' | 'resume' | 'replace',
): Promise<FoundRun | undefined> {
  const names = (await list(folder)) ?? [];
  if (ifExists === 'replace') return undefined;
  const found = await findRun(folder);
  if (found && ifExists === 'resume') return sameRun(folder, found, wanted);
  if (found) {
    const hint = 'pass --resume to go on with it, --force to replace it, or another --out';
    throw runFailure('QS7100', { path: folder }, hint, EXIT.usage);
  }
  const foreign = names.find((name) => !isRunFile(name));
  if (foreign !== undefined) {
    const hint = `choose another --out; --force would write the run beside '${foreign}'`;
    throw runFailure('QS7101', { path: folder }, hint, EXIT.usage);
  }
  return undefined;
}

/**
 * Makes a new run in the folder: removes the files of the run that it may hold, and no others. A process that is killed in
 * here leaves a folder that counts as empty. @throws DataError where the folder cannot be written
 */
export async function createRun(folder: string, text: string, record: RunRecord): Promise<void> {
  const names = (await list(folder)) ?? [];
  // Without its record the old run is none, so it goes first.
  for (const name of [FILES.record, ...names.filter(isRunFile)]) {
    await rm(join(folder, name), { force: true }).catch((failure: unknown) => {
      throw writeFailure(folder, failure);
    });
  }
  const files = new Map([
    [FILES.spec, text],
    [FILES.record, `${JSON.stringify(record, undefined, 2)}\n`],
  ]);
  await writeFiles(folder, files);
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
  for (const option of ['seed', 'epochs', 'engine', 'threads', 'refresh'] as const) {
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
  if (/^(certificate|derivation)-\d{6}\.json$/.test(name)) return true;
  return Object.values(FILES).some((own) => name === own || name === temporaryName(own));
}

/** Certificate and figures of the formats that a run takes from a step on. */
export function derivationPaths(
  folder: string,
  step: number,
): { readonly certificate: string; readonly report: string } {
  const number = `${step}`.padStart(6, '0');
  return {
    certificate: join(folder, `certificate-${number}.json`),
    report: join(folder, `derivation-${number}.json`),
  };
}

/** Steps from which the run has certified formats, ascending. */
export async function certifiedSteps(folder: string): Promise<readonly number[]> {
  const names = (await list(folder)) ?? [];
  return names
    .flatMap((name) => {
      const step = /^certificate-(\d{6})\.json$/.exec(name)?.[1];
      return step === undefined ? [] : [Number(step)];
    })
    .sort((a, b) => a - b);
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
