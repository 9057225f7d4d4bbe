import { resolve } from 'node:path';
import { measuredAssignment } from '../../../compiler/allocate/auto/plan.ts';
import { sensitivitiesText } from '../../../compiler/allocate/auto/sensitivities.ts';
import { certificateText } from '../../../compiler/certificate/index.ts';
import { autoSites } from '../../../compiler/lower/levels.ts';
import { formatName } from '../../../compiler/numeric/format.ts';
import { compile } from '../../../compiler/pipeline.ts';
import { DERIVE_SETTINGS, deriveAt } from '../../auto/derive-at.ts';
import { describeDerivation } from '../../auto/training-formats.ts';
import { trainingBatches } from '../../data/batches.ts';
import { loadDataset } from '../../data/dataset.ts';
import { dataRoot } from '../../data/root.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { probeEngine } from '../../probe/evaluator.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { initialState } from '../../train/state.ts';
import { type Context, print, say } from '../context.ts';
import { reportDiagnostics, successOf } from '../diagnostics.ts';
import { defaultThreads } from '../engines.ts';
import { UsageFailure } from '../failures.ts';
import { sensitivitiesPath } from '../sensitivities.ts';
import { readSource } from '../source-file.ts';
import { table } from '../text.ts';

interface Options {
  readonly batches?: number;
  readonly passes?: number;
  readonly seed?: number;
  readonly threads?: number;
}

/**
 * `qspec allocate FILE`: measures what every width of every `auto` site costs at the initial parameters, derives formats that meet the
 * requirements, confirms them by real steps, and writes sensitivities and a certificate beside the spec.
 */
export async function allocateCommand(context: Context, file: string, options: Options): Promise<ExitCode> {
  const { io } = context;
  const source = await readSource(io.cwd, file);
  const compiled = successOf(context, source, compile(source, { assign: measuredAssignment }));
  if (!compiled) return EXIT.diagnostics;
  const { spec, program } = compiled;
  if (autoSites(spec).length === 0) {
    say(context, `${file} has no format that is 'auto': there is nothing to derive`);
    return EXIT.ok;
  }
  const floors = spec.precision.requirements.some(({ relativeTo }) => relativeTo === 'noise_floor');
  if (floors && options.batches === 1) {
    throw new UsageFailure('a noise floor is estimated from minibatches: --batches must be at least 2');
  }
  const seed = options.seed ?? spec.train.seed;
  const dataset = await loadDataset(spec.data, { root: dataRoot(io.env), log: (line) => say(context, line) });
  const { stepsPerEpoch } = trainingBatches(dataset, { batch: program.batch, augment: [], seed });
  const engine = await probeEngine(options.threads ?? defaultThreads());
  try {
    say(context, `probing ${spec.name} on ${engine.description}`);
    const place = {
      state: initialState(program, seed),
      parameters: { kind: 'initial', seed } as const,
      progress: { step: 0, stepsPerEpoch, epochs: spec.train.epochs },
    };
    const settings = {
      ...DERIVE_SETTINGS,
      seed,
      batches: options.batches ?? DERIVE_SETTINGS.batches,
      passes: options.passes ?? DERIVE_SETTINGS.passes,
    };
    const found = await deriveAt(spec, dataset, engine, place, settings, (line) => say(context, line));
    if ('code' in found) {
      reportDiagnostics(context, source, [found]);
      return EXIT.diagnostics;
    }
    for (const line of describeDerivation(found.report)) say(context, line);
    const stem = file.replace(/\.qspec$/, '');
    const files = new Map([
      [sensitivitiesPath(file), sensitivitiesText(found.sensitivities)],
      [`${stem}.certificate.json`, certificateText(found.certificate)],
    ]);
    for (const [path, text] of files) {
      await writeAtomic(resolve(io.cwd, path), text);
      say(context, `wrote ${path}`);
    }
    const rows = [...found.assignment.formats].map(([site, format]) => [site, formatName(format)]);
    for (const line of table(rows, '')) print(context, line);
    return EXIT.ok;
  } finally {
    await engine.dispose();
  }
}
