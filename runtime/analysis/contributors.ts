import { targetsOf } from '../../compiler/analysis/prove/requirements.ts';
import { type Contribution, contributionsOf } from '../../compiler/analysis/worst-case/index.ts';
import { add, type Bound, divide, isUnbounded, toNumber, ZERO } from '../../compiler/numeric/bound.ts';
import type { StepAnalysis } from './analyse.ts';

/** The sources of one quantity's error bound, largest first. */
export interface Contributors {
  readonly quantity: string;
  readonly shown: readonly SharedContribution[];
  /** The sources that are not shown, and what they come to. */
  readonly others: number;
  readonly rest: SharedContribution | undefined;
}

export interface SharedContribution {
  readonly kind: Contribution['kind'] | 'rest';
  readonly name: string;
  readonly span: Contribution['span'];
  readonly amount: Bound;
  /** Of the sum of all contributions. */
  readonly share: number;
}

const SHOWN = 5;

const QUANTITIES = ['logits', 'loss', 'gradient', 'update'] as const;

/** Contributors of logits, loss, gradient and update against the real step, to first order at the bound. */
export function contributorsOf({ worst }: StepAnalysis, shown = SHOWN): readonly Contributors[] {
  return QUANTITIES.map((quantity) => {
    const all = contributionsOf(worst.step, targetsOf({ quantity }, worst));
    const total = all.map(({ amount }) => amount).reduce(add, ZERO);
    const shared = (amount: Bound): number =>
      isUnbounded(total) || total.mantissa === 0 ? Number.NaN : toNumber(divide(amount, total));
    const first = all.slice(0, shown).map((c): SharedContribution => ({ ...c, share: shared(c.amount) }));
    const others = all.slice(shown);
    const amount = others.map((c) => c.amount).reduce(add, ZERO);
    const rest: SharedContribution = {
      kind: 'rest',
      name: `the other ${others.length}`,
      span: undefined,
      amount,
      share: shared(amount),
    };
    return { quantity, shown: first, others: others.length, rest: others.length === 0 ? undefined : rest };
  });
}
