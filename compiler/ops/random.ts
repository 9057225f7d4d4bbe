import type { BoundRules } from '../ir/bound-rules.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import { normal as normalBounds, uniform as uniformBounds } from './bounds/quantization.ts';

/** Noise tensors: slices of the step's noise pool, the same in every engine (`numeric/random.ts`). */
function noise<K extends 'uniform' | 'normal'>(distribution: K, bounds: BoundRules<K>): OpDef<K> {
  return {
    type: (_, { shape }) => ({ dtype: 'f32', shape }),
    bounds,
    macs: () => 0,
    vjp: () => [],
    evaluate: (context) => context.noise(distribution, context.attributes.stream, context.attributes.shape),
    tfjs: (context) => context.noise(distribution, context.attributes.stream, context.attributes.shape),
    onnx: (context) => context.noise(distribution, context.attributes.stream, context.attributes.shape),
  };
}

export const RANDOM = {
  uniform: noise('uniform', uniformBounds),
  normal: noise('normal', normalBounds),
} satisfies Pick<Registry, 'uniform' | 'normal'>;
