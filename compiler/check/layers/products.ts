import { optional, required } from '../arguments.ts';
import { FLAG, pair, whole } from '../parameter-types.ts';
import { asImage, shapeText, signature, sizeOf } from './signature.ts';
import { NO_PADDING, PADDING, type Pair, slide } from './window.ts';

/** `[C, H, W] → [filters, H′, W′]` with weights `[filters, C, kH, kW]` and a bias a filter. */
export const CONV = signature('conv', {
  sign: 'any',
  parameters: {
    filters: required(whole(1)),
    kernel: required(pair(1)),
    stride: optional<Pair>(pair(1), [1, 1]),
    pad: optional(PADDING, NO_PADDING),
    bias: optional(FLAG, true),
  },
  resolve: ({ args, ...context }) => {
    const image = asImage(context);
    const slid =
      image && slide(args.kernel, args.stride, args.pad, [image[1], image[2]], context.owner, context.log);
    if (image === undefined || slid === undefined) return undefined;
    return {
      options: { filters: args.filters, ...slid.options, bias: args.bias },
      shape: [args.filters, ...slid.size],
      parameters: [[args.filters, image[0], ...args.kernel]],
    };
  },
});

/** `[features] → [units]` with weights `[units, features]` and a bias a unit. */
export const DENSE = signature('dense', {
  sign: 'any',
  parameters: { units: required(whole(1)), bias: optional(FLAG, true) },
  resolve: ({ args, input, owner, log }) => {
    const [features] = input;
    if (input.length !== 1 || features === undefined) {
      const hint = `put '|> flatten' before it: that makes f32[${sizeOf(input)}]`;
      const fixes = [
        {
          title: 'flatten first',
          span: { start: owner.span.start, end: owner.span.start },
          replacement: 'flatten |> ',
        },
      ];
      return log.report(
        'QS3001',
        owner.span,
        { layer: owner.name, expected: 'a flat input [features]', found: shapeText(input) },
        { hint, fixes },
      );
    }
    return {
      options: { units: args.units, bias: args.bias },
      shape: [args.units],
      parameters: [[args.units, features]],
    };
  },
});
