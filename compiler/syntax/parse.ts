import type { IToken } from 'chevrotain';
import type { SpecCstNode } from '../../grammar/cst.generated.ts';
import { type Mistake, QSpecParser, TooManyMistakes } from '../../grammar/parser.ts';
import { OPENERS, OpenBrace, Spec } from '../../grammar/tokens.ts';
import { type Diagnostic, diagnostic, type Result } from '../diagnostics/diagnostic.ts';
import { MAX_DIAGNOSTICS } from '../diagnostics/limit.ts';
import { lineStarts, positionAt, type Source } from '../source/source.ts';
import type { SpecFile } from './ast.ts';
import { type Balanced, balance, findTooDeep } from './brackets.ts';
import { IncompleteTree } from './build/common.ts';
import { buildFile } from './build/file.ts';
import { type Lexed, lex, tokenSpan } from './lex.ts';
import { ENOUGH, MAX_LENGTH } from './limits.ts';
import { EXPECTATIONS } from './messages.ts';
import { mistakeDiagnostic, placeOf } from './mistakes.ts';
import { independent, type Report } from './recovery.ts';

/**
 * Reads a spec. It never throws, whatever the text, and takes time linear in it. Mistakes that leave no doubt
 * about what was meant (a missing comma, `=` for `:`) give diagnostics and a tree; others give diagnostics alone.
 */
export function parse(source: Source): Result<SpecFile> {
  const { text } = source;
  if (text.length > MAX_LENGTH) {
    const tooLong = diagnostic('QS1009', { start: 0, end: 0 }, { size: text.length, limit: MAX_LENGTH });
    return { value: undefined, diagnostics: [tooLong] };
  }
  const lexed = lex(text);
  const deep = findTooDeep(lexed.tokens);
  if (deep !== undefined) {
    const tooDeep = diagnostic('QS1008', tokenSpan(deep.token), { limit: deep.limit });
    return { value: undefined, diagnostics: firstOnes([...lexed.diagnostics, tooDeep]) };
  }
  const header = validateHeader(lexed.tokens);
  const balanced = balance(lexed.tokens);
  const { cst, mistakes } = runParser(balanced.tokens);

  const isWhole =
    lexed.diagnostics.length === 0 &&
    header.length === 0 &&
    balanced.tokens === lexed.tokens &&
    mistakes.every(({ kind }) => kind !== 'unexpected' && kind !== 'valueless');
  return {
    value: isWhole && cst !== undefined ? treeOf(cst, lexed, mistakes) : undefined,
    diagnostics: collect(text, lexed, header, balanced, mistakes),
  };
}

/** The tree, unless a slip was followed by something missing. Without any mistake it is complete. */
function treeOf(cst: SpecCstNode, lexed: Lexed, mistakes: readonly Mistake[]): SpecFile | undefined {
  try {
    return buildFile(cst, lexed.comments);
  } catch (failure) {
    if (failure instanceof IncompleteTree && mistakes.length > 0) return undefined;
    throw failure;
  }
}

let parser: QSpecParser | undefined;

/** The tree is absent where the parser gave up. */
function runParser(tokens: readonly IToken[]): {
  readonly cst?: SpecCstNode;
  readonly mistakes: readonly Mistake[];
} {
  parser ??= new QSpecParser(EXPECTATIONS, { skipValidations: true, maxMistakes: ENOUGH });
  try {
    const cst = parser.parse([...tokens]);
    return { cst, mistakes: parser.mistakes };
  } catch (e) {
    if (!(e instanceof TooManyMistakes)) throw e;
    return { mistakes: parser.mistakes };
  }
}

/** What the stages found, without what follows from something else. */
function collect(
  text: string,
  lexed: Lexed,
  header: readonly Diagnostic[],
  balanced: Balanced,
  mistakes: readonly Mistake[],
): readonly Diagnostic[] {
  const end = endOf(lexed.tokens);
  const lines = lexed.diagnostics.length === 0 ? [] : lineStarts(text);
  const reports: Report[] = [
    ...lexed.diagnostics.map((d) => lexicalReport(d, lines)),
    ...[...header, ...balanced.diagnostics].map((d) => reportOf(d, 1)),
    ...mistakes
      .filter(({ found }) => !balanced.inserted.has(found))
      .map((mistake) => ({
        ...reportOf(mistakeDiagnostic(mistake, end), mistake.kind === 'stray' ? 1 : 2),
        offset: placeOf(mistake, end).start,
        ...(mistake.kind === 'unexpected' ? { until: mistake.until } : {}),
      })),
  ];
  const found = independent(reports);
  return firstOnes([...found, ...unclosedBrackets(balanced, found)]);
}

function reportOf(diagnostic: Diagnostic, rank: Report['rank']): Report {
  const { start } = diagnostic.span;
  return { offset: start, until: start, rank, diagnostic };
}

/** A character that is left out can make anything behind it on its line unexpected. */
function lexicalReport(diagnostic: Diagnostic, lines: readonly number[]): Report {
  const report = reportOf(diagnostic, 0);
  if (diagnostic.code !== 'QS1003') return report;
  const { line } = positionAt(lines, report.offset);
  return { ...report, until: lines[line] ?? Number.POSITIVE_INFINITY };
}

/** Brackets without an end, but for those whose end fell to a mistake inside them that is told already. */
function unclosedBrackets(balanced: Balanced, found: readonly Diagnostic[]): readonly Diagnostic[] {
  const tokens = found.flatMap(({ span }) => tokenFrom(balanced.tokens, span.start) ?? []);
  return balanced.unclosed
    .filter(
      ({ opener, end }) =>
        !tokens.some((token) => {
          if (token.startOffset < opener.startOffset || token.startOffset > end) return false;
          return (
            OPENERS.has(token.tokenType) ||
            (opener.tokenType !== OpenBrace && token.startLine === opener.startLine)
          );
        }),
    )
    .map((unclosed) => unclosed.diagnostic);
}

function validateHeader(tokens: readonly IToken[]): readonly Diagnostic[] {
  const [first] = tokens;
  if (first?.tokenType === Spec) return [];
  const span = first === undefined ? { start: 0, end: 0 } : tokenSpan(first);
  const fix = {
    title: 'name the spec',
    span: { start: span.start, end: span.start },
    replacement: 'spec unnamed\n\n',
  };
  return [diagnostic('QS1007', span, {}, { fixes: [fix] })];
}

function endOf(tokens: readonly IToken[]): number {
  const last = tokens.at(-1);
  return last === undefined ? 0 : tokenSpan(last).end;
}

/** The first token that starts at an offset or behind it, by binary search. */
function tokenFrom(tokens: readonly IToken[], offset: number): IToken | undefined {
  let low = 0;
  let high = tokens.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tokens[middle]?.startOffset ?? 0) < offset) low = middle + 1;
    else high = middle;
  }
  return tokens[low];
}

/** In the order of the text, and no more than a person reads. */
function firstOnes(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const sorted = diagnostics.toSorted((a, b) => a.span.start - b.span.start || a.span.end - b.span.end);
  const next = sorted[MAX_DIAGNOSTICS];
  if (next === undefined) return sorted;
  return [...sorted.slice(0, MAX_DIAGNOSTICS), diagnostic('QS1012', next.span, { limit: MAX_DIAGNOSTICS })];
}
