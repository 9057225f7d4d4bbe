import type { Span } from '../source/source.ts';
import type { BlockItem, Body, CallExpr, PipeExpr, RepeatExpr } from '../syntax/ast.ts';
import { evaluateAll, type Given, readAs } from './arguments.ts';
import type { AnyLayer, LayerId, LayerKind } from './checked-spec.ts';
import { evaluate, type Scope, tensor } from './constants.ts';
import type { Draft } from './draft.ts';
import { PathScope } from './layer-paths.ts';
import { CALLABLE, isCallable, LAYERS } from './layers/index.ts';
import { type LayerSignature, type Shape, shapeText, sizeOf } from './layers/signature.ts';
import type { Log } from './log.ts';
import { whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';
import type { TensorValue, Value } from './values.ts';

export const MAX_LAYERS = 100_000;
export const MAX_BLOCK_DEPTH = 100;
/** Calls that are followed in all, since blocks may call blocks that make no layer. */
const MAX_CALLS = 1_000_000;

const REPEAT_COUNT = whole(1, MAX_LAYERS);

/** Inlines blocks and unrolls repeats: from the body of a model to its layers, in an order in which inputs come first. */
export class Elaborator {
  readonly drafts: Draft[] = [];
  readonly calledBlocks = new Set<string>();
  readonly #blocks: ReadonlyMap<string, BlockItem>;
  readonly #log: Log;
  readonly #active: BlockItem[] = [];
  #calls = 0;
  #exhausted = false;

  /** Whether a limit cut the model short, so that layers are missing. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  constructor(blocks: ReadonlyMap<string, BlockItem>, log: Log) {
    this.#blocks = blocks;
    this.#log = log;
  }

  /** The value of a body under the given names, and of its lets in turn. */
  body(body: Body, names: Map<string, Value | undefined>, paths: PathScope, depth = 0): Value | undefined {
    const scope = new BodyScope(this, names, paths, this.#log);
    const lets = new Map<string, Span>();
    for (const { name, value } of body.lets) {
      const result = evaluate(value, scope, depth);
      const earlier = lets.get(name.text);
      if (earlier !== undefined || names.has(name.text)) {
        const related = earlier === undefined ? [] : [{ span: earlier, message: 'first declared here' }];
        this.#log.report('QS2002', name.span, { kind: 'value', name: name.text }, { related });
      }
      lets.set(name.text, name.span);
      names.set(name.text, result);
    }
    return evaluate(body.result, scope, depth);
  }

  pipe(pipe: PipeExpr, scope: BodyScope, depth: number): Value | undefined {
    const head = evaluate(pipe.head, scope, depth);
    return this.stages(pipe.stages, tensor(head, scope, pipe.head.span), scope, depth);
  }

  call(call: CallExpr, piped: Value | undefined, scope: BodyScope, depth: number): Value | undefined {
    if (!this.#spend(call.span)) return unknown(call.span);
    const given = evaluateAll(call.args, scope, depth);
    const all = piped === undefined ? given : [{ value: piped, span: piped.span }, ...given];
    const name = call.callee.text;
    const block = this.#blocks.get(name);
    if (block !== undefined) return this.#callBlock(block, call, all, scope, depth);
    if (isCallable(name)) return this.#callLayer(LAYERS[name], call, all, scope);
    reportUnknown(this.#log, 'layer or block', call.callee, [...CALLABLE, ...this.#blocks.keys()]);
    const path = scope.paths.claim(name, call.label, call.span);
    return this.#push({
      kind: undefined,
      path: path ?? name,
      inputs: [],
      bias: true,
      layer: undefined,
      span: call.span,
    });
  }

  sum(left: TensorValue, right: TensorValue, span: Span, paths: PathScope): Value | undefined {
    if (!this.#spend(span)) return unknown(span);
    const path = paths.claim('add', undefined, span);
    const [a, b] = [this.#layer(left), this.#layer(right)];
    const inputs = [left.layer, right.layer].filter((id) => id !== undefined);
    const draft: Draft = { kind: 'add', path: path ?? 'add', inputs, bias: false, layer: undefined, span };
    if (path === undefined || a === undefined || b === undefined) return this.#push(draft);
    if (!sameShape(a.shape, b.shape)) {
      const hint = 'a projection such as conv(channels, kernel: 1, stride: …) makes the shapes equal';
      const related = [
        { span: left.span, message: shapeText(a.shape) },
        { span: right.span, message: shapeText(b.shape) },
      ];
      this.#log.report(
        'QS3004',
        span,
        { left: shapeText(a.shape), right: shapeText(b.shape) },
        { hint, related },
      );
      return this.#push(draft);
    }
    const layer: AnyLayer = {
      kind: 'add',
      path,
      inputs,
      options: {},
      shape: a.shape,
      nonNegative: a.nonNegative && b.nonNegative,
      span,
    };
    return this.#push({ ...draft, layer });
  }

  /** Adds the input of the model. */
  input(layer: Draft): TensorValue {
    return this.#push(layer);
  }

  stages(stages: PipeExpr['stages'], head: TensorValue, scope: BodyScope, depth: number): Value | undefined {
    let value: Value | undefined = head;
    for (const stage of stages) {
      const input = tensor(value, scope, value?.span ?? stage.span);
      value =
        stage.kind === 'call'
          ? this.call(stage, input, scope, depth + 1)
          : this.#repeat(stage, input, scope, depth + 1);
    }
    return value;
  }

  /** Each turn has a path of its own. A repeat of one unlabelled block call is that call repeated, and lends it its name. */
  #repeat(repeat: RepeatExpr, input: TensorValue, scope: BodyScope, depth: number): Value | undefined {
    const counted = evaluate(repeat.count, scope, depth);
    const count = counted && readAs(REPEAT_COUNT, counted, `the count of 'repeat'`, this.#log);
    const path = scope.paths.claim('repeat', repeat.label, repeat.span);
    if (path === undefined) return unknown(repeat.span);
    const [only] = repeat.stages;
    const transparent =
      repeat.stages.length === 1 &&
      only?.kind === 'call' &&
      only.label === undefined &&
      this.#blocks.has(only.callee.text);
    let value: Value | undefined = input;
    for (let turn = 0; turn < (count ?? 1) && !this.#exhausted; turn++) {
      const inner = new BodyScope(
        this,
        scope.values,
        new PathScope(`${path}[${turn}].`, this.#log),
        this.#log,
        transparent,
      );
      value = this.stages(repeat.stages, tensor(value, scope, repeat.span), inner, depth);
    }
    if (count !== undefined) return value;
    return this.#push({ kind: undefined, path, inputs: [], bias: true, layer: undefined, span: repeat.span });
  }

  #callBlock(
    block: BlockItem,
    call: CallExpr,
    given: readonly Given[],
    scope: BodyScope,
    depth: number,
  ): Value | undefined {
    const name = block.name.text;
    this.calledBlocks.add(name);
    if (this.#active.includes(block)) {
      const cycle = [...this.#active.slice(this.#active.indexOf(block)), block]
        .map((b) => b.name.text)
        .join(' → ');
      this.#log.report(
        'QS2008',
        call.span,
        { kind: 'block', cycle },
        { related: [{ span: block.name.span, message: 'this block' }] },
      );
      return unknown(call.span);
    }
    if (this.#active.length >= MAX_BLOCK_DEPTH) {
      this.#log.report('QS2009', call.span, { what: 'block calls', limit: MAX_BLOCK_DEPTH });
      return unknown(call.span);
    }
    const prefix = scope.transparent
      ? scope.paths.prefix
      : dotted(scope.paths.claim(name, call.label, call.span));
    const values = this.#bindBlock(block, call, given);
    if (values === undefined || prefix === undefined) {
      this.#push({
        kind: undefined,
        path: (prefix ?? name).replace(/\.$/, ''),
        inputs: [],
        bias: true,
        layer: undefined,
        span: call.span,
      });
      return unknown(call.span);
    }
    this.#active.push(block);
    const value = this.body(block.body, values, new PathScope(prefix, this.#log), depth);
    this.#active.pop();
    return value && { ...value, span: call.span };
  }

  /** Parameters by name, defaults evaluated where they stand; undefined after reporting what does not fit. */
  #bindBlock(
    block: BlockItem,
    call: CallExpr,
    given: readonly Given[],
  ): Map<string, Value | undefined> | undefined {
    const owner = `block '${block.name.text}'`;
    const values = new Map<string, Value | undefined>();
    const names = block.params.map((param) => param.name.text);
    let sound = true;
    let position = 0;
    for (const item of given) {
      const name = item.key?.text ?? names[position++];
      if (item.key !== undefined && !names.includes(item.key.text)) {
        reportUnknown(this.#log, `argument of ${owner}`, item.key, names);
        sound = false;
      } else if (name === undefined) {
        this.#log.report('QS2007', item.span, {
          owner,
          expected: `at most ${names.length} argument${names.length === 1 ? '' : 's'}`,
        });
        sound = false;
      } else if (values.has(name)) {
        this.#log.report('QS2006', item.key?.span ?? item.span, { name });
        sound = false;
      } else {
        values.set(name, item.value);
      }
    }
    const scope = new BodyScope(this, values, new PathScope('', this.#log), this.#log);
    for (const param of block.params) {
      if (values.has(param.name.text)) continue;
      if (param.defaultValue !== undefined) {
        values.set(param.name.text, evaluate(param.defaultValue, scope));
      } else {
        const related = [{ span: param.name.span, message: 'declared here without a default' }];
        this.#log.report(
          'QS2005',
          call.span,
          { owner, what: `the argument '${param.name.text}'` },
          { related },
        );
        sound = false;
      }
    }
    return sound ? values : undefined;
  }

  #callLayer<K extends LayerKind>(
    signature: LayerSignature<K>,
    call: CallExpr,
    given: readonly Given[],
    scope: BodyScope,
  ): Value | undefined {
    const { kind } = signature;
    const { span } = call;
    const [first, ...rest] = given;
    const hasInput = first !== undefined && first.key === undefined;
    if (!hasInput)
      this.#log.report(
        'QS2005',
        span,
        { owner: kind, what: 'an input' },
        { hint: `write x |> ${kind}${call.args.length > 0 ? '(…)' : ''}` },
      );
    const input = hasInput ? tensor(first.value, scope, first.span) : unknown(span);
    const owner = { name: kind, span: call.parentheses ? span : call.callee.span };
    const resolve = signature.bind(owner, hasInput ? rest : given, this.#log);
    const path = scope.paths.claim(kind, call.label, span);
    const from = this.#layer(input);
    const resolved = from && resolve?.(from.shape);
    const inputs = input.layer === undefined ? [] : [input.layer];
    const tooLarge =
      resolved &&
      [resolved.shape, ...(resolved.parameters ?? [])].some((shape) => !Number.isSafeInteger(sizeOf(shape)));
    if (tooLarge === true) this.#log.report('QS3009', span, { what: `a tensor of ${path ?? kind}` });
    const bias = !(resolved !== undefined && 'bias' in resolved.options && !resolved.options.bias);
    const draft: Draft = { kind, path: path ?? kind, inputs, bias, layer: undefined, span };
    if (resolved === undefined || tooLarge === true || path === undefined) return this.#push(draft);
    const nonNegative =
      signature.sign === 'non_negative' || (signature.sign === 'as_inputs' && from?.nonNegative === true);
    const layer = { kind, path, inputs, options: resolved.options, shape: resolved.shape, nonNegative, span };
    return this.#push({ ...draft, layer: layer as unknown as AnyLayer });
  }

  #layer(value: TensorValue): AnyLayer | undefined {
    return value.layer === undefined ? undefined : this.drafts[value.layer]?.layer;
  }

  #push(draft: Draft): TensorValue {
    if (this.drafts.length > MAX_LAYERS) {
      if (!this.#exhausted) this.#log.report('QS2010', draft.span, { what: 'layers', limit: MAX_LAYERS });
      this.#exhausted = true;
      return unknown(draft.span);
    }
    const layer: LayerId = this.drafts.push(draft) - 1;
    return { kind: 'tensor', layer, span: draft.span };
  }

  /** Counts a call; false, after one report, once there have been too many. */
  #spend(span: Span): boolean {
    if (!this.#exhausted && ++this.#calls > MAX_CALLS) {
      this.#log.report('QS2010', span, { what: 'calls', limit: MAX_CALLS });
      this.#exhausted = true;
    }
    return !this.#exhausted;
  }
}

/** Names of a body; calls, pipes and sums make layers. */
export class BodyScope implements Scope {
  readonly log: Log;
  readonly values: Map<string, Value | undefined>;
  readonly paths: PathScope;
  /** Whether a block called here takes this scope's own path. */
  readonly transparent: boolean;
  readonly #elaborator: Elaborator;

  constructor(
    elaborator: Elaborator,
    values: Map<string, Value | undefined>,
    paths: PathScope,
    log: Log,
    transparent = false,
  ) {
    this.#elaborator = elaborator;
    this.values = values;
    this.paths = paths;
    this.log = log;
    this.transparent = transparent;
  }

  lookup(name: string, span: Span): Value | undefined {
    return this.values.has(name) ? (this.values.get(name) ?? unknown(span)) : undefined;
  }

  names(): Iterable<string> {
    return this.values.keys();
  }

  call(call: CallExpr, depth: number): Value | undefined {
    return this.#elaborator.call(call, undefined, this, depth);
  }

  pipe(pipe: PipeExpr, depth: number): Value | undefined {
    return this.#elaborator.pipe(pipe, this, depth);
  }

  sum(left: TensorValue, right: TensorValue, span: Span): Value | undefined {
    return this.#elaborator.sum(left, right, span, this.paths);
  }
}

function unknown(span: Span): TensorValue {
  return { kind: 'tensor', layer: undefined, span };
}

function dotted(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `${path}.`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
