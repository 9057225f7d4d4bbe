import type { Graph, Node, Value } from '../../ir/graph.ts';
import { isQuantizer, siteName } from '../../ir/quantizers.ts';
import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { valuesGraph } from './linear.ts';
import { parameterNames } from './study.ts';

/** U alone: from gradients, under the names {@link gradientInput}, to new parameters under their own. */
export interface UpdateGraphs {
  readonly quantized: Graph;
  /** Without the quantizers of stored tensors. */
  readonly exact: Graph;
}

export function gradientInput(parameter: string): string {
  return `given:${parameter}`;
}

/** U cut from the step at the gradients. Adam is far from linear where a gradient is small, so the update's error is sampled, not pushed through a tangent. */
export function updateGraphs(program: TrainingProgram): UpdateGraphs {
  return { quantized: updateGraph(program, true), exact: updateGraph(program, false) };
}

function updateGraph(program: TrainingProgram, quantized: boolean): Graph {
  const graph = program.stepWithGradients;
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, value]));
  const nodes: Node[] = [...graph.nodes];
  const to = new Map<Value, Value>();
  for (const parameter of parameterNames(program)) {
    const gradient = lookup(outputs, `${parameter}.grad`);
    const node = graph.nodes[gradient];
    if (!node || to.has(gradient)) continue;
    const { type, origin } = node;
    to.set(
      gradient,
      nodes.push({ kind: 'input', input: gradientInput(parameter), role: 'batch', type, origin }) - 1,
    );
  }
  graph.nodes.forEach((node, value) => {
    if (node.kind !== 'op' || to.has(value)) return;
    const operands = node.operands.map((x) => to.get(x) ?? x);
    const stored = isQuantizer(node.op);
    if (
      stored &&
      !quantized &&
      program.plan.sites.has(siteName(node.origin.name ?? '')) &&
      node.origin.phase === 'U'
    )
      to.set(value, operands[0] ?? value);
    else if (operands.some((x, i) => x !== node.operands[i]))
      to.set(value, nodes.push({ ...node, operands } as Node) - 1);
  });
  return valuesGraph(
    nodes,
    parameterNames(program).map((name) => {
      const value = lookup(outputs, name);
      return { name, value: to.get(value) ?? value };
    }),
  );
}
