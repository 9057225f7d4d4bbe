import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { f32 } from '../../compiler/ops/operands.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { apply, gradients } from '../support/apply.ts';
import { dot } from '../support/calculus.ts';
import { countWindows, type ImageGeometry, imageGeometry } from '../support/image-geometry.ts';
import { ENGINES, filled } from '../support/op-engines.ts';
import { cases } from '../support/property.ts';

/** Whole numbers between −3 and 3: sums of their products are exact in float32, in any order. */
function whole(seed: number, shape: readonly number[]): NdArray {
  return filled(shape, (i) => (((Math.imul(i + 1, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b)) >>> 9) % 7) - 3);
}

/** The three tensors of a convolution. */
function tensors(geometry: ImageGeometry) {
  const { batch, channels, filters, input, kernel, strides, pads } = geometry;
  const x = whole(1, [batch, channels, ...input]);
  const w = whole(2, [filters, channels, ...kernel]);
  const delta = whole(3, [batch, filters, ...countWindows(geometry)]);
  return { x, w, delta, window: { strides, pads } };
}

/** An element of a tensor, 0 outside it. */
function at({ shape, data }: NdArray, ...index: readonly number[]): number {
  let position = 0;
  for (const [axis, size] of shape.entries()) {
    const i = index[axis] ?? 0;
    if (i < 0 || i >= size) return 0;
    position = position * size + i;
  }
  return data[position] ?? 0;
}

/** Convolution as its definition says, element by element. */
function defined({ x, w, delta, window }: ReturnType<typeof tensors>): NdArray {
  const result = ndarray(delta.shape);
  const [batch = 0, filters = 0, rows = 0, columns = 0] = delta.shape;
  const [, channels = 0, kernelHeight = 0, kernelWidth = 0] = w.shape;
  let position = 0;
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < filters; o++)
      for (let p = 0; p < rows; p++)
        for (let q = 0; q < columns; q++) {
          let sum = 0;
          for (let c = 0; c < channels; c++)
            for (let i = 0; i < kernelHeight; i++)
              for (let j = 0; j < kernelWidth; j++) {
                const y = p * window.strides[0] + i - window.pads[0];
                sum += at(w, o, c, i, j) * at(x, n, c, y, q * window.strides[1] + j - window.pads[1]);
              }
          result.data[position++] = sum;
        }
  return result;
}

describe('convolution', () => {
  test('is the sum over the window', () => {
    fc.assert(
      fc.property(imageGeometry(false), (geometry) => {
        const { x, w, window } = tensors(geometry);
        expect(apply('conv2d', [x, w], window)).toEqual(defined(tensors(geometry)));
      }),
      cases(200),
    );
  });

  test('and its two gradients are adjoint', () => {
    fc.assert(
      fc.property(imageGeometry(false), (geometry) => {
        const { x, w, delta, window } = tensors(geometry);
        const inputGrad = apply('conv2dInputGrad', [delta, w], { ...window, inputSize: geometry.input });
        const weightGrad = apply('conv2dWeightGrad', [x, delta], { ...window, kernel: geometry.kernel });
        const form = dot(delta, apply('conv2d', [x, w], window));
        expect(dot(inputGrad, x)).toBe(form);
        expect(dot(weightGrad, w)).toBe(form);
        expect(gradients('conv2d', [x, w], window, delta)).toEqual([inputGrad, weightGrad]);
      }),
      cases(200),
    );
  });

  test.each(ENGINES)('and its gradients are exact on whole numbers in %s', async (_, run) => {
    await fc.assert(
      fc.asyncProperty(imageGeometry(false), async (geometry) => {
        const { x, w, delta, window } = tensors(geometry);
        const inputGrad = { ...window, inputSize: geometry.input };
        const weightGrad = { ...window, kernel: geometry.kernel };
        expect(await run('conv2d', [x, w], window)).toEqual(apply('conv2d', [x, w], window));
        expect(await run('conv2dInputGrad', [delta, w], inputGrad)).toEqual(
          apply('conv2dInputGrad', [delta, w], inputGrad),
        );
        expect(await run('conv2dWeightGrad', [x, delta], weightGrad)).toEqual(
          apply('conv2dWeightGrad', [x, delta], weightGrad),
        );
      }),
      cases(60),
    );
  });

  test('counts one multiplication for each element of the window, channel and place, in each product', () => {
    const x = f32([2, 3, 8, 8]);
    const w = f32([5, 3, 3, 3]);
    const delta = f32([2, 5, 4, 4]);
    const window = { strides: [2, 2], pads: [1, 1, 0, 0] } as const;
    const macs = 2 * 5 * 4 * 4 * 3 * 3 * 3;
    const { conv2d, conv2dInputGrad, conv2dWeightGrad } = REGISTRY;
    expect(conv2d.macs([x, w], window, delta)).toBe(macs);
    expect(conv2dInputGrad.macs([delta, w], { ...window, inputSize: [8, 8] }, x)).toBe(macs);
    expect(conv2dWeightGrad.macs([x, delta], { ...window, kernel: [3, 3] }, w)).toBe(macs);
  });

  test('refuses operands that do not fit', () => {
    const window = { strides: [1, 1], pads: [0, 0, 0, 0] } as const;
    const { conv2d, conv2dInputGrad, conv2dWeightGrad } = REGISTRY;
    expect(() => conv2d.type([f32([1, 2, 4, 4]), f32([1, 3, 3, 3])], window)).toThrow('channels: 2 and 3');
    expect(() => conv2d.type([f32([1, 2, 2, 4]), f32([1, 2, 3, 3])], window)).toThrow('does not fit');
    expect(() =>
      conv2dInputGrad.type([f32([1, 1, 3, 3]), f32([1, 1, 3, 3])], { ...window, inputSize: [4, 4] }),
    ).toThrow('windows: 3,3 and 2,2');
    expect(() =>
      conv2dWeightGrad.type([f32([1, 1, 4, 4]), f32([2, 1, 2, 2])], { ...window, kernel: [3, 3] }),
    ).toThrow('batch: 1 and 2');
  });
});
