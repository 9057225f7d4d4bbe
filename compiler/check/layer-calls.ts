import type { Span } from '../source/source.ts';
import type { CallExpr } from '../syntax/ast.ts';
import type { Given } from './arguments.ts';
import type { AnyLayer, LayerKind } from './checked-spec.ts';
import { type Scope, tensor } from './constants.ts';
import { type Draft, type DraftList, unknownTensor } from './draft.ts';
import type { PathScope } from './layer-paths.ts';
import { type LayerSignature, sameShape, shapeText, sizeOf } from './layers/signature.ts';
import type { Log } from './log.ts';
import type { TensorValue } from './values.ts';

/** Adds the layer that a call makes. @param given the piped value, if any, then the arguments */
export function callLayer<K extends LayerKind>(
  signature: LayerSignature<K>,
  call: CallExpr,
  given: readonly Given[],
  scope: Scope & { readonly paths: PathScope },
  drafts: DraftList,
): TensorValue {
  const { kind } = signature;
  const { span } = call;
  const { log } = scope;
  const [first, ...rest] = given;
  const hasInput = first !== undefined && first.key === undefined;
  if (!hasInput)
    log.report(
      'QS2005',
      span,
      { owner: kind, what: 'an input' },
      { hint: `write x |> ${kind}${call.args.length > 0 ? '(…)' : ''}` },
    );
  const input = hasInput ? tensor(first.value, scope, first.span) : unknownTensor(span);
  const owner = { name: kind, span: call.parentheses ? span : call.callee.span };
  const resolve = signature.bind(owner, hasInput ? rest : given, log);
  const path = scope.paths.claim(kind, call.label, span);
  const from = drafts.layerOf(input);
  const resolved = from && resolve?.(from.shape);
  const tensors = resolved ? [resolved.shape, ...(resolved.parameters ?? [])] : [];
  const countable = tensors.every((shape) => Number.isSafeInteger(sizeOf(shape)));
  if (!countable) log.report('QS3009', span, { what: `a tensor of ${path ?? kind}` });

  const inputs = input.layer === undefined ? [] : [input.layer];
  const bias = !(resolved !== undefined && 'bias' in resolved.options && !resolved.options.bias);
  const draft: Draft = { kind, path: path ?? kind, inputs, bias, layer: undefined, span };
  if (resolved === undefined || !countable || path === undefined) return drafts.push(draft);
  const nonNegative =
    signature.sign === 'non_negative' || (signature.sign === 'as_inputs' && from?.nonNegative === true);
  const layer = { kind, path, inputs, options: resolved.options, shape: resolved.shape, nonNegative, span };
  return drafts.push({ ...draft, layer: layer as unknown as AnyLayer });
}

/** Adds the layer that `left + right` makes. */
export function addLayers(
  left: TensorValue,
  right: TensorValue,
  span: Span,
  paths: PathScope,
  drafts: DraftList,
  log: Log,
): TensorValue {
  const path = paths.claim('add', undefined, span);
  const [a, b] = [drafts.layerOf(left), drafts.layerOf(right)];
  const inputs = [left.layer, right.layer].filter((id) => id !== undefined);
  const draft: Draft = { kind: 'add', path: path ?? 'add', inputs, bias: false, layer: undefined, span };
  if (path === undefined || a === undefined || b === undefined) return drafts.push(draft);
  if (!sameShape(a.shape, b.shape)) {
    const hint = 'a projection such as conv(channels, kernel: 1, stride: …) makes the shapes equal';
    const related = [
      { span: left.span, message: shapeText(a.shape) },
      { span: right.span, message: shapeText(b.shape) },
    ];
    log.report('QS3004', span, { left: shapeText(a.shape), right: shapeText(b.shape) }, { hint, related });
    return drafts.push(draft);
  }
  const nonNegative = a.nonNegative && b.nonNegative;
  return drafts.push({
    ...draft,
    layer: { kind: 'add', path, inputs, options: {}, shape: a.shape, nonNegative, span },
  });
}
