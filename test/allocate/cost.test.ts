import { expect, test } from 'vitest';
import { bitOperations, bops, bytes } from '../../compiler/allocate/cost.ts';

const w = { name: 'w', levels: [4, 8] };
const x = { name: 'x', levels: [2, 8, 16] };
const operations = [{ name: 'c', macs: 10, operands: [w, x] }];

test('bit-operations count the wider operand', () => {
  expect(bitOperations(operations)).toEqual([
    { name: 'c', sites: [w, x], values: [40, 80, 160, 80, 80, 160] },
  ]);
});

test('BOPs count the product of the operands', () => {
  expect(bops(operations)).toEqual([{ name: 'c', sites: [w, x], values: [80, 320, 640, 160, 640, 1280] }]);
});

test('an operand that is read twice is one site with its square', () => {
  expect(bops([{ name: 'c', macs: 1, operands: [w, w] }])[0]?.values).toEqual([16, 32, 32, 64]);
});

test('bytes count the stored elements', () => {
  expect(bytes([{ name: 'w', elements: 100, site: w }])).toEqual([
    { name: 'w', sites: [w], values: [50, 100] },
  ]);
});
