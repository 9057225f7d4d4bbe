import { FETCHABLE, fetchDataset } from '../../data/fetch.ts';
import { loadPublicSet } from '../../data/public-data.ts';
import { PUBLIC_SETS } from '../../data/public-sets.ts';
import { dataRoot } from '../../data/root.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { DataError } from '../../storage/data-error.ts';
import { type Context, print, say } from '../context.ts';
import { UsageFailure } from '../failures.ts';
import { createCounter } from '../progress.ts';
import { table } from '../text.ts';

/** Sets that are made, not read. */
const BUILT_IN: readonly (readonly string[])[] = [
  ['glyphs', 'built in', '28 × 28 digits drawn from strokes'],
  ['regression', 'built in', 'linear with noise'],
];

/** `qspec data list`: each set with whether its files are here and are what was published. */
export async function dataList(context: Context): Promise<ExitCode> {
  const root = dataRoot(context.io.env);
  const rows = [...BUILT_IN];
  for (const set of PUBLIC_SETS) {
    const problem = await loadPublicSet(set, root).then(
      () => undefined,
      (failure: unknown) => {
        if (failure instanceof DataError) return failure;
        throw failure;
      },
    );
    const [state, text] =
      problem === undefined
        ? ['here', set.title]
        : problem.code === 'QS7003'
          ? ['missing', `${set.title}: qspec data fetch ${set.folder}`]
          : ['damaged', problem.message];
    rows.push([set.folder.replaceAll('-', '_'), state, text]);
  }
  for (const line of table(rows)) print(context, line);
  return EXIT.ok;
}

/** `qspec data fetch NAME` */
export async function dataFetch(context: Context, name: string): Promise<ExitCode> {
  if (!FETCHABLE.includes(name.replaceAll('_', '-'))) {
    throw new UsageFailure(`no data set named '${name}' can be fetched; there are ${FETCHABLE.join(', ')}`);
  }
  const controller = new AbortController();
  const release = context.io.onInterrupt(() => controller.abort());
  const counter = createCounter(context, `fetching ${name}`);
  const mirrors = context.io.env['QSPEC_MIRROR']?.split(/\s+/).filter((mirror) => mirror !== '');
  try {
    await fetchDataset(name, {
      root: dataRoot(context.io.env),
      signal: controller.signal,
      ...(mirrors ? { mirrors } : {}),
      log: (line) => say(context, line),
      progress: (_file, received, total) => counter.update(received, total ?? received),
    });
    return EXIT.ok;
  } catch (failure) {
    if (controller.signal.aborted) return EXIT.interrupted;
    throw failure;
  } finally {
    counter.stop();
    release();
  }
}

/** `qspec data path` */
export async function dataPath(context: Context): Promise<ExitCode> {
  print(context, dataRoot(context.io.env));
  return EXIT.ok;
}
