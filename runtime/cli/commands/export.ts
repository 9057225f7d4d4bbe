import { resolve } from 'node:path';
import { EXIT, type ExitCode } from '../../failure.ts';
import { writeAtomic } from '../../storage/atomic.ts';
import { exportOnnx } from '../../train/export.ts';
import { type Context, print, say } from '../context.ts';
import { reportDiagnostics } from '../diagnostics.ts';
import { bytes } from '../text.ts';
import { openTrainedRun } from '../trained-run.ts';

/** `qspec export RUN`: writes the model whole or not at all, and prints where. */
export async function exportCommand(
  context: Context,
  path: string,
  options: { readonly out?: string },
): Promise<ExitCode> {
  const run = await openTrainedRun(context, path);
  if (!run) return EXIT.diagnostics;
  const exported = exportOnnx(run.compiled, run.model);
  reportDiagnostics(context, run.compiled.spec.source, exported.diagnostics);
  if (!exported.bytes) return EXIT.diagnostics;
  await writeAtomic(
    options.out === undefined ? run.paths.onnx : resolve(context.io.cwd, options.out),
    exported.bytes,
  );
  say(
    context,
    `${bytes(exported.bytes.length)}, opset ${run.compiled.spec.exported.opset}, ${run.compiled.spec.exported.scheme}`,
  );
  print(context, options.out ?? `${path.replace(/\/+$/, '')}/model.onnx`);
  return EXIT.ok;
}
