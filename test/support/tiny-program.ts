import { noiseStreams } from '../../compiler/ir/noise.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import type { Tensors } from '../../runtime/engines/engine.ts';

const BATCH = 4;
const FEATURES = 3;

/**
 * Least squares by gradient descent with momentum and uniform noise on the gradient, written by hand: parameters, optimizer
 * state, a schedule and randomness, all that a resumed run has to bring back.
 */
export function tinyProgram(rate = 0.1, features = FEATURES): TrainingProgram {
  const b = newBuilder();
  const f32 = (shape: readonly number[]) => ({ dtype: 'f32', shape }) as const;
  const w = b.input('w', 'parameter', f32([features, 1]));
  const v = b.input('w.v', 'state', f32([features, 1]));
  const x = b.input('x', 'batch', f32([BATCH, features]));
  const targets = b.input('targets', 'batch', f32([BATCH, 1]));
  const lr = b.input('lr', 'hyper', f32([]));
  const logits = b.op('matmul', [x, w], { transposeA: false, transposeB: false });
  const error = b.op('sub', [logits, targets], {});
  const squares = b.op('sum', [b.op('mul', [error, error], {})], { axes: [0, 1], keepDims: false });
  const loss = b.op('mul', [squares, b.constant(1 / BATCH)], {});
  const product = b.op('matmul', [x, error], { transposeA: true, transposeB: false });
  const noise = b.op('uniform', [], { shape: [features, 1], stream: 'w.grad' });
  const gradient = b.op('add', [b.op('mul', [product, b.constant(2 / BATCH)], {}), noise], {});
  const velocity = b.op('add', [b.op('mul', [v, b.constant(0.9)], {}), gradient], {});
  const updated = b.op('sub', [w, b.op('mul', [velocity, lr], {})], {});
  const step = b.build('tiny', [
    { name: 'w', value: updated },
    { name: 'w.v', value: velocity },
    { name: 'loss', value: loss },
    { name: 'logits', value: logits },
  ]);
  return {
    name: 'tiny',
    step,
    stepWithGradients: step,
    plan: { sites: new Map(), status: 'not analysed' },
    tensors: [
      { name: 'w', role: 'parameter', shape: [features, 1], initializer: { kind: 'uniform', bound: 1 } },
      { name: 'w.v', role: 'state', shape: [features, 1], initializer: { kind: 'constant', value: 0 } },
    ],
    hyper: [{ name: 'lr', kind: 'schedule', schedule: { kind: 'cosine', from: rate, to: 0 } }],
    streams: noiseStreams(step),
    optimizer: { kind: 'sgd', lr: { kind: 'cosine', from: rate, to: 0 }, weightDecay: 0 },
    batch: BATCH,
    sampleShape: [features],
    target: { kind: 'values', count: 1 },
  };
}

/** The batch of a step of {@link tinyProgram}. */
export function tinyBatch(step: number, features = FEATURES): Tensors {
  return new Map([
    ['x', { dtype: 'f32', shape: [BATCH, features], data: uniforms(7, 'x', step, BATCH * features) }],
    ['targets', { dtype: 'f32', shape: [BATCH, 1], data: uniforms(7, 'targets', step, BATCH) }],
  ]);
}
