import fc from 'fast-check';
import type { Builder } from '../../compiler/ir/builder.ts';
import { type Graph, nodeOf, type OpNode, sizeOf, type Value } from '../../compiler/ir/graph.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { backward } from '../support/calculus.ts';
import { type RandomGraph, randomGraphs } from '../support/random-graph.ts';
import { ELEMENTS } from './cases.ts';
import type { Case, Tensor } from './check.ts';
import { drawTensor, exactTensor } from './operands.ts';
import { Random } from './random.ts';

/** What is made of a random graph before it is analysed. */
export interface Making {
  /** How often a value is quantized before something reads it. */
  readonly quantized: number;
  /** Whether the cotangents of the inputs are appended: what B adds to F. */
  readonly differentiated: boolean;
  /** Whether inputs have errors and magnitudes of all sizes, or none and near 1. */
  readonly disturbed: boolean;
}

/** The graph once more with quantizers on some of its edges, of formats of every family; or only of those whose scale follows the data. */
export function withQuantizers(
  original: Builder,
  loss: Value,
  random: Random,
  share: number,
  follow = false,
) {
  const builder = newBuilder();
  const clone = <K extends OpName>(node: OpNode<K>, operands: readonly Value[]): Value =>
    builder.op(node.op, operands, node.attributes);
  const values: Value[] = [];
  for (let value = 0; value <= loss; value++) {
    const node = nodeOf(original, value);
    if (node.kind === 'input') values.push(builder.input(node.input, node.role, node.type));
    else if (node.kind === 'constant') values.push(builder.constant(node.data, node.type.shape));
    else {
      const operands = node.operands.map((operand) => {
        const x = values[operand] ?? -1;
        return random.chance(share) ? quantizer(builder, x, random, follow) : x;
      });
      values.push(clone(node as OpNode, operands));
    }
  }
  return { builder, loss: values[loss] ?? -1, values };
}

function quantizer(builder: Builder, x: Value, random: Random, follow: boolean): Value {
  const element = random.pick(ELEMENTS.filter((e) => e.kind === 'float' || e.signed));
  const shape = builder.shapeOf(x);
  const axes = shape.map((_, i) => i);
  const kind = random.pick(['absmax', 'power_of_two'] as const);
  const stream = `s${builder.nodes.length}`;
  if (random.chance(0.25)) {
    const settings = { element, axes, kind: follow ? kind : random.pick(['none', kind] as const) };
    return builder.op('quantizeCotangent', [x], random.chance(0.5) ? { ...settings, stream } : settings);
  }
  const scale =
    element.kind === 'float' && !follow && random.chance(0.3)
      ? builder.constant(1)
      : builder.op('quantScale', [x], { element, axes, kind });
  if (random.chance(0.5)) return builder.op('quantize', [x, scale], { element });
  return builder.op('quantizeStochastic', [x, scale, builder.op('uniform', [], { shape, stream })], {
    element,
  });
}

/** A case of a random graph; the cotangents of its inputs may be part of it. */
export function graphCase({ builder, parameters, loss }: RandomGraph, seed: number, making: Making): Case {
  const random = new Random(seed);
  const made = withQuantizers(builder, loss, random, making.quantized);
  const wrt = parameters.map(({ value }) => made.values[value] ?? -1);
  const ends = making.differentiated ? differentiate(made.builder, made.loss, wrt, backward) : [made.loss];
  const graph = made.builder.build(
    'random',
    ends.map((value, i) => ({ name: `o${i}`, value })),
  );
  const inputs = new Map<string, Tensor>(
    parameters.map(({ name, shape }) => {
      const plain = Array.from({ length: sizeOf(shape) }, () => random.between(-2, 2));
      return [name, making.disturbed ? drawTensor(random, 'real', shape) : exactTensor(shape, plain)];
    }),
  );
  return { graph, inputs };
}

/** Random graphs over three inputs, with kinks, residual additions and fan-out, at least six operations. */
export const kinked: fc.Arbitrary<RandomGraph> = randomGraphs({ smooth: false });

/** How many operations lie on the longest path. */
export function depthOf(graph: Graph): number {
  const depths: number[] = [];
  for (const node of graph.nodes) {
    const before = node.kind === 'op' ? node.operands.map((x) => depths[x] ?? 0) : [];
    depths.push(node.kind === 'op' ? 1 + Math.max(0, ...before) : 0);
  }
  return Math.max(0, ...depths);
}

export const MAKINGS: Readonly<Record<string, Making>> = {
  'no quantizers': { quantized: 0, differentiated: false, disturbed: true },
  'quantizers between': { quantized: 0.2, differentiated: false, disturbed: true },
  'quantized gradients': { quantized: 0.1, differentiated: true, disturbed: true },
};

export const seeds = fc.nat();
