import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Graph } from '../compiler/ir/graph.ts';
import { compile } from '../compiler/pipeline.ts';
import { collectInOneGo } from '../runtime/cli/collector.ts';
import { loadDataset } from '../runtime/data/dataset.ts';
import type { Engine, Tensors } from '../runtime/engines/engine.ts';
import { createOnnxEngine } from '../runtime/engines/onnx.ts';
import { watch } from '../runtime/train/finite.ts';
import { train } from '../runtime/train/run.ts';
import { qspecVersion } from '../runtime/version.ts';
import type { Bench } from './main.ts';
import { repositorySpecs } from './specs.ts';
import { median, summary } from './timing.ts';

const SPEC = 'cnn2-mnist.qspec';
const THREADS = 2;
const EVERY = { seconds: 60 } as const;

/**
 * One epoch of CNN-2 on all 60,000 images of MNIST, as `qspec train` makes it: how much of it is not the engine's running of the step.
 * Everything is timed in one run, so that other work on the machine stretches both alike.
 */
export const benchEpoch: Bench = async () => {
  collectInOneGo();
  const source = repositorySpecs().find(({ path }) => path === SPEC);
  if (source === undefined) throw new Error(`${SPEC} is missing`);
  const text = source.text.replace(/validation: \d+/, 'validation: 0').replace(/epochs: \d+/, 'epochs: 1');
  const { value: compiled } = compile({ ...source, text });
  if (compiled === undefined) throw new Error(`${SPEC} does not compile`);
  const started = performance.now();
  const dataset = await loadDataset(compiled.spec.data);
  const loading = performance.now() - started;
  const { step } = compiled.program;
  const onnx = await createOnnxEngine({ threads: THREADS });
  const { engine, times, last } = timed(onnx, step);
  const folder = await mkdtemp(join(tmpdir(), 'qspec-bench-epoch-'));
  let [begin, end] = [0, 0];
  let sums = 0;
  try {
    await train(
      join(folder, 'run'),
      compiled,
      dataset,
      engine,
      {
        name: compiled.spec.name,
        hash: compiled.hash,
        seed: 0,
        epochs: 1,
        engine: engine.name,
        threads: THREADS,
        refresh: 0,
        engineDescription: engine.description,
        qspec: qspecVersion(),
        node: process.version,
        platform: `${process.platform} ${process.arch}`,
      },
      {
        specFolder: '.',
        replace: false,
        checkpointEvery: EVERY,
        signal: new AbortController().signal,
        observer: {
          onStart: () => {
            begin = performance.now();
          },
          onStep: () => undefined,
          onEpoch: () => {
            end = performance.now();
          },
        },
      },
    );
    sums = await costOfSums(onnx, step, last());
  } finally {
    await engine.dispose();
    await rm(folder, { recursive: true, force: true });
  }
  const inSteps = times.reduce((a, b) => a + b, 0);
  const { median, least, greatest } = summary(times);
  const share = (ms: number): number => (100 * ms) / inSteps;
  return [
    { name: `${SPEC}, one step, ${THREADS} threads`, value: median, unit: 'ms', spread: [least, greatest] },
    { name: `${times.length} steps of an epoch`, value: inSteps / 1000, unit: 's' },
    { name: 'the epoch from its first step to its end', value: (end - begin) / 1000, unit: 's' },
    {
      name: 'batches, metrics and everything else in it',
      value: share(end - begin - inSteps),
      unit: '% of the steps',
    },
    { name: 'of the steps, sums that look for NaN', value: sums, unit: '%' },
    { name: 'loading the data set before it', value: share(loading), unit: '% of the steps' },
  ];
};

/** What the loop has a step compute besides, in percent of the step, which is run with and without in turn. */
async function costOfSums(engine: Engine, step: Graph, inputs: Tensors): Promise<number> {
  const sides = await Promise.all([step, watch(step).step].map((graph) => engine.load(graph, { seed: 0 })));
  const times: [number[], number[]] = [[], []];
  for (let round = -10; round < 200; round++) {
    for (const [side, executable] of sides.entries()) {
      const start = performance.now();
      await executable.run(inputs, 0);
      if (round >= 0) times[side]?.push(performance.now() - start);
    }
  }
  for (const executable of sides) await executable.dispose();
  return 100 * (median(times[1]) / median(times[0]) - 1);
}

/** An engine that notes how long each run of a graph takes, which may have further outputs. */
function timed(
  engine: Engine,
  graph: Graph,
): { readonly engine: Engine; readonly times: number[]; readonly last: () => Tensors } {
  const times: number[] = [];
  let last: Tensors = new Map();
  const load: Engine['load'] = async (given, options) => {
    const executable = await engine.load(given, options);
    const named = new Set(given.outputs.map(({ name }) => name));
    if (!graph.outputs.every(({ name }) => named.has(name))) return executable;
    return {
      run: async (inputs, step) => {
        last = inputs;
        const start = performance.now();
        const outputs = await executable.run(inputs, step);
        times.push(performance.now() - start);
        return outputs;
      },
      dispose: () => executable.dispose(),
    };
  };
  return {
    times,
    last: () => last,
    engine: { name: engine.name, description: engine.description, load, dispose: () => engine.dispose() },
  };
}
