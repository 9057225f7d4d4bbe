import type { OpName } from './op-attributes.ts';

/** Whether an op rounds to the grid of a format. */
export function isQuantizer(op: OpName): op is 'quantize' | 'quantizeStochastic' {
  return op === 'quantize' || op === 'quantizeStochastic';
}

/** The site in a value's name: in a step with several forward passes `#` and the number of the summand stand behind it. */
export function siteName(name: string): string {
  return name.replace(/(#\d+)+$/, '');
}

/** Whether the result of an op is on the grid of the site that it is named after. */
export function isOnGrid(op: OpName): boolean {
  return isQuantizer(op) || op === 'dequantize';
}
