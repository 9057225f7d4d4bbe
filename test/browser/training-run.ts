import type * as Tfjs from '@tensorflow/tfjs-core';
import type { EmittedProgram } from '../emit/tfjs/emitted.ts';

export interface TrainingJob {
  readonly seed: number;
  /** Of `x`, batch first. */
  readonly shape: readonly number[];
  readonly batches: readonly { readonly x: readonly number[]; readonly labels: readonly number[] }[];
}

export interface TrainingReport {
  readonly losses: readonly number[];
  /** Of the first batch, after training. */
  readonly logits: readonly number[];
}

/** One step of an emitted program a batch, on tfjs's own backend, wherever this runs. */
export async function train(
  tf: typeof Tfjs,
  { createState, disposeState, predict, trainStep }: EmittedProgram,
  { seed, shape, batches }: TrainingJob,
): Promise<TrainingReport> {
  await tf.setBackend('cpu');
  const tensorOf = (x: readonly number[]) => tf.tensor([...x], [...shape], 'float32');
  let state = createState(seed);
  const losses: number[] = [];
  for (const { x, labels } of batches) {
    const batch = { x: tensorOf(x), labels: tf.tensor([...labels], [labels.length], 'int32') };
    const result = await trainStep(state, batch, { stepsPerEpoch: batches.length, epochs: 1 });
    tf.dispose(batch);
    state = result.state;
    losses.push(result.loss);
  }
  const x = tensorOf(batches[0]?.x ?? []);
  const outputs = predict(state, { x });
  const logits = [...((await outputs['logits']?.data()) ?? [])];
  tf.dispose([outputs, x]);
  disposeState(state);
  return { losses, logits };
}
