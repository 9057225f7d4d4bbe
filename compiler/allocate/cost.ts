import type { AllocationSite, Contribution } from './problem.ts';

/** A matmul or convolution of F or B whose operands are read from sites. */
export interface Operation {
  readonly name: string;
  /** Multiply–accumulates of one step, times the user's price of one where the spec gives prices. */
  readonly macs: number;
  readonly operands: readonly AllocationSite[];
}

/** A tensor that is kept at the width of a site. */
export interface StoredTensor {
  readonly name: string;
  readonly elements: number;
  readonly site: AllocationSite;
}

/** Bit-operations, `MACs · max(b₁, b₂)`: a mixed operation runs at its wider operand. */
export function bitOperations(operations: readonly Operation[]): Contribution[] {
  return operations.map(({ name, macs, operands }) =>
    tabulate(name, operands, (bits) => macs * Math.max(...bits)),
  );
}

/** BOPs, `MACs · b₁ · b₂`: the gates of an array multiplier (Yao et al. 2021; an operand read twice counts twice). */
export function bops(operations: readonly Operation[]): Contribution[] {
  return operations.map(({ name, macs, operands }) =>
    tabulate(name, operands, (bits) => bits.reduce((product, b) => product * b, macs)),
  );
}

/** Bytes of the stored tensors, `elements · b / 8`. */
export function bytes(tensors: readonly StoredTensor[]): Contribution[] {
  return tensors.map(({ name, elements, site }) => tabulate(name, [site], ([b = 0]) => (elements * b) / 8));
}

/** A contribution from a function of the sites' widths. */
export function tabulate(
  name: string,
  sites: readonly AllocationSite[],
  value: (bits: readonly number[]) => number,
): Contribution {
  let tuples: readonly (readonly number[])[] = [[]];
  for (const { levels } of sites) tuples = tuples.flatMap((tuple) => levels.map((b) => [...tuple, b]));
  return { name, sites, values: tuples.map(value) };
}
