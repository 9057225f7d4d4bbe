import { type Geometry, geometryOfInputGrad } from '../../../ops/convolution/geometry.ts';
import { onnxFlipped } from '../../../ops/convolution/onnx.ts';
import { scaledWeights, wide } from './convolution.ts';
import type { Lowering, LoweringRule } from './lowering.ts';

/** The taps of a kernel that reach one phase of the input, those positions y with `y mod stride = phase`, and where they lie on δ. */
interface Phase {
  /** First tap, and how many there are, a stride apart. */
  readonly first: number;
  readonly taps: number;
  /** Pads of the convolution of δ with the taps turned around; it gives `count` positions. */
  readonly before: number;
  readonly after: number;
  readonly count: number;
}

/** With `y = s·p + a` and tap `i = i₀ + s·t`, the adjoint is `dx[y] = Σₜ w[i₀ + s·t]·δ[p + c − t]` where `i₀ = (a + pad) mod s` and `c = (a + pad − i₀)/s`. */
function phasesOf(axis: 0 | 1, { input, kernel, output, window }: Geometry): readonly Phase[] {
  const [stride, pad] = [window.strides[axis], window.pads[axis]];
  return Array.from({ length: stride }, (_, phase) => {
    const first = (phase + pad) % stride;
    const taps = Math.max(0, Math.ceil((kernel[axis] - first) / stride));
    const offset = (phase + pad - first) / stride;
    const count = Math.ceil((input[axis] - phase) / stride);
    return { first, taps, before: taps - 1 - offset, after: count + offset - output[axis], count };
  });
}

/** The gradient of a convolution with strides: each phase of the input is a convolution of δ with some of the taps, and the phases are interleaved. */
export const stridedInputGrad: LoweringRule<'conv2dInputGrad'> = (lowering, node, value) => {
  const [delta, w] = node.operands;
  if (delta === undefined || w === undefined || !lowering.uses('stridedPhases')) return false;
  const { values } = lowering;
  const geometry = geometryOfInputGrad(values.typeOf(delta), values.typeOf(w), node.attributes);
  const { batch, channels, filters, input, kernel, output, window } = geometry;
  const [down, across] = [phasesOf(0, geometry), phasesOf(1, geometry)];
  const fits = [...down, ...across].every((p) => p.taps === 0 || (p.before >= 0 && p.after >= 0));
  const even = input.every((size, axis) => size % (window.strides[axis] ?? 1) === 0);
  if (window.strides.every((s) => s === 1) || !fits || !even) return false;
  const { image, weights } = scaledWeights(lowering, delta, values.plain(w));
  const flipped = onnxFlipped(lowering, weights, kernel);
  const [rows, columns] = [down[0]?.count ?? 0, across[0]?.count ?? 0];
  const part = (y: Phase, x: Phase): string => {
    if (y.taps === 0 || x.taps === 0) return zeros(lowering, [channels * rows * columns, batch]);
    const taps = lowering.op('Slice', [
      flipped,
      ...[
        [lastTap(kernel[0], y, window.strides[0]), lastTap(kernel[1], x, window.strides[1])],
        [kernel[0], kernel[1]],
        [2, 3],
        window.strides,
      ].map((list) => lowering.constant('int64', list)),
    ]);
    const pads = [y.before, x.before, y.after, x.after];
    const phaseKernel = { name: taps, shape: [channels, filters, y.taps, x.taps] } as const;
    const phase = wide(lowering, image, [filters, ...output, batch], phaseKernel, pads);
    return lowering.reshape(phase, [channels * rows * columns, batch]);
  };
  const interleaved = down.map((y) => {
    const parts = across.map((x) => part(y, x));
    const row = parts.length === 1 ? (parts[0] ?? '') : lowering.op('Concat', parts, { axis: 1 });
    return lowering.reshape(row, [channels * rows, input[1] * batch]);
  });
  const [only = ''] = interleaved;
  const whole = interleaved.length === 1 ? only : lowering.op('Concat', interleaved, { axis: 1 });
  values.setInner(value, lowering.reshape(whole, [channels, ...input, batch]));
  return true;
};

/** Where the last tap of a phase, which is the first in the flipped kernel, lies there. */
function lastTap(kernel: number, { first, taps }: Phase, stride: number): number {
  return kernel - 1 - (first + stride * (taps - 1));
}

function zeros(lowering: Lowering, shape: readonly number[]): string {
  return lowering.once(`zeros ${shape}`, () =>
    lowering.op('Expand', [lowering.constant('float', 0), lowering.constant('int64', shape)]),
  );
}
