import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import type { FloatElement, Format, IntElement } from '../numeric/format.ts';
import { add, mul, scale, step, sub, sum } from '../ops/algebra.ts';
import { grouped } from './grouping.ts';

/** The element of a format that is known to quantize. */
export function gridOf(format: Format): IntElement | FloatElement {
  if (format.element.kind === 'f32') throw new Error('f32 has no quantization grid');
  return format.element;
}

/** The scale of x at this moment, from x itself. Shape: x's with 1 along every shared axis, or [] without a scale. */
export function dynamicScale(
  builder: Builder,
  x: Value,
  format: Format,
  axes: readonly number[],
  name: string,
): Value {
  const element = gridOf(format);
  return builder.named(`${name}.scale`, () => {
    switch (format.scale.kind) {
      case 'none':
        return builder.constant(1);
      case 'power_of_two':
        return builder.op('quantScale', [x], { element, axes, kind: 'power_of_two' });
      case 'two_level':
        return twoLevelScale(builder, x, element, axes);
      default:
        return builder.op('quantScale', [x], { element, axes, kind: 'absmax' });
    }
  });
}

/** 1 where x has a value other than zero along the axes, else 0: where it has none, its scale of 1 says nothing of it. */
export function presence(builder: Builder, x: Value, axes: readonly number[]): Value {
  return step(builder, sum(builder, builder.op('abs', [x], {}), axes, true));
}

/** The first scale where it is positive, and `other` where it is the 0 that stands for none. */
export function scaleOr(builder: Builder, first: Value, other: Value): Value {
  const missing = sub(builder, builder.constant(1), step(builder, first));
  return add(builder, first, mul(builder, missing, other));
}

/**
 * Group scales that are themselves stored in e4m3 under one f32 scale for the whole tensor (nvfp4). A group whose
 * scale rounds to zero takes the smallest e4m3 step, so that nothing is divided by zero.
 */
function twoLevelScale(
  builder: Builder,
  x: Value,
  element: IntElement | FloatElement,
  axes: readonly number[],
): Value {
  const stored = { kind: 'float', exponent: 4, mantissa: 3, specials: 'fn' } as const;
  const every = builder.op('quantScale', [x], { element, axes, kind: 'absmax' });
  const groups = mul(builder, every, presence(builder, x, axes));
  const all = builder.shapeOf(groups).map((_, i) => i);
  const tensor = builder.op('quantScale', [groups], { element: stored, axes: all, kind: 'absmax' });
  const rounded = builder.op('quantize', [groups, tensor], { element: stored });
  const least = scale(builder, tensor, 2 ** -9);
  return builder.op('maximum', [rounded, least], {});
}

/** x on the format's grid at a given scale; stochastic rounding reads the noise stream of the site's name. */
export function quantizeAt(builder: Builder, x: Value, scale: Value, format: Format, name: string): Value {
  const element = gridOf(format);
  return builder.named(name, () => {
    if (format.rounding === 'nearest') return builder.op('quantize', [x, scale], { element });
    const noise = builder.named(`${name}.noise`, () =>
      builder.op('uniform', [], { shape: builder.shapeOf(x), stream: name }),
    );
    return builder.op('quantizeStochastic', [x, scale, noise], { element });
  });
}

/** x quantized to a format at its own scale. f32 leaves it as it is. */
export function quantize(
  builder: Builder,
  x: Value,
  format: Format,
  channelAxis: number,
  name: string,
): Value {
  if (format.element.kind === 'f32') return x;
  return grouped(builder, x, format, channelAxis, (value, axes) =>
    quantizeAt(builder, value, dynamicScale(builder, value, format, axes, name), format, name),
  );
}

/** Marks y so that its cotangent is quantized where it arrives. */
export function quantizeCotangent(builder: Builder, y: Value, format: Format, name: string): Value {
  if (format.element.kind === 'f32') return y;
  const element = gridOf(format);
  const kind =
    format.scale.kind === 'none' || format.scale.kind === 'power_of_two' ? format.scale.kind : 'absmax';
  const stream = format.rounding === 'stochastic' ? { stream: name } : {};
  return grouped(builder, y, format, 1, (value, axes) =>
    builder.named(name, () => builder.op('quantizeCotangent', [value], { element, axes, kind, ...stream })),
  );
}
