import type { Operator } from './operators/call.ts';
import { ELEMENTWISE } from './operators/elementwise.ts';
import { PRODUCT } from './operators/product.ts';
import { QUANTIZED } from './operators/quantized.ts';
import { REDUCTION } from './operators/reduction.ts';
import { SHAPE } from './operators/shape.ts';
import { WINDOW } from './operators/window.ts';

/** Every operator whose rules the checker knows: all that the emitter writes and what models of others commonly hold. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  ...ELEMENTWISE,
  ...REDUCTION,
  ...SHAPE,
  ...PRODUCT,
  ...WINDOW,
  ...QUANTIZED,
};
