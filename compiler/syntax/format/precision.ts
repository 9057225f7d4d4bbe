import type {
  AnnotationStatement,
  BitsBound,
  Expr,
  FormatExpr,
  FormatModifier,
  LevelsStatement,
  PrecisionItem,
  PrecisionStatement,
  RequireStatement,
  SitePattern,
} from '../ast.ts';
import { type Doc, group, indent, line } from './doc.ts';
import { printArguments, printCommas, printExpr, printOperation, printPrimary } from './expression.ts';
import type { Layout } from './layout.ts';
import { type Part, printEntries, printSection } from './section.ts';

export function printPrecision(item: PrecisionItem, layout: Layout): Doc {
  const parts = item.statements.map((s) => ({ span: s.span, print: () => printStatement(s, layout) }));
  return ['precision ', printSection(parts, item.span.end, layout, true)];
}

function printStatement(statement: PrecisionStatement, layout: Layout): Doc {
  switch (statement.kind) {
    case 'preset':
      return ['preset: ', statement.name.text];
    case 'levels': {
      const parts = statement.levels.map((level) => levelPart(level, layout));
      return ['levels ', printSection(parts, statement.span.end, layout, false)];
    }
    case 'annotation':
      return printAnnotation(statement, layout);
    case 'tie':
      return printTie(statement.targets, layout);
    case 'require':
      return printRequire(statement, layout);
    case 'cost':
      if (isEntries(statement.value))
        return ['cost ', printEntries(statement.value, statement.span.end, layout)];
      return ['cost: ', printExpr(statement.value, layout)];
    case 'schedule':
      return [
        'schedule ',
        statement.name.text,
        ' ',
        printEntries(statement.entries, statement.span.end, layout),
      ];
  }
}

function isEntries<T>(value: Expr | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

function levelPart(level: LevelsStatement['levels'][number], layout: Layout): Part {
  const { bits, format, span } = level;
  const print = (): Doc => {
    const key = endsInUnit(bits) ? ['(', printExpr(bits, layout), ')'] : printOperation(bits, layout);
    if ('kind' in format) return [key, ': ', printFormat(format, layout)];
    const parts = format.map((f) => ({
      span: f.span,
      print: () => [printSitePattern(f.target, layout), ': ', printFormat(f.format, layout)],
    }));
    return [key, ': ', printSection(parts, span.end, layout, false)];
  };
  return { span, print };
}

/** Before a colon the word of a unit would read as a key. */
function endsInUnit(expr: Expr): boolean {
  switch (expr.kind) {
    case 'quantity':
      return expr.unit !== '%' && expr.at === undefined;
    case 'binary':
      return endsInUnit(expr.right);
    case 'range':
      return endsInUnit(expr.to);
    case 'negate':
      return endsInUnit(expr.operand);
    case 'compose':
      return expr.parts.slice(-1).some(endsInUnit);
    default:
      return false;
  }
}

function printAnnotation({ target, value }: AnnotationStatement, layout: Layout): Doc {
  const site = printSitePattern(target, layout);
  return [site, ': ', value.kind === 'bits' ? printBound(value, layout) : printFormat(value, layout)];
}

function printBound({ relation, bits }: BitsBound, layout: Layout): Doc {
  const isOne = bits.kind === 'number' && bits.text === '1';
  return [relation, ' ', printPrimary(bits, layout), isOne ? ' bit' : ' bits'];
}

function printTie(targets: readonly SitePattern[], layout: Layout): Doc {
  const sites = targets.map((target, i) => {
    const gap = i === 0 ? [] : layout.gap(target.span.start, line);
    const site = printSitePattern(target, layout);
    layout.printed(target.span);
    return [gap, site, i < targets.length - 1 ? ',' : ''];
  });
  return group(['tie ', indent(sites)]);
}

function printRequire({ quantity, bound, probability }: RequireStatement, layout: Layout): Doc {
  const call = [quantity.callee.text, printArguments(quantity.args, quantity.span.end, layout)];
  const gap = layout.gap(bound.span.start, line);
  const limit = ['<= ', printOperation(bound, layout)];
  const chance = probability === undefined ? [] : [' with probability ', printOperation(probability, layout)];
  return group(['require ', call, indent([gap, limit, chance])]);
}

export function printFormat(format: FormatExpr, layout: Layout): Doc {
  const args = format.args.length === 0 ? [] : printExpressions(format.args, format.span.end, layout);
  return [
    format.element.text,
    args,
    format.modifiers.map((modifier) => [' ', printModifier(modifier, layout)]),
  ];
}

function printModifier(modifier: FormatModifier, layout: Layout): Doc {
  switch (modifier.kind) {
    case 'granularity':
      if (modifier.size === undefined) return ['per ', modifier.name.text];
      return ['per ', modifier.name.text, '(', printExpr(modifier.size, layout), ')'];
    case 'scale': {
      const args =
        modifier.args.length === 0 ? [] : printExpressions(modifier.args, modifier.span.end, layout);
      return ['scale(', modifier.name.text, args, ')'];
    }
    case 'rounding':
    case 'range':
      return modifier.name.text;
  }
}

function printExpressions(args: readonly Expr[], end: number, layout: Layout): Doc {
  return ['(', printCommas(args, end, layout, (arg) => printExpr(arg, layout)), ')'];
}

export function printSitePattern({ segments }: SitePattern, layout: Layout): Doc {
  return segments.map(({ words, index }, i) => {
    const name = words.map((word) => word.text).join(' ');
    const subscript =
      index === undefined ? [] : ['[', index === 'any' ? '*' : printOperation(index, layout), ']'];
    return [i === 0 ? '' : '.', name, subscript];
  });
}
