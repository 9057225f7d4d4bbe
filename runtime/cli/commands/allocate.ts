import { resolve } from 'node:path';
import { measuredAssignment } from '../../../compiler/allocate/auto/plan.ts';
import { sensitivitiesText } from '../../../compiler/allocate/auto/sensitivities.ts';
import { deriveWorstCase } from '../../../compiler/allocate/auto/worst-case.ts';
import { worstCaseCertificate } from '../../../compiler/analysis/certificate/index.ts';
import { certificateText } from '../../../compiler/certificate/index.ts';
import type { CheckedSpec } from '../../../compiler/check/checked-spec.ts';
import { autoSites, measuredRequirements } from '../../../compiler/lower/levels.ts';
import type { Assignment } from '../../../compiler/lower/plan.ts';
import { formatName } from '../../../compiler/numeric/format.ts';
import { type Compiled, checkSource, compile } from '../../../compiler/pipeline.ts';
import type { Source } from '../../../compiler/source/source.ts';
import { boundText } from '../../analysis/summary.ts';
import { DERIVE_SETTINGS, deriveAt } from '../../auto/derive-at.ts';
import { describeDerivation } from '../../auto/training-formats.ts';
import { trainingBatches } from '../../data/batches.ts';
import { type Dataset, loadDataset } from '../../data/dataset.ts';
import { drawnDataset } from '../../data/drawn.ts';
import { dataRoot } from '../../data/root.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { probeEngine } from '../../probe/evaluator.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { initialState } from '../../train/state.ts';
import { qspecVersion } from '../../version.ts';
import { type Context, print, say } from '../context.ts';
import { reportDiagnostics, successOf } from '../diagnostics.ts';
import { defaultThreads } from '../engines.ts';
import { UsageFailure } from '../failures.ts';
import { certificatePath, sensitivitiesPath } from '../sensitivities.ts';
import { readSource } from '../source-file.ts';
import { table } from '../text.ts';

interface Options {
  readonly batches?: number;
  readonly passes?: number;
  readonly seed?: number;
  readonly threads?: number;
  readonly drawnInputs?: true;
}

/**
 * `qspec allocate FILE`: measures what every width of every `auto` site costs at the initial parameters, derives formats that meet the
 * requirements, confirms them by real steps, and writes sensitivities and a certificate beside the spec. Where no requirement names a
 * probability, nothing is measured: formats are derived from the worst case.
 */
export async function allocateCommand(context: Context, file: string, options: Options): Promise<ExitCode> {
  const { io } = context;
  const source = await readSource(io.cwd, file);
  const checked = successOf(context, source, checkSource(source));
  if (!checked) return EXIT.diagnostics;
  if (measuredRequirements(checked).length === 0) return allocateWorstCase(context, source, checked);
  const compiled = successOf(context, source, compile(source, { assign: measuredAssignment }));
  if (!compiled) return EXIT.diagnostics;
  const { spec, program } = compiled;
  const floors = spec.precision.requirements.some(({ relativeTo }) => relativeTo === 'noise_floor');
  if (floors && options.batches === 1) {
    throw new UsageFailure('a noise floor is estimated from minibatches: --batches must be at least 2');
  }
  const seed = options.seed ?? spec.train.seed;
  const dataset = await datasetOf(context, compiled, seed, options);
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
    await write(context, sensitivitiesPath(file), sensitivitiesText(found.sensitivities));
    await write(context, certificatePath(file), certificateText(found.certificate));
    printFormats(context, found.assignment);
    return EXIT.ok;
  } finally {
    await engine.dispose();
  }
}

async function datasetOf(
  context: Context,
  { spec, program }: Compiled,
  seed: number,
  { drawnInputs, batches = DERIVE_SETTINGS.batches }: Options,
): Promise<Dataset> {
  if (drawnInputs === undefined) {
    return loadDataset(spec.data, { root: dataRoot(context.io.env), log: (line) => say(context, line) });
  }
  const dataset = drawnDataset(spec, batches * program.batch, seed);
  if (typeof dataset === 'string')
    throw new UsageFailure(`no inputs can be drawn for ${spec.name}: ${dataset}`);
  say(
    context,
    'note: inputs are drawn uniformly from the declared range, not taken from the data: what follows is an estimate',
  );
  return dataset;
}

/** Formats from the text and the initial weights alone, proved; nothing is measured. */
async function allocateWorstCase(context: Context, source: Source, spec: CheckedSpec): Promise<ExitCode> {
  const file = source.path;
  if (autoSites(spec).length === 0) {
    say(context, `${file} has no format that is 'auto': there is nothing to derive`);
    return EXIT.ok;
  }
  if (spec.model.initFrom !== undefined) {
    throw new UsageFailure('formats are derived from weights that the seed draws; these come from a file');
  }
  const derived = successOf(context, source, deriveWorstCase(spec));
  if (!derived) return EXIT.diagnostics;
  const { assignment, bounds, cost, lowerBound, costAtWidest } = derived;
  const share = (x: number): string => `${Number(((100 * x) / costAtWidest).toPrecision(3))} %`;
  say(
    context,
    `formats derived from the worst case: ${share(cost)} of the cost of the widest, of which at least ${share(lowerBound)} is needed`,
  );
  for (const { requirement, error, allowed } of bounds) {
    const { quantity, norm, reference } = requirement;
    say(
      context,
      `  ${quantity} (${reference}, ${norm}): at most ${boundText(error)} of ${boundText(allowed)}`,
    );
  }
  const compiled = successOf(
    context,
    source,
    compile(source, { assign: () => ({ value: assignment, diagnostics: [] }) }),
  );
  if (!compiled) return EXIT.diagnostics;
  const certificate = worstCaseCertificate(compiled, { tool: qspecVersion() });
  await write(context, certificatePath(file), certificateText(certificate));
  printFormats(context, assignment);
  return EXIT.ok;
}

async function write(context: Context, path: string, text: string): Promise<void> {
  await writeAtomic(resolve(context.io.cwd, path), text);
  say(context, `wrote ${path}`);
}

function printFormats(context: Context, { formats }: Assignment): void {
  const rows = [...formats].map(([site, format]) => [site, formatName(format)]);
  for (const line of table(rows, '')) print(context, line);
}
