import type { Bound } from '../numeric/bound.ts';
import { axesOf, type Convolution, tapsOfInputs, tapsOfOutputs } from './convolution-axis.ts';
import { circularNorm, circularWork } from './convolution-circular.ts';
import { type Phases, phasesOf } from './convolution-phases.ts';
import { matrix, onUnit } from './matrix.ts';
import { mulUp, sqrtUp, sumUp } from './outward.ts';
import { type SpectralOptions, spectralNormUp } from './spectral.ts';

/** Multiplications above which {@link convolutionNorm2} is content with the unfolded kernel. */
const WORK = 1e9;

/**
 * A certified upper bound of the operator 2-norm of a strided, zero-padded convolution; that of its adjoint too. The smallest of
 *
 * - the norm of a circular convolution of which it is a part: the largest 2-norm of the kernel's transform over all frequencies (Sedghi
 *   et al., "The singular values of convolutional layers", ICLR 2019), stride s turned into s² phases of the input, a permutation of it;
 *   left out where it takes more than 10⁹ multiplications;
 * - `√m·‖R‖₂`, R the kernel as a matrix whose rows are filters, m the number of windows that one input lies in (Tsuzuku et al.,
 *   "Lipschitz-margin training", NeurIPS 2018), and the same with the roles of inputs and outputs exchanged;
 * - `√(‖A‖₁·‖A‖_∞)`.
 */
export function convolutionNorm2(convolution: Convolution, options: SpectralOptions = {}): Bound {
  return onUnit(convolution.kernel, (kernel) => {
    const unit = { ...convolution, kernel };
    const phases = phasesOf(unit);
    const interpolated = sqrtUp(mulUp(largestReading(unit), largestWriting(unit)));
    const bound = Math.min(unfoldedNorm(phases, options), interpolated);
    return circularWork(phases) > WORK ? bound : Math.min(bound, circularNorm(phases, options));
  });
}

/** `‖A‖_∞`, rounded up: the largest sum of the absolute weights of one output. Exact for small images too, whose windows lie partly in the padding. */
export function convolutionNormInf(convolution: Convolution): Bound {
  return onUnit(convolution.kernel, (kernel) => largestReading({ ...convolution, kernel }));
}

/** `‖A‖₁`, rounded up: the largest sum of the absolute weights with which one input enters. */
export function convolutionNorm1(convolution: Convolution): Bound {
  return onUnit(convolution.kernel, (kernel) => largestWriting({ ...convolution, kernel }));
}

function largestReading(convolution: Convolution): number {
  const [vertical, horizontal] = axesOf(convolution);
  return largestSum(convolution, 0, tapsOfOutputs(vertical), tapsOfOutputs(horizontal));
}

function largestWriting(convolution: Convolution): number {
  const [vertical, horizontal] = axesOf(convolution);
  return largestSum(convolution, 1, tapsOfInputs(vertical), tapsOfInputs(horizontal));
}

/** The largest sum, over the maps of the kernel's axis `kept`, of the absolute weights at taps of one set by another. */
function largestSum(
  { kernel, shape }: Convolution,
  kept: 0 | 1,
  rowSets: readonly number[][],
  columnSets: readonly number[][],
): number {
  const [, channels, height, width] = shape;
  const plane = height * width;
  let largest = 0;
  for (const rows of rowSets) {
    for (const columns of columnSets) {
      const sums = new Float64Array(shape[kept]);
      for (let map = 0; map * plane < kernel.length; map++) {
        const to = kept === 0 ? Math.floor(map / channels) : map % channels;
        for (const i of rows) {
          for (const j of columns) {
            sums[to] = (sums[to] ?? 0) + Math.abs(kernel[map * plane + i * width + j] ?? 0);
          }
        }
      }
      for (const sum of sums) largest = Math.max(largest, sum);
    }
  }
  return sumUp(largest, kernel.length / shape[kept]);
}

/** The second bound of {@link convolutionNorm2}, for both unfoldings. */
function unfoldedNorm(
  { kernel, filters, channels, taps, outputs }: Phases,
  options: SpectralOptions,
): number {
  const count = taps[0] * taps[1];
  const windows = Math.min(taps[0], outputs[0]) * Math.min(taps[1], outputs[1]);
  const byChannel = new Float64Array(kernel.length);
  for (let filter = 0; filter < filters; filter++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = (filter * channels + channel) * count;
      byChannel.set(kernel.subarray(from, from + count), (channel * filters + filter) * count);
    }
  }
  // One input lies in at most `windows` windows, and one output reads at most `count` points.
  return Math.min(
    mulUp(sqrtUp(windows), spectralNormUp(matrix(filters, channels * count, kernel), options)),
    mulUp(sqrtUp(count), spectralNormUp(matrix(channels, filters * count, byChannel), options)),
  );
}
