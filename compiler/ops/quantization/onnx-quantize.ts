import { sizeOf } from '../../ir/graph.ts';
import type { OnnxContext, OnnxType } from '../../ir/onnx-context.ts';
import {
  codeRange,
  type FloatElement,
  type IntElement,
  maxFinite,
  minNormalExponent,
} from '../../numeric/format.ts';
import { saturationGrid } from '../../numeric/round.ts';
import { arity } from '../operands.ts';
import { binade, binadeOfAny, type Nodes } from './onnx-scale.ts';

/** In a training graph, arithmetic or whatever equals it to the bit and is faster; in an exported graph, integer types. */
export function onnxQuantize(context: OnnxContext<'quantize'>): string {
  const [x, scale] = arity(context.operands, 2);
  const [xType, scaleType] = arity(context.operandTypes, 2);
  const { element } = context.attributes;
  if (context.scheme === 'qdq') {
    const exported = context.quantizeDequantize(x, scale, scaleType.shape, element);
    if (exported !== undefined) return exported;
  }
  if (element.kind === 'int') {
    return (
      throughBytes(context, x, scale, scaleType.shape, xType.shape.length, element) ??
      onIntegers(context, x, scale, element, (v) => context.op('Round', [v]))
    );
  }
  const stored = castType(element);
  if (stored !== undefined) {
    const cast = context.op('Cast', [context.op('Div', [x, scale])], { to: { type: stored } });
    return context.op('Mul', [context.op('Cast', [cast], { to: { type: 'float' } }), scale]);
  }
  return onFloats(context, x, scale, element, (v) => context.op('Round', [v]));
}

export function onnxQuantizeStochastic(context: OnnxContext<'quantizeStochastic'>): string {
  const [x, scale, noise] = arity(context.operands, 3);
  const { element } = context.attributes;
  const round = (v: string): string => context.op('Floor', [context.op('Add', [v, noise])]);
  return element.kind === 'int'
    ? onIntegers(context, x, scale, element, round)
    : onFloats(context, x, scale, element, round);
}

export function onnxMask(context: OnnxContext<'quantizeMask'>): string {
  const { op, constant, operands, attributes } = context;
  const { unit, min, max } = saturationGrid(attributes.element);
  const v = op('Div', arity(operands, 2));
  const q = op('Round', [unit === 1 ? v : op('Div', [v, constant('float', unit)])]);
  const clipped = op('Clip', [q, constant('float', min), constant('float', max)]);
  return op('Cast', [op('Equal', [clipped, q])], { to: { type: 'float' } });
}

function onIntegers(
  { op, constant }: Nodes,
  x: string,
  scale: string,
  element: IntElement,
  round: (v: string) => string,
): string {
  const { min, max } = codeRange(element);
  const codes = op('Clip', [round(op('Div', [x, scale])), constant('float', min), constant('float', max)]);
  return op('Mul', [codes, scale]);
}

/**
 * QuantizeLinear and a clip and conversion of bytes, which are faster than the same in f32 and equal it: both are
 * `saturate(roundHalfEven(x / scale))`, and grids narrower than a byte saturate once more. DequantizeLinear of bytes is avoided:
 * around it onnxruntime would fuse operators into integer ones, which round differently.
 */
function throughBytes(
  nodes: Nodes,
  x: string,
  scale: string,
  scaleShape: readonly number[],
  rank: number,
  element: IntElement,
): string | undefined {
  const codes = onnxBytes(nodes, x, { name: scale, shape: scaleShape }, rank, element);
  return codes && nodes.op('Mul', [nodes.op('Cast', [codes], { to: { type: 'float' } }), scale]);
}

/**
 * The codes of x as bytes, or shifted by a zero point: those of signed elements by 128 to unsigned bytes, those of unsigned ones by −128 to signed
 * bytes. Undefined where the element is wider or the scale has more than one axis.
 */
export function onnxBytes(
  { op, constant }: Nodes,
  x: string,
  scale: { readonly name: string; readonly shape: readonly number[] },
  rank: number,
  element: IntElement,
  shifted = false,
): string | undefined {
  const axis = scale.shape.findIndex((size) => size !== 1);
  const scales = sizeOf(scale.shape);
  if (element.bits > 8 || (axis >= 0 && scale.shape[axis] !== scales)) return undefined;
  const shape = axis >= 0 ? [scales] : [];
  const flat =
    scale.shape.length === shape.length
      ? scale.name
      : op('Reshape', [scale.name, constant('int64', shape, [shape.length])]);
  const type: OnnxType = element.signed !== shifted ? 'int8' : 'uint8';
  const zero = !shifted ? 0 : element.signed ? 128 : -128;
  const zeroPoint = constant(type, axis >= 0 ? new Array<number>(scales).fill(zero) : zero);
  const perAxis = axis >= 0 ? { axis: axis + rank - scale.shape.length } : {};
  return limited({ op, constant }, op('QuantizeLinear', [x, flat, zeroPoint], perAxis), type, element, zero);
}

/** Bytes that hold every value of their type, limited to the grid. */
function limited(
  { op, constant }: Nodes,
  bytes: string,
  type: OnnxType,
  element: IntElement,
  zero: number,
): string {
  if (element.bits === 8 && !element.narrow) return bytes;
  const { min, max } = codeRange(element);
  const least = constant(type, min + zero);
  // Of eight bits only the least code is out of the grid.
  if (element.bits === 8) return op('Max', [bytes, least]);
  return op('Clip', [bytes, least, constant(type, max + zero)]);
}

/**
 * What a stochastic quantizer of at most 8 bits has for codes once it is rounded to nearest, from the quotients `v = x / scale` and noise u, or from
 * the centered noise `c = u − ½ + 2⁻²⁵`: `roundHalfEven(v + c)` is `⌊v + u⌋` but where v + u lies within 2⁻²⁵ below a whole number, and a v that is
 * whole stays. QuantizeLinear, which rounds and saturates at once, takes a third of the time of Floor.
 */
export function onnxMovedQuotients(
  nodes: Nodes,
  quotients: string,
  noise: { readonly name: string; readonly centered: boolean },
): string {
  const moved = nodes.op('Add', [quotients, noise.name]);
  return noise.centered ? moved : nodes.op('Floor', [moved]);
}

/** The type whose conversion from f32 is rounding to this grid. */
function castType({ exponent, mantissa, specials }: FloatElement): OnnxType | undefined {
  if (specials !== 'ieee') return undefined;
  if (exponent === 5 && mantissa === 10) return 'float16';
  return exponent === 8 && mantissa === 7 ? 'bfloat16' : undefined;
}

/** `numeric/round.ts` in f32: division and multiplication by the step, a power of two, are exact. */
function onFloats(
  nodes: Nodes,
  x: string,
  scale: string,
  element: FloatElement,
  round: (v: string) => string,
): string {
  const { op, constant } = nodes;
  const largest = maxFinite(element);
  const limits = [constant('float', 2 ** minNormalExponent(element)), constant('float', largest)];
  const v = op('Div', [x, scale]);
  const magnitude = op('Clip', [op('Abs', [v]), ...limits]);
  const power = largest < 2 ** 104 ? binade(nodes, magnitude) : binadeOfAny(nodes, magnitude);
  const step = element.mantissa === 0 ? power : op('Mul', [power, constant('float', 2 ** -element.mantissa)]);
  const rounded = op('Mul', [round(op('Div', [v, step])), step]);
  const limited =
    element.specials === 'ieee'
      ? op('Where', [
          op('Greater', [op('Abs', [rounded]), constant('float', largest)]),
          op('Mul', [rounded, constant('float', Infinity)]),
          rounded,
        ])
      : op('Clip', [rounded, constant('float', -largest), constant('float', largest)]);
  return op('Mul', [limited, scale]);
}
