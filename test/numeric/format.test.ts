import { describe, expect, test } from 'vitest';
import {
  codeRange,
  elementBits,
  elementName,
  F32,
  type Format,
  formatName,
  gridMax,
  type IntElement,
  maxFinite,
  minNormalExponent,
} from '../../compiler/numeric/format.ts';
import { FLOATS, floatCodes } from '../support/float-codes.ts';

function int(bits: number, signed = true, narrow = signed): IntElement {
  return { kind: 'int', bits, signed, narrow };
}

describe('integer elements', () => {
  test.each([
    [int(8), -127, 127, 'int8'],
    [int(8, true, false), -128, 127, 'int8'],
    [int(4), -7, 7, 'int4'],
    [int(2), -1, 1, 'int2'],
    [int(16, true, false), -32768, 32767, 'int16'],
    [int(2, false), 0, 3, 'uint2'],
    [int(8, false), 0, 255, 'uint8'],
  ])('%j', (element, min, max, name) => {
    expect(codeRange(element)).toEqual({ min, max });
    expect(gridMax(element)).toBe(max);
    expect(elementName(element)).toBe(name);
    expect(elementBits(element)).toBe(element.bits);
  });
});

describe('float elements', () => {
  // IEEE 754-2019, table 3.5; OCP 8-bit Floating Point Specification 1.0, table 1; OCP Microscaling Formats 1.0, section 5.3.
  test.each([
    ['fp16', 65504, -14, 16],
    ['bf16', 2 ** 127 * (2 - 2 ** -7), -126, 16],
    ['e4m3fn', 448, -6, 8],
    ['e5m2', 57344, -14, 8],
    ['e3m2', 28, -2, 6],
    ['e2m3', 7.5, 0, 6],
    ['e2m1', 6, 0, 4],
    ['e3m0', 16, -2, 4],
  ])('%s', (name, largest, exponent, bits) => {
    const element = FLOATS[name];
    if (element === undefined) throw new Error('no such element');
    expect(maxFinite(element)).toBe(largest);
    expect(gridMax(element)).toBe(largest);
    expect(minNormalExponent(element)).toBe(exponent);
    expect(elementBits(element)).toBe(bits);
    expect(elementName(element)).toBe(name);
  });

  test('e2m1 has the eight magnitudes of the microscaling specification', () => {
    const { e2m1 } = FLOATS;
    expect(e2m1 && floatCodes(e2m1).map((c) => c.value)).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6]);
  });
});

describe('the name of a format', () => {
  const format = (rest: Partial<Format>): Format => ({
    ...F32,
    element: int(4),
    scale: { kind: 'absmax' },
    ...rest,
  });

  test.each<[string, Format]>([
    ['f32', F32],
    ['int4', format({})],
    ['int4 full', format({ element: int(4, true, false) })],
    ['uint4', format({ element: int(4, false) })],
    ['int4 per channel stochastic', format({ granularity: { kind: 'channel' }, rounding: 'stochastic' })],
    [
      'int4 per group(32) scale(power_of_two)',
      format({ granularity: { kind: 'group', size: 32 }, scale: { kind: 'power_of_two' } }),
    ],
    ['int4 scale(moving_average(0.9))', format({ scale: { kind: 'moving_average', momentum: 0.9 } })],
    ['int4 scale(learned)', format({ scale: { kind: 'learned' } })],
  ])('%s', (name, value) => {
    expect(formatName(value)).toBe(name);
  });

  test('leaves the scale out where a float element has none', () => {
    const { fp16 } = FLOATS;
    if (fp16 === undefined) throw new Error('no fp16');
    expect(formatName(format({ element: fp16, scale: { kind: 'none' } }))).toBe('fp16');
  });
});
