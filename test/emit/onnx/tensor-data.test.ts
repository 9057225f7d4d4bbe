import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bitsOf,
  DATA_TYPES,
  type DataTypeName,
  integerRange,
} from '../../../compiler/emit/onnx/data-types.ts';
import { makeTensor, pack, tensorProblem, tensorValues } from '../../../compiler/emit/onnx/tensor-data.ts';
import { cases } from '../../support/property.ts';

const INTEGERS = (Object.keys(DATA_TYPES) as DataTypeName[]).filter(
  (name) => integerRange(name) !== undefined,
);

describe.each(INTEGERS)('%s', (type) => {
  const range = integerRange(type) ?? { min: 0, max: 0 };
  const limit = Number.MAX_SAFE_INTEGER;
  const values = fc.array(
    fc.maxSafeInteger().filter((n) => n >= range.min && n <= range.max),
    { maxLength: 9 },
  );
  const small = fc.array(fc.integer({ min: Math.max(range.min, -limit), max: Math.min(range.max, limit) }), {
    maxLength: 40,
  });

  test('packing and unpacking is the identity', () => {
    fc.assert(
      fc.property(bitsOf(type) > 32 ? values : small, (codes) => {
        const tensor = makeTensor('t', type, [codes.length], codes);
        expect(tensorProblem(tensor)).toBeUndefined();
        expect([...(tensorValues(tensor) ?? [])]).toEqual(codes.map((c) => c + 0));
      }),
      cases(50),
    );
  });

  test('a byte too many or too few is found', () => {
    const { rawData = new Uint8Array(), ...rest } = makeTensor('t', type, [5], [1, 0, 1, 0, 1]);
    for (const raw of [rawData.subarray(1), Uint8Array.of(...rawData, 0)]) {
      expect(tensorProblem({ ...rest, rawData: raw })).toMatch(
        /^tensor 't' holds \d+ bytes of data, its shape \[5\]/,
      );
      expect(tensorValues({ ...rest, rawData: raw })).toBeUndefined();
    }
  });

  test('values outside the type are never written', () => {
    for (const value of [range.max * 2 + 1, 0.5, Number.NaN])
      expect(() => pack(type, [value])).toThrow('is no');
  });
});

test('two 4-bit codes share a byte, the first in its low half; four 2-bit codes likewise', () => {
  expect([...pack('int4', [1, -2, 7])]).toEqual([0xe1, 0x07]);
  expect([...pack('uint4', [15, 0, 3])]).toEqual([0x0f, 0x03]);
  expect([...pack('int2', [1, -2, -1, 0, 1])]).toEqual([0b00_11_10_01, 0b01]);
  expect([...pack('uint2', [3, 2, 1, 0])]).toEqual([0b00_01_10_11]);
});

test('16-bit floats are read to the bit', () => {
  const float16 = { name: 'h', dims: [5], dataType: DATA_TYPES.float16.code };
  const patterns = [0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555];
  const values = [1, -2, 2 ** -24, Infinity, 0.333251953125];
  expect([...(tensorValues({ ...float16, int32Data: patterns }) ?? [])]).toEqual(values);
  const raw = new Uint8Array(Uint16Array.from(patterns).buffer);
  expect([...(tensorValues({ ...float16, rawData: raw }) ?? [])]).toEqual(values);
  const bfloat16 = { name: 'b', dims: [2], dataType: DATA_TYPES.bfloat16.code, int32Data: [0x3f80, 0xbf00] };
  expect([...(tensorValues(bfloat16) ?? [])]).toEqual([1, -0.5]);
});
