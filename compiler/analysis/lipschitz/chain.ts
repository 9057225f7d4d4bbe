import type { Matrix } from '../../norms/matrix.ts';
import { spectralNorm } from '../../norms/spectral.ts';
import { type Bound, min, multiply, ONE } from '../../numeric/bound.ts';
import { type LipschitzOptions, scaledBound } from './pair.ts';

/**
 * A layer of a feed-forward chain: a dense one by its weights (outputs × inputs), or any map by a Lipschitz bound of its own, such as the
 * norm of a convolution. Between neighbours stands an elementwise activation with slopes in [0, 1], or nothing.
 */
export type ChainLayer =
  | { readonly kind: 'dense'; readonly weights: Matrix }
  | { readonly kind: 'bounded'; readonly lipschitzL2: Bound };

export interface ChainBound {
  /** A certified 2-norm Lipschitz bound of the whole chain. */
  readonly lipschitzL2: Bound;
  /** The same for layers i … last, at index i; 1 for the empty chain after the last. */
  readonly suffixes: readonly Bound[];
  /** The product of the layers' own norms, which `lipschitzL2` never exceeds. */
  readonly product: Bound;
}

/**
 * The least product of the bounds of single layers and of neighbouring pairs ({@link scaledBound}) over all ways to cut the chain into
 * them, from every layer to the end: `L_i = min(‖W_i‖·L_{i+1}, L(W_{i+1} ∘ φ ∘ W_i)·L_{i+2})`.
 */
export function lipschitzChain(layers: readonly ChainLayer[], options: LipschitzOptions = {}): ChainBound {
  const suffixes = new Array<Bound>(layers.length + 1).fill(ONE);
  let product = ONE;
  for (const [i, layer] of [...layers.entries()].reverse()) {
    const norm = layer.kind === 'dense' ? spectralNorm(layer.weights) : layer.lipschitzL2;
    product = multiply(norm, product);
    const next = layers[i + 1];
    const single = multiply(norm, suffixes[i + 1] ?? ONE);
    const paired =
      layer.kind === 'dense' && next?.kind === 'dense'
        ? multiply(scaledBound(layer.weights, next.weights, options), suffixes[i + 2] ?? ONE)
        : single;
    suffixes[i] = min(single, paired);
  }
  return { lipschitzL2: suffixes[0] ?? ONE, suffixes, product };
}
