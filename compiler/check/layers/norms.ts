import { optional, required } from '../arguments.ts';
import { listOf, POSITIVE, real } from '../parameter-types.ts';
import { shapeText, signature } from './signature.ts';

/** Batch normalization over batch and space, one scale and shift a channel (Ioffe & Szegedy 2015). */
export const BATCHNORM = signature('batchnorm', {
  sign: 'any',
  parameters: {
    /** The share of the running statistics that stays at each step. */
    momentum: optional(real({ min: 0, max: 1, openMax: true }), 0.9),
    eps: optional(POSITIVE, 1e-5),
  },
  resolve: ({ args, input }) => ({
    options: { momentum: args.momentum, epsilon: args.eps },
    shape: input,
    parameters: [[input[0] ?? 1]],
  }),
});

/** `(x − mean) / std` with given constants, one a channel or one for all. */
export const NORMALIZE = signature('normalize', {
  sign: 'any',
  parameters: { mean: required(listOf(real())), std: required(listOf(POSITIVE)) },
  resolve: ({ args, input, owner, log }) => {
    const channels = input[0] ?? 1;
    const spread = (values: readonly number[]): readonly number[] | undefined =>
      values.length === channels
        ? values
        : values.length === 1
          ? Array.from({ length: channels }, () => values[0] ?? 0)
          : undefined;
    const [mean, std] = [spread(args.mean), spread(args.std)];
    if (mean !== undefined && std !== undefined) return { options: { mean, std }, shape: input };
    const expected = `an input of ${(mean === undefined ? args.mean : args.std).length} channels`;
    const hint = `give ${channels} values for each of mean and std, or one for all channels`;
    return log.report(
      'QS3001',
      owner.span,
      { layer: owner.name, expected, found: shapeText(input) },
      { hint },
    );
  },
});
