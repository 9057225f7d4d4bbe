import { type IToken, Lexer } from 'chevrotain';
import { Numeral, Text, TOKENS } from '../../grammar/tokens.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../source/source.ts';
import type { Comment } from './ast.ts';
import { ENOUGH } from './limits.ts';

export interface Lexed {
  readonly tokens: readonly IToken[];
  readonly comments: readonly Comment[];
  readonly diagnostics: readonly Diagnostic[];
}

let lexer: Lexer | undefined;

/** Splits a text into tokens; every character belongs to a token, a comment, white space or a diagnostic. */
export function lex(text: string): Lexed {
  lexer ??= new Lexer([...TOKENS], {
    lineTerminatorsPattern: /\n/g,
    lineTerminatorCharacters: ['\n'],
    ensureOptimizations: true,
    skipValidations: true,
  });
  const { tokens, groups, errors } = lexer.tokenize(text);
  const diagnostics: Diagnostic[] = errors
    .slice(0, ENOUGH)
    .map((e) => illegal(text, { start: e.offset, end: e.offset + e.length }));
  for (const token of tokens) {
    if (diagnostics.length >= 2 * ENOUGH) break;
    if (token.tokenType === Numeral) diagnostics.push(...validateNumeral(token));
    else if (token.tokenType === Text) diagnostics.push(...validateText(token));
    else if (NOT_FINITE.has(token.image)) {
      diagnostics.push(
        diagnostic('QS1004', tokenSpan(token), { text: token.image, reason: 'every value is finite' }),
      );
    }
  }
  const comments = (groups['comments'] ?? []).map(({ image, startOffset: start }) => {
    const text = image.trimEnd();
    return { text, span: { start, end: start + text.length } };
  });
  return { tokens, comments, diagnostics };
}

/** The span of a token that was read, not inserted. */
export function tokenSpan(token: IToken): Span {
  return { start: token.startOffset, end: token.startOffset + token.image.length };
}

/** What a user may have meant by a character that is not in the language. */
const MEANT: Readonly<Record<string, string>> = {
  '|': "a pipe is written '|>'",
  "'": 'strings stand in double quotes',
  ξ: "ξ is written 'xi'",
  '≥': "write '>='",
  '≤': "write '<='",
  '→': "write '->'",
  '·': "write '*'",
  '×': "write '*'",
  '<': "write '<=' for a bound, '<<' for composition",
  '>': "write '>=' for a bound, '|>' for a pipe",
  '“': 'strings stand in straight double quotes',
  '”': 'strings stand in straight double quotes',
};

function illegal(text: string, span: Span): Diagnostic {
  const first = String.fromCodePoint(text.codePointAt(span.start) ?? 0);
  const hint = MEANT[first];
  return diagnostic(
    'QS1003',
    span,
    { characters: describeText(text.slice(span.start, span.end)) },
    hint === undefined ? {} : { hint },
  );
}

/** A piece of source in quotes, shortened, with what cannot be seen escaped. */
export function describeText(text: string): string {
  const points = Array.from(text.slice(0, 64));
  const shown = points.slice(0, 24).map((c) => (isVisible(c) ? c : escapeOf(c)));
  return `'${shown.join('')}${points.length > 24 ? '…' : ''}'`;
}

function isVisible(character: string): boolean {
  return /^[\p{L}\p{N}\p{P}\p{S} ]$/u.test(character);
}

function escapeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** What other languages call values that no spec can hold. */
const NOT_FINITE: ReadonlySet<string> = new Set(['NaN', 'nan', 'Infinity', 'inf']);

const DECIMAL = /^[0-9]+(?:\.[0-9]+)?(?:[eE]([+-]?[0-9]+))?$/;
/** Beyond any float64; keeps the exact value of a literal small. */
const MAX_EXPONENT = 400;
const MAX_NUMERAL = 200;

function validateNumeral(token: IToken): readonly Diagnostic[] {
  const text = token.image;
  const match = DECIMAL.exec(text);
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  const malformed = (reason: string, replacement?: string): readonly Diagnostic[] => {
    const span = tokenSpan(token);
    const fixes = replacement === undefined ? [] : [{ title: `write '${replacement}'`, span, replacement }];
    return [diagnostic('QS1004', span, { text: shown, reason }, { fixes })];
  };
  if (text.length > MAX_NUMERAL) return malformed(`it has more than ${MAX_NUMERAL} characters`);
  if (match !== null) {
    const exponent = Math.abs(Number(match[1] ?? 0));
    return exponent > MAX_EXPONENT
      ? malformed(`its exponent is not between -${MAX_EXPONENT} and ${MAX_EXPONENT}`)
      : [];
  }
  if (/^\.[0-9]+$/.test(text)) return malformed('a digit stands before the point', `0${text}`);
  if (/^[0-9]+\.$/.test(text)) return malformed('a digit stands after the point', text.slice(0, -1));
  const range = /^([0-9]+)\.\.+([0-9]+)$/.exec(text);
  if (range !== null) return malformed("a range is written with 'to'", `${range[1]} to ${range[2]}`);
  if (/^[0-9]+(?:\.[0-9]+){2,}$/.test(text)) return malformed('it has two decimal points');
  const unit = /^([0-9]+(?:\.[0-9]+)?)(epochs?|steps?|bits?)$/.exec(text);
  if (unit !== null) return malformed('a unit stands apart from its number', `${unit[1]} ${unit[2]}`);
  if (/^[0-9]+(?:_[0-9]+)+$/.test(text)) return malformed('digits are not grouped', text.replaceAll('_', ''));
  return malformed('numbers look like 3, 0.5 or 3e-3');
}

const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', n: '\n' };

function validateText(token: IToken): readonly Diagnostic[] {
  const { start, end } = tokenSpan(token);
  const diagnostics: Diagnostic[] = [];
  const closed = /^"(?:[^"\\]|\\.)*"$/u.test(token.image);
  if (!closed) {
    diagnostics.push(
      diagnostic(
        'QS1002',
        { start, end },
        {},
        { fixes: [{ title: "add the closing '\"'", span: { start: end, end }, replacement: '"' }] },
      ),
    );
  }
  for (const { index, 0: written } of token.image.matchAll(/\\./gu)) {
    if (ESCAPES[written.slice(1)] !== undefined) continue;
    const span = { start: start + index, end: start + index + written.length };
    diagnostics.push(
      diagnostic(
        'QS1010',
        span,
        { escape: describeText(written).slice(1, -1) },
        { hint: 'the escapes are \\" and \\\\ and \\n' },
      ),
    );
  }
  return diagnostics;
}

/** The value of a string token without diagnostics. */
export function textValue(token: IToken): string {
  return token.image.slice(1, -1).replaceAll(/\\(["\\n])/g, (_, c: string) => ESCAPES[c] ?? c);
}
