import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writtenAssignment } from '../../compiler/allocate/auto/assignment.ts';
import {
  type Certificate,
  certificateText,
  type ParametersStatement,
  parseCertificate,
} from '../../compiler/certificate/index.ts';
import type { Diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { type Compiled, compile } from '../../compiler/pipeline.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Engine } from '../engines/engine.ts';
import { runFailure } from '../failure.ts';
import { writeAtomic } from '../storage/atomic.ts';
import { readFailure, systemCode } from '../storage/data-error.ts';
import { encodeSafetensors } from '../storage/safetensors.ts';
import type { Checkpoint } from '../train/checkpoint.ts';
import { certifiedSteps, derivationPaths } from '../train/run-directory.ts';
import type { State } from '../train/state.ts';
import {
  countViolations,
  type DerivationReport,
  type DeriveSettings,
  deriveAt,
  type TrainingPlace,
} from './derive-at.ts';

/** Formats that follow training: derived at its start and every so many steps, each time certified and kept in the run. */
export interface TrainingFormats {
  /** Steps between derivations; formats hold from one to the next. */
  readonly every: number;
  /** The program from a step on: as the run recorded it, or derived from the state there. */
  at(step: number, checkpoint: Pick<Checkpoint, 'step' | 'state'>): Promise<Compiled>;
}

export interface TrainingFormatsOptions {
  readonly folder: string;
  readonly compiled: Compiled;
  readonly dataset: Dataset;
  readonly engine: Engine;
  readonly seed: number;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Epochs between derivations; 0 for the first alone. */
  readonly refresh: number;
  readonly settings: DeriveSettings;
  readonly log: (line: string) => void;
  /** Called with why there are no formats; must throw. */
  readonly fail: (diagnostic: Diagnostic) => never;
}

export function trainingFormats(options: TrainingFormatsOptions): TrainingFormats {
  const { folder, compiled, stepsPerEpoch, refresh, epochs } = options;
  const every = refresh === 0 ? epochs * stepsPerEpoch : refresh * stepsPerEpoch;
  return {
    every,
    at: async (step, checkpoint) => {
      const { certificate: path } = derivationPaths(folder, step);
      const recorded = await certificateAt(path);
      if (recorded !== undefined) return compiledAt(compiled, recorded);
      if (checkpoint.step !== step) {
        throw runFailure('QS7105', { path, reason: 'it is missing' }, 'start the run anew with --force');
      }
      return compiledAt(compiled, await derive(options, every, step, checkpoint.state));
    },
  };
}

/** The formats that a finished run ended with, if it derived any. */
export async function lastCertificate(folder: string): Promise<Readonly<Record<string, string>> | undefined> {
  const step = (await certifiedSteps(folder)).at(-1);
  if (step === undefined) return undefined;
  return (await certificateAt(derivationPaths(folder, step).certificate))?.formats;
}

const WHY = 'derived, certified';

/** The spec at the formats of a certificate, which speaks of the parameters that they were derived at. */
export function compiledAt({ spec }: Compiled, certificate: Certificate): Compiled {
  const { value, diagnostics } = compile(spec.source, {
    assign: (checked) => {
      const { value: assignment, diagnostics } = writtenAssignment(checked, certificate.formats, WHY);
      return { value: assignment && { ...assignment, unproved: true }, diagnostics };
    },
  });
  if (value === undefined) throw new Error(diagnostics.map(({ message }) => message).join('; '));
  return value;
}

/** Derives, certifies and records; before, how the formats so far fare at the state that they have led to. */
async function derive(
  options: TrainingFormatsOptions,
  every: number,
  step: number,
  state: State,
): Promise<Certificate> {
  const { folder, compiled, dataset, engine, seed, epochs, stepsPerEpoch, settings, log } = options;
  const { spec } = compiled;
  const place: TrainingPlace = {
    state,
    parameters: parametersAt(step, seed, state),
    progress: { step, stepsPerEpoch, epochs },
  };
  const earlier =
    step === 0 ? undefined : await certificateAt(derivationPaths(folder, step - every).certificate);
  const stale = earlier && (await countViolations(spec, dataset, engine, place, earlier, settings));
  const found = await deriveAt(spec, dataset, engine, place, settings, log);
  if ('code' in found) return options.fail(found);
  const paths = derivationPaths(folder, step);
  const report: DerivationReport = { ...found.report, ...(stale === undefined ? {} : { before: stale }) };
  await writeAtomic(paths.report, `${JSON.stringify(report, undefined, 2)}\n`);
  // The certificate is written last: with it the derivation counts as made.
  await writeAtomic(paths.certificate, certificateText(found.certificate));
  for (const line of describeDerivation(report)) log(line);
  return found.certificate;
}

function parametersAt(step: number, seed: number, state: State): ParametersStatement {
  if (step === 0) return { kind: 'initial', seed };
  const bytes = encodeSafetensors({ tensors: state, metadata: new Map() });
  return { kind: 'checkpoint', step, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** A derivation in a few lines. */
export function describeDerivation(report: DerivationReport): readonly string[] {
  const { step, choices, seconds, cost, costInF32, lowerBound, requirements, before = [] } = report;
  return [
    choices === 0
      ? `formats as written held against what is required at step ${step} in ${seconds.toFixed(0)} s`
      : `formats derived at step ${step} in ${seconds.toFixed(0)} s: ${percent(cost / costInF32)} of the cost in f32, of which at least ${percent(lowerBound / costInF32)} is needed`,
    ...requirements.map(
      (r) =>
        `  ${r.quantity} (${r.reference}): predicted ${percent(r.predicted)}, observed ${percent(r.observed)} of at most ${percent(r.tolerance)}; ${r.within} of ${r.steps} steps within`,
    ),
    ...before.map(
      ({ quantity, steps, violations }) =>
        `  the formats before broke what is required of ${quantity} in ${violations} of ${steps} steps here`,
    ),
  ];
}

function percent(x: number): string {
  return `${Number((100 * x).toPrecision(3))} %`;
}

async function certificateAt(path: string): Promise<Certificate | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (failure) {
    if (systemCode(failure) === 'ENOENT') return undefined;
    throw readFailure(path, failure);
  }
  const { value, diagnostics } = parseCertificate({ path, text });
  if (value === undefined) throw readFailure(path, new Error(diagnostics[0]?.message ?? 'no certificate'));
  return value;
}
