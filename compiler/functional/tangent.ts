import { add, type Bound, multiply, ONE, subtract, ZERO } from '../numeric/bound.ts';
import { type NamedBounds, nodeValues } from './apply.ts';
import { at, type Functional, type FunctionalNode, type NodeId, operandsOf } from './functional.ts';
import { OPERATIONS } from './operations.ts';
import { stepAfter } from './step.ts';

/** What an output does to first order as the inputs grow from a point. It explains a bound and is none itself. */
export interface Tangent {
  /** Φ at the point. */
  readonly value: Bound;
  /** The one-sided derivative along the direction: `Σ gain · direction`. */
  readonly slope: Bound;
  /** The row L of the output: its gain for each input, zeros included. */
  readonly gains: NamedBounds;
  /** The steps that the direction moves towards: what no finite gain shows. */
  readonly jumps: readonly Jump[];
  /** Roots at 0 that the direction moves: their slope is infinite and left out of the gains. */
  readonly steep: readonly NodeId[];
}

/** The output rises by about `rise` once the operand of a step, now at `from`, reaches `threshold`. */
export interface Jump {
  readonly node: NodeId;
  readonly from: Bound;
  readonly threshold: Bound;
  readonly rise: Bound;
}

export interface TangentOptions {
  /** By input; 1 for each by default. It chooses among the branches of a maximum, or of a norm at 0, that are active together. */
  readonly direction?: NamedBounds;
  /** Those to differentiate, all by default; each takes one sweep over the functional. */
  readonly outputs?: readonly string[];
}

/** First-order behaviour of the outputs at a point: one sweep forwards for the slopes, and one backwards for each output. */
export function tangent(
  functional: Functional,
  point: NamedBounds,
  { direction, outputs }: TangentOptions = {},
): ReadonlyMap<string, Tangent> {
  const values = nodeValues(functional, point);
  const forward = sweepForwards(functional, values, (name) =>
    direction ? (direction.get(name) ?? ZERO) : ONE,
  );
  const chosen = functional.outputs.filter(({ name }) => outputs?.includes(name) ?? true);
  return new Map(
    chosen.map(({ name, node }) => {
      const row = sweepBackwards(functional, values, forward, node);
      return [name, { value: at(values, node), slope: at(forward.slopes, node), ...row }];
    }),
  );
}

interface ForwardSweep {
  /** The derivative of each node along the direction. */
  readonly slopes: readonly Bound[];
  /** The derivative of each node by its operands. */
  readonly partials: readonly (readonly Bound[])[];
  /** Whether the node depends on an input along which the direction goes. */
  readonly moves: readonly boolean[];
}

function sweepForwards(
  { nodes }: Functional,
  values: readonly Bound[],
  direction: (input: string) => Bound,
): ForwardSweep {
  const slopes: Bound[] = [];
  const partials: (readonly Bound[])[] = [];
  const moves: boolean[] = [];
  nodes.forEach((node, id) => {
    const operands = operandsOf(node);
    const operandSlopes = operands.map((operand) => at(slopes, operand));
    const own = partialsOf(node, values, operandSlopes, at(values, id));
    const inner = own.reduce((slope, p, i) => add(slope, multiply(p, operandSlopes[i] ?? ZERO)), ZERO);
    const slope = node.kind === 'input' ? direction(node.name) : inner;
    slopes.push(slope);
    partials.push(own);
    moves.push(slope.mantissa > 0 || operands.some((operand) => moves[operand]));
  });
  return { slopes, partials, moves };
}

function partialsOf(
  node: FunctionalNode,
  values: readonly Bound[],
  operandSlopes: readonly Bound[],
  result: Bound,
): readonly Bound[] {
  if (node.kind === 'step') return [ZERO];
  if (node.kind !== 'operation') return [];
  const operands = node.operands.map((id) => at(values, id));
  return OPERATIONS[node.operation].partials(operands, operandSlopes, result);
}

function sweepBackwards(
  { inputs, nodes }: Functional,
  values: readonly Bound[],
  { partials, moves }: ForwardSweep,
  output: NodeId,
): Pick<Tangent, 'gains' | 'jumps' | 'steep'> {
  const gains = new Map(inputs.map((name) => [name, ZERO]));
  const jumps: Jump[] = [];
  const steep: NodeId[] = [];
  // What the output gains from each node; a node without an entry does not reach the output.
  const adjoints: Bound[] = new Array(output + 1).fill(ZERO);
  adjoints[output] = ONE;
  for (let id = output; id >= 0; id--) {
    const adjoint = at(adjoints, id);
    if (adjoint.mantissa === 0) continue;
    const node = at(nodes, id);
    if (node.kind === 'input') gains.set(node.name, adjoint);
    if (node.kind === 'step' && moves[node.operand]) {
      const from = at(values, node.operand);
      const next = stepAfter(node.steps, from);
      if (next !== undefined) {
        const rise = multiply(adjoint, subtract(next.level, at(values, id)));
        jumps.push({ node: id, from, threshold: next.at, rise });
      }
    }
    const own = at(partials, id);
    operandsOf(node).forEach((operand, i) => {
      adjoints[operand] = add(at(adjoints, operand), multiply(adjoint, own[i] ?? ZERO));
    });
    if (isRootAtZero(node, values) && operandsOf(node).some((operand) => moves[operand])) steep.push(id);
  }
  return { gains, jumps: jumps.reverse(), steep: steep.reverse() };
}

function isRootAtZero(node: FunctionalNode, values: readonly Bound[]): boolean {
  if (node.kind !== 'operation' || node.operation !== 'sqrt') return false;
  return node.operands.every((operand) => at(values, operand).mantissa === 0);
}
