import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
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
  const tfjsNode = describeTfjsNode(loadTfjsNode);
  rows.push(['tfjs-node', tfjsNode.text]);
  for (const line of table(rows)) print(context, line);
  for (const line of tfjsNode.advice) print(context, line);
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

/** tfjs-node's version. @throws where it is not installed or does not load */
function loadTfjsNode(): string {
  const require = createRequire(import.meta.url);
  const { version } = require('@tensorflow/tfjs-node') as { readonly version: Record<string, string> };
  return version['tfjs-node'] ?? 'of an unknown version';
}

const ADVICE = [
  '',
  "Without tfjs-node, tfjs programs run on tfjs's plain JavaScript backend, a hundred times slower; the onnx engine does not need it.",
];

const BUILD = [
  'Its install script downloads a native library, which fails offline and on new versions of Node. To build that library instead, from the',
  "source in the npm package and against a TensorFlow for Python, run in a clone of QSpec's repository:",
  '',
  '    npm run build:tfjs-node',
  '',
  'It installs that TensorFlow with pip, and wants Python, a C++ compiler and make. `-- --tensorflow FOLDER` names one that is installed.',
];

/** What there is of tfjs-node, and where it does not load, why and what to do about it. */
export function describeTfjsNode(load: () => string): {
  readonly text: string;
  readonly advice: readonly string[];
} {
  try {
    return { text: `${load()}, on TensorFlow's native library`, advice: [] };
  } catch (failure) {
    const [reason = ''] = (failure instanceof Error ? failure.message : String(failure)).split('\n');
    if (reason.includes("Cannot find module '@tensorflow/tfjs-node'")) {
      return {
        text: 'not installed: npm install @tensorflow/tfjs-node, an optional package',
        advice: [...ADVICE, ...BUILD],
      };
    }
    const unbuilt = /native addon module .* can not be found/.test(reason);
    return {
      text: unbuilt ? 'installed without its native library' : `does not load: ${reason}`,
      advice: [...ADVICE, ...BUILD],
    };
  }
}
