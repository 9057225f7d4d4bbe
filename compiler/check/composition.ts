import type { Source, Span } from '../source/source.ts';
import type { Argument, CallExpr, ComposeExpr, Expr, PipeExpr, TrainItem } from '../syntax/ast.ts';
import { bind, evaluateAll, required } from './arguments.ts';
import { constantScope } from './constants.ts';
import type { Log } from './log.ts';
import { type Loss, type Morphism, orderThatFits, type Stage, single, typeText } from './morphisms.ts';
import { isOptimizer, OPTIMIZERS } from './optimizers.ts';
import { POSITIVE, real, whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

const LOSSES: readonly Loss[] = ['cross_entropy', 'mse'];
const MORPHISMS = [
  'forward',
  'backward',
  ...Object.keys(OPTIMIZERS),
  'clip',
  'noise',
  'accumulate',
  'allreduce',
];

/** Expressions and the definitions they use may nest this deeply, and a composition may have this many stages. */
const MAX_DEPTH = 300;
const MAX_STAGES = 1000;
/** Batches of one mean: each is a copy of F and B. */
const MAX_SUMMANDS = 1024;

type Definition = TrainItem['definitions'][number];

/** Gives the definitions of a train section their types. */
export class Composer {
  /** Definitions that others use. */
  readonly used = new Set<string>();
  readonly #definitions: ReadonlyMap<string, Definition>;
  readonly #model: string | undefined;
  readonly #source: Source;
  readonly #log: Log;
  readonly #known = new Map<string, Morphism | undefined>();
  readonly #active: string[] = [];
  #depth = 0;

  /** @param model name of the model, undefined where the spec has none */
  constructor(
    definitions: ReadonlyMap<string, Definition>,
    model: string | undefined,
    source: Source,
    log: Log,
  ) {
    this.#definitions = definitions;
    this.#model = model;
    this.#source = source;
    this.#log = log;
  }

  /** What a name is defined to be; undefined after reporting a mistake in it. */
  definition(definition: Definition): Morphism | undefined {
    const name = definition.name.text;
    if (this.#known.has(name)) return this.#known.get(name);
    this.#active.push(name);
    const morphism = this.#morphism(definition.value, definition.span);
    this.#active.pop();
    this.#known.set(name, morphism);
    return morphism;
  }

  #morphism(expr: Expr, definition: Span): Morphism | undefined {
    if (this.#depth >= MAX_DEPTH)
      return this.#log.report('QS2009', expr.span, { what: 'definitions', limit: MAX_DEPTH });
    this.#depth++;
    const morphism = this.#evaluate(expr, definition);
    this.#depth--;
    return morphism;
  }

  #evaluate(expr: Expr, definition: Span): Morphism | undefined {
    switch (expr.kind) {
      case 'name':
        return this.#reference(expr.name, expr.span, definition);
      case 'call':
        return this.#call(expr, definition);
      case 'pipe':
        return this.#pipe(expr, definition);
      case 'compose':
        return this.#compose(expr, definition);
      default:
        return this.#log.report(
          'QS3003',
          expr.span,
          { what: 'this' },
          { hint: `a definition is one of ${MORPHISMS.join(', ')}, or a composition 'U ∘ B ∘ F'` },
        );
    }
  }

  #reference(name: string, span: Span, definition: Span): Morphism | undefined {
    const defined = this.#definitions.get(name);
    if (defined === undefined) {
      if (MORPHISMS.includes(name))
        return this.#call(
          { kind: 'call', callee: { text: name, span }, args: [], parentheses: false, span },
          definition,
        );
      return reportUnknown(this.#log, 'definition', { text: name, span }, [
        ...this.#definitions.keys(),
        ...MORPHISMS,
      ]);
    }
    if (this.#active.includes(name)) {
      const cycle = [...this.#active.slice(this.#active.indexOf(name)), name].join(' → ');
      for (const active of this.#active) this.used.add(active);
      return this.#log.report(
        'QS2008',
        span,
        { kind: 'definition', cycle },
        { related: [{ span: defined.name.span, message: 'defined here' }] },
      );
    }
    this.used.add(name);
    const morphism = this.definition(defined);
    return morphism && { ...morphism, span };
  }

  #pipe(pipe: PipeExpr, definition: Span): Morphism | undefined {
    let morphism = this.#morphism(pipe.head, definition);
    for (const stage of pipe.stages) {
      if (stage.kind === 'repeat') return this.#log.report('QS3003', stage.span, { what: 'repeat' });
      const name = stage.callee.text;
      const loss = LOSSES.find((l) => l === name);
      if (loss === undefined) return reportUnknown(this.#log, 'loss', stage.callee, LOSSES);
      if (
        bind({ name, span: stage.span }, evaluateAll(stage.args, constantScope(this.#log)), {}, this.#log) ===
          undefined ||
        morphism === undefined
      )
        return undefined;
      const forward = morphism.stages.at(-1);
      if (forward?.kind !== 'forward' || forward.loss !== undefined) {
        const related = [{ span: morphism.span, message: typeText(morphism) }];
        return this.#log.report(
          'QS3010',
          stage.span,
          { left: name, takes: 'Logits × Cache', right: this.#text(morphism.span), gives: morphism.to },
          { related },
        );
      }
      const span = { start: forward.span.start, end: stage.span.end };
      morphism = {
        ...morphism,
        stages: [...morphism.stages.slice(0, -1), { ...forward, loss, span }],
        to: 'Loss × Cache',
        span: pipe.span,
      };
    }
    return morphism;
  }

  #call(call: CallExpr, definition: Span): Morphism | undefined {
    const name = call.callee.text;
    const { span } = call;
    const owner = { name, span };
    const at = { span, definition };
    const given = (args: readonly Argument[]) => evaluateAll(args, constantScope(this.#log));
    const stage = (made: Stage | undefined): Morphism | undefined => made && single(made);
    if (isOptimizer(name)) {
      const optimizer = OPTIMIZERS[name](owner, given(call.args), this.#log);
      return stage(optimizer && { ...at, kind: 'optimizer', optimizer });
    }
    switch (name) {
      case 'forward': {
        const argument = this.#operand(call, call.args, 'the model');
        if (argument === undefined || !this.#isModel(argument.value)) return undefined;
        return stage({ ...at, kind: 'forward', loss: undefined });
      }
      case 'backward': {
        const argument = this.#operand(call, call.args, 'a forward pass with its loss');
        const of = argument && this.#morphism(argument.value, definition);
        if (argument === undefined || of === undefined) return undefined;
        const forward = of.stages[0];
        if (of.stages.length === 1 && forward?.kind === 'forward' && forward.loss !== undefined)
          return stage({ ...at, kind: 'backward', of: forward.loss });
        const hint =
          forward?.kind === 'forward'
            ? `give it a loss: ${this.#text(forward.span)} |> cross_entropy`
            : `F = forward(${this.#model ?? 'M'}) |> cross_entropy`;
        return this.#log.report(
          'QS3002',
          argument.span,
          { name: `the argument of backward`, expected: 'a forward pass with its loss', found: typeText(of) },
          { hint },
        );
      }
      case 'clip': {
        const args = bind(owner, given(call.args), { norm: required(POSITIVE) }, this.#log);
        return stage(args && { ...at, kind: 'clip', ...args });
      }
      case 'noise': {
        const args = bind(owner, given(call.args), { sigma: required(real({ min: 0 })) }, this.#log);
        return stage(args && { ...at, kind: 'noise', ...args });
      }
      case 'accumulate':
      case 'allreduce': {
        const args = bind(
          owner,
          given(call.args.slice(0, 1)),
          { count: required(whole(1, MAX_SUMMANDS)) },
          this.#log,
        );
        const argument = this.#operand(call, call.args.slice(1), 'a gradient such as B ∘ F');
        const of = argument && this.#morphism(argument.value, definition);
        if (args === undefined || argument === undefined || of === undefined) return undefined;
        if (of.from === 'Params' && of.to === 'Gradient')
          return stage({ ...at, kind: 'mean', over: name, count: args.count, of });
        return this.#log.report(
          'QS3002',
          argument.span,
          { name: `what ${name} repeats`, expected: 'Params → Gradient', found: typeText(of) },
          { hint: 'such as B ∘ F' },
        );
      }
      default:
        return reportUnknown(this.#log, 'morphism', call.callee, MORPHISMS);
    }
  }

  /** The one positional argument of a call that takes a model or a morphism. */
  #operand(call: CallExpr, args: readonly Argument[], what: string): Argument | undefined {
    const [first, second] = args;
    const owner = call.callee.text;
    if (first === undefined) return this.#log.report('QS2005', call.span, { owner, what });
    if (first.key !== undefined) return reportUnknown(this.#log, `argument of ${owner}`, first.key, []);
    if (second !== undefined)
      return this.#log.report('QS2007', second.span, { owner, expected: `only ${what} here` });
    return first;
  }

  #isModel(expr: Expr): boolean {
    const name = expr.kind === 'name' ? expr.name : this.#text(expr.span);
    if (this.#model === undefined) return true;
    if (name !== this.#model)
      reportUnknown(this.#log, 'model', { text: name, span: expr.span }, [this.#model]);
    return name === this.#model;
  }

  /** Joins the parts from right to left; the first that does not take what the one before it gives is reported, with an order that would do. */
  #compose(expr: ComposeExpr, definition: Span): Morphism | undefined {
    const parts = expr.parts.map((part) => this.#morphism(part, definition));
    const known = parts.filter((part) => part !== undefined);
    if (known.length !== parts.length) return undefined;
    const [last, ...earlier] = known.toReversed();
    if (last === undefined) return undefined;
    let before = last;
    const stages = [...last.stages];
    for (const part of earlier) {
      if (part.from !== before.to) return this.#reportOrder(expr, known, part, before);
      const [backward] = part.stages;
      const forward = stages.at(-1);
      if (
        backward?.kind === 'backward' &&
        forward?.kind === 'forward' &&
        forward.loss !== undefined &&
        forward.loss !== backward.of
      ) {
        const related = [{ span: before.span, message: `this one ends in ${forward.loss}` }];
        return this.#log.report(
          'QS3013',
          part.span,
          {
            backward: this.#text(part.span),
            expected: `a pass that ends in ${backward.of}`,
            found: `one that ends in ${forward.loss}`,
          },
          { related },
        );
      }
      stages.push(...part.stages);
      if (stages.length > MAX_STAGES)
        return this.#log.report('QS2010', expr.span, {
          what: 'stages of a training step',
          limit: MAX_STAGES,
        });
      before = part;
    }
    return { stages, from: last.from, to: before.to, span: expr.span };
  }

  #reportOrder(expr: ComposeExpr, parts: readonly Morphism[], left: Morphism, right: Morphism): undefined {
    const fitting = orderThatFits(parts);
    const order = fitting?.map(({ span }) => this.#source.text.slice(span.start, span.end)).join(' ∘ ');
    const withLoss =
      right.to === 'Logits × Cache'
        ? `give ${this.#text(right.span)} a loss: |> cross_entropy or |> mse`
        : undefined;
    const hint = order === undefined ? withLoss : `compositions apply from right to left: ${order}`;
    this.#log.report(
      'QS3010',
      left.span,
      { left: this.#text(left.span), takes: left.from, right: this.#text(right.span), gives: right.to },
      {
        related: [{ span: right.span, message: `${typeText(right)}` }],
        ...(hint === undefined ? {} : { hint }),
        fixes: order === undefined ? [] : [{ title: `write ${order}`, span: expr.span, replacement: order }],
      },
    );
    return undefined;
  }

  /** A part as it is written, shortened where it is long. */
  #text(span: Span): string {
    const text = this.#source.text.slice(span.start, span.end);
    return text.length > 40 ? `${text.slice(0, 37)}…` : text;
  }
}
