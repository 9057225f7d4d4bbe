import { readFile } from 'node:fs/promises';
import { loadDataset } from '../../data/dataset.ts';
import { dataRoot } from '../../data/root.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { readFailure } from '../../storage/data-error.ts';
import { renderReport } from '../../verify/report.ts';
import { verify } from '../../verify/verify.ts';
import { type Context, say } from '../context.ts';
import { type EngineOptions, openEngine } from '../engines.ts';
import { createCounter } from '../progress.ts';
import { openTrainedRun } from '../trained-run.ts';

/** `qspec verify RUN`: the report on stdout and, with every difference, in `verify.json`; fails where anything is refuted. */
export async function verifyCommand(
  context: Context,
  path: string,
  options: EngineOptions & { readonly samples?: number },
): Promise<ExitCode> {
  const run = await openTrainedRun(context, path);
  if (!run) return EXIT.diagnostics;
  const { compiled, model, record, paths } = run;
  const bytes = await readFile(paths.onnx).catch((failure: unknown) => {
    throw readFailure(paths.onnx, failure);
  });
  const threads = options.threads ?? record.threads;
  const engine = await openEngine(options.engine ?? record.engine, threads, options);
  try {
    const dataset = await loadDataset(compiled.spec.data, {
      root: dataRoot(context.io.env),
      log: (line) => say(context, line),
    });
    const counter = createCounter(context, 'verifying');
    const report = await verify(compiled, model, bytes, dataset, {
      engine,
      threads,
      ...(options.samples === undefined ? {} : { samples: options.samples }),
      progress: (done, total) => counter.update(done, total),
    }).finally(() => counter.stop());
    const json = `${JSON.stringify(report, undefined, 2)}\n`;
    await writeAtomic(paths.verification, json);
    context.io.stdout.write(context.reporter === 'json' ? json : renderReport(report));
    return report.failures.length > 0 ? EXIT.failed : EXIT.ok;
  } finally {
    await engine.dispose();
  }
}
