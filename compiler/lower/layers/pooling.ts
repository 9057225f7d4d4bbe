import { mean, scale } from '../../ops/algebra.ts';
import { type LayerDef, only, pure } from './definition.ts';

export const maxpool: LayerDef<'maxpool'> = pure((layer, inputs, { builder }) => {
  const { kernel, strides, pads } = layer.options;
  return builder.op('maxPool', [only(inputs.values)], { kernel, strides, pads });
});

/** The mean of each window; padding is not part of the language here, so every window has the same count. */
export const avgpool: LayerDef<'avgpool'> = pure((layer, inputs, { builder }) => {
  const { kernel, strides, pads } = layer.options;
  const sums = builder.op('sumPool', [only(inputs.values)], { kernel, strides, pads });
  return scale(builder, sums, 1 / (kernel[0] * kernel[1]));
});

/** `[N, C, H, W] → [N, C]`, the mean over space. */
export const globalavgpool: LayerDef<'globalavgpool'> = pure((_, inputs, { builder }) => {
  return mean(builder, only(inputs.values), [2, 3]);
});
