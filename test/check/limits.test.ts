import { expect, test } from 'vitest';
import { checkText, type Sections, specText } from './support.ts';

const codes = (sections: Sections) =>
  checkText(specText({ precision: '', ...sections })).diagnostics.map((d) => d.code);

const chain = (count: number) =>
  [...Array(count).keys()].map((i) => `block b${i}(x) { x |> ${i === 0 ? 'relu' : `b${i - 1}`} }`).join('\n');
const doubling = (count: number, leaf: string) =>
  [...Array(count).keys()]
    .map((i) => `block d${i}(x) { x |> ${i === 0 ? leaf : `d${i - 1} |> d${i - 1}`} }`)
    .join('\n');

test('blocks call each other a hundred deep and no deeper', () => {
  expect(codes({ blocks: chain(100), body: 'x |> b99 |> flatten |> dense(10)' })).toEqual([]);
  expect(codes({ blocks: chain(101), body: 'x |> b100 |> flatten |> dense(10)' })).toEqual(['QS2009']);
});

test('a model that unrolls to too many layers is refused without unrolling it', () => {
  expect(codes({ body: 'x |> repeat 100000 { repeat 100000 { relu } } |> flatten |> dense(10)' })).toEqual([
    'QS2010',
  ]);
  expect(codes({ body: 'x |> repeat 1e9 { relu } |> flatten |> dense(10)' })).toEqual(['QS3002']);
  expect(codes({ blocks: doubling(40, 'relu'), body: 'x |> d39 |> flatten |> dense(10)' })).toEqual([
    'QS2010',
  ]);
});

test('blocks that make no layer are followed only so far', () => {
  const blocks = 'block nothing(x) { x }';
  expect(
    codes({ blocks, body: 'x |> repeat 100000 { repeat 100000 { nothing } } |> flatten |> dense(10)' }),
  ).toEqual(['QS2010']);
  expect(
    codes({
      blocks: `${doubling(40, 'nothing')}\nblock nothing(x) { x }`,
      body: 'x |> d39 |> flatten |> dense(10)',
    }),
  ).toEqual(['QS2010']);
});

test('fifty thousand layers are checked without a hang', { timeout: 180_000 }, () => {
  const { value } = checkText(
    specText({
      precision: 'precision { weights: int8, r[7].c.in: int6, r[*].c.grad: int8 }',
      body: 'x |> repeat 50000 { conv(1, kernel: 1) as c } as r |> flatten |> dense(10)',
    }),
  );
  expect(value?.model.layers).toHaveLength(50_003);
});

test('long sums and long lists of definitions neither overflow the stack nor take forever', () => {
  const sum = Array(200).fill('1').join(' + ');
  expect(codes({ body: `x |> flatten |> dense(${sum} - 190)` })).toEqual([]);
  const definitions = [...Array(5000).keys()].map((i) => `D${i} = D${i + 1}`).join('\n');
  expect(codes({ train: `train {\n${definitions}\nD5000 = sgd(lr: 1)\nepochs: 1\n}` })).toContain('QS2009');
});

test('compositions that double are cut off', () => {
  const definitions = [...Array(40).keys()]
    .map((i) => `N${i} = ${i === 0 ? 'noise(1)' : `N${i - 1} ∘ N${i - 1}`}`)
    .join('\n');
  expect(
    codes({
      train: `train {\n${definitions}\nF = forward(Net) |> cross_entropy\nB = backward(F)\nU = sgd(lr: 1)\nT = U ∘ B ∘ F ∘ N39\nepochs: 1\n}`,
    }),
  ).toEqual(['QS2010']);
});

test('labels that add up to endless paths are refused', () => {
  const label = 'l'.repeat(600);
  expect(
    codes({ body: `x |> repeat 2 { repeat 2 { relu } as ${label} } as ${label} |> flatten |> dense(10)` }),
  ).toEqual(['QS2014']);
});

test('a block that calls itself in a default is a cycle', () => {
  expect(codes({ blocks: 'block b(x, y = b(x)) { x + y }', body: 'x |> b |> flatten |> dense(10)' })).toEqual(
    ['QS2008'],
  );
});

test('nested calls in nested blocks give a diagnostic, not a stack overflow', () => {
  const nested = (inner: string) => `${'relu('.repeat(50)}${inner}${')'.repeat(50)}`;
  const blocks = [...Array(100).keys()]
    .map((i) => `block b${i}(x) { ${nested(i === 0 ? 'x' : `b${i - 1}(x)`)} }`)
    .join('\n');
  expect(codes({ blocks, body: 'flatten(b99(x)) |> dense(10)' })).toEqual(['QS2009']);
  const definitions = [...Array(100).keys()]
    .map((i) => `D${i} = ${'accumulate(1, '.repeat(50)}D${i + 1}${')'.repeat(50)}`)
    .join('\n');
  expect(codes({ train: `train {\n${definitions}\nD100 = sgd(lr: 1)\nepochs: 1\n}` })).toContain('QS2009');
});

test('thousands of mistakes are reported without a hang', { timeout: 20_000 }, () => {
  const body = `x |> ${Array(20_000).fill('rellu').join(' |> ')} |> flatten |> dense(10)`;
  expect(codes({ body })).toHaveLength(20_000);
});
