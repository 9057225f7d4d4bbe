import type { Builder } from '../ir/builder.ts';
import { type Node, nodeOf, type OpNode, type Origin, sameShape, type Value } from '../ir/graph.ts';
import type { OpName } from '../ir/op-attributes.ts';
import { add, onesLike, zerosLike } from '../ops/algebra.ts';
import { REGISTRY } from '../ops/registry.ts';

/**
 * Reverse mode: appends the cotangents of `wrt` to the builder and returns them in order, zeros where nothing flows.
 * The result is IR like any other, so differentiating it again is an exact Hessian-vector product.
 *
 * Only nodes on a path from `wrt` to `loss` are visited. Rules also state cotangents of operands off those paths (a
 * constant, the batch): nothing reads them, and pruning the graph to its outputs removes them.
 *
 * @param origin provenance of the nodes that reverse the given one
 * @param seed cotangent of `loss`, of its shape; ones if absent, which is the gradient where `loss` is a scalar
 */
export function differentiate(
  builder: Builder,
  loss: Value,
  wrt: readonly Value[],
  origin: (node: Node) => Origin,
  seed?: Value,
): Value[] {
  const active = onPath(builder, loss, wrt);
  const start = builder.at(origin(nodeOf(builder, loss)), () => seed ?? onesLike(builder, loss));
  assertShape(builder, start, loss);
  const cotangents = new Array<Value | undefined>(loss + 1).fill(undefined);
  cotangents[loss] = start;

  // Operands come before their users, so counting down visits a value after everything that reads it.
  for (let value = loss; value >= 0; value--) {
    const cotangent = cotangents[value];
    const node = nodeOf(builder, value);
    if (cotangent === undefined || node.kind !== 'op' || !node.operands.some((x) => active[x])) continue;
    const flows = builder.at(origin(node), () => reverse(builder, node, value, cotangent));
    node.operands.forEach((operand, i) => {
      const flow = flows[i];
      if (flow === undefined || !active[operand]) return;
      assertShape(builder, flow, operand);
      const known = cotangents[operand];
      cotangents[operand] =
        known === undefined
          ? flow
          : builder.at(origin(nodeOf(builder, operand)), () => add(builder, known, flow));
    });
  }
  return wrt.map((value) => cotangents[value] ?? zerosLike(builder, value));
}

/** Which of the values up to `loss` are in `wrt` or computed from it. */
function onPath(builder: Builder, loss: Value, wrt: readonly Value[]): readonly boolean[] {
  const active = new Array<boolean>(loss + 1).fill(false);
  for (const value of wrt) active[value] = true;
  for (let value = 0; value <= loss; value++) {
    const node = nodeOf(builder, value);
    if (node.kind === 'op' && node.operands.some((x) => active[x])) active[value] = true;
  }
  return active;
}

function reverse<K extends OpName>(builder: Builder, node: OpNode<K>, result: Value, cotangent: Value) {
  return REGISTRY[node.op].vjp({ builder, node, operands: node.operands, result, cotangent });
}

function assertShape(builder: Builder, cotangent: Value, value: Value): void {
  const [given, expected] = [builder.shapeOf(cotangent), builder.shapeOf(value)];
  if (!sameShape(given, expected))
    throw new Error(`a cotangent of shape [${given}] reached a value of shape [${expected}]`);
}
