import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { OnnxEngineOptions } from '../runtime/engines/onnx.ts';
import type { Bench, Measurement } from './main.ts';
import { createCase, type StepCase, stepFlops } from './step-case.ts';
import { agrees, difference, readOutputs } from './step-compare.ts';
import { nodePeer, type Peer, torchPeer, torchPython } from './step-peer.ts';
import { FORMATS, type Formats, MODELS, type Model, shardedSource } from './step-specs.ts';
import { PRODUCTS } from './step-training.ts';
import { fastestVariant, loadTorch } from './step-variants.ts';
import { median, quartiles, ratioOfMedians } from './timing.ts';

const THREADS = Number(process.env['QSPEC_THREADS'] ?? 2);
const FOLDER = join('.peers', 'step');

/**
 * Steps of a block; the first few, which find the caches full of another engine's data, their own memory put away and their threads asleep, are not
 * counted: training is one long block.
 */
const BLOCK = 20;
const UNCOUNTED = 5;
const WARMUP = 5;
const PAUSE_MS = 50;

/** Sizes of the product that the runtime's own rate is taken from. */
const PRODUCT = 1024;

/** One engine in the rounds. */
interface Contestant {
  readonly name: string;
  readonly peer: Peer;
}

/** What a contestant's counted steps of one round took. */
type Block = Readonly<Record<'times' | 'processorTimes', readonly number[]>>;

/** Each round, by contestant. */
type Rounds = readonly ReadonlyMap<string, Block>[];

/**
 * Time and memory of one training step at a batch of 64 and two threads: our engine, PyTorch in its fastest variant, and the emitted program on
 * tfjs-node, each in a process of its own, taking turns by blocks of steps. One step of each is compared with ours first. Ours takes turns with
 * onnxruntime's contributed operators, with one thread, because on a busy machine PyTorch is often fastest so, and in shards, which is
 * another step (see docs/engine.md).
 *
 * `QSPEC_NETS` and `QSPEC_FORMATS` choose a part, `QSPEC_ROUNDS` and `QSPEC_THREADS` the number of turns and threads, and `QSPEC_COMPILE=0` leaves
 * `torch.compile` out. What is measured of a case is also written to `.peers/step` as soon as it is there.
 */
export const benchStep: Bench = async () => {
  mkdirSync(FOLDER, { recursive: true });
  const measurements: Measurement[] = [];
  for (const model of chosen('QSPEC_NETS', MODELS)) {
    const own = new Map<Formats, Rounds>();
    for (const formats of chosen('QSPEC_FORMATS', FORMATS)) {
      const { rounds, found } = await benchCase(createCase(model, formats, FOLDER));
      own.set(formats, rounds);
      measurements.push(...found);
      writeFileSync(join(FOLDER, `${model}-${formats}.json`), JSON.stringify({ measurements: found }));
    }
    measurements.push(...quantizedAgainstFloat(model, own));
  }
  return measurements;
};

function chosen<T extends string>(variable: string, all: readonly T[]): readonly T[] {
  const names = process.env[variable]?.split(',');
  return names === undefined ? all : all.filter((name) => names.includes(name));
}

async function benchCase(
  step: StepCase,
): Promise<{ readonly rounds: Rounds; readonly found: Measurement[] }> {
  const name = `${step.model} ${step.formats}`;
  const found: Measurement[] = [];
  const contestants: Contestant[] = [];
  const note = (text: string): void => {
    process.stderr.write(`${name}: ${text}\n`);
  };
  try {
    const ours = nodePeer('ours');
    contestants.push({ name: 'ours', peer: ours });
    const { version } = await ours.demand(loadRequest(step, 'onnx'));
    note(`ours is ${version}`);
    const reference = await firstStep(ours, step);

    const enter = async (who: string, peer: Peer): Promise<void> => {
      const outputs = await firstStep(peer, step);
      found.push(...compared(step, who, reference, outputs));
      if (agrees(step.program, step.formats, difference(step.program, reference, outputs))) {
        contestants.push({ name: who, peer });
      } else {
        note(`${who} is left out: one step of it differs`);
        await peer.close();
      }
    };

    const python = torchPython();
    if (python === undefined) note('PyTorch is absent: npm run bench:peers installs it');
    const fastest = python && (await fastestVariant(step, python, reference, { threads: THREADS, note }));
    if (fastest && python) {
      found.push(...fastest.measurements);
      const peer = torchPeer(python, fastest.variant);
      await peer.demand(loadTorch(step, fastest.variant));
      await enter('PyTorch', peer);
    }

    const tfjs = nodePeer('tfjs-node');
    const loaded = await tfjs.ask(loadRequest(step, 'tfjs'));
    if (loaded.error === undefined) {
      await enter('tfjs-node', tfjs);
    } else {
      note(`tfjs-node is absent: ${loaded.error}`);
      await tfjs.close();
    }

    for (const { who, of = step, options } of otherWays(step)) {
      const peer = nodePeer(who);
      const { error } = await peer.ask(loadRequest(of, 'onnx', options));
      if (error === undefined) contestants.push({ name: who, peer });
      else {
        note(`${who} is absent: ${error}`);
        await peer.close();
      }
    }

    const withProducts = step.model === 'cnn2' && step.formats === 'f32';
    if (withProducts) {
      const peer = nodePeer('matrix product');
      contestants.push({ name: 'matrix product', peer });
      await peer.demand({ command: 'load-product', size: PRODUCT, options: { threads: THREADS } });
    }

    const rounds = await takeTurns(contestants, Number(process.env['QSPEC_ROUNDS'] ?? 30));
    for (const { name: who, peer } of contestants) {
      if (who === 'matrix product') continue;
      const times = timesOf(rounds, who);
      const label = `${name}, ${who}`;
      found.push({ name: label, value: median(times), unit: 'ms', spread: quartiles(times) });
      found.push({ name: `${label}, least`, value: Math.min(...times), unit: 'ms' });
      const processorTimes = timesOf(rounds, who, 'processorTimes');
      found.push({
        name: `${label}, processor time`,
        value: median(processorTimes),
        unit: 'ms',
        spread: quartiles(processorTimes),
      });
      const memory = peer.peakMemory();
      if (memory !== undefined) found.push({ name: `${label}, peak memory`, value: memory, unit: 'MiB' });
      if (who === 'ours') continue;
      const against = `${name}, ${who} ÷ ours`;
      found.push(ratio(against, rounds, who, rounds, 'ours'));
      found.push(ratio(`${against}, processor time`, rounds, who, rounds, 'ours', 'processorTimes'));
      if (!who.startsWith('ours') || timesOf(rounds, 'PyTorch').length === 0) continue;
      found.push(ratio(`${name}, PyTorch ÷ ${who}`, rounds, 'PyTorch', rounds, who));
    }
    if (withProducts) found.push(...rateOfProducts(name, step, rounds));
    return { rounds, found };
  } finally {
    for (const { peer } of contestants) await peer.close();
  }
}

/** Other ways to run our step than the engine's default. */
function otherWays(step: StepCase): readonly {
  readonly who: string;
  readonly of?: StepCase;
  readonly options?: OnnxEngineOptions;
}[] {
  const contributed = { who: 'ours, contributed operators', options: { contribOps: true } };
  if (THREADS === 1) return [contributed];
  const sharded = { ...step, source: shardedSource(step.source, THREADS) };
  return [
    contributed,
    { who: 'ours, 1 thread', options: { threads: 1 } },
    { who: `ours, ${THREADS} shards`, of: sharded },
  ];
}

function loadRequest(
  { source, tensors }: StepCase,
  engine: 'onnx' | 'tfjs',
  options: OnnxEngineOptions = {},
): object {
  return { command: 'load', engine, source, tensors, options: { threads: THREADS, ...options } };
}

/** Takes a step and reads what it gave. */
async function firstStep(peer: Peer, { model, formats }: StepCase) {
  const outputs = join(FOLDER, `${model}-${formats}-${peer.name.replaceAll(/\W+/g, '-')}.safetensors`);
  await peer.demand({ command: 'step', outputs });
  return readOutputs(outputs);
}

function compared(
  { model, formats, program }: StepCase,
  who: string,
  ours: Parameters<typeof difference>[1],
  theirs: Parameters<typeof difference>[2],
): Measurement[] {
  const found = difference(program, ours, theirs);
  const name = `${model} ${formats}, one step of ${who} against ours`;
  return [
    { name: `${name}, loss`, value: found.loss, unit: 'relative' },
    { name: `${name}, gradient`, value: found.gradient, unit: 'relative' },
    { name: `${name}, gradient of ${found.worst.name}`, value: found.worst.gradient, unit: 'relative' },
    { name: `${name}, parameters`, value: found.parameters, unit: 'relative' },
  ];
}

/** Blocks of steps in turn, each round beginning with another contestant. */
async function takeTurns(contestants: readonly Contestant[], rounds: number): Promise<Rounds> {
  for (const { peer } of contestants) await peer.demand({ command: 'time', steps: WARMUP });
  const taken: Map<string, Block>[] = [];
  for (let round = 0; round < rounds; round++) {
    const blocks = new Map<string, Block>();
    for (let i = 0; i < contestants.length; i++) {
      const contestant = contestants[(round + i) % contestants.length];
      if (!contestant) continue;
      // Threads of the one before may spin for some milliseconds after its last step.
      await setTimeout(PAUSE_MS);
      const reply = await contestant.peer.demand({ command: 'time', steps: BLOCK });
      const { times = [], processorTimes = [] } = reply;
      blocks.set(contestant.name, {
        times: times.slice(UNCOUNTED),
        processorTimes: processorTimes.slice(UNCOUNTED),
      });
    }
    taken.push(blocks);
  }
  return taken;
}

function timesOf(rounds: Rounds, who: string, kind: keyof Block = 'times'): number[] {
  return rounds.flatMap((round) => round.get(who)?.[kind] ?? []);
}

/** Median over median, of two contestants of one run or of two. */
function ratio(
  name: string,
  above: Rounds,
  who: string,
  below: Rounds,
  other: string,
  kind: keyof Block = 'times',
): Measurement {
  const pairs = above.map(
    (round, i) => [round.get(who)?.[kind] ?? [], below[i]?.get(other)?.[kind] ?? []] as const,
  );
  const { ratio: value, interval } = ratioOfMedians(pairs);
  return { name: `${name}, with its 95 % interval`, value, unit: '×', spread: interval };
}

function rateOfProducts(name: string, { program }: StepCase, rounds: Rounds): Measurement[] {
  const product = 2 * PRODUCT ** 3;
  const rate = (flops: number, who: string): number => flops / median(timesOf(rounds, who)) / 1e6;
  const flops = stepFlops(program);
  const own = rate(flops, 'ours');
  const best = rate(PRODUCTS * product, 'matrix product');
  return [
    { name: `${name}, operations of a step`, value: flops / 1e9, unit: 'GFLOP' },
    { name: `${name}, rate of ours`, value: own, unit: 'GFLOP/s' },
    { name: `${name}, rate of the runtime's product of ${PRODUCT}³`, value: best, unit: 'GFLOP/s' },
    { name: `${name}, ours as a share of that`, value: (100 * own) / best, unit: '%' },
  ];
}

/**
 * Our quantized steps over our f32 step, whose turns came at another time: on a busy machine the processor time says more.
 */
function quantizedAgainstFloat(model: Model, own: ReadonlyMap<Formats, Rounds>): Measurement[] {
  const float = own.get('f32');
  if (!float) return [];
  return [...own].flatMap(([formats, rounds]) => {
    if (formats === 'f32') return [];
    const name = `${model}, ours ${formats} ÷ f32`;
    return [
      ratio(name, rounds, 'ours', float, 'ours'),
      ratio(`${name}, processor time`, rounds, 'ours', float, 'ours', 'processorTimes'),
    ];
  });
}
