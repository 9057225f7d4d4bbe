import type { Span } from '../source/source.ts';

/**
 * The abstract syntax tree: what was written, with spans, before any name or shape is checked. Every node
 * carries the span of its text. The formatter prints it; `check` elaborates it.
 */

export interface Name {
  readonly text: string;
  readonly span: Span;
}

export interface SpecFile {
  readonly kind: 'spec';
  readonly name: Name;
  readonly items: readonly Item[];
  readonly comments: readonly Comment[];
  readonly span: Span;
}

/** `# …` to the end of the line; the formatter puts each back where it stood. */
export interface Comment {
  readonly text: string;
  readonly span: Span;
}

export type Item =
  | DataItem
  | BlockItem
  | ModelItem
  | TrainItem
  | PrecisionItem
  | EvalItem
  | ExperimentItem
  | ExportItem;

/** `data mnist { source: mnist, batch: 64 }` or the short form `data regression(samples: 1000, …)`. */
export interface DataItem {
  readonly kind: 'data';
  readonly name: Name;
  readonly args: readonly Argument[];
  readonly entries: readonly Entry[];
  readonly span: Span;
}

/** `block residual(x, ch, stride = 1) { let y = …; return relu(y + s); }` */
export interface BlockItem {
  readonly kind: 'block';
  readonly name: Name;
  readonly params: readonly { readonly name: Name; readonly defaultValue?: Expr }[];
  readonly body: Body;
  readonly span: Span;
}

/** `model CNN2(x: f32[1, 28, 28] in [0, 1]) -> f32[10] { … }` */
export interface ModelItem {
  readonly kind: 'model';
  readonly name: Name;
  readonly input: { readonly name: Name; readonly type: TypeExpr; readonly range?: IntervalExpr };
  readonly output: TypeExpr;
  readonly init?: { readonly from: StringExpr };
  readonly body: Body;
  readonly span: Span;
}

/** Statements and the value of the body; `return` before the last expression is optional. */
export interface Body {
  readonly lets: readonly { readonly name: Name; readonly value: Expr; readonly span: Span }[];
  readonly result: Expr;
  readonly span: Span;
}

/** `f32[1, 28, 28]` */
export interface TypeExpr {
  readonly dtype: Name;
  readonly shape: readonly Expr[];
  readonly span: Span;
}

/** `[low, high]` after `in` */
export interface IntervalExpr {
  readonly low: Expr;
  readonly high: Expr;
  readonly span: Span;
}

/** `train { F = …  B = …  U = …  T = …  epochs: 50 }` */
export interface TrainItem {
  readonly kind: 'train';
  readonly definitions: readonly { readonly name: Name; readonly value: Expr; readonly span: Span }[];
  readonly entries: readonly Entry[];
  readonly span: Span;
}

export interface PrecisionItem {
  readonly kind: 'precision';
  readonly statements: readonly PrecisionStatement[];
  readonly span: Span;
}

export type PrecisionStatement =
  | PresetStatement
  | LevelsStatement
  | AnnotationStatement
  | TieStatement
  | RequireStatement
  | CostStatement
  | ScheduleStatement;

/** `preset: w4a4g8` */
export interface PresetStatement {
  readonly kind: 'preset';
  readonly name: Name;
  readonly span: Span;
}

/** `levels { 4: { weights: int4, activations: uint4 }, 8: int8, 2 to 7: int, 32: f32 }` */
export interface LevelsStatement {
  readonly kind: 'levels';
  readonly levels: readonly {
    readonly bits: Expr;
    readonly format:
      | FormatExpr
      | readonly { readonly target: SitePattern; readonly format: FormatExpr; readonly span: Span }[];
    readonly span: Span;
  }[];
  readonly span: Span;
}

/** `weights: int4 per channel`, `c1.weights: >= 8 bits`, `stage1[*].c1.in: uint4` */
export interface AnnotationStatement {
  readonly kind: 'annotation';
  readonly target: SitePattern;
  readonly value: FormatExpr | BitsBound;
  readonly span: Span;
}

/** `>= 8 bits`, `<= 4 bits`, `= 8 bits` */
export interface BitsBound {
  readonly kind: 'bits';
  readonly relation: '>=' | '<=' | '=';
  readonly bits: Expr;
  readonly span: Span;
}

/**
 * A format with its modifiers in the order written: `auto per channel`, `int4 per group(32) scale(power_of_two)`,
 * `float(3, 0) stochastic`, `int8 full`.
 */
export interface FormatExpr {
  readonly kind: 'format';
  readonly element: Name;
  readonly args: readonly Expr[];
  readonly modifiers: readonly FormatModifier[];
  readonly span: Span;
}

export type FormatModifier =
  | { readonly kind: 'granularity'; readonly name: Name; readonly size?: Expr; readonly span: Span }
  | { readonly kind: 'scale'; readonly name: Name; readonly args: readonly Expr[]; readonly span: Span }
  | { readonly kind: 'rounding'; readonly name: Name; readonly span: Span }
  | { readonly kind: 'range'; readonly name: Name; readonly span: Span };

/**
 * A class (`weights`, `stored weights`, `weights gradients`) as one segment holding its words, or a path to a
 * site (`c1.weights`, `stage1[*].c1.in`) as one segment a name.
 */
export interface SitePattern {
  readonly segments: readonly { readonly words: readonly Name[]; readonly index?: Expr | 'any' }[];
  readonly span: Span;
}

export interface TieStatement {
  readonly kind: 'tie';
  readonly targets: readonly SitePattern[];
  readonly span: Span;
}

/** `require error(gradient, norm: l2, relative to: noise_floor) <= 10% with probability 0.99` */
export interface RequireStatement {
  readonly kind: 'require';
  readonly quantity: CallExpr;
  readonly bound: Expr;
  readonly probability?: Expr;
  readonly span: Span;
}

/** `cost: bit_operations` or `cost { c1: 2.5, stage1[0].c1: 3 }` per layer; a key is the path of a layer. */
export interface CostStatement {
  readonly kind: 'cost';
  readonly value: Expr | readonly Entry[];
  readonly span: Span;
}

/** `schedule numgeom { rule: tolerance, warmup: 2% at 32, refresh: 1 epoch }` */
export interface ScheduleStatement {
  readonly kind: 'schedule';
  readonly name: Name;
  readonly entries: readonly Entry[];
  readonly span: Span;
}

/** `eval { weights: [int8, int4], noise: [0, 0.1] }` */
export interface EvalItem {
  readonly kind: 'eval';
  readonly entries: readonly Entry[];
  readonly span: Span;
}

/** `experiment pareto { methods: […], seeds: 0 to 4, budget laptop { epochs: 12 } }` */
export interface ExperimentItem {
  readonly kind: 'experiment';
  readonly name: Name;
  readonly entries: readonly Entry[];
  readonly budgets: readonly {
    readonly name: Name;
    readonly entries: readonly Entry[];
    readonly span: Span;
  }[];
  readonly span: Span;
}

/** `export onnx { opset: 21, scheme: qdq }` */
export interface ExportItem {
  readonly kind: 'export';
  readonly target: Name;
  readonly entries: readonly Entry[];
  readonly span: Span;
}

/** `key: value`; a key of several words has one spelling, its words joined by one blank. */
export interface Entry {
  readonly key: Name;
  readonly value: Expr;
  readonly span: Span;
}

/** A positional (`key` absent) or named argument. */
export interface Argument {
  readonly key?: Name;
  readonly value: Expr;
  readonly span: Span;
}

export type Expr =
  | NumberExpr
  | StringExpr
  | NameExpr
  | ListExpr
  | CallExpr
  | PipeExpr
  | RepeatExpr
  | ComposeExpr
  | BinaryExpr
  | NegateExpr
  | RangeExpr
  | QuantityExpr;

/** A literal as written (`3e-3`, `80000`), to be read exactly. */
export interface NumberExpr {
  readonly kind: 'number';
  readonly text: string;
  readonly span: Span;
}

export interface StringExpr {
  readonly kind: 'string';
  /** The text between the quotes with escapes resolved. */
  readonly value: string;
  readonly span: Span;
}

export interface NameExpr {
  readonly kind: 'name';
  readonly name: string;
  readonly span: Span;
}

export interface ListExpr {
  readonly kind: 'list';
  readonly items: readonly Expr[];
  readonly span: Span;
}

/** `conv(16, kernel: 3) as c1`. A bare name in a pipe stage is a {@link CallExpr} with no arguments. */
export interface CallExpr {
  readonly kind: 'call';
  readonly callee: Name;
  readonly args: readonly Argument[];
  /** False where the call was written without parentheses (`|> relu`). */
  readonly parentheses: boolean;
  readonly label?: Name;
  readonly span: Span;
}

/** `head |> stage |> stage`; each stage gets the value before it as its first argument. */
export interface PipeExpr {
  readonly kind: 'pipe';
  readonly head: Expr;
  readonly stages: readonly (CallExpr | RepeatExpr)[];
  readonly span: Span;
}

/** `repeat 3 { residual(16) |> relu } as stage1`, as a stage of a pipe: its stages, `count` times. */
export interface RepeatExpr {
  readonly kind: 'repeat';
  readonly count: Expr;
  readonly stages: readonly (CallExpr | RepeatExpr)[];
  readonly label?: Name;
  readonly span: Span;
}

/** `U ∘ B ∘ F` or `U << B << F`: written left to right, applied right to left. */
export interface ComposeExpr {
  readonly kind: 'compose';
  readonly parts: readonly Expr[];
  readonly span: Span;
}

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly operator: '+' | '-' | '*' | '/';
  readonly left: Expr;
  readonly right: Expr;
  readonly span: Span;
}

export interface NegateExpr {
  readonly kind: 'negate';
  readonly operand: Expr;
  readonly span: Span;
}

/** `0 to 4`, inclusive. */
export interface RangeExpr {
  readonly kind: 'range';
  readonly from: Expr;
  readonly to: Expr;
  readonly span: Span;
}

/** A number with a unit and, optionally, `at` a level: `10%`, `1 epoch`, `10 epochs`, `2% at 32`, `500 steps`. */
export interface QuantityExpr {
  readonly kind: 'quantity';
  readonly value: Expr;
  readonly unit: '%' | 'epochs' | 'steps' | 'bits';
  readonly at?: Expr;
  readonly span: Span;
}
