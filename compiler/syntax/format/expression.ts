import type {
  Argument,
  BinaryExpr,
  CallExpr,
  Entry,
  Expr,
  PipeExpr,
  QuantityExpr,
  RepeatExpr,
} from '../ast.ts';
import { type Doc, group, hardLine, indent, line, softLine } from './doc.ts';
import type { Layout } from './layout.ts';

/** Binding strength of what an expression prints as; weaker ones get parentheses inside stronger ones. */
const STRENGTH = {
  pipe: 0,
  compose: 1,
  range: 2,
  sum: 3,
  product: 4,
  negation: 5,
  quantity: 6,
  primary: 7,
} as const;
type Strength = (typeof STRENGTH)[keyof typeof STRENGTH];

function strengthOf(expr: Expr): Strength {
  switch (expr.kind) {
    case 'pipe':
      return STRENGTH.pipe;
    case 'compose':
      return STRENGTH.compose;
    case 'range':
      return STRENGTH.range;
    case 'binary':
      return expr.operator === '+' || expr.operator === '-' ? STRENGTH.sum : STRENGTH.product;
    case 'negate':
      return STRENGTH.negation;
    case 'quantity':
      return STRENGTH.quantity;
    default:
      return STRENGTH.primary;
  }
}

export function printExpr(expr: Expr, layout: Layout): Doc {
  return printAt(STRENGTH.pipe, expr, layout);
}

/** Without a pipe outside parentheses: the number of a level, a bound. */
export function printOperation(expr: Expr, layout: Layout): Doc {
  return printAt(STRENGTH.compose, expr, layout);
}

/** Neither an operator nor a unit outside parentheses. */
export function printPrimary(expr: Expr, layout: Layout): Doc {
  return printAt(STRENGTH.primary, expr, layout);
}

function printAt(strength: Strength, expr: Expr, layout: Layout): Doc {
  const doc = strengthOf(expr) < strength ? ['(', printBare(expr, layout), ')'] : printBare(expr, layout);
  layout.printed(expr.span);
  return doc;
}

function printBare(expr: Expr, layout: Layout): Doc {
  switch (expr.kind) {
    case 'number':
      return expr.text;
    case 'string':
      return printString(expr.value);
    case 'name':
      return expr.name;
    case 'list':
      return ['[', printCommas(expr.items, expr.span.end, layout, (item) => printExpr(item, layout)), ']'];
    case 'call':
      return printCall(expr, layout);
    case 'repeat':
      return printRepeat(expr, layout);
    case 'pipe':
      return [
        printAt(STRENGTH.compose, expr.head, layout),
        indent(printStages(expr.head.span.end, expr.stages, layout)),
      ];
    case 'compose': {
      const [head, ...rest] = expr.parts;
      if (head === undefined) throw new Error('a composition without parts');
      const first = printAt(STRENGTH.range, head, layout);
      return group([
        first,
        indent(
          rest.map((part) => [
            layout.gap(part.span.start, line),
            '∘ ',
            printAt(STRENGTH.range, part, layout),
          ]),
        ),
      ]);
    }
    case 'range':
      return [printAt(STRENGTH.range, expr.from, layout), ' to ', printAt(STRENGTH.sum, expr.to, layout)];
    case 'binary':
      return printBinary(expr, layout);
    case 'negate':
      return ['-', printAt(STRENGTH.negation, expr.operand, layout)];
    case 'quantity':
      return printQuantity(expr, layout);
  }
}

export function printString(value: string): string {
  const escaped = value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
  return `"${escaped}"`;
}

function printBinary(expr: BinaryExpr, layout: Layout): Doc {
  const own = strengthOf(expr);
  const left = printAt(own, expr.left, layout);
  const gap = layout.gap(expr.right.span.start, line);
  const right = printAt(own === STRENGTH.sum ? STRENGTH.product : STRENGTH.negation, expr.right, layout);
  return group([left, indent([gap, expr.operator, ' ', right])]);
}

function printQuantity(expr: QuantityExpr, layout: Layout): Doc {
  const value = printPrimary(expr.value, layout);
  const at = expr.at === undefined ? [] : [' at ', printPrimary(expr.at, layout)];
  if (expr.unit === '%') return [value, '%', ...at];
  const isOne = expr.value.kind === 'number' && expr.value.text === '1';
  return [value, ' ', isOne ? expr.unit.slice(0, -1) : expr.unit, ...at];
}

/** A new line before a stage is kept; other stages stand on the line as far as they fit. */
function printStages(start: number, stages: PipeExpr['stages'], layout: Layout): Doc {
  let end = start;
  return stages.map((stage) => {
    const soft = layout.isBroken(end, stage.span.start) ? hardLine : line;
    end = stage.span.end;
    const gap = layout.gap(stage.span.start, soft);
    return group([gap, '|> ', printAt(STRENGTH.pipe, stage, layout)]);
  });
}

export function printCall(call: CallExpr, layout: Layout): Doc {
  const label = call.label === undefined ? [] : [' as ', call.label.text];
  if (!call.parentheses) return [call.callee.text, ...label];
  return [call.callee.text, printArguments(call.args, call.span.end, layout), ...label];
}

function printRepeat(repeat: RepeatExpr, layout: Layout): Doc {
  const [head, ...rest] = repeat.stages;
  if (head === undefined) throw new Error('a repeat without stages');
  const count = printOperation(repeat.count, layout);
  const label = repeat.label === undefined ? [] : [' as ', repeat.label.text];
  const open = layout.gap(head.span.start, line);
  const first = printAt(STRENGTH.pipe, head, layout);
  const stages = printStages(head.span.end, rest, layout);
  const { comments, close } = layout.dangling(repeat.span.end, line);
  return group([
    'repeat ',
    count,
    ' {',
    indent([open, first, indent(stages), comments]),
    close,
    '}',
    ...label,
  ]);
}

/** `(3, kernel: 3)` */
export function printArguments(args: readonly Argument[], end: number, layout: Layout): Doc {
  const print = (arg: Argument): Doc => {
    const key = arg.key === undefined ? [] : [arg.key.text, ': '];
    return [...key, printExpr(arg.value, layout)];
  };
  return ['(', printCommas(args, end, layout, print), ')'];
}

/** Elements with commas between them, on one line or each on its own. */
export function printCommas<T extends { readonly span: Entry['span'] }>(
  items: readonly T[],
  end: number,
  layout: Layout,
  print: (item: T) => Doc,
): Doc {
  const content = items.map((item, i) => {
    const gap = layout.gap(item.span.start, i === 0 ? softLine : line);
    const comma = i < items.length - 1 ? ',' : '';
    const doc = print(item);
    layout.printed(item.span);
    return [gap, doc, comma];
  });
  const { comments, close } = layout.dangling(end, items.length === 0 ? '' : softLine);
  return group([indent([content, comments]), close]);
}
