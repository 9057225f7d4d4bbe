import { onnxScaleOf } from '../../../ops/quantization/onnx-scale.ts';
import { isNonNegative } from '../rewrites/non-negative.ts';
import { innermostAxis } from './layout.ts';
import type { LoweringRule } from './lowering.ts';

/** The largest magnitude of what is never negative is its maximum. */
export const quantScale: LoweringRule<'quantScale'> = (lowering, node, value) => {
  const [x] = node.operands;
  if (x === undefined || !lowering.uses('extremeOfPositive') || !isNonNegative(lowering.graph, x))
    return false;
  const { values } = lowering;
  const rank = values.shapeOf(x).length;
  const inner = values.isInner(x);
  const axes = inner ? node.attributes.axes.map((axis) => innermostAxis(axis, rank)) : node.attributes.axes;
  const source = inner ? values.inner(x) : values.plain(x);
  const name = onnxScaleOf(lowering, source, { ...node.attributes, axes }, true);
  if (inner) values.setInner(value, name);
  else values.setPlain(value, name);
  return true;
};
