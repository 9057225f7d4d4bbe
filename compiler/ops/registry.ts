import { Builder, type TypeRule } from '../ir/builder.ts';
import type { Node } from '../ir/graph.ts';
import type { Registry } from '../ir/op.ts';
import { CONVOLUTION } from './convolution.ts';
import { ELEMENTWISE } from './elementwise.ts';
import { LINEAR } from './linear.ts';
import { LOSS } from './loss.ts';
import { NORMALIZATION } from './normalization.ts';
import { OPTIMIZER } from './optimizer.ts';
import { POOLING } from './pooling.ts';
import { QUANTIZATION } from './quantization.ts';
import { RANDOM } from './random.ts';
import { SHAPE } from './shape.ts';

/** Every op with all of its rules. */
export const REGISTRY: Registry = {
  ...ELEMENTWISE,
  ...SHAPE,
  ...LINEAR,
  ...CONVOLUTION,
  ...POOLING,
  ...NORMALIZATION,
  ...LOSS,
  ...OPTIMIZER,
  ...QUANTIZATION,
  ...RANDOM,
};

export const typeRule: TypeRule = (op, operands, attributes) => {
  try {
    return REGISTRY[op].type(operands, attributes);
  } catch (cause) {
    throw new Error(`${op}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
};

/** A builder of graphs of the registry's ops. @param nodes what to continue */
export function newBuilder(nodes: readonly Node[] = []): Builder {
  return new Builder(typeRule, nodes);
}
