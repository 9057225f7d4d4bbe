import type { Site } from '../../../compiler/check/checked-spec.ts';
import type { Graph, Output, Value } from '../../../compiler/ir/graph.ts';
import { noiseStreams } from '../../../compiler/ir/noise.ts';
import { prune } from '../../../compiler/ir/prune.ts';
import { differentiate } from '../../../compiler/lower/differentiate.ts';
import type { PlannedSite } from '../../../compiler/lower/plan.ts';
import type { StateTensor, TrainingProgram } from '../../../compiler/lower/program.ts';
import { quantize, quantizeCotangent } from '../../../compiler/lower/quantizer.ts';
import type { Format } from '../../../compiler/numeric/format.ts';
import { uniforms } from '../../../compiler/numeric/random.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';
import type { HostTensor } from '../../../runtime/engines/engine.ts';

/** What the program is called and what its two layers, input and rate are: any text. */
export interface SmallNames {
  readonly spec: string;
  readonly first: string;
  readonly second: string;
  readonly x: string;
  readonly lr: string;
}

export const PLAIN: SmallNames = { spec: 'two_layers', first: 'f1', second: 'f2', x: 'x', lr: 'lr' };

const INT8 = { kind: 'int', bits: 8, signed: true, narrow: true } as const;
const WEIGHTS: Format = {
  element: INT8,
  granularity: { kind: 'channel' },
  scale: { kind: 'absmax' },
  rounding: 'nearest',
};
const GRADIENTS: Format = {
  element: INT8,
  granularity: { kind: 'tensor' },
  scale: { kind: 'power_of_two' },
  rounding: 'stochastic',
};

const BATCH = 8;
const FEATURES = 4;
const HIDDEN = 6;
const CLASSES = 3;

/** The text whose lines the nodes below claim to come from: F on line 1, layers on 2 and 3, U on line 4. */
export const SMALL_TEXT = 'forward\nfirst\nsecond\nupdate\n';
const LINE = { F: 0, first: 8, second: 14, U: 21 };

/** dense(6) |> relu |> dense(3) |> cross_entropy with int8 weights, stochastic int8 gradients and momentum. */
export function smallProgram(names: SmallNames = PLAIN): TrainingProgram {
  const builder = newBuilder();
  const w1 = `${names.first}.weights`;
  const w2 = `${names.second}.weights`;
  const tensors: StateTensor[] = [
    parameter(w1, [FEATURES, HIDDEN], Math.sqrt(6 / FEATURES)),
    parameter(w2, [HIDDEN, CLASSES], Math.sqrt(6 / HIDDEN)),
    zeros(`${w1}.v`, 'state', [FEATURES, HIDDEN]),
    zeros(`${w2}.v`, 'state', [HIDDEN, CLASSES]),
    zeros(`${names.x}.mean`, 'buffer', [FEATURES]),
  ];
  const [p1, p2, v1, v2, mean] = tensors.map(({ name, role, shape }) =>
    builder.input(name, role, { dtype: 'f32', shape }),
  ) as [Value, Value, Value, Value, Value];
  const x = builder.input(names.x, 'batch', { dtype: 'f32', shape: [BATCH, FEATURES] });
  const labels = builder.input('labels', 'batch', { dtype: 'i32', shape: [BATCH] });
  const lr = builder.input(names.lr, 'hyper', { dtype: 'f32', shape: [] });
  const at = <T>(name: string, phase: 'F' | 'U', start: number, body: () => T) =>
    builder.at({ phase, span: { start, end: start + 1 }, name }, body);

  const batchMean = at(`${names.x}.mean`, 'F', LINE.F, () => {
    const current = builder.op('sum', [x], { axes: [0], keepDims: false });
    const change = builder.op(
      'sub',
      [builder.op('mul', [current, builder.constant(1 / BATCH)], {}), mean],
      {},
    );
    return builder.op('add', [mean, builder.op('mul', [change, builder.constant(0.1)], {})], {});
  });
  const dense = (input: Value, weights: Value, name: string, line: number): Value =>
    at(name, 'F', line, () => {
      const codes = quantize(builder, weights, WEIGHTS, 1, `${name}.weights`);
      const product = builder.op('matmul', [input, codes], { transposeA: false, transposeB: false });
      return quantizeCotangent(builder, product, GRADIENTS, `${name}.grad`);
    });
  const hidden = dense(x, p1, names.first, LINE.first);
  const active = at('relu_1', 'F', LINE.first, () => builder.op('relu', [hidden], {}));
  const logits = dense(active, p2, names.second, LINE.second);
  const loss = at('loss', 'F', LINE.F, () => {
    const target = builder.op('oneHot', [labels], { depth: CLASSES });
    const each = builder.op('softmaxCrossEntropy', [logits, target], {});
    const total = builder.op('sum', [each], { axes: [0], keepDims: false });
    return builder.op('mul', [total, builder.constant(1 / BATCH)], {});
  });
  const gradients = differentiate(builder, loss, [p1, p2], ({ origin }) => ({ ...origin, phase: 'B' }));

  const update = (name: string, p: Value, v: Value, gradient: Value | undefined): Output[] =>
    at(name, 'U', LINE.U, () => {
      if (gradient === undefined) throw new Error(`no gradient of ${name}`);
      const kept = builder.op('mul', [v, builder.constant(0.9)], {});
      const next = builder.op('add', [kept, gradient], {});
      const step = builder.op('mul', [next, lr], {});
      return [
        { name, value: builder.op('sub', [p, step], {}) },
        { name: `${name}.v`, value: next },
      ];
    });
  const outputs = [
    ...update(w1, p1, v1, gradients[0]),
    ...update(w2, p2, v2, gradients[1]),
    { name: `${names.x}.mean`, value: batchMean },
    { name: 'loss', value: loss },
    { name: 'logits', value: logits },
  ];
  const full = builder.build(names.spec, [
    ...outputs,
    ...gradients.map((value, i) => ({ name: `${i === 0 ? w1 : w2}.grad`, value })),
  ]);
  const step = prune(full, outputs);
  const planned = (name: string, format: Format): [string, PlannedSite] => {
    const kind = name.endsWith('.grad') ? ('grad' as const) : ('weights' as const);
    const choice = { kind: 'format', format, why: 'declared', span: undefined } as const;
    const site: Site = { name, kind, layer: 0, alsoReadBy: [], choice };
    return [name, { site, format, why: 'declared', span: undefined }];
  };
  return {
    name: names.spec,
    step,
    stepWithGradients: full,
    plan: {
      status: 'not analysed',
      sites: new Map([
        planned(w1, WEIGHTS),
        planned(w2, WEIGHTS),
        planned(`${names.first}.grad`, GRADIENTS),
        planned(`${names.second}.grad`, GRADIENTS),
      ]),
    },
    tensors,
    hyper: [{ name: names.lr, kind: 'schedule', schedule: { kind: 'cosine', from: 0.1, to: 0.01 } }],
    streams: noiseStreams(step),
    optimizer: {
      kind: 'momentum',
      lr: { kind: 'cosine', from: 0.1, to: 0.01 },
      momentum: 0.9,
      nesterov: false,
      weightDecay: 0,
    },
    batch: BATCH,
    sampleShape: [FEATURES],
    target: { kind: 'classes', count: CLASSES },
  };
}

function parameter(name: string, shape: readonly number[], bound: number): StateTensor {
  return { name, role: 'parameter', shape, initializer: { kind: 'uniform', bound } };
}

function zeros(name: string, role: 'state' | 'buffer', shape: readonly number[]): StateTensor {
  return { name, role, shape, initializer: { kind: 'constant', value: 0 } };
}

/** The same model in f32 outside training, its inputs in another order than the step's. */
export function smallEvaluation(names: SmallNames = PLAIN): Graph {
  const builder = newBuilder();
  const input = (name: string, role: 'batch' | 'parameter', ...shape: number[]) =>
    builder.input(name, role, { dtype: 'f32', shape });
  const w2 = input(`${names.second}.weights`, 'parameter', HIDDEN, CLASSES);
  const w1 = input(`${names.first}.weights`, 'parameter', FEATURES, HIDDEN);
  const x = input(names.x, 'batch', BATCH, FEATURES);
  const product = (a: Value, b: Value) =>
    builder.op('matmul', [a, b], { transposeA: false, transposeB: false });
  const logits = product(builder.op('relu', [product(x, w1)], {}), w2);
  return builder.build(`${names.spec}_real`, [{ name: 'logits', value: logits }]);
}

/** A batch whose classes a linear model separates: the label is the largest of the first three features. */
export function smallBatch({ batch, sampleShape }: TrainingProgram): ReadonlyMap<string, HostTensor> {
  const [features = 0] = sampleShape;
  const x = uniforms(1, 'small batch', 0, batch * features);
  const labels = Int32Array.from({ length: batch }, (_, i) => {
    const row = [...x.subarray(i * features, i * features + CLASSES)];
    return row.indexOf(Math.max(...row));
  });
  return new Map<string, HostTensor>([
    ['x', { dtype: 'f32', shape: [batch, features], data: x }],
    ['labels', { dtype: 'i32', shape: [batch], data: labels }],
  ]);
}
