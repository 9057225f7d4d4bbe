import {
  type ArgumentsOf,
  bind,
  type Given,
  type Owner,
  optional,
  type Parameters,
  required,
} from './arguments.ts';
import type { Optimizer } from './checked-spec.ts';
import { LEARNING_RATE } from './learning-rate.ts';
import type { Log } from './log.ts';
import { FLAG, POSITIVE, real } from './parameter-types.ts';

type OptimizerSignature = (owner: Owner, given: readonly Given[], log: Log) => Optimizer | undefined;

function optimizer<P extends Parameters>(
  parameters: P,
  make: (args: ArgumentsOf<P>) => Optimizer,
): OptimizerSignature {
  return (owner, given, log) => {
    const args = bind(owner, given, parameters, log);
    return args && make(args);
  };
}

const DECAY = real({ min: 0 });
const BETA = real({ min: 0, max: 1, openMax: true });

function adaptive(kind: 'adam' | 'adamw', decay: number): OptimizerSignature {
  return optimizer(
    {
      lr: required(LEARNING_RATE),
      beta1: optional(BETA, 0.9),
      beta2: optional(BETA, 0.999),
      eps: optional(POSITIVE, 1e-8),
      'weight decay': optional(DECAY, decay),
    },
    ({ lr, beta1, beta2, eps, 'weight decay': weightDecay }) => ({
      kind,
      lr,
      beta1,
      beta2,
      epsilon: eps,
      weightDecay,
    }),
  );
}

/** The optimizers by name: Gradient → Params × State. Weight decay is added to the gradient, but for adamw, which decays θ itself. */
export const OPTIMIZERS: Readonly<Record<Optimizer['kind'], OptimizerSignature>> = {
  sgd: optimizer(
    { lr: required(LEARNING_RATE), 'weight decay': optional(DECAY, 0) },
    ({ lr, 'weight decay': weightDecay }) => ({ kind: 'sgd', lr, weightDecay }),
  ),
  momentum: optimizer(
    {
      lr: required(LEARNING_RATE),
      momentum: optional(BETA, 0.9),
      nesterov: optional(FLAG, false),
      'weight decay': optional(DECAY, 0),
    },
    ({ lr, momentum, nesterov, 'weight decay': weightDecay }) => ({
      kind: 'momentum',
      lr,
      momentum,
      nesterov,
      weightDecay,
    }),
  ),
  adam: adaptive('adam', 0),
  adamw: adaptive('adamw', 0.01),
};

export function isOptimizer(name: string): name is Optimizer['kind'] {
  return Object.hasOwn(OPTIMIZERS, name);
}
