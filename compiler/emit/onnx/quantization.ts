import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import { codeRange, elementName, type FloatElement, type IntElement } from '../../numeric/format.ts';
import type { Span } from '../../source/source.ts';
import { DATA_TYPES, type DataTypeName, integerRange, storageType } from './data-types.ts';
import type { GraphWriter } from './graph-writer.ts';

/** Where a quantizer stands: the stem of its names, for diagnostics its span, and where to put these. */
export interface QuantizerSite {
  readonly name: string;
  readonly span: Span;
  readonly diagnostics: Diagnostic[];
}

/** A scale as ONNX's quantization operators take it: a scalar, or a vector with one value for each index along an axis. */
interface LinearScale {
  readonly name: string;
  readonly shape: readonly number[];
  readonly attributes: { readonly axis?: number };
}

/** Float elements that runtimes convert to on the CPU, as ONNX types. */
const CAST_TYPES: ReadonlyMap<string, DataTypeName> = new Map([
  ['fp16', 'float16'],
  ['bf16', 'bfloat16'],
  ['e4m3fn', 'float8e4m3fn'],
  ['e5m2', 'float8e5m2'],
]);

const EXPORTABLE =
  'integers of 2 to 16 bits with one scale a tensor or channel, and fp16, bf16, e4m3fn and e5m2, can be exported';

function refuse(site: QuantizerSite, format: string): undefined {
  site.diagnostics.push(diagnostic('QS6101', site.span, { site: site.name, format }, { hint: EXPORTABLE }));
  return undefined;
}

/** QuantizeLinear and DequantizeLinear; see `OnnxContext.quantizeDequantize`. */
export function writeQuantizeDequantize(
  writer: GraphWriter,
  site: QuantizerSite,
  x: string,
  rank: number,
  scale: string,
  scaleShape: readonly number[],
  element: IntElement | FloatElement,
): string | undefined {
  if (element.kind === 'float') return writeCasts(writer, site, x, scale, element);
  const type = storageType(element);
  if (type === undefined || element.bits > 16) return refuse(site, elementName(element));
  const linear = linearScale(writer, site, rank, scale, scaleShape);
  if (linear === undefined) return refuse(site, `${elementName(element)} per group`);
  const clipped = clipToGrid(writer, site, x, { name: scale, shape: scaleShape }, element, type);
  const inputs = [linear.name, zeroPoint(writer, linear, type)];
  const codes = writer.node(site.name, 'QuantizeLinear', [clipped, ...inputs], linear.attributes);
  return writer.node(site.name, 'DequantizeLinear', [codes, ...inputs], linear.attributes);
}

/** DequantizeLinear of known codes; see `OnnxContext.dequantizeInitializer`. */
export function writeDequantizeInitializer(
  writer: GraphWriter,
  site: QuantizerSite,
  codes: string,
  scale: string,
  scaleShape: readonly number[],
  element: IntElement,
): string | undefined {
  const known = writer.known(codes);
  if (known === undefined) return undefined;
  const type = storageType(element);
  if (type === undefined) return refuse(site, elementName(element));
  const linear = linearScale(writer, site, known.shape.length, scale, scaleShape);
  if (linear === undefined) return refuse(site, `${elementName(element)} per group`);
  const stored = writer.replacement(codes, type, known.shape, known.values);
  // onnxruntime 1.30 fuses 2-bit weights into a QGemm that it then rejects; as bytes they pass every level.
  const wide = type === 'int2' ? 'int8' : type === 'uint2' ? 'uint8' : type;
  const read =
    wide === type ? stored : writer.node(site.name, 'Cast', [stored], { to: DATA_TYPES[wide].code });
  // 32-bit codes have no zero point in the standard.
  const zero = wide === 'int32' ? [] : [zeroPoint(writer, linear, wide)];
  return writer.node(site.name, 'DequantizeLinear', [read, linear.name, ...zero], linear.attributes);
}

/** The scale without the axes of size 1; undefined where more than one axis is left. */
function linearScale(
  writer: GraphWriter,
  site: QuantizerSite,
  rank: number,
  scale: string,
  shape: readonly number[],
): LinearScale | undefined {
  const axes = shape.flatMap((n, i) => (n === 1 ? [] : [i]));
  const [axis] = axes;
  if (axes.length > 1) return undefined;
  const flat = axis === undefined ? [] : [shape[axis] ?? 1];
  const attributes = axis === undefined ? {} : { axis: axis + rank - shape.length };
  if (shape.length === flat.length) return { name: scale, shape: flat, attributes };
  const known = writer.known(scale);
  const name = known
    ? writer.replacement(scale, 'float', flat, known.values)
    : writer.node(site.name, 'Reshape', [scale, writer.constant('int64', flat, [flat.length])]);
  return { name, shape: flat, attributes };
}

/** Symmetric: 0 of the quantized type, in the shape of the scale. */
function zeroPoint(writer: GraphWriter, { shape }: LinearScale, type: DataTypeName): string {
  return writer.constant(type, new Array<number>(shape[0] ?? 1).fill(0), shape);
}

/**
 * Limits x to the grid where the ONNX type is wider than the element: QuantizeLinear saturates at the limits of
 * the type. Elements below 8 bits are limited in any case: onnxruntime drops a Relu that stands right before a signed
 * one's QuantizeLinear, and moves an unsigned one's before a MaxPool that has no kernel for it. The limit rounds to the outermost code again: `fl(fl(c·s)/s)` differs from c by less than ½.
 */
function clipToGrid(
  writer: GraphWriter,
  site: QuantizerSite,
  x: string,
  scale: { readonly name: string; readonly shape: readonly number[] },
  element: IntElement,
  type: DataTypeName,
): string {
  const { min, max } = codeRange(element);
  const held = integerRange(type);
  const exact = held?.min === min && held.max === max;
  if (exact && element.bits >= 8) return x;
  const known = writer.known(scale.name);
  const limit = (code: number, shape: readonly number[]): string =>
    known
      ? writer.constant(
          'float',
          Array.from(known.values, (s) => Math.fround(code * s)),
          shape,
        )
      : writer.node(site.name, 'Mul', [scale.name, writer.constant('float', [code], [])]);
  // Onnxruntime 1.30 fails on a Clip before an unsigned QuantizeLinear of less than 8 bits.
  if (known?.values.length === 1 && (element.signed || element.bits >= 8)) {
    return writer.node(site.name, 'Clip', [x, limit(min, []), limit(max, [])]);
  }
  const above = writer.node(site.name, 'Max', [x, limit(min, scale.shape)]);
  return writer.node(site.name, 'Min', [above, limit(max, scale.shape)]);
}

/** A float element by conversion there and back, around division and multiplication by a scale that is not 1. */
function writeCasts(
  writer: GraphWriter,
  site: QuantizerSite,
  x: string,
  scale: string,
  element: FloatElement,
): string | undefined {
  const type = CAST_TYPES.get(elementName(element));
  if (type === undefined) return refuse(site, elementName(element));
  const unscaled = writer.known(scale)?.values.every((s) => s === 1) === true;
  const scaled = unscaled ? x : writer.node(site.name, 'Div', [x, scale]);
  const rounded = writer.node(site.name, 'Cast', [scaled], { to: DATA_TYPES[type].code });
  const back = writer.node(site.name, 'Cast', [rounded], { to: DATA_TYPES.float.code });
  return unscaled ? back : writer.node(site.name, 'Mul', [back, scale]);
}
