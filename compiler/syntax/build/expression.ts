import type { IToken } from 'chevrotain';
import type {
  ArgsCstNode,
  ArgumentCstNode,
  CallCstNode,
  ElementsCstNode,
  EntriesCstNode,
  EntryCstNode,
  ExprCstNode,
  OperandCstNode,
  OperationCstNode,
  PrimaryCstNode,
  ReferenceCstNode,
  StageCstNode,
} from '../../../grammar/cst.generated.ts';
import * as t from '../../../grammar/tokens.ts';
import { cover } from '../../source/source.ts';
import type { Argument, BinaryExpr, CallExpr, Entry, Expr, QuantityExpr, RepeatExpr } from '../ast.ts';
import { textValue } from '../lex.ts';
import { first, joinWords, nameOf, spanOf } from './common.ts';

export function buildExpr(node: ExprCstNode): Expr {
  const { operation, stage } = node.children;
  const head = buildOperation(first(operation));
  return stage === undefined
    ? head
    : { kind: 'pipe', head, stages: stage.map(buildStage), span: spanOf(node) };
}

export function buildElements(node: ElementsCstNode): readonly Expr[] {
  return (node.children.expr ?? []).map(buildExpr);
}

function buildStage(node: StageCstNode): CallExpr | RepeatExpr {
  const { call, repeat, Word } = node.children;
  const label = Word === undefined ? {} : { label: nameOf(first(Word)) };
  const span = spanOf(node);
  if (call !== undefined) return { ...buildCall(first(call)), ...label, span };
  const { operation, stage } = first(repeat).children;
  return {
    kind: 'repeat',
    count: buildOperation(first(operation)),
    stages: stage.map(buildStage),
    ...label,
    span,
  };
}

function buildCall(node: CallCstNode): CallExpr {
  const { Word, args } = node.children;
  return {
    kind: 'call',
    callee: nameOf(first(Word)),
    args: args === undefined ? [] : buildArgs(first(args)),
    parentheses: args !== undefined,
    span: spanOf(node),
  };
}

export function buildArgs(node: ArgsCstNode): readonly Argument[] {
  return (node.children.argument ?? []).map(buildArgument);
}

function buildArgument(node: ArgumentCstNode): Argument {
  const { key, phrase, expr } = node.children;
  const span = spanOf(node);
  if (phrase !== undefined) {
    const words = first(phrase).children.Word.map((w) => w.image);
    return { value: { kind: 'name', name: words.join(' '), span }, span };
  }
  const value = buildExpr(first(expr));
  return key === undefined ? { value, span } : { key: joinWords(first(key).children.Word), value, span };
}

export function buildEntries(node: EntriesCstNode): readonly Entry[] {
  return (node.children.entry ?? []).map(buildEntry);
}

export function buildEntry(node: EntryCstNode): Entry {
  const { key, expr } = node.children;
  return { key: joinWords(first(key).children.Word), value: buildExpr(first(expr)), span: spanOf(node) };
}

/** Binding strength of the operators; all associate to the left but composition, whose parts stand side by side. */
const STRENGTH = new Map([
  [t.Compose, 1],
  [t.To, 2],
  [t.Plus, 3],
  [t.Minus, 3],
  [t.Star, 4],
  [t.Slash, 4],
]);

/** Precedence climbing over the flat list that the parser read. */
export function buildOperation(node: OperationCstNode): Expr {
  const operands = node.children.operand.map(buildOperand);
  const operators = node.children.operator ?? [];
  let next = 0;

  const climb = (strength: number): Expr => {
    let left = first(operands.slice(next, next + 1));
    for (let operator = operators[next]; operator !== undefined; operator = operators[next]) {
      const own = STRENGTH.get(operator.tokenType) ?? 0;
      if (own < strength) break;
      next++;
      left = combine(operator, left, climb(own + 1));
    }
    return left;
  };
  return flattenComposition(climb(1), operands);
}

function combine(operator: IToken, left: Expr, right: Expr): Expr {
  const span = cover(left.span, right.span);
  switch (operator.tokenType) {
    case t.Compose:
      return { kind: 'compose', parts: [left, right], span };
    case t.To:
      return { kind: 'range', from: left, to: right, span };
    default:
      return { kind: 'binary', operator: operator.image as BinaryExpr['operator'], left, right, span };
  }
}

/** `a ∘ b ∘ c` has three parts; a part that was written in parentheses stays one. */
function flattenComposition(expr: Expr, operands: readonly Expr[]): Expr {
  const written = new Set(operands);
  const parts: Expr[] = [];
  let rest = expr;
  while (rest.kind === 'compose' && !written.has(rest)) {
    const [left, right] = rest.parts;
    if (left === undefined || right === undefined) break;
    parts.push(right);
    rest = left;
  }
  return parts.length === 0 ? rest : { kind: 'compose', parts: [rest, ...parts.reverse()], span: expr.span };
}

const UNITS: ReadonlyMap<unknown, QuantityExpr['unit']> = new Map([
  [t.Percent, '%'],
  [t.Epochs, 'epochs'],
  [t.Steps, 'steps'],
  [t.Bits, 'bits'],
]);

function buildOperand(node: OperandCstNode): Expr {
  const { primary, unit, Minus } = node.children;
  const { end } = spanOf(node);
  let expr = buildPrimary(first(primary));
  if (unit !== undefined) {
    const at = primary[1];
    const kind = UNITS.get(first(unit).tokenType) ?? '%';
    const span = { start: expr.span.start, end };
    expr = {
      kind: 'quantity',
      value: expr,
      unit: kind,
      ...(at === undefined ? {} : { at: buildPrimary(at) }),
      span,
    };
  }
  for (const minus of (Minus ?? []).toReversed()) {
    expr = { kind: 'negate', operand: expr, span: { start: minus.startOffset, end } };
  }
  return expr;
}

export function buildPrimary(node: PrimaryCstNode): Expr {
  const { Numeral, Text, list, parenthesized, reference } = node.children;
  const span = spanOf(node);
  if (Numeral !== undefined) return { kind: 'number', text: first(Numeral).image, span };
  if (Text !== undefined) return { kind: 'string', value: textValue(first(Text)), span };
  if (list !== undefined)
    return { kind: 'list', items: buildElements(first(first(list).children.elements)), span };
  if (parenthesized !== undefined) return { ...buildExpr(first(first(parenthesized).children.expr)), span };
  return buildReference(first(reference));
}

function buildReference(node: ReferenceCstNode): Expr {
  const { Word, args } = node.children;
  const [name, label] = Word;
  const span = spanOf(node);
  if (args === undefined) return { kind: 'name', name: first(Word).image, span };
  return {
    kind: 'call',
    callee: nameOf(first(name === undefined ? [] : [name])),
    args: buildArgs(first(args)),
    parentheses: true,
    ...(label === undefined ? {} : { label: nameOf(label) }),
    span,
  };
}
