import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NdArray } from '../../compiler/ir/ndarray.ts';
import type { PoolWindow } from '../../compiler/ir/op-attributes.ts';
import { f32 } from '../../compiler/ops/operands.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { apply, gradients } from '../support/apply.ts';
import { dot } from '../support/calculus.ts';
import { countWindows, type ImageGeometry, imageGeometry } from '../support/image-geometry.ts';
import { ENGINES, filled } from '../support/op-engines.ts';
import { cases } from '../support/property.ts';

/** Whole numbers from 0 to 2, so that most windows have several winners; negated, so that padding with 0 would win. */
function tied(shape: readonly number[]): NdArray {
  return filled(shape, (i) => -(((Math.imul(i + 1, 0x9e3779b1) >>> 9) % 3) + 1));
}

function tensors(geometry: ImageGeometry) {
  const { batch, channels, input, kernel, strides, pads } = geometry;
  const x = tied([batch, channels, ...input]);
  const u = filled(x.shape, (i) => i + 1);
  const delta = filled([batch, channels, ...countWindows(geometry)], (i) => 2 ** (i % 20) + 1);
  const window: PoolWindow = { strides, pads, kernel };
  return { x, u, delta, window, inputSize: input };
}

/** Positions in x of every window's elements, row-major, padding left out. */
function windowsOf({ batch, channels, input, kernel, strides, pads }: ImageGeometry): number[][] {
  const windows: number[][] = [];
  for (let plane = 0; plane < batch * channels; plane++)
    for (let y = -pads[0]; y + kernel[0] <= input[0] + pads[2]; y += strides[0])
      for (let x = -pads[1]; x + kernel[1] <= input[1] + pads[3]; x += strides[1]) {
        const elements: number[] = [];
        for (let i = y; i < y + kernel[0]; i++)
          for (let j = x; j < x + kernel[1]; j++)
            if (i >= 0 && i < input[0] && j >= 0 && j < input[1])
              elements.push((plane * input[0] + i) * input[1] + j);
        windows.push(elements);
      }
  return windows;
}

/** Position of the first largest of the given elements. */
function firstWinner(x: NdArray, elements: readonly number[]): number {
  const largest = Math.max(...elements.map((e) => x.data[e] ?? 0));
  return elements.find((e) => x.data[e] === largest) ?? -1;
}

describe('pooling', () => {
  test('sums every window, and its gradient spreads δ over it', () => {
    fc.assert(
      fc.property(imageGeometry(true), (geometry) => {
        const { x, delta, window, inputSize } = tensors(geometry);
        const windows = windowsOf(geometry);
        const sums = windows.map((elements) => elements.reduce((sum, e) => sum + (x.data[e] ?? 0), 0));
        expect([...apply('sumPool', [x], window).data]).toEqual(sums);
        const spread = new Array<number>(x.data.length).fill(0);
        windows.forEach((elements, w) => {
          for (const e of elements) spread[e] = (spread[e] ?? 0) + (delta.data[w] ?? 0);
        });
        expect([...apply('sumPoolGrad', [delta], { ...window, inputSize }).data]).toEqual(spread);
        expect(gradients('sumPool', [x], window, delta)[0]?.data).toEqual(Float64Array.from(spread));
      }),
      cases(200),
    );
  });

  test('takes the maximum of every window, and routes δ to its first winner', () => {
    fc.assert(
      fc.property(imageGeometry(true), (geometry) => {
        const { x, u, delta, window } = tensors(geometry);
        const winners = windowsOf(geometry).map((elements) => firstWinner(x, elements));
        expect([...apply('maxPool', [x], window).data]).toEqual(winners.map((e) => x.data[e]));
        expect([...apply('maxPoolPick', [x, u], window).data]).toEqual(winners.map((e) => u.data[e]));
        const routed = new Array<number>(x.data.length).fill(0);
        winners.forEach((e, w) => {
          routed[e] = (routed[e] ?? 0) + (delta.data[w] ?? 0);
        });
        const [gradient] = gradients('maxPool', [x], window, delta);
        expect([...(gradient?.data ?? [])]).toEqual(routed);
        expect(gradient).toEqual(apply('maxPoolRoute', [x, delta], window));
      }),
      cases(200),
    );
  });

  test('of maxima: routing and picking are adjoint', () => {
    fc.assert(
      fc.property(imageGeometry(true), (geometry) => {
        const { x, u, delta, window } = tensors(geometry);
        const picked = apply('maxPoolPick', [x, u], window);
        expect(dot(apply('maxPoolRoute', [x, delta], window), u)).toBe(dot(delta, picked));
        expect(gradients('maxPoolRoute', [x, delta], window, u)[1]).toEqual(picked);
      }),
      cases(50),
    );
  });

  test.each(ENGINES)('is exact in %s, ties and padding included', async (_, run) => {
    await fc.assert(
      fc.asyncProperty(imageGeometry(true), async (geometry) => {
        const { x, u, delta, window, inputSize } = tensors(geometry);
        const grad = { ...window, inputSize };
        expect(await run('maxPool', [x], window)).toEqual(apply('maxPool', [x], window));
        expect(await run('maxPoolRoute', [x, delta], window)).toEqual(
          apply('maxPoolRoute', [x, delta], window),
        );
        expect(await run('maxPoolPick', [x, u], window)).toEqual(apply('maxPoolPick', [x, u], window));
        expect(await run('sumPoolGrad', [delta], grad)).toEqual(apply('sumPoolGrad', [delta], grad));
        const sums = apply('sumPool', [x], window);
        // A sum is an average times its count in ONNX, which rounds twice.
        (await run('sumPool', [x], window)).data.forEach((sum, i) => {
          expect(Math.abs(sum - (sums.data[i] ?? 0))).toBeLessThanOrEqual(2 ** -23 * Math.abs(sum));
        });
      }),
      cases(60),
    );
  });

  test('refuses windows of padding alone and operands that do not fit', () => {
    const window: PoolWindow = { strides: [2, 2], pads: [0, 0, 0, 0], kernel: [2, 2] };
    const x = f32([1, 1, 4, 4]);
    expect(() => REGISTRY.maxPool.type([x], { ...window, pads: [2, 0, 0, 0] })).toThrow(
      'not smaller than the kernel',
    );
    expect(() => REGISTRY.maxPool.type([f32([1, 1, 1, 4])], window)).toThrow('does not fit');
    expect(() => REGISTRY.maxPoolRoute.type([x, f32([1, 1, 3, 2])], window)).toThrow(
      '[1,1,3,2], not [1,1,2,2]',
    );
    expect(() => REGISTRY.maxPoolPick.type([x, f32([1, 1, 4, 3])], window)).toThrow(
      '[1,1,4,3], not [1,1,4,4]',
    );
    expect(() => REGISTRY.sumPoolGrad.type([f32([1, 1, 2, 1])], { ...window, inputSize: [4, 4] })).toThrow(
      '[1,1,2,1], not [1,1,2,2]',
    );
  });
});
