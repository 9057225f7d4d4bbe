import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dataRoot } from '../../data/root.ts';
import { EngineUnavailable } from '../../engines/engine.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { qspecVersion } from '../../version.ts';
import { type Context, print } from '../context.ts';
import { defaultThreads, type EngineName, openEngine } from '../engines.ts';
import { table } from '../text.ts';

const ENGINES: readonly EngineName[] = ['onnx', 'tfjs', 'reference'];

/** `qspec doctor`: exits with 4 where the default engine does not load. */
export async function doctor(context: Context): Promise<ExitCode> {
  const root = dataRoot(context.io.env);
  const folder = await stat(root).catch(() => undefined);
  const rows = [
    ['qspec', qspecVersion()],
    ['node', `${process.version} on ${process.platform} ${process.arch}`],
    ['cores', `${availableParallelism()}`],
    ['data', folder?.isDirectory() ? root : `${root} (not there: 'qspec data fetch' makes it)`],
  ];
  let exitCode: ExitCode = EXIT.ok;
  for (const name of ENGINES) {
    const described = await describe(name);
    rows.push([`engine ${name}`, described.text]);
    if (name === 'onnx' && !described.loads) exitCode = EXIT.engineMissing;
  }
  for (const line of table(rows)) print(context, line);
  return exitCode;
}

async function describe(name: EngineName): Promise<{ readonly text: string; readonly loads: boolean }> {
  try {
    const engine = await openEngine(name, defaultThreads());
    await engine.dispose();
    return { text: engine.description, loads: true };
  } catch (failure) {
    if (failure instanceof EngineUnavailable) return { text: failure.message, loads: false };
    throw failure;
  }
}
