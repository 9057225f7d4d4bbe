import type { Builder } from '../ir/builder.ts';
import { sameShape, type Value } from '../ir/graph.ts';
import { ndarray } from '../ir/ndarray.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import { add, mean, mul, reshape, sub } from './algebra.ts';
import { softmaxCrossEntropy as softmaxCrossEntropyBounds } from './bounds/normalization.ts';
import { arity, f32, floatShape } from './operands.ts';

/**
 * `log Σₖ exp zₖ` of each row as `[B, 1]`. Cross entropy against the uniform distribution is
 * `logSumExp z − mean z`, and it is computed without overflow, so no maximum is needed here.
 */
function logSumExp(builder: Builder, logits: Value): Value {
  const [rows = 1, classes = 1] = builder.shapeOf(logits);
  const uniform = builder.constant(1 / classes, [rows, classes]);
  const crossEntropy = builder.op('softmaxCrossEntropy', [logits, uniform], {});
  return add(builder, reshape(builder, crossEntropy, [rows, 1]), mean(builder, logits, [1], true));
}

/**
 * `Σₖ tₖ·(logSumExp z − zₖ)` per row, the natural-logarithm cross entropy of softmax z relative to the target t.
 *
 * Rows of the target are distributions: they sum to 1. Derivatives are those along such targets: the cotangent of
 * the logits is `(softmax z − t)·δ`, which differs from the derivative off the simplex only by a constant per row, and
 * that vanishes wherever the target is itself a softmax, a one-hot row or a mean of such.
 */
const softmaxCrossEntropy: OpDef<'softmaxCrossEntropy'> = {
  type: (operands) => {
    const [logits, target] = arity(operands, 2);
    const [rows, classes, ...rest] = floatShape(logits);
    if (
      rows === undefined ||
      classes === undefined ||
      rest.length > 0 ||
      !sameShape(logits.shape, floatShape(target))
    ) {
      throw new Error(`logits [${logits.shape}] and target [${target.shape}] are not two tensors [B, K]`);
    }
    return f32([rows]);
  },
  bounds: softmaxCrossEntropyBounds,
  macs: () => 0,
  vjp: ({ builder, operands, cotangent }) => {
    const [logits, target] = arity(operands, 2);
    const [rows = 1] = builder.shapeOf(logits);
    const column = reshape(builder, cotangent, [rows, 1]);
    const error = sub(builder, builder.op('softmax', [logits], {}), target);
    const surprise = sub(builder, logSumExp(builder, logits), logits);
    return [mul(builder, error, column), mul(builder, surprise, column)];
  },
  evaluate: ({ operands, type }) => {
    const [logits, target] = arity(operands, 2);
    const [rows = 1, classes = 1] = logits.shape;
    const losses = Array.from({ length: rows }, (_, row) => {
      const z = logits.data.subarray(row * classes, (row + 1) * classes);
      const t = target.data.subarray(row * classes, (row + 1) * classes);
      const max = z.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
      const logSum = Math.log(z.reduce((sum, value) => sum + Math.exp(value - max), 0));
      // A class without weight costs nothing, even where its logit is −∞.
      return t.reduce(
        (sum, weight, k) => (weight === 0 ? sum : sum + weight * (logSum - ((z[k] ?? 0) - max))),
        0,
      );
    });
    return ndarray(type.shape, losses);
  },
  tfjs: ({ tf, operands }) => {
    const [logits, target] = arity(operands, 2);
    return tf('neg', tf('sum', tf('mul', target, tf('logSoftmax', logits)), 1));
  },
  onnx: ({ op, operands, constant }) => {
    const [logits, target] = arity(operands, 2);
    const weighted = op('Mul', [target, op('LogSoftmax', [logits], { axis: 1 })]);
    return op('Neg', [op('ReduceSum', [weighted, constant('int64', [1])], { keepdims: 0 })]);
  },
};

export const LOSS = { softmaxCrossEntropy } satisfies Pick<Registry, 'softmaxCrossEntropy'>;
