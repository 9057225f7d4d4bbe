import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { checkSource, compile } from '../compiler/pipeline.ts';
import type { CheckOnce } from './check-once.ts';
import type { Bench, Measurement } from './main.ts';
import { repositorySpecs } from './specs.ts';
import { medianMs, summary } from './timing.ts';

const LAYERS = [10, 100, 1000, 10_000];
const GPT3 = 'specs/gpt3-dense.qspec';
/** Processes for each size. */
const PROCESSES = 5;

/**
 * Time by stage and peak memory of checking dense nets of 10 to 10,000 layers and GPT-3's dense shape, each in processes of its own;
 * how both grow; and the time to check and to compile each spec of the repository in a process that is warm.
 */
export const benchCheck: Bench = async () => {
  const measurements: Measurement[] = [];
  const bySize = new Map<number, Summaries>();
  for (const layers of LAYERS) {
    const summaries = await checkApart(String(layers));
    bySize.set(layers, summaries);
    measurements.push(...toMeasurements(`${layers} layers`, summaries));
  }
  measurements.push(...growth(bySize));
  measurements.push(...toMeasurements(GPT3, await checkApart(GPT3)));
  for (const source of repositorySpecs()) {
    measurements.push(
      { name: `${source.path} check`, value: await medianMs(() => checkSource(source), 20, 3), unit: 'ms' },
      { name: `${source.path} compile`, value: await medianMs(() => compile(source), 5, 1), unit: 'ms' },
    );
  }
  return measurements;
};

type Summary = ReturnType<typeof summary>;
/** By stage, with `total`, `cpu`, `memory` and counts of values. */
type Summaries = ReadonlyMap<string, Summary>;

/** Checks a spec in several processes, one after the other. */
async function checkApart(argument: string): Promise<Summaries> {
  const script = fileURLToPath(new URL('./check-once.js', import.meta.url));
  const samples = new Map<string, number[]>();
  for (let i = 0; i < PROCESSES; i++) {
    const { stdout } = await promisify(execFile)(process.execPath, [script, argument]);
    const { stages, cpu, megabytes, values, unbounded } = JSON.parse(stdout) as CheckOnce;
    const total = Object.values(stages).reduce((a, b) => a + b, 0);
    const all = { ...stages, total, cpu, memory: megabytes, values, 'values without a bound': unbounded };
    for (const [name, value] of Object.entries(all)) samples.set(name, [...(samples.get(name) ?? []), value]);
  }
  return new Map([...samples].map(([name, values]) => [name, summary(values)]));
}

function toMeasurements(title: string, summaries: Summaries): Measurement[] {
  return [...summaries].map(([name, { median, least, greatest }]) => ({
    name: `${title}, ${name}`,
    value: median,
    unit: name === 'memory' ? 'MB' : name.startsWith('values') ? '' : 'ms',
    spread: [least, greatest],
  }));
}

/**
 * The exponent p of `cost ∝ layersᵖ` between the two largest sizes, where what every process spends alike no longer hides it; 1 is
 * linear growth.
 */
function growth(bySize: ReadonlyMap<number, Summaries>): Measurement[] {
  const [[fewer, small], [more, large]] = [...bySize].slice(-2) as [[number, Summaries], [number, Summaries]];
  return [...large].flatMap(([name, { median }]) => {
    const before = small.get(name)?.median ?? 0;
    if (name === 'start' || before < 1 || median < 1) return [];
    const value = Math.log(median / before) / Math.log(more / fewer);
    return [{ name: `growth from ${fewer} to ${more} layers, ${name}`, value, unit: '(exponent)' }];
  });
}
