import type { Graph } from '../../../ir/graph.ts';
import { opOf, rebuild } from './rebuild.ts';

/** The scale of routed cotangents is that of the cotangents: where windows do not overlap, each δ is some element and the others are 0. */
export function routedScale(graph: Graph): Graph {
  return rebuild(graph, (builder, node) => {
    if (node.op !== 'quantScale' || node.attributes.axes.length !== node.type.shape.length) return undefined;
    const route = opOf(builder, node.operands[0], 'maxPoolRoute');
    const [, delta] = route?.operands ?? [];
    if (route === undefined || delta === undefined) return undefined;
    const { kernel, strides } = route.attributes;
    if (kernel.some((size, axis) => size > (strides[axis] ?? 0))) return undefined;
    return builder.op('quantScale', [delta], node.attributes);
  });
}
