import type { Layer, LayerId } from '../check/checked-spec.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';

/** The tensors of a layer that are trained. */
export type ParameterName = 'weights' | 'bias' | 'scale' | 'shift';

/**
 * What the same layers mean in training, in calibration, in deployment and in real arithmetic: where their parameters come
 * from, what is quantized on the way, and which statistics a batch norm uses.
 */
export interface Environment {
  readonly builder: Builder;
  /** What a matmul or convolution reads in place of the value of its input layer. */
  read(layer: Layer, source: LayerId, value: Value): Value;
  /** A parameter as F reads it. */
  parameter(layer: Layer, name: ParameterName): Value;
  /** A layer's output, marked where its cotangent is quantized. */
  gradientSite(layer: Layer, value: Value): Value;
  /** A layer's output, quantized where an annotation put a site at it. */
  output(layer: LayerId, value: Value): Value;
  /** Normalization, scale and shift of a batch norm. */
  batchNorm(layer: Layer<'batchnorm'>, value: Value): Value;
}
