import type { Score } from '../train/score.ts';
import { number, percent } from './text.ts';

/** `97.31 % (loss 0.0921)`, or the loss alone where there are no classes. */
export function scoreText({ accuracy, loss }: Score): string {
  return accuracy === undefined ? `loss ${number(loss)}` : `${percent(accuracy)} (loss ${number(loss)})`;
}
