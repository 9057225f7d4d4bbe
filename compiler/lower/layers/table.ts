import type { LayerKind } from '../../check/checked-spec.ts';
import { sizeOf } from '../../ir/graph.ts';
import { batchnorm } from './batchnorm.ts';
import { type LayerDef, only, pure } from './definition.ts';
import { conv, dense } from './linear.ts';
import { avgpool, globalavgpool, maxpool } from './pooling.ts';

/** Every layer of the language with what it lowers to. */
export const LAYERS: { readonly [K in LayerKind]: LayerDef<K> } = {
  input: pure(() => {
    throw new Error('the input layer is the argument of the model');
  }),
  normalize: pure((layer, inputs, { builder }) => {
    const rank = layer.shape.length;
    const channels = (data: readonly number[]) =>
      data.length === 1
        ? builder.constant(data)
        : builder.constant(data, [data.length, ...new Array<number>(rank - 1).fill(1)]);
    const centred = builder.op('sub', [only(inputs.values), channels(layer.options.mean)], {});
    return builder.op('div', [centred, channels(layer.options.std)], {});
  }),
  conv,
  dense,
  batchnorm,
  relu: pure((_, inputs, { builder }) => builder.op('relu', [only(inputs.values)], {})),
  add: pure((_, inputs, { builder }) => builder.op('add', inputs.values, {})),
  maxpool,
  avgpool,
  globalavgpool,
  flatten: pure((_, inputs, { builder }) => {
    const x = only(inputs.values);
    const [batch = 1, ...sample] = builder.shapeOf(x);
    return builder.op('reshape', [x], { shape: [batch, sizeOf(sample)] });
  }),
};
