import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { runFailure } from '../failure.ts';
import { readSafetensors, writeSafetensors } from '../storage/safetensors.ts';
import { pickState, refuseRunFile } from './model-file.ts';
import type { ScoreSums } from './score.ts';
import type { State } from './state.ts';

/** Everything that the rest of a run depends on, apart from its spec, data and options. */
export interface Checkpoint {
  /** Steps taken. */
  readonly step: number;
  /** Length that metrics.jsonl had. */
  readonly metricsBytes: number;
  /** Over the steps of the unfinished epoch. */
  readonly sums: ScoreSums;
  /** Parameters, optimizer state and buffers. */
  readonly state: State;
}

/** Replaces the checkpoint atomically. @throws DataError where it cannot be written */
export async function writeCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  run: { readonly hash: string; readonly seed: number },
): Promise<void> {
  const { state, step, metricsBytes, sums } = checkpoint;
  const metadata = new Map([
    ['format', 'qspec-checkpoint-1'],
    ['spec', run.hash],
    ['seed', `${run.seed}`],
    ['step', `${step}`],
    ['metricsBytes', `${metricsBytes}`],
    ['sums', JSON.stringify(sums)],
  ]);
  await writeSafetensors(path, { tensors: state, metadata });
}

/**
 * Reads a checkpoint of the given program.
 * @throws DataError where the file is missing or malformed, RunFailure where it is of another run
 */
export async function readCheckpoint(
  path: string,
  program: Pick<TrainingProgram, 'tensors'>,
  run: { readonly hash: string; readonly seed: number },
): Promise<Checkpoint> {
  const { tensors, metadata } = await readSafetensors(path);
  const refuse = (reason: string) =>
    runFailure('QS7105', { path, reason }, 'start the run anew with --force');
  if (metadata.get('format') !== 'qspec-checkpoint-1') throw refuse('it is not a checkpoint of this version');
  if (metadata.get('spec') !== run.hash || metadata.get('seed') !== `${run.seed}`) {
    throw refuse('it is of another run');
  }
  const count = (key: string): number => {
    const value = Number(metadata.get(key) ?? Number.NaN);
    if (!Number.isSafeInteger(value) || value < 0) throw refuse(`its '${key}' is not a count`);
    return value;
  };
  const sums = parseSums(metadata.get('sums'));
  if (!sums) throw refuse("its 'sums' are malformed");
  return {
    step: count('step'),
    metricsBytes: count('metricsBytes'),
    sums,
    state: pickState(program.tensors, tensors, refuseRunFile(path)),
  };
}

function parseSums(text: string | undefined): ScoreSums | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { samples, loss, correct } = json as Partial<Record<keyof ScoreSums, unknown>>;
  if (typeof samples !== 'number' || typeof loss !== 'number') return undefined;
  if (correct !== null && typeof correct !== 'number') return undefined;
  return { samples, loss, correct };
}
