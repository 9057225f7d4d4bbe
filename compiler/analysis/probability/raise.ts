import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import type { BatchPrediction, Quantity, QuantityPrediction } from './contract.ts';
import { observation, takeRealSteps } from './observe.ts';
import type { Pass, Settings } from './pass.ts';

/** Noise steps of the real steps here: so many after a prediction's own that no confirmation takes the same. */
const FIRST_STEP = 1 << 24;

/**
 * Predictions held against a few real quantized steps on each batch. Passes are linear in what roundings do, but for switches; products of errors,
 * and what a changed gradient makes of Adam's quotient, are in real steps only, and at four bits they are a third of the update's error. Where
 * real steps of all batches together make larger errors than predicted, by more than one standard error of their mean square, rms,
 * bias, quantile and deviation are raised by what is beyond it; they are never lowered.
 */
export async function raisedToReal(
  program: TrainingProgram,
  passes: readonly Pass[],
  predictions: readonly BatchPrediction[],
  { reference, realSteps, step }: Settings,
): Promise<readonly BatchPrediction[]> {
  if (realSteps === 0) return predictions;
  const observed = observation(program, reference);
  const ratios = new Map<Quantity, number[]>();
  for (const [i, pass] of passes.entries()) {
    const first = step + FIRST_STEP + i * realSteps;
    const { squares } = await takeRealSteps(program, observed, pass, { draws: realSteps, first });
    for (const [quantity, prediction] of predictions[i]?.quantities ?? []) {
      const all = ratios.get(quantity) ?? [];
      if (prediction.rms > 0)
        for (const square of lookup(squares, quantity)) all.push(square / prediction.rms ** 2);
      ratios.set(quantity, all);
    }
  }
  const factors = new Map([...ratios].map(([quantity, squares]) => [quantity, raiseOf(squares)]));
  return predictions.map(({ batch, quantities }) => ({
    batch,
    quantities: new Map([...quantities].map(([name, p]) => [name, raised(p, lookup(factors, name))])),
  }));
}

/** Root of the mean of squared ratios less its standard error; at least 1. */
export function raiseOf(squares: readonly number[]): number {
  const n = squares.length;
  if (n < 2) return 1;
  const mean = squares.reduce((a, b) => a + b, 0) / n;
  const variance = squares.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  return Math.sqrt(Math.max(1, mean - Math.sqrt(variance / n)));
}

function raised(prediction: QuantityPrediction, factor: number): QuantityPrediction {
  const { norm, rms, bias, quantile, deviation } = prediction;
  return {
    norm,
    rms: rms * factor,
    bias: bias * factor,
    quantile: quantile * factor,
    deviation: deviation * factor ** 2,
    raised: factor,
  };
}
