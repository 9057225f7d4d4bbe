import type { Span } from '../source/source.ts';
import type { BlockItem, Body, CallExpr, PipeExpr, RepeatExpr } from '../syntax/ast.ts';
import { assign, evaluateAll, type Given, readAs } from './arguments.ts';
import { evaluate, type Scope, tensor } from './constants.ts';
import { DraftList, MAX_LAYERS, unknownTensor } from './draft.ts';
import { addLayers, callLayer } from './layer-calls.ts';
import { PathScope } from './layer-paths.ts';
import { CALLABLE, isCallable, LAYERS } from './layers/index.ts';
import type { Log } from './log.ts';
import { whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';
import type { TensorValue, Value } from './values.ts';

const MAX_BLOCK_DEPTH = 100;
const REPEAT_COUNT = whole(1, MAX_LAYERS);

/** Inlines blocks and unrolls repeats: from the body of a model to its layers, in an order in which inputs come first. */
export class Elaborator {
  readonly drafts: DraftList;
  readonly calledBlocks = new Set<string>();
  readonly #blocks: ReadonlyMap<string, BlockItem>;
  readonly #log: Log;
  readonly #active: BlockItem[] = [];

  constructor(blocks: ReadonlyMap<string, BlockItem>, log: Log) {
    this.drafts = new DraftList(log);
    this.#blocks = blocks;
    this.#log = log;
  }

  /** A scope with the given names, for a body whose layers get the given paths. */
  scope(values: Map<string, Value | undefined>, paths: PathScope): BodyScope {
    return new BodyScope(this, values, paths, this.#log);
  }

  /** The value of a body; its lets become names of the scope. */
  body(body: Body, scope: BodyScope, depth = 0): Value | undefined {
    const lets = new Map<string, Span>();
    for (const { name, value } of body.lets) {
      const result = evaluate(value, scope, depth);
      const earlier = lets.get(name.text);
      if (earlier !== undefined || scope.values.has(name.text)) {
        const related = earlier === undefined ? [] : [{ span: earlier, message: 'first declared here' }];
        this.#log.report('QS2002', name.span, { kind: 'value', name: name.text }, { related });
      }
      lets.set(name.text, name.span);
      scope.values.set(name.text, result);
    }
    return evaluate(body.result, scope, depth);
  }

  pipe(pipe: PipeExpr, scope: BodyScope, depth: number): Value | undefined {
    const head = evaluate(pipe.head, scope, depth);
    return this.#stages(pipe.stages, tensor(head, scope, pipe.head.span), scope, depth);
  }

  call(call: CallExpr, piped: Value | undefined, scope: BodyScope, depth: number): Value | undefined {
    if (!this.drafts.spend(call.span)) return unknownTensor(call.span);
    const given = evaluateAll(call.args, scope, depth);
    const all = piped === undefined ? given : [{ value: piped, span: piped.span }, ...given];
    const name = call.callee.text;
    const block = this.#blocks.get(name);
    if (block !== undefined) return this.#callBlock(block, call, all, scope, depth);
    if (isCallable(name)) return callLayer(LAYERS[name], call, all, scope, this.drafts);
    reportUnknown(this.#log, 'layer or block', call.callee, [...CALLABLE, ...this.#blocks.keys()]);
    return this.drafts.pushUnknown(scope.paths.claim(name, call.label, call.span) ?? name, call.span);
  }

  sum(left: TensorValue, right: TensorValue, span: Span, scope: BodyScope): Value | undefined {
    if (!this.drafts.spend(span)) return unknownTensor(span);
    return addLayers(left, right, span, scope.paths, this.drafts, this.#log);
  }

  #stages(stages: PipeExpr['stages'], head: TensorValue, scope: BodyScope, depth: number): Value | undefined {
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
    if (path === undefined) return unknownTensor(repeat.span);
    const [only] = repeat.stages;
    const isBlockCall =
      repeat.stages.length === 1 &&
      only?.kind === 'call' &&
      only.label === undefined &&
      this.#blocks.has(only.callee.text);
    let value: Value | undefined = input;
    for (let turn = 0; turn < (count ?? 1) && !this.drafts.exhausted; turn++) {
      const paths = new PathScope(`${path}[${turn}].`, this.#log);
      const inner = new BodyScope(this, scope.values, paths, this.#log, isBlockCall);
      value = this.#stages(repeat.stages, tensor(value, scope, repeat.span), inner, depth);
    }
    return count === undefined ? this.drafts.pushUnknown(path, repeat.span) : value;
  }

  #callBlock(
    block: BlockItem,
    call: CallExpr,
    given: readonly Given[],
    scope: BodyScope,
    depth: number,
  ): Value | undefined {
    const { text: name, span } = block.name;
    this.calledBlocks.add(name);
    if (this.#active.includes(block)) {
      const cycle = [...this.#active.slice(this.#active.indexOf(block)), block]
        .map((b) => b.name.text)
        .join(' → ');
      this.#log.report(
        'QS2008',
        call.span,
        { kind: 'block', cycle },
        { related: [{ span, message: 'this block' }] },
      );
      return unknownTensor(call.span);
    }
    if (this.#active.length >= MAX_BLOCK_DEPTH) {
      this.#log.report('QS2009', call.span, { what: 'block calls', limit: MAX_BLOCK_DEPTH });
      return unknownTensor(call.span);
    }
    const path = scope.lendsPath
      ? scope.paths.prefix.slice(0, -1)
      : scope.paths.claim(name, call.label, call.span);
    if (path === undefined) return unknownTensor(call.span);
    this.#active.push(block);
    const inner = this.scope(new Map(), new PathScope(`${path}.`, this.#log));
    const bound = this.#bindBlock(block, call, given, inner, depth);
    const value = bound ? this.body(block.body, inner, depth) : this.drafts.pushUnknown(path, call.span);
    this.#active.pop();
    return value && { ...value, span: call.span };
  }

  /** Puts the parameters into the scope of the block, defaults evaluated there; false after reporting what does not fit. */
  #bindBlock(
    block: BlockItem,
    call: CallExpr,
    given: readonly Given[],
    scope: BodyScope,
    depth: number,
  ): boolean {
    const owner = { name: `block '${block.name.text}'`, span: call.span };
    const names = block.params.map((param) => param.name.text);
    const { bound, sound } = assign(owner, given, names, this.#log);
    let complete = sound;
    for (const { name, defaultValue } of block.params) {
      const item = bound.get(name.text);
      if (item !== undefined) {
        scope.values.set(name.text, item.value);
      } else if (defaultValue !== undefined) {
        scope.values.set(name.text, evaluate(defaultValue, scope, depth));
      } else {
        const related = [{ span: name.span, message: 'declared here without a default' }];
        this.#log.report(
          'QS2005',
          call.span,
          { owner: owner.name, what: `the argument '${name.text}'` },
          { related },
        );
        complete = false;
      }
    }
    return complete;
  }
}

/** Names of a body; calls, pipes and sums make layers. */
export class BodyScope implements Scope {
  readonly log: Log;
  readonly values: Map<string, Value | undefined>;
  readonly paths: PathScope;
  /** Whether a block called here takes this scope's own path. */
  readonly lendsPath: boolean;
  readonly #elaborator: Elaborator;

  constructor(
    elaborator: Elaborator,
    values: Map<string, Value | undefined>,
    paths: PathScope,
    log: Log,
    lendsPath = false,
  ) {
    this.#elaborator = elaborator;
    this.values = values;
    this.paths = paths;
    this.log = log;
    this.lendsPath = lendsPath;
  }

  lookup(name: string, span: Span): Value | undefined {
    return this.values.has(name) ? (this.values.get(name) ?? unknownTensor(span)) : undefined;
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
    return this.#elaborator.sum(left, right, span, this);
  }
}
