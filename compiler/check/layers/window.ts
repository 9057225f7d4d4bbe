import { MISMATCH, type Owner, optional, type ParameterType, required } from '../arguments.ts';
import type { Log } from '../log.ts';
import { either, listOf, mapped, pair, whole, word } from '../parameter-types.ts';
import { asImage, type LayerSignature, type Shape, type Sign, signature } from './signature.ts';

export type Pair = readonly [number, number];
/** Top, left, bottom, right. */
export type Pads = readonly [number, number, number, number];

/** `same` waits for the input's size. */
export type Padding = Pads | 'same';

export const NO_PADDING: Padding = [0, 0, 0, 0];

const side = whole(0);

const EXPLICIT_PADDING: ParameterType<Padding> = mapped(
  either(side, listOf(side)),
  'a whole number, [vertical, horizontal] or [top, left, bottom, right]',
  (value) => {
    const [top, left, bottom, right] =
      typeof value === 'number'
        ? [value, value, value, value]
        : value.length === 2
          ? [...value, ...value]
          : value;
    if (typeof value !== 'number' && value.length !== 2 && value.length !== 4) return MISMATCH;
    if (top === undefined || left === undefined || bottom === undefined || right === undefined)
      return MISMATCH;
    return [top, left, bottom, right] as const;
  },
);

export const PADDING: ParameterType<Padding> = either(EXPLICIT_PADDING, word(['same']));

export interface WindowOptions {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pads: Pads;
}

/**
 * Output height and width of a window that slides over an image: `⌊(size + pads − kernel) / stride⌋ + 1`. Pads of `same` are
 * those of ONNX `SAME_UPPER`: the output has `⌈size / stride⌉` places and an odd pixel of padding comes last.
 * A pad must be smaller than the kernel, so that no window sees padding alone.
 */
export function slide(
  kernel: Pair,
  strides: Pair,
  padding: Padding,
  [height, width]: Pair,
  owner: Owner,
  log: Log,
): { readonly options: WindowOptions; readonly size: Pair } | undefined {
  const vertical =
    padding === 'same' ? samePads(height, kernel[0], strides[0]) : ([padding[0], padding[2]] as const);
  const horizontal =
    padding === 'same' ? samePads(width, kernel[1], strides[1]) : ([padding[1], padding[3]] as const);
  const tooWide =
    Math.max(...vertical) >= kernel[0]
      ? [...vertical, kernel[0]]
      : Math.max(...horizontal) >= kernel[1]
        ? [...horizontal, kernel[1]]
        : undefined;
  if (tooWide !== undefined) {
    const [before = 0, after = 0, size = 0] = tooWide;
    return log.report('QS3002', owner.span, {
      name: `'pad' of ${owner.name}`,
      expected: `smaller than the kernel, ${size}`,
      found: String(Math.max(before, after)),
    });
  }
  const padded: Pair = [height + vertical[0] + vertical[1], width + horizontal[0] + horizontal[1]];
  if (padded[0] < kernel[0] || padded[1] < kernel[1]) {
    const hint = 'use a smaller kernel, padding, or less pooling before it';
    return log.report(
      'QS3005',
      owner.span,
      { layer: owner.name, kernel: `${kernel[0]}×${kernel[1]}`, input: `${padded[0]}×${padded[1]}` },
      { hint },
    );
  }
  const pads: Pads = [vertical[0], horizontal[0], vertical[1], horizontal[1]];
  const size: Pair = [
    Math.floor((padded[0] - kernel[0]) / strides[0]) + 1,
    Math.floor((padded[1] - kernel[1]) / strides[1]) + 1,
  ];
  return { options: { kernel, strides, pads }, size };
}

function samePads(size: number, kernel: number, stride: number): Pair {
  const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

/** Pooling over windows; the stride is the kernel unless given. Average pooling has no padding, whose share in a mean is a matter of taste. */
export function pooling<K extends 'maxpool' | 'avgpool'>(kind: K): LayerSignature<K> {
  const sign: Sign = 'as_inputs';
  const parameters = { kernel: required(pair(1)), stride: optional<Pair | undefined>(pair(1), undefined) };
  const resolve = (
    kernel: Pair,
    stride: Pair | undefined,
    pad: Padding,
    context: { input: Shape; owner: Owner; log: Log },
  ) => {
    const image = asImage(context);
    const slid =
      image && slide(kernel, stride ?? kernel, pad, [image[1], image[2]], context.owner, context.log);
    return image && slid && { options: slid.options, shape: [image[0], ...slid.size] };
  };
  if (kind === 'avgpool') {
    return signature(kind, {
      sign,
      parameters,
      resolve: ({ args, ...context }) => resolve(args.kernel, args.stride, NO_PADDING, context),
    });
  }
  return signature(kind, {
    sign,
    parameters: { ...parameters, pad: optional(PADDING, NO_PADDING) },
    resolve: ({ args, ...context }) => resolve(args.kernel, args.stride, args.pad, context),
  });
}
