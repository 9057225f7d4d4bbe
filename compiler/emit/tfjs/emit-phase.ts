import type { Graph, OpNode, TensorType, Value } from '../../ir/graph.ts';
import { nodeOf } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import { isOnGrid } from '../../ir/quantizers.ts';
import { REGISTRY } from '../../ops/registry.ts';
import { constantExpression, numberExpression, tfjsContext, type Uses } from './context.ts';
import { type Document, layout, WIDTH } from './document.ts';
import { Expression, objectLiteral } from './expression.ts';
import { Names } from './names.ts';
import type { PhasePart } from './phases.ts';
import type { Annotate } from './provenance.ts';
import { GROUPS, type InputFields } from './signature.ts';
import { SUPPORT_NAMES } from './support-files.ts';

/** What the statements of one phase may name and what they come to use. */
export interface PhaseScope {
  readonly graph: Graph;
  readonly inputs: InputFields;
  /** Property paths of the values of earlier phases: `cache.c1Add`. */
  readonly earlier: ReadonlyMap<Value, string>;
  /** Identifiers that the module declares. */
  readonly declared: readonly string[];
  readonly annotate: Annotate;
  readonly uses: Uses;
}

export interface PhaseBody {
  /** One statement an op and the final `return`, indented by `indent` spaces. */
  readonly statements: string;
  /** What is returned, outputs first. */
  readonly fields: readonly ReturnedField[];
}

export interface ReturnedField {
  readonly key: string;
  readonly value: Value;
  readonly type: TensorType;
  /** Name of the graph's output that it is. */
  readonly output: string | undefined;
}

/** The statements of one phase. */
export function emitPhase(part: PhasePart, scope: PhaseScope, indent: number): PhaseBody {
  const { graph } = scope;
  const names = new Names([...SUPPORT_NAMES, ...scope.declared, 'tf', 'noise', 'cache', 'gradients']);
  for (const { field } of Object.values(GROUPS)) names.claim(field);
  const references = new Map<Value, Expression>();
  const reference = (value: Value): Expression => {
    const known = references.get(value) ?? outsideReference(scope, value);
    references.set(value, known);
    return known;
  };
  // Outputs choose their names first, so that what is returned is called what it is.
  const own = new Set(part.values);
  const claimed = new Map<Value, string>();
  for (const { name, value } of part.outputs) {
    if (own.has(value) && !claimed.has(value)) claimed.set(value, names.claim(name));
  }
  const lines: string[] = [];
  const margin = ' '.repeat(indent);
  let previous: OpNode | undefined;
  for (const value of part.values) {
    const node = nodeOf(graph, value);
    if (node.kind !== 'op') throw new Error(`%${value} is no op`);
    const operands = node.operands.map(reference);
    const result = applyRule(node as OpNode, operands, scope);
    const same = operands.find((operand) => operand === result);
    if (same !== undefined) {
      references.set(value, same);
      continue;
    }
    const name = claimed.get(value) ?? names.claim(stemOf(node as OpNode));
    references.set(value, new Expression(name));
    const comment = scope.annotate(node as OpNode, previous);
    lines.push(
      ...statement(`const ${name} = `, result.document, comment, indent).map((line) => margin + line),
    );
    previous = node as OpNode;
  }
  const keys = new Names();
  const field = (key: string, value: Value, output: string | undefined): ReturnedField => {
    return { key: keys.claim(key), value, type: nodeOf(graph, value).type, output };
  };
  const fields = [
    ...part.outputs.map(({ name, value }) => field(name, value, name)),
    ...part.passed.map((value) => field(reference(value).code, value, undefined)),
  ];
  const returned = objectLiteral(fields.map(({ key, value }) => [key, reference(value).document]));
  lines.push(...statement('return ', returned, undefined, indent).map((line) => margin + line));
  return { statements: lines.join('\n'), fields };
}

/** The lines of `head expression;` with its comment behind it, or above it where it does not fit. */
function statement(head: string, document: Document, comment: string | undefined, indent: number): string[] {
  const width = WIDTH - indent;
  const lines = `${layout(document, head.length, 1, 0, width)};`.split('\n');
  lines[0] = head + (lines[0] ?? '');
  if (comment === undefined) return lines;
  const [only] = lines;
  const fits = lines.length === 1 && only !== undefined && only.length + 4 + comment.length <= width;
  return fits ? [`${only} // ${comment}`] : [`// ${comment}`, ...lines];
}

function applyRule<K extends OpName>(
  node: OpNode<K>,
  operands: readonly Expression[],
  scope: PhaseScope,
): Expression {
  const types = node.operands.map((v) => nodeOf(scope.graph, v).type);
  const result = REGISTRY[node.op].tfjs(tfjsContext(node, operands, types, scope.uses));
  if (!(result instanceof Expression)) throw new Error(`the tfjs rule of ${node.op} made its own expression`);
  return result;
}

/** How a phase names a value that it does not compute. */
function outsideReference(scope: PhaseScope, value: Value): Expression {
  const earlier = scope.earlier.get(value);
  if (earlier !== undefined) return new Expression(earlier);
  const node = nodeOf(scope.graph, value);
  if (node.kind === 'constant') return constantExpression(node.data, node.type);
  if (node.kind !== 'input') throw new Error(`%${value} is read before it is computed`);
  const key = scope.inputs[node.role].find(({ name }) => name === node.input)?.key;
  const path = `${GROUPS[node.role].field}.${key}`;
  return node.role === 'hyper' ? numberExpression(path) : new Expression(path);
}

/** What a value that an op makes is called, where that is not the op. */
const CALLED: Readonly<Partial<Record<OpName, string>>> = {
  quantScale: 'scale',
  uniform: 'noise',
  normal: 'noise',
};

/** A readable name: that of the value, with the op behind it unless a quantizer makes it or the name says it already. */
function stemOf({ op, origin: { name } }: OpNode): string {
  if (name === undefined) return op;
  const said = name.replace(/[^A-Za-z]+$/, '').toLowerCase();
  return isOnGrid(op) || said.endsWith(CALLED[op] ?? op.toLowerCase()) ? name : `${name} ${op}`;
}
