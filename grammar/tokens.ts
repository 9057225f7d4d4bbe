import { createToken, Lexer, type TokenType } from 'chevrotain';

/**
 * The tokens of QSpec. Newlines are white space: where one ends an entry, the parser looks at line numbers.
 * Keywords are words too (their category is {@link Word}), so a layer may be called `data`.
 */

export const Word = createToken({ name: 'Word', pattern: /[A-Za-z_][A-Za-z0-9_]*/, label: 'a name' });

function keyword(text: string, pattern: RegExp | string = text): TokenType {
  return createToken({
    name: text.charAt(0).toUpperCase() + text.slice(1),
    pattern,
    longer_alt: Word,
    categories: Word,
    label: `'${text}'`,
  });
}

export const Spec = keyword('spec');
export const Data = keyword('data');
export const Block = keyword('block');
export const Model = keyword('model');
export const Train = keyword('train');
export const Precision = keyword('precision');
export const Eval = keyword('eval');
export const Experiment = keyword('experiment');
export const Export = keyword('export');

export const Init = keyword('init');
export const From = keyword('from');
export const In = keyword('in');
export const Let = keyword('let');
export const Return = keyword('return');
export const Repeat = keyword('repeat');
export const As = keyword('as');
export const To = keyword('to');
export const At = keyword('at');

export const Preset = keyword('preset');
export const Levels = keyword('levels');
export const Tie = keyword('tie');
export const Require = keyword('require');
export const With = keyword('with');
export const Probability = keyword('probability');
export const Cost = keyword('cost');
export const Schedule = keyword('schedule');
export const Budget = keyword('budget');

export const Per = keyword('per');
export const Scale = keyword('scale');
export const Stochastic = keyword('stochastic');
export const Nearest = keyword('nearest');
export const Full = keyword('full');
export const Narrow = keyword('narrow');

export const Epochs = keyword('epochs', /epochs?/);
export const Steps = keyword('steps', /steps?/);
export const Bits = keyword('bits', /bits?/);

/**
 * Everything that starts like a number, so that `1.2.3` and `8bits` are one mistake each; the token scan tells
 * which are numbers. An exponent's sign belongs to the token only before a digit.
 */
export const Numeral = createToken({
  name: 'Numeral',
  pattern: /\.?[0-9](?:[eE][+-](?=[0-9])|[0-9A-Za-z_]|\.(?=[0-9A-Za-z_.]))*/,
  label: 'a number',
});

/** A string with its quotes, or without the closing one where the line ends first; the token scan tells which. */
export const Text = createToken({
  name: 'Text',
  pattern: /"(?:[^"\\\n\r]|\\[^\n\r])*"?/,
  line_breaks: false,
  label: 'a string',
});

function symbol(name: string, text: string, pattern: RegExp | string = text): TokenType {
  return createToken({ name, pattern, label: `'${text}'` });
}

export const Arrow = symbol('Arrow', '->');
export const Pipe = symbol('Pipe', '|>');
export const Compose = symbol('Compose', '∘', /∘|<</);
export const AtLeast = symbol('AtLeast', '>=');
export const AtMost = symbol('AtMost', '<=');
export const Equals = symbol('Equals', '=');
export const Colon = symbol('Colon', ':');
export const Semicolon = symbol('Semicolon', ';');
export const Comma = symbol('Comma', ',');
export const Dot = symbol('Dot', '.');
export const Plus = symbol('Plus', '+');
export const Minus = symbol('Minus', '-');
export const Star = symbol('Star', '*');
export const Slash = symbol('Slash', '/');
export const Percent = symbol('Percent', '%');
export const OpenBrace = symbol('OpenBrace', '{');
export const CloseBrace = symbol('CloseBrace', '}');
export const OpenParen = symbol('OpenParen', '(');
export const CloseParen = symbol('CloseParen', ')');
export const OpenBracket = symbol('OpenBracket', '[');
export const CloseBracket = symbol('CloseBracket', ']');

export const WhiteSpace = createToken({
  name: 'WhiteSpace',
  pattern: /[ \t\r\n\uFEFF]+/,
  line_breaks: true,
  group: Lexer.SKIPPED,
});

/** Kept beside the tokens, for the formatter. */
export const CommentText = createToken({
  name: 'CommentText',
  pattern: /#[^\n\r]*/,
  line_breaks: false,
  group: 'comments',
});

/** A keyword that another starts with (`in`, `init`) comes after it: the first match wins. */
const KEYWORDS: readonly TokenType[] = [
  ...[Spec, Data, Block, Model, Train, Precision, Eval, Experiment, Export],
  ...[Init, From, In, Let, Return, Repeat, As, To, At],
  ...[Preset, Levels, Tie, Require, With, Probability, Cost, Schedule, Budget],
  ...[Per, Scale, Stochastic, Nearest, Full, Narrow, Epochs, Steps, Bits],
];

export const TOKENS: readonly TokenType[] = [
  WhiteSpace,
  CommentText,
  ...KEYWORDS,
  Word,
  Numeral,
  Text,
  ...[
    Arrow,
    Pipe,
    Compose,
    AtLeast,
    AtMost,
    Equals,
    Colon,
    Semicolon,
    Comma,
    Dot,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
  ],
  ...[OpenBrace, CloseBrace, OpenParen, CloseParen, OpenBracket, CloseBracket],
];

/** The words that start a part of a file. */
export const ITEM_KEYWORDS: readonly TokenType[] = [
  Data,
  Block,
  Model,
  Train,
  Precision,
  Eval,
  Experiment,
  Export,
];

export const OPENERS: ReadonlySet<TokenType> = new Set([OpenBrace, OpenParen, OpenBracket]);
export const CLOSERS: ReadonlySet<TokenType> = new Set([CloseBrace, CloseParen, CloseBracket]);
