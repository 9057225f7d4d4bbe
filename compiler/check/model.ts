import type { Span } from '../source/source.ts';
import type { BlockItem, IntervalExpr, ModelItem, TypeExpr } from '../syntax/ast.ts';
import { readAs } from './arguments.ts';
import type { CheckedModel, Layer, LayerId } from './checked-spec.ts';
import { constantScope, evaluate, tensor } from './constants.ts';
import type { Draft } from './draft.ts';
import { Elaborator } from './elaborate.ts';
import { folderPath } from './folder-path.ts';
import { PathScope } from './layer-paths.ts';
import { CALLABLE } from './layers/index.ts';
import { type Shape, sameShape, shapeText, sizeOf } from './layers/signature.ts';
import type { Log } from './log.ts';
import { real, whole } from './parameter-types.ts';

/** What the other sections need of a model, be it sound or not. */
export interface Elaboration {
  readonly name: string;
  readonly drafts: readonly Draft[];
  /** Whether a limit cut the model short, so that layers are missing. */
  readonly exhausted: boolean;
  /** Undefined where a mistake in the type has been reported. */
  readonly input:
    | {
        readonly shape: Shape;
        readonly low: number | undefined;
        readonly high: number | undefined;
        readonly span: Span;
      }
    | undefined;
  readonly output: { readonly shape: Shape; readonly span: Span } | undefined;
  /** The whole model, if nothing is wrong with it. */
  readonly model: CheckedModel | undefined;
}

const TRAINED: readonly string[] = ['conv', 'dense', 'batchnorm'];

/** Blocks by name; a second one of a name, or one named like a layer, is reported. */
export function collectBlocks(items: readonly BlockItem[], log: Log): ReadonlyMap<string, BlockItem> {
  const blocks = new Map<string, BlockItem>();
  for (const block of items) {
    const { text, span } = block.name;
    const earlier = blocks.get(text);
    if (earlier !== undefined) {
      log.report(
        'QS2002',
        span,
        { kind: 'block', name: text },
        { related: [{ span: earlier.name.span, message: 'first declared here' }] },
      );
    } else if (CALLABLE.includes(text)) {
      log.report(
        'QS2002',
        span,
        { kind: 'block', name: text },
        { hint: `'${text}' is a layer of the language: give the block another name` },
      );
    } else {
      blocks.set(text, block);
    }
    checkParameterNames(block, log);
  }
  return blocks;
}

function checkParameterNames(block: BlockItem, log: Log): void {
  const seen = new Map<string, Span>();
  for (const { name } of block.params) {
    const earlier = seen.get(name.text);
    if (earlier !== undefined)
      log.report(
        'QS2002',
        name.span,
        { kind: 'parameter', name: name.text },
        { related: [{ span: earlier, message: 'first declared here' }] },
      );
    seen.set(name.text, name.span);
  }
}

export function checkModel(item: ModelItem, blocks: ReadonlyMap<string, BlockItem>, log: Log): Elaboration {
  const before = log.diagnostics.length;
  const name = item.name.text;
  const inputShape = checkType(item.input.type, log);
  const outputShape = checkType(item.output, log);
  const range = item.input.range && checkInterval(item.input.range, log);
  const initPath = item.init && folderPath(item.init.from, 'the spec', log);

  const elaborator = new Elaborator(blocks, log);
  const paths = new PathScope('', log);
  const { name: inputName } = item.input;
  const path = paths.claim('input', inputName, inputName.span) ?? 'input';
  const inputLayer: Layer<'input'> | undefined = inputShape && {
    kind: 'input',
    path,
    inputs: [],
    options: { low: range?.low, high: range?.high },
    shape: inputShape,
    nonNegative: range !== undefined && range.low >= 0,
    span: inputName.span,
  };
  const x = elaborator.drafts.push({
    kind: 'input',
    path,
    inputs: [],
    bias: false,
    layer: inputLayer,
    span: inputName.span,
  });
  const scope = elaborator.scope(new Map([[inputName.text, x]]), paths);
  const result = tensor(elaborator.body(item.body, scope), scope, item.body.result.span);

  const drafts = elaborator.drafts.items;
  const layers = drafts.flatMap((draft) => draft.layer ?? []);
  const sound = result.layer !== undefined && layers.length === drafts.length && !hasErrorsSince(log, before);
  if (sound) {
    for (const [text, block] of blocks)
      if (!elaborator.calledBlocks.has(text)) log.report('QS2012', block.name.span, { name: text });
    checkUse(drafts, result.layer, log);
    checkResult(item, layers[result.layer]?.shape ?? [], outputShape, log);
    if (!layers.some((layer) => TRAINED.includes(layer.kind)))
      log.report('QS3015', item.name.span, { model: name });
  }
  const complete = sound && !hasErrorsSince(log, before);
  return {
    name,
    drafts,
    exhausted: elaborator.drafts.exhausted,
    input: inputShape && {
      shape: inputShape,
      low: range?.low,
      high: range?.high,
      span: item.input.type.span,
    },
    output: outputShape && { shape: outputShape, span: item.output.span },
    model: complete
      ? {
          name,
          layers,
          result: result.layer,
          initFrom:
            initPath === undefined || item.init === undefined
              ? undefined
              : { path: initPath, span: item.init.from.span },
          span: item.span,
        }
      : undefined,
  };
}

function hasErrorsSince(log: Log, before: number): boolean {
  return log.diagnostics.slice(before).some((d) => d.severity === 'error');
}

function checkType(type: TypeExpr, log: Log): Shape | undefined {
  if (type.dtype.text !== 'f32') {
    const fixes = [{ title: `change to 'f32'`, span: type.dtype.span, replacement: 'f32' }];
    log.report(
      'QS3014',
      type.dtype.span,
      { dtype: type.dtype.text },
      { hint: 'formats are chosen in the precision section', fixes },
    );
  }
  const scope = constantScope(log);
  const sizes = type.shape.map((size) => {
    const value = evaluate(size, scope);
    return value && readAs(whole(1), value, 'a size', log);
  });
  const shape = sizes.filter((size) => size !== undefined);
  if (shape.length !== sizes.length) return undefined;
  if (!Number.isSafeInteger(sizeOf(shape)))
    return log.report('QS3009', type.span, { what: shapeText(shape) });
  if (shape.length === 1 || shape.length === 3) return shape;
  const expected = '[features] or [channels, height, width]';
  return log.report('QS3002', type.span, {
    name: 'the shape of a sample',
    expected,
    found: shapeText(shape),
  });
}

function checkInterval(
  range: IntervalExpr,
  log: Log,
): { readonly low: number; readonly high: number } | undefined {
  const scope = constantScope(log);
  const [low, high] = [range.low, range.high].map((end) => {
    const value = evaluate(end, scope);
    return value && readAs(real(), value, 'a limit', log);
  });
  if (low === undefined || high === undefined) return undefined;
  if (low < high) return { low, high };
  return log.report('QS4008', range.span, { low: String(low), high: String(high) });
}

/** Every layer but the result must be read by another: what is computed and dropped would be trained by nothing. */
function checkUse(drafts: readonly Draft[], result: LayerId, log: Log): void {
  const read = new Set([result, ...drafts.flatMap((draft) => draft.inputs)]);
  drafts.forEach((draft, id) => {
    if (!read.has(id))
      log.report('QS2011', draft.span, {
        kind: draft.kind === 'input' ? 'input' : 'layer',
        name: draft.path,
      });
  });
}

function checkResult(item: ModelItem, found: Shape, declared: Shape | undefined, log: Log): void {
  if (declared === undefined || sameShape(found, declared)) return;
  const { span } = item.output;
  log.report(
    'QS3006',
    item.body.result.span,
    { model: item.name.text, declared: shapeText(declared), found: shapeText(found) },
    {
      related: [{ span, message: 'declared here' }],
      fixes: [{ title: `declare ${shapeText(found)}`, span, replacement: shapeText(found) }],
    },
  );
}
