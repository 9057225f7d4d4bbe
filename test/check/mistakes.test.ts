import { describe, expect, test } from 'vitest';
import { applyFixes, brief, checkText, type Sections, SOUND, specText, unmark } from './support.ts';

/** Code, the section with its span marked, and a fragment of the message or hint. `fixed`: applying the fix leaves nothing to report. */
type Mistake = readonly [code: string, sections: Sections, says?: string, fixed?: 'fixed'];

const train = (definitions: string, settings = 'epochs: 1'): Sections => ({
  train: `train {\n${definitions}\n${settings}\n}`,
});
const precision = (statements: string): Sections => ({ precision: `precision {\n${statements}\n}` });
const body = (text: string): Sections => ({ body: text });
const STEP = 'F = forward(Net) |> cross_entropy\nB = backward(F)\nU = sgd(lr: 0.1)\n';

const NAMES: readonly Mistake[] = [
  ['QS2001', body('x |> flatten |> «densse»(10)'), "did you mean 'dense'", 'fixed'],
  ['QS2001', body('«y» |> flatten |> dense(10)'), "unknown value 'y'"],
  ['QS2001', body('x |> flatten |> dense(«n» * 2)'), "unknown name 'n'"],
  [
    'QS2001',
    body('x |> conv(4, kernel: 3, «strid»: 1) |> flatten |> dense(10)'),
    "did you mean 'stride'",
    'fixed',
  ],
  ['QS2001', { data: 'data digits { source: «mnsit» }' }, "did you mean 'mnist'", 'fixed'],
  ['QS2001', { data: 'data digits { source: mnist, «bach»: 64 }' }, "did you mean 'batch'", 'fixed'],
  ['QS2001', { data: 'data digits { source: mnist, augment: [«flop»] }' }, "did you mean 'flip'", 'fixed'],
  [
    'QS2001',
    train('F = forward(Net) |> cross_entropy\nB = backward(F)\nU = «adamm»(lr: 0.1)\nT = U ∘ B ∘ F'),
    "did you mean 'adam'",
    'fixed',
  ],
  ['QS2001', train(`${STEP}T = U ∘ «BB» ∘ F`), "unknown definition 'BB'"],
  [
    'QS2001',
    train('F = forward(«Nett») |> cross_entropy\nB = backward(F)\nU = sgd(lr: 0.1)\nT = U ∘ B ∘ F'),
    "did you mean 'Net'",
    'fixed',
  ],
  [
    'QS2001',
    train('F = forward(Net) |> «crossentropy»\nB = backward(F)\nU = sgd(lr: 0.1)\nT = U ∘ B ∘ F'),
    'cross_entropy',
    'fixed',
  ],
  [
    'QS2001',
    train('F = forward(Net) |> cross_entropy\nB = backward(F)\nU = sgd(lr: «cosin»(1, 0))\nT = U ∘ B ∘ F'),
    "did you mean 'cosine'",
    'fixed',
  ],
  ['QS2001', precision('weights: «itn8»'), "did you mean 'int8'", 'fixed'],
  ['QS2001', precision('weights: int8 per «chanel»'), "did you mean 'channel'", 'fixed'],
  ['QS2001', precision('weights: int8 scale(«absmx»)'), "did you mean 'absmax'", 'fixed'],
  ['QS2001', precision('preset: «w4a4g9»'), 'preset', 'fixed'],
  [
    'QS2001',
    precision('weights: auto\nschedule «numgeo» { rule: paper }'),
    "did you mean 'numgeom'",
    'fixed',
  ],
  ['QS2001', precision('weights: auto\nschedule numgeom { «rul»: paper }'), "did you mean 'rule'", 'fixed'],
  ['QS2001', precision('cost { «c9»: 2 }'), "unknown layer 'c9'"],
  ['QS2001', precision('weights: auto\nrequire «eror»(gradient) <= 10%'), "did you mean 'error'"],
  [
    'QS2001',
    { more: 'experiment e { methods: [float32, «unifrom»(int8)] }' },
    "did you mean 'uniform'",
    'fixed',
  ],
  ['QS2001', { more: 'export «onx» { opset: 21 }' }, "did you mean 'onnx'", 'fixed'],
  [
    'QS2002',
    body('x |> conv(4, kernel: 3) as c |> conv(4, kernel: 3) as «c» |> flatten |> dense(10)'),
    "label 'c' is declared twice",
  ],
  ['QS2002', body('let y = flatten(x)\nlet «y» = dense(y, 10)\ny'), "value 'y'"],
  [
    'QS2002',
    {
      blocks: 'block b(x) { x |> relu }\nblock «b»(x) { x |> relu }',
      body: 'x |> b |> flatten |> dense(10)',
    },
    "block 'b'",
  ],
  ['QS2002', { blocks: 'block «conv»(x) { x |> relu }' }, 'layer of the language'],
  [
    'QS2002',
    { blocks: 'block b(x, «x») { x |> relu }', body: 'x |> b |> flatten |> dense(10)' },
    "parameter 'x'",
  ],
  ['QS2002', train(`${STEP}«F» = forward(Net) |> cross_entropy\nT = U ∘ B ∘ F`), "definition 'F'"],
  ['QS2003', { data: '', model: 'model Net(x: f32[1, 28, 28]) -> f32[10] {' }, 'no data section'],
  ['QS2004', { more: '«train» { epochs: 1 }' }, 'second train section'],
  [
    'QS2005',
    {
      train: '«train» { F = forward(Net) |> cross_entropy\nB = backward(F)\nU = sgd(lr: 1)\nT = U ∘ B ∘ F }',
    },
    "'epochs'",
  ],
  [
    'QS2005',
    train('F = forward(Net) |> cross_entropy\nB = backward(F)\nU = «adam()»\nT = U ∘ B ∘ F'),
    "'lr'",
  ],
  ['QS2005', body('x |> «conv(4)» |> flatten |> dense(10)'), "'kernel'"],
  ['QS2005', body('«relu()» |> flatten |> dense(10)'), 'x |> relu'],
  ['QS2005', { data: 'data «digits» { batch: 64 }' }, "'source'"],
  [
    'QS2005',
    { blocks: 'block b(x, n) { x |> conv(n, kernel: 1) }', body: 'x |> «b» |> flatten |> dense(10)' },
    "'n'",
  ],
  ['QS2006', { data: 'data digits { source: mnist, batch: 64, «batch»: 32 }' }, "'batch' is given twice"],
  ['QS2006', precision('weights: int8 per channel «per tensor»'), 'granularity'],
  ['QS2006', precision('preset: int8\n«preset: w4a4g8»'), 'preset'],
  ['QS2007', body('x |> relu(«3») |> flatten |> dense(10)'), 'no arguments'],
  ['QS2007', { data: 'data glyphs(«samples: 100») { source: mnist }' }, "beside 'source'"],
  ['QS2008', train('A = C\nC = «A»'), 'A → C → A'],
  [
    'QS2008',
    { blocks: 'block a(x) { x |> b }\nblock b(x) { x |> «a» }', body: 'x |> a |> flatten |> dense(10)' },
    'a → b → a',
  ],
  ['QS2011', body('let y = x |> «relu»\nx |> flatten |> dense(10)'), "'relu_1' is never used"],
  ['QS2011', train(`${STEP}«C» = clip(1)\nT = U ∘ B ∘ F`), "definition 'C'"],
  ['QS2012', { blocks: 'block «b»(x) { x |> relu }' }, 'never called'],
  [
    'QS2013',
    {
      data: 'data digits { source: csv(«"../secret.csv"», target: "y") }',
      model: 'model Net(x: f32[1, 28, 28]) -> f32[10] {',
    },
    'leaves',
  ],
  [
    'QS2013',
    {
      data: 'data digits { source: csv(«"/etc/passwd"», target: "y") }',
      model: 'model Net(x: f32[1, 28, 28]) -> f32[10] {',
    },
    'leaves',
  ],
];

const SHAPES: readonly Mistake[] = [
  ['QS3001', body('x |> «dense(10)»'), 'flatten', 'fixed'],
  ['QS3001', body('x |> flatten |> dense(10) |> «globalavgpool»'), 'an image'],
  ['QS3001', body('x |> «normalize(mean: [0, 0], std: [1, 1])» |> flatten |> dense(10)'), '2 channels'],
  ['QS3002', body('x |> conv(«0», kernel: 3) |> flatten |> dense(10)'), 'at least 1'],
  ['QS3002', body('x |> conv(4, kernel: 3, stride: «-1») |> flatten |> dense(10)'), 'whole number'],
  ['QS3002', body('x |> conv(4, kernel: «2.5») |> flatten |> dense(10)'), 'got 2.5'],
  ['QS3002', body('x |> conv(4, kernel: «[3, 3, 3]») |> flatten |> dense(10)'), '[height, width]'],
  [
    'QS3002',
    body('x |> conv(4, kernel: 3, pad: «saem») |> flatten |> dense(10)'),
    "did you mean 'same'",
    'fixed',
  ],
  ['QS3002', body('x |> conv(4, kernel: 3, bias: «1») |> flatten |> dense(10)'), 'true or false'],
  ['QS3002', body('x |> «conv(4, kernel: 3, pad: 3)» |> flatten |> dense(10)'), 'smaller than the kernel'],
  ['QS3002', { model: 'model Net(x: f32[1, «0», 28] in [0, 1]) -> f32[10] {' }, 'a size'],
  ['QS3002', { model: 'model Net(x: «f32[28, 28]» in [0, 1]) -> f32[10] {' }, '[channels, height, width]'],
  ['QS3002', { data: 'data digits { source: mnist, batch: «"all"» }' }, 'all'],
  ['QS3002', { data: 'data digits { source: mnist, augment: «[crop(32, pad: 4)]» }' }, '28×28'],
  [
    'QS3002',
    train('F = forward(Net) |> cross_entropy\nB = backward(F)\nU = adam(lr: 1, beta1: «1»)\nT = U ∘ B ∘ F'),
    'below 1',
  ],
  ['QS3002', train('F = forward(Net)\nB = backward(«F»)\nU = sgd(lr: 1)\nT = U ∘ B ∘ F'), 'cross_entropy'],
  [
    'QS3002',
    precision('weights: auto\nrequire error(gradient, norm: «l3») <= 10%'),
    "did you mean 'l2'",
    'fixed',
  ],
  ['QS3002', precision('weights: auto\nrequire error(gradient) <= 10% with probability «1»'), 'below 1'],
  ['QS3002', precision('weights: auto\nrequire error(logits) <= «0»'), 'above 0'],
  ['QS3002', { more: 'export onnx { opset: «13» }' }, 'from 21'],
  ['QS3003', { data: 'data digits { source: mnist, batch: «2 |> relu» }' }, 'a pipe'],
  [
    'QS3004',
    body('let a = x |> conv(4, kernel: 1)\nlet b = x |> conv(8, kernel: 1)\n«a + b» |> flatten |> dense(10)'),
    'f32[4, 28, 28] and f32[8, 28, 28]',
  ],
  ['QS3005', body('x |> «maxpool(30)» |> flatten |> dense(10)'), '30×30'],
  [
    'QS3006',
    { model: 'model Net(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {', body: '«x |> flatten |> dense(11)»' },
    'f32[11]',
  ],
  ['QS3007', { model: 'model Net(x: «f32[3, 28, 28]» in [0, 1]) -> f32[10] {' }, 'f32[1, 28, 28]', 'fixed'],
  [
    'QS3008',
    { model: 'model Net(x: f32[1, 28, 28] in [0, 1]) -> «f32[11]» {', body: 'x |> flatten |> dense(11)' },
    'f32[10]',
  ],
  ['QS3009', { model: 'model Net(x: «f32[100000000, 100000000, 3]») -> f32[10] {' }, '2^53'],
  ['QS3009', body('x |> flatten |> «dense(9007199254740991)»'), '2^53'],
  ['QS3010', train(`${STEP}T = U ∘ «F» ∘ B`), 'F takes Params, but B before it gives Gradient', 'fixed'],
  ['QS3010', train(`${STEP}T = B ∘ «U» ∘ F`), 'U ∘ B ∘ F', 'fixed'],
  [
    'QS3010',
    train(
      'F = forward(Net)\nG = forward(Net) |> cross_entropy\nB = backward(G)\nU = sgd(lr: 1)\nT = U ∘ «B» ∘ F',
    ),
    'Logits × Cache',
  ],
  ['QS3011', train('«F» = forward(Net) |> cross_entropy'), 'Params → Loss × Cache'],
  ['QS3012', body('x |> flatten |> dense(«10 / 0»)'), 'division by zero'],
  [
    'QS3012',
    body(
      'x |> flatten |> dense(«1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399 * 1e399»)',
    ),
    'outside',
  ],
  [
    'QS3013',
    train(
      'F = forward(Net) |> cross_entropy\nG = forward(Net) |> mse\nB = backward(G)\nU = sgd(lr: 1)\nT = U ∘ «B» ∘ F',
    ),
    'mse',
  ],
  [
    'QS3014',
    { model: 'model Net(x: «f16»[1, 28, 28] in [0, 1]) -> f32[10] {' },
    'precision section',
    'fixed',
  ],
  [
    'QS3015',
    {
      data: 'data digits { source: csv("a.csv", target: "y") }',
      model: 'model «Net»(x: f32[10]) -> f32[10] {',
      body: 'x |> relu',
      precision: '',
    },
    'nothing to train',
  ],
  ['QS3016', { data: 'data digits { source: mnist, «validation: 60000» }' }, '60000'],
  ['QS3016', { data: 'data glyphs(samples: 50) { «batch: 64» }' }, 'batch: all'],
  [
    'QS3017',
    {
      ...train('F = forward(Net) |> mse\nB = backward(F)\nU = sgd(lr: 1)\nT = U ∘ B ∘ F'),
      train: '«train { F = forward(Net) |> mse\nB = backward(F)\nU = sgd(lr: 1)\nT = U ∘ B ∘ F\nepochs: 1 }»',
    },
    'cross_entropy fits',
  ],
  [
    'QS3016',
    {
      data: 'data glyphs(samples: 100) { «batch: 32» }',
      ...train(
        'F = forward(Net) |> cross_entropy\nB = backward(F)\nU = sgd(lr: 1)\nT = U ∘ accumulate(4, B ∘ F)',
      ),
    },
    'a step of 4 batches takes 128 samples',
  ],
];

const PRECISION: readonly Mistake[] = [
  ['QS4001', precision('«c2.weights»: int8'), "did you mean 'c1.weights'", 'fixed'],
  ['QS4001', precision('«gradient»: int8'), "did you mean 'gradients'", 'fixed'],
  ['QS4001', precision('«f1[*].weights»: int8'), 'f1.weights'],
  ['QS4001', precision('«c1.running_mean_of_it»: int8'), "sites of 'c1'"],
  [
    'QS4001',
    { ...precision('weights: int8\n«bias»: int8'), body: 'x |> flatten |> dense(10, bias: false)' },
    'no such tensors',
  ],
  ['QS4002', precision('weights: int8\n«weights: int4»'), 'equal rank'],
  ['QS4003', precision('weights: «int17»'), '2 to 16 bits'],
  ['QS4003', precision('weights: «int1»'), '2 to 16 bits'],
  ['QS4003', precision('weights: «e8m9»'), 'at most 16 bits'],
  ['QS4004', precision('«f1.weights: uint8»'), 'may be negative'],
  ['QS4004', precision('«gradients: uint8»'), 'may be negative'],
  ['QS4005', precision('«bias: int8 per channel»'), 'only per tensor'],
  ['QS4006', precision('weights: fp16 «full»'), 'full', 'fixed'],
  ['QS4006', precision('weights: f32 «stochastic»'), 'stochastic', 'fixed'],
  ['QS4006', precision('weights: mxfp4 «per channel»'), 'per channel', 'fixed'],
  ['QS4006', precision('weights: int8 «scale(none)»'), 'only floats'],
  ['QS4007', precision('«gradients: int8 scale(learned)»'), 'learned'],
  ['QS4007', precision('«gradients: nvfp4»'), 'two_level'],
  ['QS4008', { model: 'model Net(x: f32[1, 28, 28] in «[1, 0]») -> f32[10] {' }, 'empty'],
  ['QS4009', { model: 'model Net(x: «f32[1, 28, 28]» in [0, 0.5]) -> f32[10] {' }, '[0, 1]'],
  ['QS5001', precision('«weights: auto per channel»'), 'require'],
  ['QS5001', precision('«c1.weights: >= 8 bits»'), 'require'],
  [
    'QS5002',
    precision('weights: auto\n«stored weights: auto»\nrequire error(gradient) <= 10%'),
    '.weights.stored',
  ],
  [
    'QS5002',
    precision('«weights: auto»\nrequire error(gradient, reference: quantized_point) <= 10%'),
    'weights',
  ],
  ['QS5003', precision('levels { 4: «int8» }'), 'which has 8'],
  ['QS5004', precision('levels { 4: int4, «4 to 5»: int }'), '4 bits'],
  ['QS5005', precision('tie c1.weights, «f1.in»'), 'not of one kind'],
  [
    'QS5006',
    precision(
      'weights: auto\nrequire error(gradient) <= 10%\nc1.weights: >= 8 bits\n«c1.weights: <= 4 bits»',
    ),
    'no width',
  ],
  ['QS5007', precision('weights: int4\n«c1.weights: >= 8 bits»'), 'int4'],
];

describe.each([
  { area: 'names', mistakes: NAMES },
  { area: 'shapes and types', mistakes: SHAPES },
  { area: 'precision', mistakes: PRECISION },
])('$area', ({ mistakes }) => {
  test.each(mistakes.map(([code, sections, says = '', fixed]) => ({ code, sections, says, fixed })))(
    '$code $says',
    ({ code, sections, says, fixed }) => {
      const { text, marks } = unmark(specText(sections));
      const { diagnostics } = checkText(text);
      const where = marks[0] === undefined ? diagnostics.map((d) => d.span) : marks;
      expect(diagnostics.map((d) => brief(d, text))).toEqual(
        where.map((span) => brief({ code: code as (typeof diagnostics)[number]['code'], span }, text)),
      );
      const [found] = diagnostics;
      expect([found?.message, found?.hint].join('\n')).toContain(says);
      if (fixed) expect(checkText(applyFixes(text, diagnostics)).diagnostics).toEqual([]);
    },
  );
});

test('the sections that the mistakes are put into have none', () => {
  expect(checkText(specText({})).diagnostics).toEqual([]);
});

test('five mistakes give five diagnostics, each at its place', () => {
  const { text, marks } = unmark(
    specText({
      data: 'data digits { source: mnist, «bach»: 64 }',
      body: 'x |> conv(4, kernel: 3) as c1 |> «rellu» |> maxpool(2) |> conv(8, kernel: 3, stride: «0») as c2 |> flatten |> dense(10) as f1',
      train: SOUND.train.replace('U ∘ B ∘ F', 'U ∘ «F» ∘ B'),
      precision: 'precision { weights: «itn8», c2.in: int8, f1.weights: int4 }',
    }),
  );
  const { value, diagnostics } = checkText(text);
  expect(value).toBeUndefined();
  expect(diagnostics.map((d) => d.code)).toEqual(['QS2001', 'QS2001', 'QS3002', 'QS3010', 'QS2001']);
  expect(diagnostics.map((d) => d.span)).toEqual(marks);
});

test('a mistake inside a repeated block is reported once', () => {
  const { text, marks } = unmark(
    specText({
      blocks: 'block b(x, n) { x |> conv(n, kernel: 3, «strid»: 1) |> relu }',
      body: 'x |> repeat 5 { b(4) } as s |> b(8) |> flatten |> dense(10)',
    }),
  );
  expect(checkText(text).diagnostics.map((d) => d.span)).toEqual(marks);
});

test('an unknown block hides no annotation of what it would have made', () => {
  const { text, marks } = unmark(
    specText({
      body: 'x |> «residul»(4) as r |> flatten |> dense(10) as f1',
      precision: 'precision { r.c1.weights: int8, «f2.weights»: int8 }',
    }),
  );
  expect(checkText(text).diagnostics.map((d) => d.span)).toEqual(marks);
});
