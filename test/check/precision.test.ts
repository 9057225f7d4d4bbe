import { describe, expect, test } from 'vitest';
import type { Site } from '../../compiler/check/checked-spec.ts';
import { formatName } from '../../compiler/numeric/format.ts';
import { type Sections, soundSpec } from './support.ts';

const BODY =
  'x |> conv(4, kernel: 3) as c1 |> relu |> conv(4, kernel: 3) as c2 |> flatten |> dense(8) as f1 |> relu |> dense(10) as f2';

function sitesOf(statements: string, more: Sections = {}): ReadonlyMap<string, Site> {
  const { precision } = soundSpec({ body: BODY, precision: `precision {\n${statements}\n}`, ...more });
  return new Map(precision.sites.map((site) => [site.name, site]));
}

function formatAt(sites: ReadonlyMap<string, Site>, name: string): string {
  const choice = sites.get(name)?.choice;
  return choice === undefined ? 'no such site' : choice.kind === 'auto' ? 'auto' : formatName(choice.format);
}

function whyAt(sites: ReadonlyMap<string, Site>, name: string): string | undefined {
  const choice = sites.get(name)?.choice;
  return choice?.kind === 'format' ? choice.why : undefined;
}

describe('formats', () => {
  test.each([
    ['int8', 'int8'],
    ['int8 full', 'int8 full'],
    ['int2 per channel', 'int2 per channel'],
    ['int16 per group(8) stochastic', 'int16 per group(8) stochastic'],
    ['fp16', 'fp16'],
    ['bf16 stochastic', 'bf16 stochastic'],
    ['fp8', 'e4m3fn'],
    ['fp8_e4m3fn', 'e4m3fn'],
    ['fp8_e5m2', 'e5m2'],
    ['e3m0 stochastic', 'e3m0 stochastic'],
    ['float(3, 0)', 'e3m0'],
    ['mxfp8', 'e4m3fn per group(32) scale(power_of_two)'],
    ['mxfp6', 'e2m3 per group(32) scale(power_of_two)'],
    ['mxfp4', 'e2m1 per group(32) scale(power_of_two)'],
    ['nvfp4', 'e2m1 per group(16) scale(two_level)'],
    ['int8 scale(power_of_two)', 'int8 scale(power_of_two)'],
    ['int8 scale(learned)', 'int8 scale(learned)'],
    ['f32', 'f32'],
  ])('%s', (written, name) => {
    expect(formatAt(sitesOf(`c1.weights: ${written}`), 'c1.weights')).toBe(name);
  });

  test('floats of 16 bits have their own grid, smaller formats follow the data', () => {
    const scale = (written: string) => {
      const choice = sitesOf(`c1.weights: ${written}`).get('c1.weights')?.choice;
      return choice?.kind === 'format' ? choice.format.scale : undefined;
    };
    expect(scale('fp16')).toEqual({ kind: 'none' });
    expect(scale('fp16 scale(absmax)')).toEqual({ kind: 'absmax' });
    expect(scale('e4m3fn')).toEqual({ kind: 'absmax' });
    expect(scale('int4')).toEqual({ kind: 'absmax' });
    expect(sitesOf('c1.in: int8 scale(moving_average(0.5))').get('c1.in')?.choice).toMatchObject({
      format: { scale: { kind: 'moving_average', momentum: 0.5 } },
    });
  });

  test('a default scale holds where a format follows the data and states none', () => {
    const sites = sitesOf(
      'weights: int8\nc2.weights: int8 scale(absmax)\nf1.weights: fp16\nf2.weights: nvfp4\nscale: power_of_two',
    );
    expect(['c1', 'c2', 'f1', 'f2'].map((layer) => formatAt(sites, `${layer}.weights`))).toEqual([
      'int8 scale(power_of_two)',
      'int8',
      'fp16',
      'e2m1 per group(16) scale(two_level)',
    ]);
  });
});

describe('which annotation wins', () => {
  test('a site beats a wildcard, a wildcard a class, a class a preset', () => {
    const body = 'x |> repeat 3 { conv(1, kernel: 1) as c } as s |> flatten |> dense(10) as f';
    const sites = sitesOf('preset: int8\ns[1].c.weights: int3\ns[*].c.weights: int4\nweights: int5', {
      body,
    });
    expect([0, 1, 2].map((i) => formatAt(sites, `s[${i}].c.weights`))).toEqual(['int4', 'int3', 'int4']);
    expect(formatAt(sites, 'f.weights')).toBe('int5');
    expect(formatAt(sites, 'f.grad')).toBe('int8 stochastic');
    expect(whyAt(sites, 'f.weights')).toBe("annotation 'weights'");
    expect(whyAt(sites, 's[0].c.weights')).toBe("annotation 's[*].c.weights'");
  });

  test('a layer by itself, or its .out, is its output', () => {
    expect(formatAt(sitesOf('c1: bf16'), 'c1.out')).toBe('bf16');
    expect(formatAt(sitesOf('relu_1.out: bf16'), 'relu_1.out')).toBe('bf16');
    expect(sitesOf('weights: int8').has('c1.out')).toBe(false);
  });
});

describe('signs', () => {
  test('a class follows the value, and says why', () => {
    const sites = sitesOf('activations: int8', {
      model: 'model Net(x: f32[1, 28, 28] in [-1, 1]) -> f32[10] {',
      data: 'data t { source: csv("t.csv", target: "y") }',
    });
    expect(formatAt(sites, 'c1.in')).toBe('int8');
    expect(formatAt(sites, 'c2.in')).toBe('uint8');
    expect(whyAt(sites, 'c2.in')).toContain('unsigned: the value is never negative');
    const unsigned = sitesOf('activations: uint4');
    expect(formatAt(unsigned, 'f1.in')).toBe('int4');
    expect(whyAt(unsigned, 'f1.in')).toContain('signed: the value may be negative');
  });

  test('a single site, and a range that is written, are taken at their word', () => {
    expect(formatAt(sitesOf('c2.in: int8'), 'c2.in')).toBe('int8');
    expect(formatAt(sitesOf('activations: int8 full'), 'c2.in')).toBe('int8 full');
  });

  test("adam's second moment is never negative, momentum's velocity may be", () => {
    const sites = (U: string) =>
      sitesOf('optimizer state: int8', {
        train: `train {\nF = forward(Net) |> cross_entropy\nB = backward(F)\nU = ${U}\nT = U ∘ B ∘ F\nepochs: 1\n}`,
      });
    expect(formatAt(sites('adam(lr: 1)'), 'c1.weights.v')).toBe('uint8');
    expect(formatAt(sites('adam(lr: 1)'), 'c1.weights.m')).toBe('int8');
    expect(formatAt(sites('momentum(lr: 1)'), 'c1.weights.v')).toBe('int8');
    expect(sites('momentum(lr: 1)').has('c1.weights.m')).toBe(false);
  });
});

test('a class that also covers vectors has channels where there are some', () => {
  const sites = sitesOf('optimizer state: int8 per channel');
  expect(formatAt(sites, 'c1.weights.m')).toBe('int8 per channel');
  expect(formatAt(sites, 'c1.bias.m')).toBe('int8');
  expect(whyAt(sites, 'c1.bias.m')).toContain('a vector has one value a channel');
});

describe('sites', () => {
  test('stand in the order of F, B and U', () => {
    const names = [
      ...sitesOf('weights: int8', {
        body: 'x |> flatten |> dense(8) as a |> relu |> dense(10, bias: false) as b',
      }).keys(),
    ];
    expect(names).toEqual([
      ...['a.in', 'a.weights', 'a.bias', 'b.in', 'b.weights'],
      ...['b.grad', 'b.weights.grad', 'a.grad', 'a.weights.grad', 'a.bias.grad'],
      ...['a.weights.stored', 'a.weights.m', 'a.weights.v', 'a.bias.stored', 'a.bias.m', 'a.bias.v'],
      ...['b.weights.stored', 'b.weights.m', 'b.weights.v'],
    ]);
  });

  test('a value that several products read has one, under any of their names', () => {
    const body =
      'let y = relu(x)\nlet a = y |> conv(2, kernel: 1) as a\nlet b = y |> conv(2, kernel: 1) as b\n(a + b) |> flatten |> dense(10)';
    const sites = sitesOf('b.in: uint6', { body });
    expect(formatAt(sites, 'a.in')).toBe('uint6');
    expect(sites.has('b.in')).toBe(false);
    expect(sites.get('a.in')?.alsoReadBy).toHaveLength(1);
  });

  test('of a batch norm are f32 unless they are named', () => {
    const sites = sitesOf('weights: int8\nn.scale: bf16', {
      body: 'x |> conv(2, kernel: 1, bias: false) |> batchnorm as n |> flatten |> dense(10)',
    });
    expect(formatAt(sites, 'n.scale')).toBe('bf16');
    expect(formatAt(sites, 'n.shift')).toBe('f32');
    expect(whyAt(sites, 'n.shift')).toBe('batch-norm parameters are not quantized unless annotated');
    expect(sites.has('conv_1.bias')).toBe(false);
  });

  test('are all f32, and say so, without a precision section', () => {
    const { precision } = soundSpec({ precision: '' });
    for (const { choice } of precision.sites)
      expect(choice).toMatchObject({
        kind: 'format',
        format: { element: { kind: 'f32' } },
        why: 'the spec has no precision section',
      });
  });
});

describe('presets', () => {
  test.each([
    [
      'int8',
      ['int8 per channel', 'uint8', 'int8 stochastic'],
      ['int8 per channel', 'uint8', 'int8 stochastic'],
    ],
    [
      'w4a4g8',
      ['int8 per channel', 'uint8', 'int8 stochastic'],
      ['int4 per channel', 'uint4', 'int8 stochastic'],
    ],
    [
      'w4a4g4',
      ['int8 per channel', 'uint8', 'int8 stochastic'],
      ['int4 per channel', 'uint4', 'e3m0 stochastic'],
    ],
    [
      'w5a5g5',
      ['int8 per channel', 'uint8', 'int8 stochastic'],
      ['int5 per channel', 'uint5', 'e3m1 stochastic'],
    ],
  ])('%s keeps the first and last layer at 8 bits', (preset, edge, inner) => {
    const sites = sitesOf(`preset: ${preset}`);
    const of = (layer: string) =>
      ['weights', 'in', 'grad'].map((kind) => formatAt(sites, `${layer}.${kind}`));
    expect(of('c1')).toEqual(edge);
    expect(of('c2')).toEqual(inner);
    expect(of('f2')).toEqual(edge);
    expect(formatAt(sites, 'c2.weights.stored')).toBe('int8 per channel stochastic');
    expect(formatAt(sites, 'c2.bias')).toBe('f32');
  });

  test('fill in what is auto', () => {
    expect(formatAt(sitesOf('preset: w4a4g8\nweights: auto'), 'c2.weights')).toBe('int4 per channel');
  });
});

describe('what is left to be derived', () => {
  test('is everything that a requirement reaches and nothing mentions', () => {
    const sites = sitesOf('weights: int8\nrequire error(logits) <= 5%');
    expect(formatAt(sites, 'c1.weights')).toBe('int8');
    expect(formatAt(sites, 'c1.in')).toBe('auto');
    expect(formatAt(sites, 'c1.grad')).toBe('f32');
    expect(whyAt(sites, 'c1.grad')).toBe('not annotated, and no requirement reaches it');
  });

  test('keeps modifiers and bounds, the more specific of which wins', () => {
    const sites = sitesOf(
      'weights: auto per channel stochastic\nweights: <= 4 bits\nc1.weights: >= 8 bits\nc2.weights: = 3 bits\nrequire error(gradient) <= 10%',
    );
    expect(sites.get('c1.weights')?.choice).toMatchObject({
      kind: 'auto',
      granularity: { kind: 'channel' },
      rounding: 'stochastic',
      limit: { min: 8, max: 32 },
    });
    expect(sites.get('c2.weights')?.choice).toMatchObject({ limit: { min: 3, max: 3 } });
    expect(sites.get('f1.weights')?.choice).toMatchObject({ limit: { min: 2, max: 4 } });
  });

  test('levels, ties, cost and schedules are stored as meant', () => {
    const { precision } = soundSpec({
      body: BODY,
      precision: `precision {
        levels { 4: { weights: int4, activations: uint4, gradients: e3m0 }, 5 to 7: int, 16: fp16, 32: f32 }
        weights: auto
        tie c1.weights, c2.weights
        require error(each gradient, norm: linf, relative to: 0.5, reference: real) <= 10% with probability 0.99
        cost { c1: 2.5, f1: 1 }
        schedule numgeom { rule: tolerance, warmup: 2% at 32, refresh: 1 epoch }
      }`,
    });
    expect(
      precision.levels.map((level) => [level.bits, formatName(level.weights), formatName(level.gradients)]),
    ).toEqual([
      [4, 'int4', 'e3m0'],
      [5, 'int5', 'int5'],
      [6, 'int6', 'int6'],
      [7, 'int7', 'int7'],
      [16, 'fp16', 'fp16'],
      [32, 'f32', 'f32'],
    ]);
    expect(precision.ties[0]?.sites).toEqual(['c1.weights', 'c2.weights']);
    expect(precision.requirements[0]).toMatchObject({
      quantity: 'each gradient',
      norm: 'linf',
      relativeTo: { declared: 0.5 },
      bound: 0.1,
      probability: 0.99,
    });
    expect(precision.cost).toEqual({
      kind: 'per_layer',
      costs: new Map([
        ['c1', 2.5],
        ['f1', 1],
      ]),
    });
    expect(precision.schedules[0]?.entries.get('warmup')).toEqual({
      kind: 'quantity',
      value: 2,
      unit: 'percent',
      at: 32,
    });
    expect(precision.schedules[0]?.entries.get('rule')).toEqual({ kind: 'word', word: 'tolerance' });
  });
});

test('experiments, evaluations and exports are stored as meant', () => {
  const spec = soundSpec({
    more: `eval { weights: [int8, int4, float(3, 0)], noise: [0, 0.1] }
experiment pareto {
  methods: [float32, uniform(int8), amp, cyclic(4, 8), preset(w4a4g8), gradient, curvature, numgeom, lsq(weights: 4, activations: 4)]
  seeds: 0 to 4
  budget laptop { epochs: 12, train: 20000 }
}
export onnx { opset: 22, scheme: qdq }`,
  });
  expect(spec.evaluation.weights.map(formatName)).toEqual(['int8', 'int4', 'e3m0']);
  const [experiment] = spec.experiments;
  expect(experiment?.seeds).toEqual([0, 1, 2, 3, 4]);
  expect(experiment?.methods.map((method) => [method.name, ...method.args.values()])).toEqual([
    ['float32'],
    ['uniform', 'int8'],
    ['amp', 'f32'],
    ['cyclic', 4, 8],
    ['preset', 'w4a4g8'],
    ['gradient'],
    ['curvature'],
    ['numgeom', 'tolerance'],
    ['lsq', 4, 4],
  ]);
  expect(experiment?.budgets).toEqual([{ name: 'laptop', epochs: 12, train: 20000 }]);
  expect(spec.exported).toEqual({ opset: 22, scheme: 'qdq' });
});
