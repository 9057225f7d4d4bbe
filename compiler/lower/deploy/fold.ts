import type { AnyLayer, CheckedModel, Layer, LayerId } from '../../check/checked-spec.ts';

/** A model whose batch norms have moved into the convolution or dense layer before them, where one can take them. */
export interface FoldedModel {
  /** The same layers with the same ids; a layer that took a batch norm has a bias. */
  readonly model: CheckedModel;
  /** By the path of the layer that took it, the batch norm that now passes its input through. */
  readonly taken: ReadonlyMap<string, Layer<'batchnorm'>>;
}

/**
 * A batch norm folds into its input layer when that layer is linear and nothing else reads it.
 *
 * @param quantized whether a layer's output is rounded before it is read: then what the batch norm reads is another value
 */
export function foldBatchNorms(model: CheckedModel, quantized: (layer: LayerId) => boolean): FoldedModel {
  const readers = new Map<LayerId, number>();
  for (const id of [...model.layers.flatMap((layer) => layer.inputs), model.result]) {
    readers.set(id, (readers.get(id) ?? 0) + 1);
  }
  const taken = new Map<string, Layer<'batchnorm'>>();
  for (const layer of model.layers) {
    const [id] = layer.inputs;
    if (layer.kind !== 'batchnorm' || id === undefined || readers.get(id) !== 1 || quantized(id)) continue;
    const source = model.layers[id];
    if (source?.kind === 'conv' || source?.kind === 'dense') taken.set(source.path, layer);
  }
  const layers = model.layers.map((layer) => (taken.has(layer.path) ? withBias(layer) : layer));
  return { model: { ...model, layers }, taken };
}

function withBias(layer: AnyLayer): AnyLayer {
  if (layer.kind === 'conv') return { ...layer, options: { ...layer.options, bias: true } };
  if (layer.kind === 'dense') return { ...layer, options: { ...layer.options, bias: true } };
  return layer;
}
