import fc from 'fast-check';
import type * as ast from '../../compiler/syntax/ast.ts';

/**
 * Arbitrary syntax trees over the whole grammar. Their spans are empty: they are for printing, not for pointing.
 */

const span = { start: 0, end: 0 };

const name = (text: string): ast.Name => ({ text, span });

/** Every keyword but the reserved ones is also a name. */
const WORDS = [
  ...['x', 'y', 'c1', 'conv', 'relu', 'dense_2', '_a', 'mnist', 'Z9'],
  ...[
    'spec',
    'data',
    'block',
    'model',
    'train',
    'precision',
    'eval',
    'experiment',
    'export',
    'init',
    'from',
    'in',
  ],
  ...[
    'as',
    'to',
    'at',
    'preset',
    'levels',
    'tie',
    'require',
    'with',
    'probability',
    'cost',
    'schedule',
    'budget',
  ],
  ...['per', 'scale', 'stochastic', 'nearest', 'full', 'narrow', 'epochs', 'epoch', 'steps', 'bits', 'bit'],
];
const INFIX = new Set(['to', 'as', 'epochs', 'epoch', 'steps', 'bits', 'bit']);
const STATEMENTS = new Set(['preset', 'levels', 'tie', 'require', 'cost', 'schedule']);

const word = fc.constantFrom(...WORDS);
const aName = word.map(name);
const key = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => name(words.join(' ')));

const number = fc
  .constantFrom('0', '1', '3', '0.5', '3e-3', '80000', '1E5', '2.5e+10', '007')
  .map((text): ast.NumberExpr => ({ kind: 'number', text, span }));

const string = fc
  .string({ unit: fc.constantFrom('a', ' ', '"', '\\', '\n', 'n', '#', '日', '{', '\t', '𝄞'), maxLength: 6 })
  .map((value): ast.StringExpr => ({ kind: 'string', value, span }));

const nameExpr = word.map((text): ast.NameExpr => ({ kind: 'name', name: text, span }));

/** A name of several words stands only as an argument. */
const phrase = fc
  .array(word, { minLength: 2, maxLength: 3 })
  .filter(([, second]) => !INFIX.has(second ?? ''))
  .map((words): ast.NameExpr => ({ kind: 'name', name: words.join(' '), span }));

type Tied = {
  readonly expr: ast.Expr;
  readonly call: ast.CallExpr;
  readonly stage: ast.CallExpr | ast.RepeatExpr;
  readonly argument: ast.Argument;
};

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });

const few = <T>(arbitrary: fc.Arbitrary<T>, minLength = 0): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { minLength, maxLength: 3 });

/** An object without the keys whose values are undefined. */
function present<T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as never;
}

const tied = fc.letrec<Tied>((tie) => ({
  call: fc
    .record({ callee: aName, args: few(tie('argument')), label: optional(aName) })
    .map((c): ast.CallExpr => ({ kind: 'call', parentheses: true, span, ...present(c) })),
  stage: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .record({ callee: aName, label: optional(aName) })
      .map((c): ast.CallExpr => ({ kind: 'call', args: [], parentheses: false, span, ...present(c) })),
    tie('call'),
    fc
      .record({ count: tie('expr'), stages: few(tie('stage'), 1), label: optional(aName) })
      .map((r): ast.RepeatExpr => ({ kind: 'repeat', span, ...present(r) })),
  ),
  argument: fc.oneof(
    fc.record({ key: optional(key), value: tie('expr') }).map((a): ast.Argument => ({ span, ...present(a) })),
    phrase.map((value): ast.Argument => ({ value, span })),
  ),
  expr: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    number,
    nameExpr,
    string,
    tie('call'),
    few(tie('expr')).map((items): ast.ListExpr => ({ kind: 'list', items, span })),
    fc
      .record({ head: tie('expr'), stages: few(tie('stage'), 1) })
      .map((p): ast.PipeExpr => ({ kind: 'pipe', span, ...p })),
    fc
      .array(tie('expr'), { minLength: 2, maxLength: 4 })
      .map((parts): ast.ComposeExpr => ({ kind: 'compose', parts, span })),
    fc
      .record({ operator: fc.constantFrom('+', '-', '*', '/'), left: tie('expr'), right: tie('expr') })
      .map((b): ast.BinaryExpr => ({ kind: 'binary', span, ...b })),
    tie('expr').map((operand): ast.NegateExpr => ({ kind: 'negate', operand, span })),
    fc
      .record({ from: tie('expr'), to: tie('expr') })
      .map((r): ast.RangeExpr => ({ kind: 'range', span, ...r })),
    fc
      .record({
        value: tie('expr'),
        unit: fc.constantFrom('%', 'epochs', 'steps', 'bits'),
        at: optional(tie('expr')),
      })
      .map((q): ast.QuantityExpr => ({ kind: 'quantity', span, ...present(q) })),
  ),
}));

const { expr, argument } = tied;
export const anExpr: fc.Arbitrary<ast.Expr> = expr;

const entry = fc.record({ key, value: expr }).map((e): ast.Entry => ({ span, ...e }));
const entries = few(entry);

const format: fc.Arbitrary<ast.FormatExpr> = fc
  .record({
    element: aName,
    args: few(expr),
    modifiers: few(
      fc.oneof(
        fc
          .record({ name: aName, size: optional(expr) })
          .map((m): ast.FormatModifier => ({ kind: 'granularity', span, ...present(m) })),
        fc
          .record({ name: aName, args: few(expr) })
          .map((m): ast.FormatModifier => ({ kind: 'scale', span, ...m })),
        fc
          .constantFrom('stochastic', 'nearest')
          .map((rounding): ast.FormatModifier => ({ kind: 'rounding', name: name(rounding), span })),
        fc
          .constantFrom('full', 'narrow')
          .map((range): ast.FormatModifier => ({ kind: 'range', name: name(range), span })),
      ),
    ),
  })
  .map((f) => ({ kind: 'format', span, ...f }));

const index = optional(fc.oneof(expr, fc.constant('any' as const)));
const segment = fc.record({ words: aName.map((n) => [n]), index }).map(present);

const sitePattern: fc.Arbitrary<ast.SitePattern> = fc
  .oneof(
    fc.array(aName, { minLength: 1, maxLength: 3 }).map((words) => [{ words }]),
    fc.array(segment, { minLength: 1, maxLength: 3 }),
  )
  .filter(([first, second]) => second !== undefined || !STATEMENTS.has(first?.words[0]?.text ?? ''))
  .map((segments) => ({ segments, span }));

const bound: fc.Arbitrary<ast.BitsBound> = fc
  .record({ relation: fc.constantFrom('>=', '<=', '='), bits: expr })
  .map((b) => ({ kind: 'bits', span, ...b }));

const level = fc
  .record({
    bits: expr,
    format: fc.oneof(format, few(fc.record({ target: sitePattern, format }).map((f) => ({ span, ...f })))),
  })
  .map((l) => ({ span, ...l }));

const layer = fc
  .array(fc.tuple(word, fc.constantFrom('', '[0]', '[12]')), { minLength: 1, maxLength: 3 })
  .map((names) => name(names.map((parts) => parts.join('')).join('.')));
const layerCost = fc.record({ key: layer, value: expr }).map((e): ast.Entry => ({ span, ...e }));

const statement: fc.Arbitrary<ast.PrecisionStatement> = fc.oneof(
  aName.map((n): ast.PresetStatement => ({ kind: 'preset', name: n, span })),
  few(level).map((levels): ast.LevelsStatement => ({ kind: 'levels', levels, span })),
  fc
    .record({ target: sitePattern, value: fc.oneof(format, bound) })
    .map((a): ast.AnnotationStatement => ({ kind: 'annotation', span, ...a })),
  few(sitePattern, 1).map((targets): ast.TieStatement => ({ kind: 'tie', targets, span })),
  fc
    .record({
      quantity: fc
        .record({ callee: aName, args: few(argument) })
        .map((c): ast.CallExpr => ({ kind: 'call', parentheses: true, span, ...c })),
      bound: expr,
      probability: optional(expr),
    })
    .map((r): ast.RequireStatement => ({ kind: 'require', span, ...present(r) })),
  fc.oneof(expr, few(layerCost)).map((value): ast.CostStatement => ({ kind: 'cost', value, span })),
  fc.record({ name: aName, entries }).map((s): ast.ScheduleStatement => ({ kind: 'schedule', span, ...s })),
);

const type = fc.record({ dtype: aName, shape: few(expr) }).map((t): ast.TypeExpr => ({ span, ...t }));

const body: fc.Arbitrary<ast.Body> = fc
  .record({ lets: few(fc.record({ name: aName, value: expr }).map((l) => ({ span, ...l }))), result: expr })
  .map((b) => ({ span, ...b }));

const item: fc.Arbitrary<ast.Item> = fc.oneof(
  fc
    .record({ name: aName, args: few(argument), entries })
    .map((d): ast.DataItem => ({ kind: 'data', span, ...d })),
  fc
    .record({
      name: aName,
      params: few(fc.record({ name: aName, defaultValue: optional(expr) }).map(present)),
      body,
    })
    .map((b): ast.BlockItem => ({ kind: 'block', span, ...b })),
  fc
    .record({
      name: aName,
      input: fc
        .record({
          name: aName,
          type,
          range: optional(
            fc.record({ low: expr, high: expr }).map((r): ast.IntervalExpr => ({ span, ...r })),
          ),
        })
        .map(present),
      output: type,
      init: optional(string.map((from) => ({ from }))),
      body,
    })
    .map((m): ast.ModelItem => ({ kind: 'model', span, ...present(m) })),
  fc
    .record({
      definitions: few(fc.record({ name: aName, value: expr }).map((d) => ({ span, ...d }))),
      entries,
    })
    .map((t): ast.TrainItem => ({ kind: 'train', span, ...t })),
  few(statement).map((statements): ast.PrecisionItem => ({ kind: 'precision', statements, span })),
  entries.map((e): ast.EvalItem => ({ kind: 'eval', entries: e, span })),
  fc
    .record({
      name: aName,
      entries,
      budgets: few(fc.record({ name: aName, entries }).map((b) => ({ span, ...b }))),
    })
    .map((e): ast.ExperimentItem => ({ kind: 'experiment', span, ...e })),
  fc.record({ target: aName, entries }).map((e): ast.ExportItem => ({ kind: 'export', span, ...e })),
);

export const aSpecFile: fc.Arbitrary<ast.SpecFile> = fc
  .record({ name: aName, items: fc.array(item, { maxLength: 4 }) })
  .map((f) => ({ kind: 'spec', comments: [], span, ...f }));

/** A tree without its places and comments: what two texts that mean the same have in common. */
export function withoutPlaces(file: ast.SpecFile | undefined): unknown {
  if (file === undefined) return undefined;
  return JSON.parse(
    JSON.stringify({ ...file, comments: [] }, (k, value: unknown) => (k === 'span' ? undefined : value)),
  );
}
