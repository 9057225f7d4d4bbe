import { formatBound } from '../numeric/bound/decimal.ts';
import { at, type Functional, type FunctionalNode, type NodeId, operandsOf } from './functional.ts';
import type { OperationName } from './operations.ts';

export interface PrintOptions {
  /** Significant decimal digits of coefficients, which are rounded up. */
  readonly digits?: number;
}

/** An expression longer than this gets a line of its own, so that text stays linear in the functional. */
const MAX_WIDTH = 80;

/** Steps of a step function that are written out. */
const MAX_STEPS = 3;

/** How tightly an expression binds: a looser one stands in parentheses within a tighter one. */
const SUM = 0;
const PRODUCT = 1;
const ATOM = 2;

interface Text {
  readonly text: string;
  readonly binds: number;
}

/**
 * A functional as formulas. What several read, and what grows too long, has a line under the number of its node:
 *
 *     (x, w) -> (y)
 *       %4 = 0.012 + 3.2·x
 *       y = %4 + min(0.5, %4·w)
 */
export function printFunctional(functional: Functional, { digits = 3 }: PrintOptions = {}): string {
  const { inputs, nodes, outputs } = functional;
  const uses = countUses(functional);
  const given = new Set(outputs.map(({ node }) => node));
  const texts: Text[] = [];
  const lines: string[] = [];
  nodes.forEach((node, id) => {
    const own = printNode(node, texts, digits);
    const leaf = node.kind === 'input' || node.kind === 'constant';
    const long = own.text.length > MAX_WIDTH && !given.has(id);
    if (!leaf && (at(uses, id) > 1 || long)) {
      lines.push(`  %${id} = ${own.text}`);
      texts.push({ text: `%${id}`, binds: ATOM });
    } else texts.push(own);
  });
  for (const { name, node } of outputs) lines.push(`  ${name} = ${at(texts, node).text}`);
  const signature = `(${inputs.join(', ')}) -> (${outputs.map(({ name }) => name).join(', ')})`;
  return [signature, ...lines, ''].join('\n');
}

function printNode(node: FunctionalNode, texts: readonly Text[], digits: number): Text {
  const inside = (id: NodeId, binds: number): string => {
    const operand = at(texts, id);
    return operand.binds < binds ? `(${operand.text})` : operand.text;
  };
  switch (node.kind) {
    case 'input':
      return { text: node.name, binds: ATOM };
    case 'constant':
      return { text: formatBound(node.value, digits), binds: ATOM };
    case 'operation': {
      const infix = INFIX[node.operation];
      if (infix === undefined) {
        const operands = node.operands.map((id) => inside(id, SUM));
        return { text: `${node.operation}(${operands.join(', ')})`, binds: ATOM };
      }
      const operands = node.operands.map((id) => inside(id, infix.binds + 1));
      return { text: operands.join(infix.sign), binds: infix.binds };
    }
    case 'step': {
      const steps = node.steps
        .slice(0, MAX_STEPS)
        .map((step) => `${formatBound(step.level, digits)} from ${formatBound(step.at, digits)}`);
      const more = node.steps.length - steps.length;
      if (more > 0) steps.push(`${more} more`);
      return { text: `step(${inside(node.operand, SUM)}: ${steps.join(', ')})`, binds: ATOM };
    }
  }
}

const INFIX: { readonly [K in OperationName]?: { readonly sign: string; readonly binds: number } } = {
  sum: { sign: ' + ', binds: SUM },
  product: { sign: '·', binds: PRODUCT },
};

function countUses({ nodes, outputs }: Functional): readonly number[] {
  const uses = nodes.map(() => 0);
  const use = (id: NodeId): void => {
    uses[id] = at(uses, id) + 1;
  };
  for (const node of nodes) operandsOf(node).forEach(use);
  for (const { node } of outputs) use(node);
  return uses;
}
