import type { HostTensor } from '../engines/engine.ts';

/** Loss (cross entropy or squared error, mean over samples) and, for classes, the share classified rightly. */
export interface Score {
  readonly samples: number;
  readonly loss: number;
  readonly accuracy?: number;
}

/** Sums over samples, in float64; exact when written as JSON and read again. */
export interface ScoreSums {
  readonly samples: number;
  readonly loss: number;
  /** Samples classified rightly; null where targets are values. */
  readonly correct: number | null;
}

export const NO_SAMPLES: ScoreSums = { samples: 0, loss: 0, correct: null };

export function addSums(a: ScoreSums, b: ScoreSums): ScoreSums {
  return {
    samples: a.samples + b.samples,
    loss: a.loss + b.loss,
    correct: a.correct === null ? b.correct : a.correct + (b.correct ?? 0),
  };
}

export function meanScore({ samples, loss, correct }: ScoreSums): Score {
  const n = Math.max(samples, 1);
  return { samples, loss: loss / n, ...(correct === null ? {} : { accuracy: correct / n }) };
}

/** Rows of `logits` (`[n, k]`) from `first` whose largest value, the first of equals, stands at the label. */
export function countCorrect(logits: HostTensor, labels: Int32Array, samples = labels.length): number {
  const classes = logits.shape.at(-1) ?? 1;
  let correct = 0;
  for (let i = 0; i < samples; i++) {
    const row = logits.data.subarray(i * classes, (i + 1) * classes);
    let best = 0;
    for (let k = 1; k < classes; k++) if ((row[k] ?? 0) > (row[best] ?? 0)) best = k;
    if (best === labels[i]) correct++;
  }
  return correct;
}

/** Sum over the first `samples` rows of `log Σ exp(z) − z_label`, in float64 and shifted by the maximum. */
export function crossEntropySum(logits: HostTensor, labels: Int32Array, samples = labels.length): number {
  const classes = logits.shape.at(-1) ?? 1;
  let sum = 0;
  for (let i = 0; i < samples; i++) {
    const row = logits.data.subarray(i * classes, (i + 1) * classes);
    const largest = Math.max(...row);
    let exponentials = 0;
    for (const z of row) exponentials += Math.exp(z - largest);
    sum += largest + Math.log(exponentials) - (row[labels[i] ?? 0] ?? 0);
  }
  return sum;
}

/** Sum over the first `samples` rows of the mean of `(z − t)²` over the row, in float64. */
export function squaredErrorSum(logits: HostTensor, targets: Float32Array, samples: number): number {
  const width = logits.shape.at(-1) ?? 1;
  let sum = 0;
  for (let i = 0; i < samples * width; i++) sum += ((logits.data[i] ?? 0) - (targets[i] ?? 0)) ** 2;
  return sum / width;
}
