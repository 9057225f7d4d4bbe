import type { LayerKind } from '../checked-spec.ts';
import { BATCHNORM, NORMALIZE } from './norms.ts';
import { CONV, DENSE } from './products.ts';
import type { LayerSignature } from './signature.ts';
import { ADD, FLATTEN, GLOBALAVGPOOL, INPUT, RELU } from './simple.ts';
import { pooling } from './window.ts';

/** Every layer of the language; a kind without a signature does not compile. */
export const LAYERS: { readonly [K in LayerKind]: LayerSignature<K> } = {
  input: INPUT,
  normalize: NORMALIZE,
  conv: CONV,
  dense: DENSE,
  batchnorm: BATCHNORM,
  relu: RELU,
  add: ADD,
  maxpool: pooling('maxpool'),
  avgpool: pooling('avgpool'),
  globalavgpool: GLOBALAVGPOOL,
  flatten: FLATTEN,
};

/** Layers that a spec calls by name. */
export const CALLABLE: readonly string[] = Object.entries(LAYERS)
  .filter(([, layer]) => layer.callable)
  .map(([kind]) => kind);

export function isCallable(name: string): name is LayerKind {
  return CALLABLE.includes(name);
}
