import type { OpName } from './op-attributes.ts';

/** Ops that sum products: what F and B consist of, and U does not. */
export const PRODUCTS: ReadonlySet<OpName> = new Set([
  'matmul',
  'conv2d',
  'conv2dInputGrad',
  'conv2dWeightGrad',
]);

/** How many ops of a graph sum products, and for how many of them these are of integers. */
export interface Products {
  readonly all: number;
  readonly inIntegers: number;
}
