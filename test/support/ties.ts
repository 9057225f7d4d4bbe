import type { Graph } from '../../compiler/ir/graph.ts';
import type { FloatElement, IntElement } from '../../compiler/numeric/format.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { floatStep, saturationGrid } from '../../compiler/numeric/round.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import type { HostTensor, Tensors } from '../../runtime/engines/engine.ts';

/** Grids of every kind. */
export const ELEMENTS: readonly (IntElement | FloatElement)[] = [
  { kind: 'int', bits: 2, signed: true, narrow: true },
  { kind: 'int', bits: 4, signed: false, narrow: false },
  { kind: 'int', bits: 8, signed: true, narrow: false },
  { kind: 'int', bits: 12, signed: true, narrow: true },
  { kind: 'int', bits: 16, signed: true, narrow: true },
  { kind: 'float', exponent: 3, mantissa: 0, specials: 'none' },
  { kind: 'float', exponent: 2, mantissa: 1, specials: 'none' },
  { kind: 'float', exponent: 4, mantissa: 3, specials: 'fn' },
  { kind: 'float', exponent: 5, mantissa: 2, specials: 'ieee_saturating' },
  { kind: 'float', exponent: 5, mantissa: 10, specials: 'ieee' },
  { kind: 'float', exponent: 8, mantissa: 7, specials: 'ieee' },
];

const SEED = 3;
const COUNT = 4000;

/**
 * Quantizers, masks and power-of-two scales on numbers that float32 cannot tell from a tie: midpoints of the grid times the scale,
 * and their neighbours. Noise brings the sums of stochastic rounding next to whole numbers.
 */
export function nearTies(): { readonly graph: Graph; readonly inputs: Tensors } {
  const builder = newBuilder();
  const inputs = new Map<string, HostTensor>();
  const input = (name: string, shape: readonly number[], data: ArrayLike<number>) => {
    inputs.set(name, { dtype: 'f32', shape, data: Float32Array.from(data) });
    return builder.input(name, 'batch', { dtype: 'f32', shape });
  };
  const outputs = ELEMENTS.flatMap((element, e) => {
    const scale = Math.fround(0.5 + (uniforms(SEED, 'scale', e, 1)[0] ?? 0));
    const draws = uniforms(SEED, 'draws', e, 3 * COUNT);
    const { unit, max } = saturationGrid(element);
    const points = Array.from({ length: COUNT }, (_, i) => {
      // Every fourth stands half a step beyond the end of the grid, where the mask changes.
      if (i % 4 === 0) return neighbour((max + 0.5) * unit * scale, (i >> 2) % 3);
      const sizes = element.kind === 'int' ? max * (draws[i] ?? 0) : max * unit * 2 ** (-8 * (draws[i] ?? 0));
      const step = element.kind === 'int' ? 1 : floatStep(sizes, element);
      return neighbour((Math.floor(sizes / step) + 0.5) * step * scale, i % 3);
    });
    const noise = points.map((x, i) => {
      const v = x / scale;
      const fraction = v / (element.kind === 'int' ? 1 : floatStep(v, element));
      const rest = Math.ceil(fraction) - fraction + ((i % 3) - 1) * 2 ** -24;
      return Math.min(Math.max(Math.round(rest * 2 ** 24), 0), 2 ** 24 - 1) * 2 ** -24;
    });
    // One largest magnitude a row: next to gridMax times a power of two.
    const largest = Array.from({ length: COUNT }, (_, i) => neighbour(max * unit * 2 ** -(i % 8), i % 3));
    const x = input(`x${e}`, [COUNT], points);
    const s = input(`scale${e}`, [], [scale]);
    const n = input(`noise${e}`, [COUNT], noise);
    const rows = input(`rows${e}`, [COUNT, 1], largest);
    return [
      builder.op('quantize', [x, s], { element }),
      builder.op('quantizeStochastic', [x, s, n], { element }),
      builder.op('quantizeMask', [x, s], { element }),
      builder.op('quantScale', [rows], { element, axes: [1], kind: 'power_of_two' }),
    ];
  });
  return {
    graph: builder.build(
      'ties',
      outputs.map((value, i) => ({ name: `y${i}`, value })),
    ),
    inputs,
  };
}

/** A float32 at or next to x: 0 below, 1 at, 2 above. */
function neighbour(x: number, which: number): number {
  const at = new Float32Array([x]);
  const bits = new Int32Array(at.buffer);
  bits[0] = (bits[0] ?? 0) + which - 1;
  return at[0] ?? 0;
}
