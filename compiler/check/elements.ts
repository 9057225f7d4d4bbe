import type { Element, FloatElement, Granularity, Scale } from '../numeric/format.ts';
import type { Name } from '../syntax/ast.ts';
import { bind, type Given, required } from './arguments.ts';
import type { Log } from './log.ts';
import { whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

/** What a format's name stands for: an element, with granularity and scale where it is a block format. */
export interface NamedElement {
  readonly element: Element | 'auto';
  readonly block?: { readonly granularity: Granularity; readonly scale: Scale };
}

function float(
  exponent: number,
  mantissa: number,
  specials: FloatElement['specials'] = 'none',
): FloatElement {
  return { kind: 'float', exponent, mantissa, specials };
}

function microscaling(
  exponent: number,
  mantissa: number,
  specials: FloatElement['specials'] = 'none',
): NamedElement {
  return {
    element: float(exponent, mantissa, specials),
    block: { granularity: { kind: 'group', size: 32 }, scale: { kind: 'power_of_two' } },
  };
}

const E4M3FN = float(4, 3, 'fn');
const E5M2 = float(5, 2, 'ieee_saturating');

/**
 * Formats by name. Blocks of 32 with a power-of-two scale are those of the OCP Microscaling Formats specification
 * 1.0; nvfp4 has blocks of 16 whose scales are themselves e4m3.
 */
const NAMED: ReadonlyMap<string, NamedElement> = new Map<string, NamedElement>([
  ['auto', { element: 'auto' }],
  ['f32', { element: { kind: 'f32' } }],
  ['fp16', { element: float(5, 10, 'ieee') }],
  ['bf16', { element: float(8, 7, 'ieee') }],
  ['e4m3fn', { element: E4M3FN }],
  ['fp8', { element: E4M3FN }],
  ['fp8_e4m3fn', { element: E4M3FN }],
  ['e5m2', { element: E5M2 }],
  ['fp8_e5m2', { element: E5M2 }],
  ['mxfp8', microscaling(4, 3, 'fn')],
  ['mxfp6', microscaling(2, 3)],
  ['mxfp4', microscaling(2, 1)],
  [
    'nvfp4',
    {
      element: float(2, 1),
      block: { granularity: { kind: 'group', size: 16 }, scale: { kind: 'two_level' } },
    },
  ],
]);

const MAX_BITS = 16;

/** Names that a misspelt format is compared with. */
const SUGGESTED = [...NAMED.keys(), 'int8', 'int4', 'int16', 'uint8', 'uint4', 'e3m0', 'e2m1', 'float'];

/** The element that a name and its arguments mean; undefined after reporting that they mean none. */
export function elementOf(name: Name, args: readonly Given[], log: Log): NamedElement | undefined {
  const { text, span } = name;
  const invalid = (problem: string): undefined =>
    log.report('QS4003', span, { format: `'${text}'`, problem });
  if (text === 'float') {
    const sizes = bind(
      { name: 'float', span },
      args,
      { exponent: required(whole(2, 8)), mantissa: required(whole(0, 10)) },
      log,
    );
    if (sizes === undefined) return undefined;
    const { exponent, mantissa } = sizes;
    if (1 + exponent + mantissa > MAX_BITS) return invalid(`formats have at most ${MAX_BITS} bits`);
    return { element: float(exponent, mantissa) };
  }
  if (bind({ name: text, span }, args, {}, log) === undefined) return undefined;
  const named = NAMED.get(text);
  if (named !== undefined) return named;
  const int = /^(u?)int(\d+)$/.exec(text);
  if (int !== null) {
    const bits = Number(int[2]);
    if (!(bits >= 2 && bits <= MAX_BITS)) return invalid(`integer formats have 2 to ${MAX_BITS} bits`);
    const signed = int[1] === '';
    return { element: { kind: 'int', bits, signed, narrow: signed } };
  }
  const sizes = /^e(\d+)m(\d+)$/.exec(text);
  if (sizes !== null) {
    const [exponent, mantissa] = [Number(sizes[1]), Number(sizes[2])];
    if (exponent < 2 || exponent > 8 || mantissa > 10)
      return invalid('floats have 2 to 8 bits of exponent and 0 to 10 of mantissa');
    if (1 + exponent + mantissa > MAX_BITS) return invalid(`formats have at most ${MAX_BITS} bits`);
    return { element: float(exponent, mantissa) };
  }
  return reportUnknown(log, 'format', name, SUGGESTED);
}
