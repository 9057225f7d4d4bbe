import { BLOCKED } from './operators/blocked.ts';
import type { Operator } from './operators/call.ts';
import { ELEMENTWISE } from './operators/elementwise.ts';
import { PRODUCT } from './operators/product.ts';
import { QUANTIZED } from './operators/quantized.ts';
import { REDUCTION } from './operators/reduction.ts';
import { SHAPE } from './operators/shape.ts';
import { WINDOW } from './operators/window.ts';

/** Every standard operator whose rules the checker knows: all that the emitter writes and what models of others commonly hold. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  ...ELEMENTWISE,
  ...REDUCTION,
  ...SHAPE,
  ...PRODUCT,
  ...WINDOW,
  ...QUANTIZED,
};

/** Where onnxruntime keeps the operators of its blocked layout; the emitter writes them only where it is told the size of a block. */
export const BLOCKED_DOMAIN = 'com.microsoft.nchwc';

/** Operators by domain. */
const DOMAINS: Readonly<Record<string, Readonly<Record<string, Operator>>>> = {
  '': OPERATORS,
  'ai.onnx': OPERATORS,
  [BLOCKED_DOMAIN]: BLOCKED,
};

/** The rules of an operator, where they are known. */
export function operatorOf(domain: string, opType: string): Operator | undefined {
  const operators = Object.hasOwn(DOMAINS, domain) ? DOMAINS[domain] : undefined;
  return operators && Object.hasOwn(operators, opType) ? operators[opType] : undefined;
}
