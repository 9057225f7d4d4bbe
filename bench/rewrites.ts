import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { emitOnnx } from '../compiler/emit/onnx/emit.ts';
import { printModel } from '../compiler/emit/onnx/print.ts';
import { type Rewrites, STEP_REWRITES } from '../compiler/emit/onnx/rewrites/table.ts';
import type { TrainingProgram } from '../compiler/lower/program.ts';
import { compile } from '../compiler/pipeline.ts';
import type { Executable } from '../runtime/engines/engine.ts';
import { createOnnxEngine } from '../runtime/engines/onnx.ts';
import type { Bench, Measurement } from './main.ts';
import { inputsOf } from './step-inputs.ts';
import { summary } from './timing.ts';

const MODELS = ['cnn2-mnist', 'cnn4-fashion', 'resnet8-cifar10'] as const;
/** Rounds of one step each, alternating between the variants. */
const ROUNDS: Readonly<Record<(typeof MODELS)[number], number>> = {
  'cnn2-mnist': 40,
  'cnn4-fashion': 12,
  'resnet8-cifar10': 8,
};
const BATCH = 64;
const THREADS = 2;

/**
 * What each rewrite of the training step gains: the time of a step with all of them and without the one, alternating, and their ratio in
 * CPU time; for f32 and for weights, activations and gradients of 8 bits. Variables QSPEC_BENCH_MODELS and QSPEC_BENCH_FORMATS choose some.
 */
export const benchRewrites: Bench = async () => {
  const measurements: Measurement[] = [];
  for (const model of chosen('QSPEC_BENCH_MODELS', MODELS)) {
    for (const formats of chosen('QSPEC_BENCH_FORMATS', ['f32', 'w8a8g8'])) {
      measurements.push(...(await measure(model, formats)));
    }
  }
  return measurements;
};

function chosen<T extends string>(variable: string, all: readonly T[]): readonly T[] {
  const wanted = process.env[variable]?.split(',');
  return wanted === undefined ? all : all.filter((name) => wanted.includes(name));
}

interface Variant {
  readonly name: string;
  readonly executable: Executable;
  readonly times: number[];
  /** Milliseconds of all threads together, which what else runs on the machine changes less. */
  readonly work: number[];
}

async function measure(model: (typeof MODELS)[number], formats: 'f32' | 'w8a8g8'): Promise<Measurement[]> {
  const program = programOf(model, formats);
  const inputs = inputsOf(program);
  const variants: Variant[] = [];
  const whole = printModel(emitOnnx(program.step, { scheme: 'arithmetic' }).model);
  const add = async (name: string, rewrites: Rewrites): Promise<void> => {
    const { model: emitted } = emitOnnx(program.step, { scheme: 'arithmetic', rewrites });
    // A rewrite that finds nothing to do gains nothing.
    if (name !== 'all' && printModel(emitted) === whole) return;
    const engine = await createOnnxEngine({ threads: THREADS, rewrites });
    variants.push({ name, executable: await engine.load(program.step, { seed: 0 }), times: [], work: [] });
  };
  await add('none', Object.fromEntries(STEP_REWRITES.map((name) => [name, false])));
  await add('all', {});
  for (const name of STEP_REWRITES) await add(`all but ${name}`, { [name]: false });
  for (let round = -2; round < ROUNDS[model]; round++) {
    // Each round starts elsewhere: a step after a slow one finds colder caches.
    const first = (round + variants.length) % variants.length;
    for (const { executable, times, work } of [...variants.slice(first), ...variants.slice(0, first)]) {
      const [start, before] = [performance.now(), process.cpuUsage()];
      await executable.run(inputs, 0);
      const { user, system } = process.cpuUsage(before);
      if (round < 0) continue;
      times.push(performance.now() - start);
      work.push((user + system) / 1000);
    }
  }
  for (const { executable } of variants) await executable.dispose();
  const all = variants.find((v) => v.name === 'all')?.work ?? [];
  return variants.flatMap(({ name, times, work }) => {
    const { median, least, greatest } = summary(times);
    const label = `${model} ${formats}, ${name}`;
    const time: Measurement = { name: label, value: median, unit: 'ms', spread: [least, greatest] };
    const effort = summary(work);
    const cpu: Measurement = {
      name: `${label}, CPU`,
      value: effort.median,
      unit: 'ms',
      spread: [effort.least, effort.greatest],
    };
    if (name === 'all') return [time, cpu];
    const ratios = summary(work.map((ms, round) => ms / (all[round] ?? ms)));
    return [time, cpu, { name: `${label} ÷ all, CPU`, value: ratios.median, unit: 'times' }];
  });
}

function programOf(model: (typeof MODELS)[number], formats: 'f32' | 'w8a8g8'): TrainingProgram {
  const path = `${model}.qspec`;
  const text = readFileSync(join('specs', path), 'utf8').replace(/batch: \d+/, `batch: ${BATCH}`);
  const real = text.replace(/(precision|export onnx) \{[^}]*\}/g, '');
  const { value, diagnostics } = compile({ path, text: formats === 'f32' ? real : text });
  if (!value) throw new Error(`${path} does not compile: ${diagnostics.map((d) => d.message)}`);
  return value.program;
}
