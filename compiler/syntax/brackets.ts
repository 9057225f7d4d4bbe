import { createTokenInstance, type IToken, type TokenType } from 'chevrotain';
import * as t from '../../grammar/tokens.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { tokenSpan } from './lex.ts';
import { ENOUGH, MAX_HEIGHT, MAX_NESTING } from './limits.ts';

const CLOSER_OF: ReadonlyMap<TokenType, TokenType> = new Map([
  [t.OpenBrace, t.CloseBrace],
  [t.OpenParen, t.CloseParen],
  [t.OpenBracket, t.CloseBracket],
]);

const OPERATORS: ReadonlySet<TokenType> = new Set([t.Plus, t.Minus, t.Star, t.Slash, t.Compose, t.To]);
const BREAKS: ReadonlySet<TokenType> = new Set([t.Comma, t.Semicolon, t.Colon, t.Equals, t.Pipe]);

/**
 * The token at which a stream nests too deeply for passes that recurse. A chain of operators is a tree as high
 * as it is long, so operators count too; what they add is forgotten where a new expression starts.
 */
export function findTooDeep(
  tokens: readonly IToken[],
): { readonly token: IToken; readonly limit: number } | undefined {
  interface Frame {
    operators: number;
    highest: number;
    done: number;
  }
  const start = (): Frame => ({ operators: 0, highest: 0, done: 0 });
  const height = (f: Frame): number => Math.max(f.done, f.operators + f.highest);
  const stack: Frame[] = [start()];
  for (const token of tokens) {
    const frame = stack.at(-1) ?? start();
    const type = token.tokenType;
    if (t.OPENERS.has(type)) {
      if (stack.length > MAX_NESTING) return { token, limit: MAX_NESTING };
      stack.push(start());
    } else if (t.CLOSERS.has(type) && stack.length > 1) {
      stack.pop();
      const outer = stack.at(-1) ?? start();
      outer.highest = Math.max(outer.highest, height(frame) + 1);
    } else if (OPERATORS.has(type)) frame.operators++;
    else if (BREAKS.has(type)) {
      frame.done = height(frame);
      frame.operators = 0;
      frame.highest = 0;
    }
    if (height(stack.at(-1) ?? start()) > MAX_HEIGHT) return { token, limit: MAX_HEIGHT };
  }
  return undefined;
}

interface Open {
  readonly token: IToken;
  /** The column of the first token on the opener's line. */
  readonly indent: number;
}

/** A bracket that had to be closed for the parser. */
export interface Unclosed {
  readonly opener: IToken;
  /** Where the closer was put in. */
  readonly end: number;
  readonly diagnostic: Diagnostic;
}

export interface Balanced {
  readonly tokens: readonly IToken[];
  readonly unclosed: readonly Unclosed[];
  /** Closers that match nothing or the wrong bracket. */
  readonly diagnostics: readonly Diagnostic[];
  /** Tokens that were put in. */
  readonly inserted: ReadonlySet<IToken>;
}

/**
 * Makes a token stream whose brackets match, so that one missing bracket does not derail the parser. Only where
 * they do not match already, indentation says where a bracket was meant to end: at the first line that stands
 * no deeper than the line that opened it. Whether a `}` deeper than that is one too many or ends the block after
 * its last entry is decided by which reading leaves fewer mistakes.
 */
export function balance(tokens: readonly IToken[]): Balanced {
  if (isBalanced(tokens)) return { tokens, unclosed: [], diagnostics: [], inserted: new Set() };
  const loose = new Repair(false).run(tokens);
  const strict = new Repair(true).run(tokens);
  const mistakes = (b: Balanced): number => b.unclosed.length + b.diagnostics.length;
  return mistakes(strict) <= mistakes(loose) ? strict : loose;
}

class Repair implements Balanced {
  readonly tokens: IToken[] = [];
  readonly unclosed: Unclosed[] = [];
  readonly diagnostics: Diagnostic[] = [];
  readonly inserted = new Set<IToken>();
  private readonly stack: Open[] = [];
  /** Whether a `}` must stand no deeper than the line of its `{`, or on it. */
  private readonly strict: boolean;

  constructor(strict: boolean) {
    this.strict = strict;
  }

  run(tokens: readonly IToken[]): this {
    let indent = 0;
    let line = 0;
    for (const [i, token] of tokens.entries()) {
      if (token.startLine !== line) {
        line = token.startLine ?? line;
        indent = token.startColumn ?? 1;
        this.closeByIndent(indent, t.CLOSERS.has(token.tokenType));
      }
      if (t.OPENERS.has(token.tokenType)) this.stack.push({ token, indent });
      else if (t.CLOSERS.has(token.tokenType) && !this.closes(token, indent, tokens, i)) continue;
      this.tokens.push(token);
    }
    for (let open = this.stack.pop(); open !== undefined; open = this.stack.pop()) this.close(open);
    return this;
  }

  private closeByIndent(column: number, isCloser: boolean): void {
    for (let top = this.stack.at(-1); top !== undefined; top = this.stack.at(-1)) {
      if (isCloser ? column >= top.indent : column > top.indent) return;
      this.stack.pop();
      this.close(top);
    }
  }

  /** Whether a closer stays in the stream; brackets in the one that it closes are closed first. */
  private closes(token: IToken, indent: number, tokens: readonly IToken[], i: number): boolean {
    const type = token.tokenType;
    const matches = (open: Open): boolean => CLOSER_OF.get(open.token.tokenType) === type;
    const top = this.stack.at(-1);
    const tooDeep =
      this.strict &&
      top !== undefined &&
      matches(top) &&
      top.token.startLine !== token.startLine &&
      indent > top.indent;
    if (!tooDeep && this.stack.some(matches)) {
      for (let open = this.stack.pop(); open !== undefined && !matches(open); open = this.stack.pop())
        this.close(open);
      return true;
    }
    const right = top === undefined ? undefined : CLOSER_OF.get(top.token.tokenType);
    if (
      top !== undefined &&
      right !== undefined &&
      right !== t.CloseBrace &&
      !closesOnLine(tokens, i, right)
    ) {
      this.note(() => wrongCloser(token, top.token, right));
      this.stack.pop();
      this.insert(right, token);
      return false;
    }
    const span = tokenSpan(token);
    const fixes = [{ title: `remove '${token.image}'`, span, replacement: '' }];
    this.note(() => diagnostic('QS1006', span, { bracket: token.image }, { fixes }));
    return this.stack.length === 0;
  }

  private close(open: Open): void {
    const after = this.tokens.at(-1) ?? open.token;
    const closer = CLOSER_OF.get(open.token.tokenType) ?? t.CloseBrace;
    const end = tokenSpan(after).end;
    this.insert(closer, after);
    if (this.unclosed.length >= ENOUGH) return;
    const image = imageOf(closer);
    const place = { start: end, end };
    const extras = {
      related: [{ span: place, message: `'${image}' is missing here at the latest` }],
      fixes: [{ title: `add '${image}'`, span: place, replacement: image }],
    };
    const unclosed = diagnostic('QS1005', tokenSpan(open.token), { bracket: open.token.image }, extras);
    this.unclosed.push({ opener: open.token, end, diagnostic: unclosed });
  }

  /** Puts in a token of no width behind another. */
  private insert(type: TokenType, after: IToken): void {
    const { end } = tokenSpan(after);
    const line = after.startLine ?? 1;
    const column = (after.endColumn ?? 0) + 1;
    const token = createTokenInstance(type, '', end, end - 1, line, line, column, column - 1);
    this.inserted.add(token);
    this.tokens.push(token);
  }

  private note(make: () => Diagnostic): void {
    if (this.diagnostics.length < ENOUGH) this.diagnostics.push(make());
  }
}

/** How far a line is searched for the right closer of a bracket. */
const LOOKAHEAD = 200;

/** Whether a closer follows on the line of the token at `i`, outside brackets that open behind it. */
function closesOnLine(tokens: readonly IToken[], i: number, closer: TokenType): boolean {
  const line = tokens[i]?.startLine;
  let depth = 0;
  for (const { tokenType, startLine } of tokens.slice(i + 1, i + LOOKAHEAD)) {
    if (startLine !== line) return false;
    if (t.OPENERS.has(tokenType)) depth++;
    else if (t.CLOSERS.has(tokenType) && depth-- === 0) return tokenType === closer;
  }
  return false;
}

function isBalanced(tokens: readonly IToken[]): boolean {
  const expected: TokenType[] = [];
  for (const { tokenType } of tokens) {
    const closer = CLOSER_OF.get(tokenType);
    if (closer !== undefined) expected.push(closer);
    else if (t.CLOSERS.has(tokenType) && expected.pop() !== tokenType) return false;
  }
  return expected.length === 0;
}

function wrongCloser(found: IToken, opener: IToken, right: TokenType): Diagnostic {
  const image = imageOf(right);
  return diagnostic(
    'QS1013',
    tokenSpan(found),
    { text: found.image, expected: `'${image}'` },
    {
      related: [{ span: tokenSpan(opener), message: 'it closes this' }],
      fixes: [{ title: `write '${image}'`, span: tokenSpan(found), replacement: image }],
    },
  );
}

function imageOf(symbol: TokenType): string {
  return symbol.LABEL?.slice(1, -1) ?? '';
}
