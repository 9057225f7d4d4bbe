import type { BoundRules } from '../ir/bound-rules.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import * as bounds from './bounds/quantization.ts';

/** Noise tensors: slices of the step's noise pool, the same in every engine (`numeric/random.ts`). */
function noise<K extends 'uniform' | 'normal'>(distribution: K): OpDef<K> {
  return {
    type: (_, { shape }) => ({ dtype: 'f32', shape }),
    bounds: bounds[distribution] as BoundRules<K>,
    macs: () => 0,
    vjp: () => [],
    evaluate: (context) => context.noise(distribution, context.attributes.stream, context.attributes.shape),
    tfjs: (context) => context.noise(distribution, context.attributes.stream, context.attributes.shape),
    onnx: (context) => context.noise(distribution, context.attributes.stream, context.attributes.shape),
  };
}

export const RANDOM = { uniform: noise('uniform'), normal: noise('normal') } satisfies Pick<
  Registry,
  'uniform' | 'normal'
>;
