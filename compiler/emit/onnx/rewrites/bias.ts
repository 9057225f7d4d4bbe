import type { GraphView } from '../graph-view.ts';
import type { GraphProto } from '../schema.ts';
import { shapesAgree } from '../value-type.ts';
import { foldAdditions } from './fold-additions.ts';

/** `Conv(x, w) + b` over channels is `Conv(x, w, b)`. */
export function foldConvBias(view: GraphView): GraphProto {
  return foldAdditions(view, (product, summand) => {
    if (product.opType !== 'Conv' || product.domain || product.input.length !== 2) return undefined;
    const result = view.shape(product.output[0]);
    const channels = result?.[1];
    if (result === undefined || typeof channels !== 'number') return undefined;
    const bias = channelVector(view, summand, result.length, channels);
    return bias === undefined ? undefined : { ...product, input: [...product.input, bias] };
  });
}

/** The vector `[C]` of which a value is a reshape to `[C, 1, 1]` or `[1, C, 1, 1]`. */
function channelVector(view: GraphView, name: string, rank: number, channels: number): string | undefined {
  const shape = view.shape(name);
  const node = view.producer(name);
  const source = node?.opType === 'Reshape' ? node.input[0] : undefined;
  if (shape === undefined || source === undefined || !shapesAgree(view.shape(source) ?? [], [channels]))
    return undefined;
  const axis = 1 - (rank - shape.length);
  return shape.every((d, i) => d === (i === axis ? channels : 1)) ? source : undefined;
}
