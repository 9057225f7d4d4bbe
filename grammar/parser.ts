import {
  CstParser,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  isRecognitionException,
  MismatchedTokenException,
  type TokenType,
} from 'chevrotain';
import type { SpecCstNode } from './cst.generated.ts';
import * as t from './tokens.ts';

/** What is wrong, and where the parser goes on. */
export type Mistake =
  /** What follows can be read again from the offset `until` on. */
  | { readonly kind: 'unexpected'; readonly expected: string; readonly found: IToken; readonly until: number }
  | Slip;

/** A mistake that leaves no doubt about what was meant. */
export type Slip =
  /** A token left out after another. */
  | {
      readonly kind: 'missing';
      readonly expected: string;
      readonly text: string;
      readonly before: IToken;
      readonly found: IToken;
    }
  /** `=` where `:` belongs, or the other way round. */
  | { readonly kind: 'replace'; readonly expected: string; readonly found: IToken }
  /** Words at the end of a line that belong neither to the value before them nor to a key. */
  | { readonly kind: 'stray'; readonly found: IToken; readonly last: IToken }
  /** A key without a colon, which is passed over: one word, or words of which the last may be the value. */
  | { readonly kind: 'valueless'; readonly key: IToken; readonly found: IToken };

/** Thrown by {@link QSpecParser.parse} where it gives up; `mistakes` holds what it found. */
export class TooManyMistakes extends Error {}

const ITEMS: ReadonlySet<TokenType> = new Set(t.ITEM_KEYWORDS);
/** What can only be a value, so that a colon before it is missing. */
const VALUES: ReadonlySet<TokenType> = new Set([t.Numeral, t.Text, t.OpenBracket, t.AtLeast, t.AtMost]);
/** Words that make the one before them an operand. */
const INFIX: ReadonlySet<TokenType> = new Set([t.To, t.As, t.Epochs, t.Steps, t.Bits]);
/** What stands in a site besides words. */
const SITE: ReadonlySet<TokenType> = new Set([t.Dot, t.OpenBracket, t.CloseBracket, t.Star, t.Numeral]);
/** What a line that continues the one before starts with. */
const CONTINUES: ReadonlySet<TokenType> = new Set([t.Pipe, t.Plus, t.Minus, t.Star, t.Slash, t.Compose]);

/**
 * The rules of QSpec. Newlines are not tokens; where two readings differ only by one, `sameLine` decides, and
 * `grammar/language.md` says so. Operators are read as a flat list, precedence is the tree builder's matter.
 *
 * Recovery: an error inside an element (an item, entry, statement, argument, stage) ends that element, and the
 * tokens up to its end are passed over; brackets must match for that, so `compiler/syntax/brackets.ts` comes
 * first. Elements are read without regard to what stands between them: a missing comma is one slip.
 */
export class QSpecParser extends CstParser {
  mistakes: Mistake[] = [];

  private readonly maxMistakes: number;
  /** What stands between the elements of the bracket that is being read. */
  private separator = t.Comma;

  constructor(
    messages: IParserErrorMessageProvider,
    options: { readonly skipValidations: boolean; readonly maxMistakes: number },
  ) {
    super([...t.TOKENS], {
      recoveryEnabled: false,
      maxLookahead: 2,
      nodeLocationTracking: 'onlyOffset',
      errorMessageProvider: messages,
      skipValidations: options.skipValidations,
    });
    this.maxMistakes = options.maxMistakes;
    this.performSelfAnalysis();
  }

  /** Parses a whole token stream whose brackets match; the tree is whole where `mistakes` holds nothing unexpected. */
  parse(tokens: IToken[]): SpecCstNode {
    this.mistakes = [];
    this.separator = t.Comma;
    noteDepths(tokens);
    this.input = tokens;
    return this.spec() as SpecCstNode;
  }

  // ------------------------------------------------------------------------------------------ file

  readonly spec = this.RULE('spec', () => {
    this.OPTION(() =>
      this.recovering(() => {
        this.CONSUME(t.Spec);
        this.CONSUME(t.Word);
      }),
    );
    this.elementsUntilClosed(
      "'data', 'block', 'model', 'train', 'precision', 'eval', 'experiment' or 'export'",
      () => this.MANY(() => this.recovering(() => this.SUBRULE(this.item))),
    );
  });

  private readonly item = this.RULE('item', () => {
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.data) },
        { ALT: () => this.SUBRULE(this.block) },
        { ALT: () => this.SUBRULE(this.model) },
        { ALT: () => this.SUBRULE(this.train) },
        { ALT: () => this.SUBRULE(this.precision) },
        { ALT: () => this.SUBRULE(this.evaluation) },
        { ALT: () => this.SUBRULE(this.experiment) },
        { ALT: () => this.SUBRULE(this.exported) },
      ],
    });
  });

  private readonly data = this.RULE('data', () => {
    this.CONSUME(t.Data);
    this.CONSUME(t.Word);
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.args);
          this.OPTION(() => this.SUBRULE(this.entries));
        },
      },
      { ALT: () => this.SUBRULE2(this.entries) },
    ]);
  });

  private readonly block = this.RULE('block', () => {
    this.headed(
      () => {
        this.CONSUME(t.Block);
        this.CONSUME(t.Word);
        this.CONSUME(t.OpenParen);
        this.commaList("a parameter, ',' or ')'", () => this.SUBRULE(this.param));
        this.CONSUME(t.CloseParen);
      },
      () => this.SUBRULE(this.body),
    );
  });

  private readonly param = this.RULE('param', () => {
    this.CONSUME(t.Word);
    this.OPTION(() => {
      this.equals();
      this.SUBRULE(this.expr);
    });
  });

  private readonly model = this.RULE('model', () => {
    this.headed(
      () => {
        this.CONSUME(t.Model);
        this.CONSUME(t.Word);
        this.CONSUME(t.OpenParen);
        this.CONSUME2(t.Word);
        this.CONSUME(t.Colon);
        this.SUBRULE(this.type);
        this.OPTION(() => {
          this.CONSUME(t.In);
          this.SUBRULE(this.interval);
        });
        this.CONSUME(t.CloseParen);
        this.OR({
          DEF: [
            { ALT: () => this.CONSUME(t.Arrow) },
            { ALT: () => this.instead("'->'", this.CONSUME2(t.Colon)) },
            { GATE: () => this.isWord(1), ALT: () => this.missing("'->' and the type of the output", ' ->') },
          ],
          ERR_MSG: "'->'",
        });
        this.SUBRULE2(this.type);
        this.OPTION2(() => {
          this.CONSUME(t.Init);
          this.CONSUME(t.From);
          this.CONSUME(t.Text);
        });
      },
      () => this.SUBRULE(this.body),
    );
  });

  private readonly type = this.RULE('type', () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.OpenBracket);
    this.SUBRULE(this.elements);
    this.CONSUME(t.CloseBracket);
  });

  private readonly interval = this.RULE('interval', () => {
    this.CONSUME(t.OpenBracket);
    this.SUBRULE(this.expr);
    this.CONSUME(t.Comma);
    this.SUBRULE2(this.expr);
    this.CONSUME(t.CloseBracket);
  });

  private readonly body = this.RULE('body', () => {
    this.CONSUME(t.OpenBrace);
    this.elementsUntilClosed(
      "'|>', an operator or '}'",
      () => {
        this.MANY({
          GATE: () => this.LA(1).tokenType === t.Let,
          DEF: () => {
            this.separated("';' or a new line");
            this.recovering(() => this.SUBRULE(this.binding));
            this.OPTION(() => this.CONSUME(t.Semicolon));
          },
        });
        this.separated("';' or a new line");
        this.recovering(() => {
          this.OPTION2({
            GATE: () => this.LA(1).tokenType === t.Return,
            DEF: () => this.CONSUME(t.Return),
          });
          this.SUBRULE(this.expr);
          this.OPTION3(() => this.CONSUME2(t.Semicolon));
        });
      },
      t.Semicolon,
    );
    this.CONSUME(t.CloseBrace);
  });

  private readonly binding = this.RULE('binding', () => {
    this.CONSUME(t.Let);
    this.CONSUME(t.Word);
    this.equals();
    this.SUBRULE(this.expr);
  });

  private readonly train = this.RULE('train', () => {
    this.headed(
      () => this.CONSUME(t.Train),
      () =>
        this.section("a definition 'name = expression', an entry 'key: value' or '}'", () =>
          this.OR([
            {
              GATE: () => this.follows(t.Word, t.Equals),
              ALT: () => this.SUBRULE(this.definition),
            },
            { ALT: () => this.SUBRULE(this.entry) },
          ]),
        ),
    );
  });

  private readonly definition = this.RULE('definition', () => {
    this.CONSUME(t.Word);
    this.CONSUME(t.Equals);
    this.SUBRULE(this.expr);
  });

  private readonly evaluation = this.RULE('evaluation', () => {
    this.headed(
      () => this.CONSUME(t.Eval),
      () => this.SUBRULE(this.entries),
    );
  });

  private readonly experiment = this.RULE('experiment', () => {
    this.headed(
      () => {
        this.CONSUME(t.Experiment);
        this.CONSUME(t.Word);
      },
      () =>
        this.section("an entry 'key: value', a budget or '}'", () =>
          this.OR([
            {
              GATE: () => this.follows(t.Budget, t.Word) && this.LA(3).tokenType === t.OpenBrace,
              ALT: () => this.SUBRULE(this.budget),
            },
            { ALT: () => this.SUBRULE(this.entry) },
          ]),
        ),
    );
  });

  private readonly budget = this.RULE('budget', () => {
    this.headed(
      () => {
        this.CONSUME(t.Budget);
        this.CONSUME(t.Word);
      },
      () => this.SUBRULE(this.entries),
    );
  });

  private readonly exported = this.RULE('exported', () => {
    this.headed(
      () => {
        this.CONSUME(t.Export);
        this.CONSUME(t.Word);
      },
      () => this.SUBRULE(this.entries),
    );
  });

  // --------------------------------------------------------------------------------------- entries

  private readonly entries = this.RULE('entries', () => {
    this.section("an entry 'key: value' or '}'", () => this.SUBRULE(this.entry));
  });

  private readonly entry = this.RULE('entry', () => {
    this.SUBRULE(this.key);
    this.SUBRULE(this.colon);
    this.SUBRULE(this.expr);
  });

  /** The words of a key stand on one line. */
  private readonly key = this.RULE('key', () => {
    this.CONSUME(t.Word);
    this.MANY({ GATE: () => this.sameLine(), DEF: () => this.CONSUME2(t.Word) });
  });

  private equals(): void {
    this.OR({
      DEF: [{ ALT: () => this.CONSUME(t.Equals) }, { ALT: () => this.instead("'='", this.CONSUME(t.Colon)) }],
      ERR_MSG: "'='",
    });
  }

  /** `:`, or nothing where what follows can only be a value. */
  private readonly colon = this.RULE('colon', () => {
    const before = this.LA(0);
    this.OPTION(() => {
      this.OR([
        { ALT: () => this.CONSUME(t.Colon) },
        { ALT: () => this.instead("':'", this.CONSUME(t.Equals)) },
      ]);
    });
    this.ACTION(() => {
      if (this.LA(0) !== before) return;
      if (!this.sameLine() || !VALUES.has(this.LA(1).tokenType)) {
        throw new MismatchedTokenException("':'", this.LA(1), before);
      }
      this.missing("':'", ':');
    });
  });

  // ------------------------------------------------------------------------------------- precision

  private readonly precision = this.RULE('precision', () => {
    this.headed(
      () => this.CONSUME(t.Precision),
      () => this.section("a statement or '}'", () => this.SUBRULE(this.statement)),
    );
  });

  private readonly statement = this.RULE('statement', () => {
    this.OR({
      DEF: [
        { GATE: () => this.follows(t.Preset, t.Colon), ALT: () => this.SUBRULE(this.preset) },
        { GATE: () => this.follows(t.Levels, t.OpenBrace), ALT: () => this.SUBRULE(this.levels) },
        { GATE: () => this.follows(t.Tie, t.Word), ALT: () => this.SUBRULE(this.tie) },
        { GATE: () => this.follows(t.Require, t.Word), ALT: () => this.SUBRULE(this.require) },
        {
          GATE: () => this.follows(t.Cost, t.Colon) || this.follows(t.Cost, t.OpenBrace),
          ALT: () => this.SUBRULE(this.cost),
        },
        { GATE: () => this.follows(t.Schedule, t.Word), ALT: () => this.SUBRULE(this.schedule) },
        { ALT: () => this.SUBRULE(this.annotation) },
      ],
      ERR_MSG: 'a precision statement',
    });
  });

  private readonly preset = this.RULE('preset', () => {
    this.CONSUME(t.Preset);
    this.CONSUME(t.Colon);
    this.CONSUME(t.Word);
  });

  private readonly levels = this.RULE('levels', () => {
    this.headed(
      () => this.CONSUME(t.Levels),
      () => this.section("an entry 'bits: format' or '}'", () => this.SUBRULE(this.level)),
    );
  });

  private readonly level = this.RULE('level', () => {
    this.SUBRULE(this.operation);
    this.CONSUME(t.Colon);
    this.OR({
      DEF: [
        {
          ALT: () => this.section("an entry 'class: format' or '}'", () => this.SUBRULE(this.levelFormat)),
        },
        { ALT: () => this.SUBRULE(this.format) },
      ],
      ERR_MSG: 'a format',
    });
  });

  private readonly levelFormat = this.RULE('levelFormat', () => {
    this.SUBRULE(this.sitePattern);
    this.CONSUME(t.Colon);
    this.SUBRULE(this.format);
  });

  private readonly tie = this.RULE('tie', () => {
    this.CONSUME(t.Tie);
    this.recovering(() => this.SUBRULE(this.sitePattern));
    this.MANY({
      GATE: () => !this.startsStatement(2),
      DEF: () => {
        this.CONSUME(t.Comma);
        this.recovering(() => this.SUBRULE2(this.sitePattern));
      },
    });
  });

  private readonly require = this.RULE('require', () => {
    this.CONSUME(t.Require);
    this.CONSUME(t.Word);
    this.SUBRULE(this.args);
    this.CONSUME(t.AtMost);
    this.SUBRULE(this.operation);
    this.OPTION(() => {
      this.CONSUME(t.With);
      this.CONSUME(t.Probability);
      this.SUBRULE2(this.operation);
    });
  });

  private readonly cost = this.RULE('cost', () => {
    this.CONSUME(t.Cost);
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Colon);
          this.SUBRULE(this.expr);
        },
      },
      { ALT: () => this.section("an entry 'layer: cost' or '}'", () => this.SUBRULE(this.layerCost)) },
    ]);
  });

  private readonly layerCost = this.RULE('layerCost', () => {
    this.SUBRULE(this.layer);
    this.SUBRULE(this.colon);
    this.SUBRULE(this.expr);
  });

  /** `c1`, `stage1[0].c1` */
  private readonly layer = this.RULE('layer', () => {
    this.SUBRULE(this.layerName);
    this.MANY(() => {
      this.CONSUME(t.Dot);
      this.SUBRULE2(this.layerName);
    });
  });

  private readonly layerName = this.RULE('layerName', () => {
    this.CONSUME(t.Word);
    this.OPTION(() => {
      this.CONSUME(t.OpenBracket);
      this.CONSUME(t.Numeral);
      this.CONSUME(t.CloseBracket);
    });
  });

  private readonly schedule = this.RULE('schedule', () => {
    this.headed(
      () => {
        this.CONSUME(t.Schedule);
        this.CONSUME(t.Word);
      },
      () => this.SUBRULE(this.entries),
    );
  });

  private readonly annotation = this.RULE('annotation', () => {
    this.SUBRULE(this.sitePattern);
    this.SUBRULE(this.colon);
    this.OR({
      DEF: [{ ALT: () => this.SUBRULE(this.bound) }, { ALT: () => this.SUBRULE(this.format) }],
      ERR_MSG: "a format or a bound such as '>= 8 bits'",
    });
  });

  /** `weights`, `stored weights`, `c1.weights`, `stage1[*].c1.in` */
  private readonly sitePattern = this.RULE('sitePattern', () => {
    this.CONSUME(t.Word);
    this.MANY({ GATE: () => this.sameLine(), DEF: () => this.CONSUME2(t.Word) });
    this.OPTION(() => this.SUBRULE(this.index));
    this.MANY2(() => this.SUBRULE(this.member));
  });

  private readonly member = this.RULE('member', () => {
    this.CONSUME(t.Dot);
    this.CONSUME(t.Word);
    this.OPTION(() => this.SUBRULE(this.index));
  });

  private readonly index = this.RULE('index', () => {
    this.CONSUME(t.OpenBracket);
    this.OR([{ ALT: () => this.CONSUME(t.Star) }, { ALT: () => this.SUBRULE(this.operation) }]);
    this.CONSUME(t.CloseBracket);
  });

  private readonly bound = this.RULE('bound', () => {
    this.OR([
      { ALT: () => this.CONSUME(t.AtLeast) },
      { ALT: () => this.CONSUME(t.AtMost) },
      { ALT: () => this.CONSUME(t.Equals) },
    ]);
    this.SUBRULE(this.primary);
    this.CONSUME(t.Bits);
  });

  private readonly format = this.RULE('format', () => {
    this.CONSUME(t.Word);
    this.OPTION({ GATE: () => this.sameLine(), DEF: () => this.SUBRULE(this.expressions) });
    this.MANY({ GATE: () => this.continuesFormat(), DEF: () => this.SUBRULE(this.modifier) });
  });

  private readonly modifier = this.RULE('modifier', () => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Per);
          this.CONSUME(t.Word);
          this.OPTION({
            GATE: () => this.sameLine(),
            DEF: () => {
              this.CONSUME(t.OpenParen);
              this.SUBRULE(this.expr);
              this.CONSUME(t.CloseParen);
            },
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(t.Scale);
          this.CONSUME2(t.OpenParen);
          this.CONSUME2(t.Word);
          this.OPTION2(() => this.SUBRULE(this.expressions));
          this.CONSUME2(t.CloseParen);
        },
      },
      { ALT: () => this.CONSUME(t.Stochastic) },
      { ALT: () => this.CONSUME(t.Nearest) },
      { ALT: () => this.CONSUME(t.Full) },
      { ALT: () => this.CONSUME(t.Narrow) },
    ]);
  });

  // ----------------------------------------------------------------------------------- expressions

  private readonly expr = this.RULE('expr', () => {
    this.SUBRULE(this.operation);
    this.MANY(() => {
      this.CONSUME(t.Pipe);
      this.recovering(() => this.SUBRULE(this.stage), t.Pipe);
    });
  });

  private readonly stage = this.RULE('stage', () => {
    this.OR([
      { GATE: () => this.LA(1).tokenType === t.Repeat, ALT: () => this.SUBRULE(this.repeat) },
      { ALT: () => this.SUBRULE(this.call) },
    ]);
    this.OPTION({
      GATE: () => this.continuesLine(),
      DEF: () => {
        this.CONSUME(t.As);
        this.CONSUME(t.Word);
      },
    });
  });

  private readonly repeat = this.RULE('repeat', () => {
    this.headed(
      () => {
        this.CONSUME(t.Repeat);
        this.SUBRULE(this.operation);
      },
      () => {
        this.CONSUME(t.OpenBrace);
        this.elementsUntilClosed(
          "'|>' or '}'",
          () => {
            this.recovering(() => this.SUBRULE(this.stage), t.Pipe);
            this.MANY(() => {
              this.CONSUME(t.Pipe);
              this.recovering(() => this.SUBRULE2(this.stage), t.Pipe);
            });
          },
          t.Semicolon,
        );
        this.CONSUME(t.CloseBrace);
      },
    );
  });

  private readonly call = this.RULE('call', () => {
    this.CONSUME(t.Word);
    this.OPTION({ GATE: () => this.sameLine(), DEF: () => this.SUBRULE(this.args) });
  });

  private readonly args = this.RULE('args', () => {
    this.CONSUME(t.OpenParen);
    this.commaList("an argument, ',' or ')'", () => this.SUBRULE(this.argument));
    this.CONSUME(t.CloseParen);
  });

  /** `3`, `kernel: 3`, `relative to: noise_floor`, or a name of several words such as `each gradient`. */
  private readonly argument = this.RULE('argument', () => {
    this.OR({
      DEF: [
        {
          GATE: () => this.isKeyed(),
          ALT: () => {
            this.SUBRULE(this.key);
            this.SUBRULE(this.colon);
            this.SUBRULE(this.expr);
          },
        },
        { GATE: () => this.isPhrase(), ALT: () => this.SUBRULE(this.phrase) },
        { ALT: () => this.SUBRULE2(this.expr) },
      ],
      ERR_MSG: 'an argument',
    });
  });

  private readonly phrase = this.RULE('phrase', () => {
    this.AT_LEAST_ONE(() => this.CONSUME(t.Word));
  });

  /** `(a, b)` */
  private readonly expressions = this.RULE('expressions', () => {
    this.CONSUME(t.OpenParen);
    this.SUBRULE(this.elements);
    this.CONSUME(t.CloseParen);
  });

  private readonly elements = this.RULE('elements', () => {
    this.commaList("an expression, ',' or a closing bracket", () => this.SUBRULE(this.expr));
  });

  private readonly operation = this.RULE('operation', () => {
    this.SUBRULE(this.operand);
    this.MANY({
      GATE: () => this.LA(1).tokenType !== t.To || this.continuesLine(),
      DEF: () => {
        this.OR([
          { ALT: () => this.CONSUME(t.Plus, { LABEL: 'operator' }) },
          { ALT: () => this.CONSUME(t.Minus, { LABEL: 'operator' }) },
          { ALT: () => this.CONSUME(t.Star, { LABEL: 'operator' }) },
          { ALT: () => this.CONSUME(t.Slash, { LABEL: 'operator' }) },
          { ALT: () => this.CONSUME(t.Compose, { LABEL: 'operator' }) },
          { ALT: () => this.CONSUME(t.To, { LABEL: 'operator' }) },
        ]);
        this.SUBRULE2(this.operand);
      },
    });
  });

  private readonly operand = this.RULE('operand', () => {
    this.MANY(() => this.CONSUME(t.Minus));
    this.SUBRULE(this.primary);
    this.OPTION({
      GATE: () => this.continuesLine(),
      DEF: () => {
        this.OR([
          { ALT: () => this.CONSUME(t.Percent, { LABEL: 'unit' }) },
          { ALT: () => this.CONSUME(t.Epochs, { LABEL: 'unit' }) },
          { ALT: () => this.CONSUME(t.Steps, { LABEL: 'unit' }) },
          { ALT: () => this.CONSUME(t.Bits, { LABEL: 'unit' }) },
        ]);
        this.OPTION2({
          GATE: () => this.continuesLine(),
          DEF: () => {
            this.CONSUME(t.At);
            this.SUBRULE2(this.primary);
          },
        });
      },
    });
  });

  private readonly primary = this.RULE('primary', () => {
    this.OR({
      DEF: [
        { ALT: () => this.CONSUME(t.Numeral) },
        { ALT: () => this.CONSUME(t.Text) },
        { ALT: () => this.SUBRULE(this.list) },
        { ALT: () => this.SUBRULE(this.parenthesized) },
        { ALT: () => this.SUBRULE(this.reference) },
      ],
      ERR_MSG: 'an expression',
    });
  });

  private readonly list = this.RULE('list', () => {
    this.CONSUME(t.OpenBracket);
    this.SUBRULE(this.elements);
    this.CONSUME(t.CloseBracket);
  });

  private readonly parenthesized = this.RULE('parenthesized', () => {
    this.CONSUME(t.OpenParen);
    this.SUBRULE(this.expr);
    this.CONSUME(t.CloseParen);
  });

  /** A name, or a call with its optional label. */
  private readonly reference = this.RULE('reference', () => {
    this.CONSUME(t.Word);
    this.OPTION({
      GATE: () => this.sameLine(),
      DEF: () => {
        this.SUBRULE(this.args);
        this.OPTION2({
          GATE: () => this.continuesLine(),
          DEF: () => {
            this.CONSUME(t.As);
            this.CONSUME2(t.Word);
          },
        });
      },
    });
  });

  // ----------------------------------------------------------------------------------------- gates

  /** Whether the next token stands on the line of the one before it. */
  private sameLine(): boolean {
    return this.LA(0).startLine === this.LA(1).startLine;
  }

  private isWord(k: number): boolean {
    const type = this.LA(k).tokenType;
    return type === t.Word || (type.CATEGORIES ?? []).includes(t.Word);
  }

  private follows(first: TokenType, second: TokenType): boolean {
    return this.is(1, first) && this.is(2, second);
  }

  private is(k: number, type: TokenType): boolean {
    return type === t.Word ? this.isWord(k) : this.LA(k).tokenType === type;
  }

  /** Whether the next token belongs to what stands before it on its line, and is not a key of its own. */
  private continuesLine(): boolean {
    if (!this.sameLine()) return false;
    if (!this.isWord(1) || this.LA(1).startLine !== this.LA(2).startLine) return true;
    const next = this.LA(2).tokenType;
    return next !== t.Colon && next !== t.Equals;
  }

  /** As {@link continuesLine}, and is not a site of its own. */
  private continuesFormat(): boolean {
    if (!this.continuesLine()) return false;
    const next = this.LA(2);
    const ofSite = next.tokenType === t.Dot || next.tokenType === t.OpenBracket;
    return !(ofSite && next.startLine === this.LA(1).startLine);
  }

  private isKeyed(): boolean {
    const end = this.endOfWords();
    const next = this.LA(end).tokenType;
    return end > 1 && (next === t.Colon || next === t.Equals);
  }

  /** How far ahead the first token is that is not one of the words on the line of the next one. */
  private endOfWords(): number {
    const line = this.LA(1).startLine;
    let k = 1;
    while (this.isWord(k) && this.LA(k).startLine === line) k++;
    return k;
  }

  /** Whether a name of several words stands here alone. */
  private isPhrase(): boolean {
    const end = this.endOfWords();
    const next = this.LA(end).tokenType;
    return end > 2 && (next === t.Comma || next === t.CloseParen) && !INFIX.has(this.LA(2).tokenType);
  }

  /** Whether the tokens from `k` on are a statement of a `precision` section rather than one more tied site. */
  private startsStatement(k: number): boolean {
    const first = this.LA(k).tokenType;
    if ((first === t.Tie || first === t.Require || first === t.Schedule) && this.isWord(k + 1)) return true;
    const line = this.LA(k).startLine;
    let end = k;
    while (this.LA(end).startLine === line && (this.isWord(end) || SITE.has(this.LA(end).tokenType))) end++;
    const next = this.LA(end);
    return next.startLine === line && (next.tokenType === t.Colon || next.tokenType === t.OpenBrace);
  }

  // -------------------------------------------------------------------------------- lists, recovery

  /** `{ element, element }`: a comma, a new line or both stand between elements. */
  private section(expected: string, element: () => void): void {
    this.CONSUME(t.OpenBrace);
    this.elementsUntilClosed(expected, () => this.separatedElements("',' or a new line", element));
    this.CONSUME(t.CloseBrace);
  }

  /** What stands in parentheses or brackets: elements with commas between them, and one after the last if you like. */
  private commaList(expected: string, element: () => void): void {
    this.elementsUntilClosed(expected, () => this.separatedElements("','", element));
  }

  private separatedElements(separator: string, element: () => void): void {
    const newLine = separator.endsWith('line');
    if (newLine) this.passStrayWords();
    let unseparated = false;
    this.MANY(() => {
      unseparated = this.separated(separator, unseparated);
      this.recovering(element);
      this.OPTION(() => this.CONSUME(t.Comma));
      if (newLine) this.passStrayWords();
    });
  }

  /** Reads elements, and goes on behind what is none, up to the closer of the bracket that was just opened. */
  private elementsUntilClosed(expected: string, elements: () => void, separator = t.Comma): void {
    const depth = depthAfter(this.LA(0));
    const outer = this.separator;
    this.separator = separator;
    elements();
    this.ACTION(() => {
      let lost = false;
      while (depthOf(this.LA(1)) >= depth) {
        const found = this.LA(1);
        this.SKIP_TOKEN();
        this.passOver(depth);
        if (this.LA(1).tokenType === separator) this.SKIP_TOKEN();
        if (!lost) this.unexpected(expected, found);
        const next = this.LA(1);
        if (depthOf(next) >= depth) elements();
        lost = this.LA(1) === next;
      }
    });
    this.separator = outer;
  }

  /**
   * Reads an element; an error in it passes over the rest of it.
   *
   * @returns whether there was none
   */
  private recovering(element: () => void, alsoBefore?: TokenType): boolean {
    const depth = depthAfter(this.LA(0));
    const { separator } = this;
    const start = this.LA(1);
    try {
      element();
      return true;
    } catch (e) {
      if (!(e instanceof Error && isRecognitionException(e))) throw e;
      this.separator = separator;
      if (this.LA(1) === start && depthOf(start) >= depth) this.SKIP_TOKEN();
      this.passOver(depth, alsoBefore);
      this.unexpected(e.message, (e as Error & IRecognitionException).token);
      return false;
    }
  }

  /** Reads what stands before a `{` and the rest from there, passing over what does not belong between them. */
  private headed(words: () => void, rest: () => void): void {
    const { length } = this.mistakes;
    const depth = depthAfter(this.LA(0));
    const start = this.LA(1);
    this.recovering(words, t.OpenBrace);
    this.ACTION(() => {
      const found = this.LA(1);
      if (found.tokenType === t.OpenBrace) return;
      if (found.startLine === start.startLine) this.passOver(depth, t.OpenBrace);
      if (this.LA(1).tokenType !== t.OpenBrace) this.passOver(depth);
      if (this.mistakes.length === length) this.unexpected("'{'", found);
    });
    if (this.RECORDING_PHASE || this.LA(1).tokenType === t.OpenBrace) rest();
  }

  /**
   * Passes over tokens up to the end of an element at a depth: a closer, a separator, a new line that does not
   * continue the one before; outside all brackets, up to the next part of the file.
   */
  private passOver(depth: number, alsoBefore?: TokenType): void {
    for (let token = this.LA(1); depthOf(token) >= depth; token = this.LA(1)) {
      if (depthOf(token) === depth && (token.tokenType === alsoBefore || this.startsElement(token, depth)))
        return;
      this.SKIP_TOKEN();
    }
  }

  private startsElement(token: IToken, depth: number): boolean {
    const last = this.LA(0);
    const startsLine = token.startLine !== last.startLine;
    if (depth === 0) return startsLine && ITEMS.has(token.tokenType);
    if (token.tokenType === this.separator) return true;
    if (last.tokenType === this.separator && depthOf(last) === depth) return true;
    return startsLine && !CONTINUES.has(token.tokenType);
  }

  // -------------------------------------------------------------------------------------- mistakes

  private note(mistake: Mistake): void {
    this.mistakes.push(mistake);
    if (this.mistakes.length >= this.maxMistakes) throw new TooManyMistakes();
  }

  private unexpected(expected: string, found: IToken): void {
    const { startOffset } = this.LA(1);
    const until = Number.isNaN(startOffset) ? Number.POSITIVE_INFINITY : startOffset;
    this.note({ kind: 'unexpected', expected, found, until });
  }

  /** Notes a missing separator before the next token; a new line will do where `expected` says so. */
  private separated(expected: string, isKnown = false): boolean {
    return Boolean(
      this.ACTION(() => {
        const last = this.LA(0);
        if (last.tokenType === this.separator || t.OPENERS.has(last.tokenType)) return false;
        if (expected.endsWith('line') && !this.sameLine()) return false;
        if (!isKnown) this.missing(expected, expected.charAt(1));
        return true;
      }),
    );
  }

  private missing(expected: string, text: string): void {
    this.ACTION(() => this.note({ kind: 'missing', expected, text, before: this.LA(0), found: this.LA(1) }));
  }

  private instead(expected: string, found: IToken): void {
    this.ACTION(() => this.note({ kind: 'replace', expected, found }));
  }

  /** Passes over words that end a line or an element without being a key. */
  private passStrayWords(): void {
    this.ACTION(() => {
      if (this.LA(1).tokenType === t.Tie && this.isWord(2)) return;
      for (let end = this.endOfWords(); end > 1; end = this.endOfWords()) {
        const [before, found, next] = [this.LA(0), this.LA(1), this.LA(end)];
        const endsLine = next.startLine !== found.startLine && this.isWord(end);
        if (next.tokenType !== t.Comma && depthOf(next) >= depthOf(found) && !endsLine) return;
        const startsElement =
          before.startLine !== found.startLine ||
          before.tokenType === t.Comma ||
          t.OPENERS.has(before.tokenType);
        const words = Array.from({ length: end - 1 }, (_, k) => this.LA(k + 1));
        for (const _ of words) this.SKIP_TOKEN();
        const [key, value] = [words.at(-2) ?? found, words.at(-1) ?? found];
        if (!startsElement) this.note({ kind: 'stray', found, last: value });
        else this.note({ kind: 'valueless', key, found: words.length > 1 ? value : next });
        if (this.LA(1).tokenType === t.Comma) this.SKIP_TOKEN();
      }
    });
  }
}

/** Notes in each token how many brackets are open around it; a bracket itself stands outside. */
function noteDepths(tokens: readonly IToken[]): void {
  let depth = 0;
  for (const token of tokens) {
    if (t.CLOSERS.has(token.tokenType)) depth = Math.max(0, depth - 1);
    token.payload = depth;
    if (t.OPENERS.has(token.tokenType)) depth++;
  }
}

/** The end of the file is outside everything. */
function depthOf(token: IToken): number {
  const depth: unknown = token.payload;
  return typeof depth === 'number' ? depth : -1;
}

/** How many brackets are open behind a token; none at the start of the file. */
function depthAfter(token: IToken): number {
  return Math.max(0, depthOf(token)) + (t.OPENERS.has(token.tokenType) ? 1 : 0);
}
