import type { Window } from '../ir/op-attributes.ts';

/** A convolution as a linear map from `[C, H, W]` to `[O, P, Q]`; padding is zero, as in the op `conv2d`. */
export interface Convolution {
  /** `[O, C, kH, kW]`, row-major. */
  readonly kernel: ArrayLike<number>;
  readonly shape: readonly [filters: number, channels: number, kernelHeight: number, kernelWidth: number];
  readonly window: Window;
  readonly inputSize: readonly [height: number, width: number];
}

/** One spatial axis of a convolution: output p reads the inputs `stride·p + t − padBefore` for taps t = 0 … kernel − 1. */
export interface Axis {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padBefore: number;
  readonly output: number;
}

/** Throws where no window fits. */
export function axesOf({ shape, window, inputSize }: Convolution): [vertical: Axis, horizontal: Axis] {
  const [, , kernelHeight, kernelWidth] = shape;
  const [top, left, bottom, right] = window.pads;
  const axis = (input: number, kernel: number, stride: number, before: number, after: number): Axis => {
    const output = Math.floor((input + before + after - kernel) / stride) + 1;
    if (output < 1) throw new Error(`a kernel of ${kernel} does not fit into ${input} and its padding`);
    return { input, kernel, stride, padBefore: before, output };
  };
  return [
    axis(inputSize[0], kernelHeight, window.strides[0], top, bottom),
    axis(inputSize[1], kernelWidth, window.strides[1], left, right),
  ];
}

/** Sets of taps, none inside another, such that the taps of each output that meet the input (not the padding) lie in one of them. */
export function tapsOfOutputs({ input, kernel, stride, padBefore, output }: Axis): number[][] {
  return maximal(output, (p) =>
    taps(kernel, (t) => stride * p + t >= padBefore && stride * p + t < padBefore + input),
  );
}

/** The same for the taps through which each input reaches some output. */
export function tapsOfInputs({ input, kernel, stride, padBefore, output }: Axis): number[][] {
  return maximal(input, (i) =>
    taps(kernel, (t) => {
      const from = i + padBefore - t;
      return from >= 0 && from % stride === 0 && from / stride < output;
    }),
  );
}

function taps(kernel: number, holds: (tap: number) => boolean): number[] {
  return Array.from({ length: kernel }, (_, t) => t).filter(holds);
}

function maximal(count: number, setOf: (position: number) => number[]): number[][] {
  const sets = new Map<string, number[]>();
  for (let position = 0; position < count; position++) {
    const set = setOf(position);
    sets.set(set.join(), set);
  }
  const all = [...sets.values()];
  return all.filter(
    (set) => !all.some((other) => other.length > set.length && set.every((tap) => other.includes(tap))),
  );
}

/** Taps that a stride leaves to one phase of the input: the taps of the unstrided convolution over the phases. */
export function phaseTaps({ kernel, stride }: Axis): number {
  return Math.floor((kernel - 1) / stride) + 1;
}

/**
 * Points of a circular convolution of which the zero-padded one over the phases is a part: outputs p < output read the points
 * p … p + taps − 1, which are distinct modulo `output + taps − 1`. (With stride 1 and same padding that is `input + kernel − 1`.)
 */
export function circularSize(axis: Axis): number {
  const count = phaseTaps(axis);
  return count === 1 ? 1 : axis.output + count - 1;
}
