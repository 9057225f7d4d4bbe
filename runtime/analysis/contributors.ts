import { type Contribution, contributionsOf } from '../../compiler/analysis/worst-case/index.ts';
import type { Value } from '../../compiler/ir/graph.ts';
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

/** Contributors of logits, loss, gradient and update against the real step, to first order at the bound. */
export function contributorsOf({ compiled, worst }: StepAnalysis, shown = SHOWN): readonly Contributors[] {
  const { step } = worst;
  const { graph } = step;
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const parameters = compiled.program.tensors
    .filter(({ role }) => role === 'parameter')
    .map(({ name }) => name);
  const present = (names: readonly string[]): readonly Value[] =>
    names.flatMap((name) => outputs.get(name) ?? []);
  const quantities: readonly (readonly [string, readonly Value[]])[] = [
    ['logits', present([...outputs.keys()].filter((name) => /^logits(#|$)/.test(name)))],
    ['loss', present(['loss'])],
    ['gradient', present(parameters.map((name) => `${name}.grad`))],
    ['update', present(parameters)],
  ];
  return quantities.map(([quantity, values]) => {
    const all = contributionsOf(step, values);
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
