import {
  codeRange,
  type FloatElement,
  type Format,
  gridMax,
  type IntElement,
  maxFinite,
  type Rounding,
} from '../../numeric/format.ts';
import { floatStep, quantizeValue, scaleOf } from '../../numeric/round.ts';
import { broadcastStrides, groupPositions, positions } from '../../ops/strided.ts';
import type { NearestModel, ProbeTensor } from './contract.ts';

/** What rounding adds to every element: a variance, and a mean where it saturates. */
export interface RoundingNoise {
  readonly variance: Float32Array;
  /** Absent where nothing saturates. */
  readonly mean?: Float32Array;
}

/** Positions of a scale that all elements share: out of range reads the first. */
const ONE_SCALE = new Int32Array(0);

/** Relative distance from a code below which a float32 value counts as on the grid: x / scale itself is off by two ulps. */
const ON_GRID = 2 ** -21;

/**
 * Variance and mean of the rounding of each element of x. Stochastic: `step²·f(1−f)`, f the fraction between two codes (Croci et
 * al. 2022, a theorem). Nearest: see {@link NearestModel}. A value on the grid costs nothing; one outside moves to the grid's end.
 */
export function roundingNoise(
  x: ProbeTensor,
  scale: ProbeTensor,
  element: IntElement | FloatElement,
  rounding: Rounding,
  nearest: NearestModel,
): RoundingNoise {
  const at = scale.data.length === 1 ? ONE_SCALE : positions(x.shape, broadcastStrides(scale.shape, x.shape));
  const variance = new Float32Array(x.data.length);
  let mean: Float32Array | undefined;
  const range = element.kind === 'int' ? codeRange(element) : undefined;
  const [low, high] = range
    ? [range.min, range.max]
    : [-maxFinite(element as FloatElement), maxFinite(element as FloatElement)];
  for (let i = 0; i < variance.length; i++) {
    const s = scale.data[at[i] ?? 0] ?? 1;
    const value = x.data[i] ?? 0;
    const v = value / s;
    if (v <= low || v >= high) {
      const shift = (v < low ? low - v : v > high ? high - v : 0) * s;
      if (Math.abs(shift) <= ON_GRID * Math.abs(value)) continue;
      mean ??= new Float32Array(variance.length);
      mean[i] = shift;
      continue;
    }
    const step = element.kind === 'int' ? 1 : floatStep(v, element);
    const code = v / step;
    const fraction = code - Math.floor(code);
    if (Math.min(fraction, 1 - fraction) <= ON_GRID * Math.abs(code)) continue;
    if (rounding === 'stochastic') variance[i] = (step * s) ** 2 * fraction * (1 - fraction);
    else if (nearest === 'uniform') variance[i] = (step * s) ** 2 / 12;
    else variance[i] = (quantizeValue(value, s, element) - value) ** 2;
  }
  return mean ? { variance, mean } : { variance };
}

/**
 * The scale of x in another format than the one it was lowered with: from x itself, but for a moving average, which keeps the range
 * that it has.
 *
 * @param planned scale and grid of the format that the graph has
 * @param channelAxis the axis that keeps a scale of its own under `per channel`
 */
export function scaleIn(
  x: ProbeTensor,
  format: Format,
  channelAxis: number,
  planned: { readonly scale: ProbeTensor; readonly element: IntElement | FloatElement },
): ProbeTensor {
  const { element, granularity, scale } = format;
  if (element.kind === 'f32' || scale.kind === 'none') return { shape: [], data: Float64Array.of(1) };
  if (scale.kind === 'moving_average') {
    const ratio = gridMax(planned.element) / gridMax(element);
    return { shape: planned.scale.shape, data: Float64Array.from(planned.scale.data, (s) => s * ratio) };
  }
  if (scale.kind === 'learned' || scale.kind === 'two_level')
    throw new Error(`the sensitivity of a scale(${scale.kind}) is known for the planned format only`);
  const axes = x.shape.flatMap((_, axis) =>
    granularity.kind === 'channel' && axis === channelAxis ? [] : [axis],
  );
  if (granularity.kind === 'group') return groupScales(x, element, granularity.size, scale.kind);
  return absmaxScales(x, axes, element, scale.kind);
}

function absmaxScales(
  x: ProbeTensor,
  axes: readonly number[],
  element: IntElement | FloatElement,
  kind: 'absmax' | 'power_of_two',
): ProbeTensor {
  const group = groupPositions(x.shape, axes);
  const shape = x.shape.map((n, axis) => (axes.includes(axis) ? 1 : n));
  const data = new Float64Array(shape.reduce((a, b) => a * b, 1));
  x.data.forEach((value: number, i: number) => {
    const g = group[i] ?? 0;
    data[g] = Math.max(data[g] ?? 0, Math.abs(value));
  });
  return { shape, data: data.map((absmax) => scaleOf(absmax, element, kind)) };
}

/** Scales of groups along axis 1, one for each element of x, as lowering splits it (`lower/grouping.ts`). */
function groupScales(
  x: ProbeTensor,
  element: IntElement | FloatElement,
  size: number,
  kind: 'absmax' | 'power_of_two',
): ProbeTensor {
  const [n = 1, length = 1, ...rest] = x.shape;
  const inner = rest.reduce((a, b) => a * b, 1);
  const groups = Math.ceil(length / size);
  const groupOf = (i: number): number => {
    const row = Math.floor(i / (length * inner));
    const column = Math.floor(i / inner) % length;
    return (row * groups + Math.floor(column / size)) * inner + (i % inner);
  };
  const largest = new Float64Array(n * groups * inner);
  x.data.forEach((value: number, i: number) => {
    const g = groupOf(i);
    largest[g] = Math.max(largest[g] ?? 0, Math.abs(value));
  });
  return {
    shape: x.shape,
    data: Float64Array.from(x.data, (_: number, i: number) =>
      scaleOf(largest[groupOf(i)] ?? 0, element, kind),
    ),
  };
}
