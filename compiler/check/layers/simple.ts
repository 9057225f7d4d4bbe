import { asImage, signature, sizeOf } from './signature.ts';

/** Parameter of the model; made from the declaration, not called. */
export const INPUT = signature('input', {
  callable: false,
  sign: 'any',
  parameters: {},
  resolve: ({ input }) => ({ options: { low: undefined, high: undefined }, shape: input }),
});

export const RELU = signature('relu', {
  sign: 'non_negative',
  parameters: {},
  resolve: ({ input }) => ({ options: {}, shape: input }),
});

/** Sum of two tensors of one shape, written `+`. */
export const ADD = signature('add', {
  callable: false,
  sign: 'as_inputs',
  parameters: {},
  resolve: ({ input }) => ({ options: {}, shape: input }),
});

/** `[C, H, W] → [C]`, the mean over space. */
export const GLOBALAVGPOOL = signature('globalavgpool', {
  sign: 'as_inputs',
  parameters: {},
  resolve: (context) => {
    const image = asImage(context);
    return image && { options: {}, shape: [image[0]] };
  },
});

/** Any shape to `[features]`, row-major. */
export const FLATTEN = signature('flatten', {
  sign: 'as_inputs',
  parameters: {},
  resolve: ({ input }) => ({ options: {}, shape: [sizeOf(input)] }),
});
