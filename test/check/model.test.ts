import { describe, expect, test } from 'vitest';
import type { AnyLayer } from '../../compiler/check/checked-spec.ts';
import { type Sections, soundSpec } from './support.ts';

const CSV = 'data table { source: csv("t.csv", target: "y") }';

/** Layers of a body; only what the body decides is of interest, so its output goes through a dense layer. */
function layersOf(body: string, more: Sections = {}): readonly AnyLayer[] {
  return soundSpec({ body: `${body} |> flatten |> dense(10)`, precision: '', ...more }).model.layers;
}

function layer(layers: readonly AnyLayer[], path: string): AnyLayer {
  const found = layers.find((l) => l.path === path);
  if (found === undefined) throw new Error(`no layer ${path} among ${layers.map((l) => l.path).join(', ')}`);
  return found;
}

describe('shapes', () => {
  test.each([
    ['conv(4, kernel: 3) as y', [4, 26, 26]],
    ['conv(4, kernel: [3, 5], stride: [2, 1], pad: [0, 2]) as y', [4, 13, 28]],
    ['conv(4, kernel: 3, stride: 2, pad: [0, 0, 1, 1]) as y', [4, 14, 14]],
    ['maxpool(2) as y', [1, 14, 14]],
    ['maxpool(3, stride: 2, pad: 1) as y', [1, 14, 14]],
    ['avgpool([2, 4]) as y', [1, 14, 7]],
    ['flatten as y', [784]],
    ['globalavgpool as y', [1]],
    ['batchnorm as y', [1, 28, 28]],
  ])('%s gives %j', (call, shape) => {
    expect(layer(layersOf(`x |> ${call}`), 'y').shape).toEqual(shape);
  });

  test.each([
    [28, 3, 1, [1, 1]],
    [28, 3, 2, [0, 1]],
    [28, 4, 1, [1, 2]],
    [28, 5, 3, [2, 2]],
    [28, 2, 3, [0, 1]],
    [28, 1, 3, [0, 0]],
    [28, 7, 4, [1, 2]],
  ])(
    'pad same over %i pixels with kernel %i and stride %i is SAME_UPPER: %j',
    (size, kernel, stride, [before, after]) => {
      const y = layer(layersOf(`x |> conv(2, kernel: ${kernel}, stride: ${stride}, pad: same) as y`), 'y');
      expect(y.options).toMatchObject({ pads: [before, before, after, after] });
      expect(y.shape).toEqual([2, Math.ceil(size / stride), Math.ceil(size / stride)]);
    },
  );

  test('normalize spreads one value over all channels', () => {
    const layers = layersOf('x |> conv(3, kernel: 1) |> normalize(mean: [0.5], std: [1, 2, 4]) as y');
    expect(layer(layers, 'y').options).toEqual({ mean: [0.5, 0.5, 0.5], std: [1, 2, 4] });
  });

  test('a data set read from a file takes the shape of the model', () => {
    const spec = soundSpec({
      data: CSV,
      model: 'model Net(x: f32[7]) -> f32[10] {',
      body: 'x |> dense(10)',
      precision: '',
    });
    expect(spec.data).toMatchObject({ sampleShape: [7], target: { kind: 'classes', count: 10 } });
  });
});

describe('signs', () => {
  test.each([
    ['x |> relu as y', true],
    ['x |> relu |> maxpool(2) |> avgpool(2) |> globalavgpool |> flatten as y', true],
    ['x |> relu |> conv(1, kernel: 1) as y', false],
    ['x |> relu |> batchnorm as y', false],
    ['x |> relu |> normalize(mean: [0], std: [1]) as y', false],
    ['(relu(x) + x) |> maxpool(1) as y', true],
    ['(relu(x) + batchnorm(x)) |> maxpool(1) as y', false],
  ])('%s: never negative is %s', (body, nonNegative) => {
    expect(layer(layersOf(body), 'y').nonNegative).toBe(nonNegative);
  });

  test('of the input follow its range', () => {
    expect(layersOf('x')[0]?.nonNegative).toBe(true);
    expect(
      layersOf('x', { model: 'model Net(x: f32[1, 28, 28] in [-1, 1]) -> f32[10] {' })[0]?.nonNegative,
    ).toBe(false);
    expect(layersOf('x', { model: 'model Net(x: f32[1, 28, 28]) -> f32[10] {' })[0]?.nonNegative).toBe(false);
  });
});

describe('paths', () => {
  const paths = (body: string, blocks = '') => layersOf(body, { blocks }).map((l) => l.path);
  const BLOCK =
    'block res(x, ch = 1) { let y = x |> conv(ch, kernel: 3, pad: 1) as c |> relu\nreturn relu(y + x); }';

  test('labels name calls, kinds and order the others, whether or not calls before them have labels', () => {
    expect(
      paths('x |> relu as a |> relu |> conv(1, kernel: 1) |> conv(1, kernel: 1) as b |> conv(1, kernel: 1)'),
    ).toEqual([...['x', 'a', 'relu_2', 'conv_1', 'b', 'conv_3'], ...['flatten_1', 'dense_1']]);
  });

  test('a block call prefixes its layers', () => {
    expect(paths('x |> res as r |> res', BLOCK)).toEqual([
      ...['x', 'r.c', 'r.relu_1', 'r.add_1', 'r.relu_2'],
      ...['res_2.c', 'res_2.relu_1', 'res_2.add_1', 'res_2.relu_2', 'flatten_1', 'dense_1'],
    ]);
  });

  test('a repeat adds the turn; of one unlabelled block call it is that call', () => {
    expect(paths('x |> repeat 2 { conv(1, kernel: 1) as c } as s')).toEqual([
      'x',
      's[0].c',
      's[1].c',
      'flatten_1',
      'dense_1',
    ]);
    expect(paths('x |> repeat 2 { res } as s', BLOCK).filter((p) => p.endsWith('.c'))).toEqual([
      's[0].c',
      's[1].c',
    ]);
    expect(paths('x |> repeat 2 { res as r } as s', BLOCK).filter((p) => p.endsWith('.c'))).toEqual([
      's[0].r.c',
      's[1].r.c',
    ]);
    expect(paths('x |> repeat 2 { res |> relu } as s', BLOCK).filter((p) => p.endsWith('.c'))).toEqual([
      's[0].res_1.c',
      's[1].res_1.c',
    ]);
    expect(paths('x |> repeat 1 { repeat 2 { relu as a } as u }').slice(1, 3)).toEqual([
      'repeat_1[0].u[0].a',
      'repeat_1[0].u[1].a',
    ]);
  });

  test('parameters have defaults, are given by name, and may use each other', () => {
    const blocks = 'block b(x, n = 2, m = 2 * n) { x |> conv(m, kernel: 1) as c }';
    const channels = (call: string) =>
      layersOf(`x |> ${call} as b1`, { blocks }).find((l) => l.path === 'b1.c')?.shape[0];
    expect(channels('b')).toBe(4);
    expect(channels('b(3)')).toBe(6);
    expect(channels('b(m: 5)')).toBe(5);
  });

  test('names that are keywords of TypeScript, or of objects, are names like any other', () => {
    expect(
      paths('x |> relu as class |> relu as constructor |> relu as __proto__ |> relu as toString').slice(1, 5),
    ).toEqual([...['class', 'constructor', '__proto__', 'toString']]);
  });

  test('inputs come before their readers', () => {
    const layers = layersOf('x |> repeat 3 { res |> res(1) }', { blocks: BLOCK });
    layers.forEach((l, id) => {
      expect(l.inputs.every((input) => input < id)).toBe(true);
    });
  });
});
