import type { Optimizer, ScalarSchedule } from '../check/checked-spec.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { add, mul, scale, square, sub } from '../ops/algebra.ts';
import type { HyperParameter } from './program.ts';

/** Slots of optimizer state that each parameter has, beside itself. */
export function stateSlots(optimizer: Optimizer): readonly ('m' | 'v')[] {
  switch (optimizer.kind) {
    case 'sgd':
      return [];
    case 'momentum':
      return ['v'];
    case 'adam':
    case 'adamw':
      return ['m', 'v'];
  }
}

/** The scalars that the host gives an optimizer at each step. */
export function hyperParameters(optimizer: Optimizer): readonly HyperParameter[] {
  const lr = { name: 'lr', kind: 'schedule', schedule: optimizer.lr satisfies ScalarSchedule } as const;
  if (optimizer.kind === 'sgd' || optimizer.kind === 'momentum') return [lr];
  return [
    lr,
    { name: 'correction1', kind: 'bias_correction', beta: optimizer.beta1 },
    { name: 'correction2', kind: 'bias_correction', beta: optimizer.beta2 },
  ];
}

export interface UpdateInputs {
  readonly parameter: Value;
  readonly gradient: Value;
  readonly state: Readonly<Partial<Record<'m' | 'v', Value>>>;
  readonly hyper: ReadonlyMap<string, Value>;
  /** The state is stored in float32: what bounds Adam's step. */
  readonly exactState: boolean;
}

export interface UpdateOutputs {
  readonly parameter: Value;
  readonly state: Readonly<Partial<Record<'m' | 'v', Value>>>;
}

/** U for one parameter, before anything is rounded for storage. */
export function update(builder: Builder, optimizer: Optimizer, inputs: UpdateInputs): UpdateOutputs {
  const { parameter } = inputs;
  const lr = required(inputs.hyper.get('lr'));
  const decoupled = optimizer.kind === 'adamw';
  const gradient = decoupled
    ? inputs.gradient
    : plus(builder, inputs.gradient, parameter, optimizer.weightDecay);
  const { direction, state } = directionOf(builder, optimizer, gradient, inputs);
  const whole = decoupled ? plus(builder, direction, parameter, optimizer.weightDecay) : direction;
  return { parameter: sub(builder, parameter, mul(builder, whole, lr)), state };
}

/** The vector that the learning rate multiplies, and the state after this step. */
function directionOf(
  builder: Builder,
  optimizer: Optimizer,
  gradient: Value,
  { state, hyper, exactState }: UpdateInputs,
): { readonly direction: Value; readonly state: UpdateOutputs['state'] } {
  switch (optimizer.kind) {
    case 'sgd':
      return { direction: gradient, state: {} };
    case 'momentum': {
      // v ← μ·v + g, direction v, or g + μ·v for Nesterov (Sutskever et al. 2013, as PyTorch has it).
      const v = plus(builder, gradient, required(state.v), optimizer.momentum);
      return {
        direction: optimizer.nesterov ? plus(builder, gradient, v, optimizer.momentum) : v,
        state: { v },
      };
    }
    case 'adam':
    case 'adamw': {
      // Kingma & Ba 2015, Algorithm 1; the corrections 1/(1 − βᵗ) come from the host.
      const m = average(builder, required(state.m), gradient, optimizer.beta1);
      const v = average(builder, required(state.v), square(builder, gradient), optimizer.beta2);
      const corrections = [required(hyper.get('correction1')), required(hyper.get('correction2'))];
      const { beta1, beta2, epsilon } = optimizer;
      const attributes = { beta1, beta2, epsilon, exactState };
      return { direction: builder.op('adamDirection', [m, v, ...corrections], attributes), state: { m, v } };
    }
  }
}

/** `a + factor·b` */
function plus(builder: Builder, a: Value, b: Value, factor: number): Value {
  if (factor === 0) return a;
  return add(builder, a, scale(builder, b, factor));
}

/** `β·old + (1 − β)·new` */
function average(builder: Builder, old: Value, current: Value, beta: number): Value {
  return add(builder, scale(builder, old, beta), scale(builder, current, 1 - beta));
}

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the optimizer was given too few tensors');
  return value;
}
