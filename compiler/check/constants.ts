import {
  add,
  divide,
  isUnwieldy,
  multiply,
  negate,
  parseDecimal,
  type Rational,
  rational,
} from '../numeric/rational.ts';
import type { Span } from '../source/source.ts';
import type { BinaryExpr, CallExpr, Expr, PipeExpr } from '../syntax/ast.ts';
import type { Log } from './log.ts';
import { reportUnknown } from './suggest.ts';
import { describe, type NumberValue, type TensorValue, type Value } from './values.ts';

/** Expressions nested more deeply than this are refused, so that no spec can exhaust the stack. */
export const MAX_DEPTH = 400;

/** The names an expression may use and what calls, pipes and sums of tensors mean where it stands. */
export interface Scope {
  readonly log: Log;
  lookup(name: string, span: Span): Value | undefined;
  /** Names that `lookup` knows, for suggestions. */
  names(): Iterable<string>;
  call(call: CallExpr, depth: number): Value | undefined;
  pipe(pipe: PipeExpr, depth: number): Value | undefined;
  sum(left: TensorValue, right: TensorValue, span: Span): Value | undefined;
}

const XI = rational(4n, 30000n);

/** Constants of the language. */
export const CONSTANTS: ReadonlyMap<string, Rational> = new Map([['xi', XI]]);

/** The scope of settings: constants only, calls stay unevaluated. */
export function constantScope(log: Log): Scope {
  const meaningless = (what: string, span: Span): undefined => log.report('QS3003', span, { what });
  return {
    log,
    lookup: () => undefined,
    names: () => [],
    call: (call) => ({ kind: 'call', call, span: call.span }),
    pipe: (pipe) => meaningless('a pipe', pipe.span),
    sum: (_left, _right, span) => meaningless('a sum of tensors', span),
  };
}

/**
 * Evaluates an expression exactly. Returns undefined after reporting what is wrong with it; a name that nothing
 * defines is a word, not a mistake, until somebody needs a number or a tensor there.
 */
export function evaluate(expr: Expr, scope: Scope, depth = 0): Value | undefined {
  const { log } = scope;
  const { span } = expr;
  if (depth > MAX_DEPTH) return log.report('QS2009', span, { what: 'expressions', limit: MAX_DEPTH });
  switch (expr.kind) {
    case 'number': {
      const value = parseDecimal(expr.text);
      if (value === undefined)
        return log.report('QS3012', span, {
          problem: `${shorten(expr.text)} is outside the numbers that can be used`,
        });
      return { kind: 'number', value, span };
    }
    case 'string':
      return { kind: 'text', text: expr.value, span };
    case 'name': {
      const constant = CONSTANTS.get(expr.name);
      const known = scope.lookup(expr.name, span);
      if (known !== undefined) return { ...known, span };
      return constant === undefined
        ? { kind: 'word', text: expr.name, span }
        : { kind: 'number', value: constant, span };
    }
    case 'list':
      return { kind: 'list', items: expr.items.map((item) => evaluate(item, scope, depth + 1)), span };
    case 'negate': {
      const operand = number(evaluate(expr.operand, scope, depth + 1), scope);
      return operand && { ...operand, value: negate(operand.value), span };
    }
    case 'binary':
      return evaluateBinary(expr, scope, depth);
    case 'range': {
      const from = number(evaluate(expr.from, scope, depth + 1), scope);
      const to = number(evaluate(expr.to, scope, depth + 1), scope);
      return from && to && { kind: 'range', from: from.value, to: to.value, span };
    }
    case 'quantity': {
      const value = number(evaluate(expr.value, scope, depth + 1), scope);
      const at = expr.at && number(evaluate(expr.at, scope, depth + 1), scope);
      if (value === undefined || (expr.at !== undefined && at === undefined)) return undefined;
      const exact = expr.unit === '%' ? divide(value.value, rational(100n)) : value.value;
      return {
        kind: 'number',
        value: exact,
        unit: expr.unit,
        ...(at === undefined ? {} : { at: at.value }),
        span,
      };
    }
    case 'call':
      return scope.call(expr, depth + 1);
    case 'pipe':
      return scope.pipe(expr, depth + 1);
    case 'repeat':
      return log.report(
        'QS3003',
        span,
        { what: 'repeat' },
        { hint: 'repeat is a stage of a pipe: x |> repeat 3 { … }' },
      );
    case 'compose':
      return log.report(
        'QS3003',
        span,
        { what: 'a composition' },
        { hint: 'compositions stand in the train section' },
      );
  }
}

/** The value as a number; a word there is a name that nothing defines. */
export function number(value: Value | undefined, scope: Scope): NumberValue | undefined {
  if (value === undefined || (value.kind === 'tensor' && value.layer === undefined)) return undefined;
  if (value.kind === 'number') return value;
  if (value.kind === 'word')
    return reportUnknown(scope.log, 'name', value, [...scope.names(), ...CONSTANTS.keys()]);
  return scope.log.report('QS3002', value.span, {
    name: 'an operand',
    expected: 'a number',
    found: describe(value),
  });
}

/** A chain such as `a + b + c + …` leans to the left; it is walked in a loop since it may be long. */
function evaluateBinary(expr: BinaryExpr, scope: Scope, depth: number): Value | undefined {
  const chain: BinaryExpr[] = [];
  let first: Expr = expr;
  while (first.kind === 'binary') {
    chain.push(first);
    first = first.left;
  }
  let left = evaluate(first, scope, depth + 1);
  for (const step of chain.reverse()) {
    const right = evaluate(step.right, scope, depth + 1);
    left = combine(step, left, right, scope);
  }
  return left;
}

function combine(
  expr: BinaryExpr,
  left: Value | undefined,
  right: Value | undefined,
  scope: Scope,
): Value | undefined {
  const { operator, span } = expr;
  if (operator === '+' && (left?.kind === 'tensor' || right?.kind === 'tensor')) {
    const [a, b] = [tensor(left, scope, expr.left.span), tensor(right, scope, expr.right.span)];
    return scope.sum(a, b, span);
  }
  const [a, b] = [number(left, scope), number(right, scope)];
  if (a === undefined || b === undefined) return undefined;
  if (operator === '/' && b.value.numerator === 0n)
    return scope.log.report('QS3012', span, { problem: 'division by zero' });
  const value = ARITHMETIC[operator](a.value, b.value);
  if (isUnwieldy(value))
    return scope.log.report('QS3012', span, {
      problem: 'the result is outside the numbers that can be used',
    });
  return { kind: 'number', value, span };
}

const ARITHMETIC: { readonly [K in BinaryExpr['operator']]: (a: Rational, b: Rational) => Rational } = {
  '+': add,
  '-': (a, b) => add(a, negate(b)),
  '*': multiply,
  '/': divide,
};

/** The value as a tensor; where it is none, that is reported and the unknown tensor stands in. */
export function tensor(value: Value | undefined, scope: Scope, span: Span): TensorValue {
  if (value?.kind === 'tensor') return value;
  if (value?.kind === 'word') reportUnknown(scope.log, 'value', value, scope.names());
  else if (value !== undefined)
    scope.log.report('QS3002', span, { name: 'the input', expected: 'a tensor', found: describe(value) });
  return { kind: 'tensor', layer: undefined, span };
}

function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 20)}…` : text;
}
