import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  type BatchPrediction,
  type Evaluate,
  type ProbabilityOptions,
  type ProbePoint,
  predict,
  type Quantity,
} from '../../compiler/analysis/probability/index.ts';
import type { Compiled } from '../../compiler/pipeline.ts';
import { trainingBatches } from '../../runtime/data/batches.ts';
import { type Dataset, loadDataset } from '../../runtime/data/dataset.ts';
import { drawnDataset } from '../../runtime/data/drawn.ts';
import type { Engine, HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { probeBatches, probePoint } from '../../runtime/probe/batches.ts';
import { confirm, empiricalQuantile, type Observed } from '../../runtime/probe/confirm.ts';
import { evaluatorOn, probeEngine } from '../../runtime/probe/evaluator.ts';
import { batchTensors } from '../../runtime/train/batch-tensors.ts';
import { initialState, type State } from '../../runtime/train/state.ts';
import type { Bench } from '../main.ts';
import { NETS, type Net, tightnessNet } from './nets.ts';

/** One comparison of predicted and observed errors. */
export interface TightnessRow {
  readonly net: Net;
  readonly bits: number;
  readonly point: 'initial' | 'epoch 1';
  readonly batch: string;
  readonly quantity: Quantity;
  /** Real quantized steps, every site rounding stochastically. */
  readonly draws: number;
  /** Root mean square error ÷ norm of the quantity, observed. */
  readonly relative: number;
  /** Predicted ÷ observed: root mean square and 99 % quantile, with switches and without. */
  readonly rms: number;
  readonly quantile: number;
  /** The quantile predicted without data, of drawn inputs; at initialization alone, and an estimate. */
  readonly quantileDrawn?: number;
  readonly rmsFirstOrder: number;
  readonly quantileFirstOrder: number;
  /** Draws within the predicted 99 % quantile. */
  readonly within: number;
  /** Time of the prediction in units of one quantized step. */
  readonly steps: number;
}

export interface TightnessOptions {
  readonly nets?: readonly Net[];
  readonly bits?: readonly number[];
  readonly points?: readonly TightnessRow['point'][];
  readonly batches?: number;
  readonly draws?: number;
  /** Where finished rows and trained states are kept, so that a run goes on where it stopped. */
  readonly folder: string;
  readonly onRow?: (row: TightnessRow) => void;
}

/** Seeds of everything that is random here; the method was developed on others. */
const SEEDS = { state: 4117, batches: 9203, noise: 733, signs: 58 } as const;
const PROBABILITY = 0.99;

/**
 * Predicted ÷ empirical 99 % quantile of the 2-norm errors against the reference `real`, at fixed parameters and batch, of
 * logits, loss, each gradient and the update.
 */
export async function tightness(options: TightnessOptions): Promise<readonly TightnessRow[]> {
  mkdirSync(options.folder, { recursive: true });
  const engine = await probeEngine();
  const rows: TightnessRow[] = [];
  for (const net of options.nets ?? NETS) {
    for (const point of options.points ?? (['initial', 'epoch 1'] as const)) {
      for (const bits of options.bits ?? [4, 8, 16]) {
        const made = await kept(options.folder, `${net}-${point.replace(' ', '')}-${bits}`, () =>
          compare(engine, net, bits, point, options),
        );
        for (const row of made) options.onRow?.(row);
        rows.push(...made);
      }
    }
  }
  await engine.dispose();
  return rows;
}

/**
 * The bench, as far as its environment selects: `QSPEC_NETS=dense2,cnn2`, `QSPEC_BITS=8`, `QSPEC_DRAWS=1000`, `QSPEC_BATCHES=1`. Finished
 * rows stay in `runs/tightness`; each is printed to stderr as it comes.
 */
export const benchProbability: Bench = async () => {
  const list = (name: string): readonly string[] => process.env[name]?.split(',') ?? [];
  const number = (name: string): number | undefined => list(name).map(Number)[0];
  const nets = NETS.filter((net) => list('QSPEC_NETS').length === 0 || list('QSPEC_NETS').includes(net));
  const bits = list('QSPEC_BITS').map(Number);
  const draws = number('QSPEC_DRAWS');
  const batches = number('QSPEC_BATCHES');
  const rows = await tightness({
    nets,
    ...(bits.length > 0 ? { bits } : {}),
    ...(draws === undefined ? {} : { draws }),
    ...(batches === undefined ? {} : { batches }),
    folder: 'runs/tightness',
    onRow: (row) => process.stderr.write(`${rowText(row)}\n`),
  });
  return rows.map((row) => ({
    name: `${row.net}, ${row.bits} bits, ${row.point}, ${row.batch}, ${row.quantity}: predicted ÷ observed 99 % quantile`,
    value: row.quantile,
    unit: '',
  }));
};

/** A row as one line. */
export function rowText(row: TightnessRow): string {
  const { net, bits, point, batch, quantity, draws, quantileDrawn } = row;
  const n = (x: number) => x.toFixed(2);
  return [
    `${net} ${bits} bits, ${point}, ${batch}, ${quantity}`,
    `relative ${row.relative.toPrecision(2)}`,
    `rms ${n(row.rms)}, q ${n(row.quantile)}${quantileDrawn === undefined ? '' : `, without data ${n(quantileDrawn)}`}; first order rms ${n(row.rmsFirstOrder)}, q ${n(row.quantileFirstOrder)}`,
    `${row.within} of ${draws} within, ${row.steps.toFixed(0)} steps`,
  ].join(' | ');
}

async function compare(
  engine: Engine,
  net: Net,
  bits: number,
  point: TightnessRow['point'],
  options: TightnessOptions,
): Promise<readonly TightnessRow[]> {
  const compiled = tightnessNet(net, bits);
  const { spec, program } = compiled;
  const dataset = await loadDataset(spec.data);
  const at = await pointOf(engine, net, point, compiled, dataset, options.folder);
  const batches = probeBatches(spec, program, dataset, options.batches ?? 1, SEEDS.batches);
  const evaluator = evaluatorOn(engine, SEEDS.noise);
  const base = { reference: 'real', probability: PROBABILITY, seed: SEEDS.signs } as const;
  const first = await predict(program, at, batches, evaluator.evaluate, { ...base, switches: false });
  const started = performance.now();
  const full = await predict(program, at, batches, evaluator.evaluate, base);
  const predictMs = (performance.now() - started) / batches.length;
  const [drawn] = point === 'initial' ? await withoutData(compiled, at, evaluator.evaluate, base) : [];
  const rows: TightnessRow[] = [];
  for (const [i, batch] of batches.entries()) {
    const draws = options.draws ?? (net === 'resnet8' ? 100 : net === 'cnn4' ? 300 : 1000);
    const start = performance.now();
    const observed = await confirm(program, at, batch, evaluator.evaluate, { reference: 'real', draws });
    const stepMs = (performance.now() - start) / draws;
    rows.push(
      ...rowsOf(
        { net, bits, point, batch: batch.name, draws, steps: predictMs / stepMs },
        full[i],
        first[i],
        observed,
        drawn,
      ),
    );
  }
  await evaluator.dispose();
  return rows;
}

function rowsOf(
  common: Pick<TightnessRow, 'net' | 'bits' | 'point' | 'batch' | 'draws' | 'steps'>,
  full: BatchPrediction | undefined,
  first: BatchPrediction | undefined,
  observed: ReadonlyMap<Quantity, Observed>,
  drawn: BatchPrediction | undefined,
): readonly TightnessRow[] {
  return [...observed].flatMap(([quantity, o]) => {
    const [on, off] = [full?.quantities.get(quantity), first?.quantities.get(quantity)];
    if (!on || !off) return [];
    const q = empiricalQuantile(o, PROBABILITY);
    const estimate = drawn?.quantities.get(quantity);
    return [
      {
        ...common,
        quantity,
        relative: o.rms / o.norm,
        rms: on.rms / o.rms,
        quantile: on.quantile / q,
        ...(estimate === undefined ? {} : { quantileDrawn: estimate.quantile / q }),
        rmsFirstOrder: off.rms / o.rms,
        quantileFirstOrder: off.quantile / q,
        within: o.errors.filter((e) => e <= on.quantile).length,
      },
    ];
  });
}

/** The same prediction from inputs of the declared range: what can be said without data. */
async function withoutData(
  { spec, program }: Compiled,
  at: ProbePoint,
  evaluate: Evaluate,
  options: ProbabilityOptions,
): Promise<readonly BatchPrediction[]> {
  const dataset = drawnDataset(spec, program.batch, SEEDS.batches);
  if (typeof dataset === 'string') return [];
  return predict(program, at, probeBatches(spec, program, dataset, 1, SEEDS.batches), evaluate, options);
}

/** The initial state, or that after one epoch of 8-bit training, which is kept. */
async function pointOf(
  engine: Engine,
  net: Net,
  point: TightnessRow['point'],
  { program }: Compiled,
  dataset: Dataset,
  folder: string,
): Promise<ProbePoint> {
  const initial = initialState(program, SEEDS.state);
  const progress = { stepsPerEpoch: Math.floor(dataset.train.count / program.batch), epochs: 4 };
  if (point === 'initial') return probePoint(program, initial, { step: 0, ...progress });
  const saved = await kept(folder, `${net}-state`, async () =>
    [...(await trainedState(engine, net, dataset))].map(([name, { shape, data }]) => ({
      name,
      shape,
      data: [...data],
    })),
  );
  const state: State = new Map(
    saved.map(({ name, shape, data }) => [name, { dtype: 'f32', shape, data: Float32Array.from(data) }]),
  );
  return probePoint(program, state, { step: progress.stepsPerEpoch, ...progress });
}

async function trainedState(engine: Engine, net: Net, dataset: Dataset): Promise<State> {
  const { spec, program } = tightnessNet(net, 8);
  const { augment } = spec.data;
  const batches = trainingBatches(dataset, { batch: program.batch, augment, seed: SEEDS.state });
  const executable = await engine.load(program.step, { seed: SEEDS.state });
  let state: Tensors = initialState(program, SEEDS.state);
  for (let step = 0; step < batches.stepsPerEpoch; step++) {
    const progress = { step, stepsPerEpoch: batches.stepsPerEpoch, epochs: 4 };
    const inputs = new Map(
      [...probePoint(program, new Map(), progress)].map(([name, t]): [string, HostTensor] => [
        name,
        { dtype: 'f32', shape: t.shape, data: Float32Array.from(t.data) },
      ]),
    );
    const outputs = await executable.run(
      new Map([...state, ...inputs, ...batchTensors(batches.batchAt(0, step))]),
      step,
    );
    state = new Map([...outputs].filter(([name]) => state.has(name)));
  }
  await executable.dispose();
  return new Map([...state].flatMap(([name, t]) => (t.dtype === 'f32' ? [[name, t] as const] : [])));
}

/** The value in the folder's file of that name, made and written there if it is not. */
async function kept<T>(folder: string, name: string, make: () => Promise<T>): Promise<T> {
  const path = join(folder, `${name}.json`);
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as T;
  const value = await make();
  writeFileSync(path, JSON.stringify(value));
  return value;
}
