import type { Value } from '../../compiler/ir/graph.ts';
import { differentiate } from '../../compiler/lower/differentiate.ts';
import * as ir from '../../compiler/ops/algebra.ts';
import { backward } from '../support/calculus.ts';
import { CaseBuilder, ELEMENTS } from './cases.ts';
import type { Case } from './check.ts';
import { drawTensor, exactTensor, type Kind } from './operands.ts';
import { Random } from './random.ts';

const SIGNED = ELEMENTS.filter((e) => e.kind === 'float' || e.signed);
const UNSIGNED = ELEMENTS.filter((e) => e.kind === 'int' && !e.signed);

/** Puts a small net together, the way layers lower: quantizers where products read, and where cotangents arrive. */
class Net {
  readonly draw: CaseBuilder;
  readonly weights: Value[] = [];

  constructor(random: Random) {
    this.draw = new CaseBuilder(random);
  }

  get builder() {
    return this.draw.builder;
  }

  /** A weight that is at hand, near 1 in magnitude or of any. */
  weight(shape: readonly number[], kind: Kind = 'real'): Value {
    const { random } = this.draw;
    const plain = Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.between(-1, 1));
    const tensor = random.chance(0.7)
      ? { ...exactTensor(shape, plain.map(Math.fround)), known: true }
      : drawTensor(random, kind, shape);
    const value = this.draw.input(tensor);
    this.weights.push(value);
    return value;
  }

  quantized(x: Value, unsigned: boolean): Value {
    const { random } = this.draw;
    if (random.chance(0.3)) return x;
    const element = random.pick(unsigned ? [...UNSIGNED, ...SIGNED] : SIGNED);
    const axes = ir.allAxes(this.builder, x);
    const kind = random.pick(['absmax', 'power_of_two'] as const);
    const some = axes.length > 1 && random.chance(0.3) ? axes.slice(1) : axes;
    const scale = this.builder.op('quantScale', [x], { element, axes: some, kind });
    return this.builder.op('quantize', [x, scale], { element });
  }

  /** The site of a layer's gradient. */
  gradientSite(x: Value): Value {
    const { random } = this.draw;
    if (random.chance(0.4)) return x;
    const settings = {
      element: random.pick(SIGNED),
      axes: ir.allAxes(this.builder, x),
      kind: random.pick(['absmax', 'power_of_two', 'none'] as const),
    };
    const stream = `g${this.builder.nodes.length}`;
    return this.builder.op('quantizeCotangent', [x], random.chance(0.5) ? { ...settings, stream } : settings);
  }

  dense(x: Value, units: number, unsigned: boolean): Value {
    const [, inputs = 1] = this.builder.shapeOf(x);
    const w = this.quantized(this.weight([units, inputs]), false);
    const y = this.builder.op('matmul', [this.quantized(x, unsigned), w], {
      transposeA: false,
      transposeB: true,
    });
    return this.gradientSite(ir.add(this.builder, y, this.weight([units])));
  }

  conv(x: Value, filters: number, unsigned: boolean): Value {
    const [, channels = 1] = this.builder.shapeOf(x);
    const w = this.quantized(this.weight([filters, channels, 3, 3]), false);
    const strides = this.draw.random.pick([
      [1, 1],
      [2, 2],
    ] as const);
    return this.gradientSite(
      this.builder.op('conv2d', [this.quantized(x, unsigned), w], { strides, pads: [1, 1, 1, 1] }),
    );
  }

  relu(x: Value): Value {
    return this.builder.op('relu', [x], {});
  }

  normalized(x: Value): Value {
    const [, channels = 1] = this.builder.shapeOf(x);
    const axes = this.builder.shapeOf(x).length === 4 ? [0, 2, 3] : [0];
    const y = this.builder.op('standardize', [x], {
      axes,
      epsilon: this.draw.random.pick([1e-5, 1e-3, 0.5]),
    });
    const shape = axes.length === 3 ? [channels, 1, 1] : [channels];
    return ir.add(this.builder, ir.mul(this.builder, y, this.weight(shape)), this.weight(shape));
  }

  pooled(x: Value): Value {
    const overlapping = this.draw.random.chance(0.4);
    const window = {
      kernel: overlapping ? ([3, 3] as const) : ([2, 2] as const),
      strides: overlapping ? ([1, 1] as const) : ([2, 2] as const),
      pads: overlapping ? ([1, 1, 1, 1] as const) : ([0, 0, 0, 0] as const),
    };
    const op = this.draw.random.pick(['maxPool', 'sumPool'] as const);
    const y = this.builder.op(op, [x], window);
    return op === 'sumPool' ? ir.scale(this.builder, y, 1 / window.kernel[0] ** 2) : y;
  }

  /** The mean cross entropy against labels. */
  loss(logits: Value): Value {
    const [rows = 1, classes = 1] = this.builder.shapeOf(logits);
    const labels = Array.from({ length: rows }, () => this.draw.random.below(classes));
    const target = this.builder.op('oneHot', [this.draw.input(exactTensor([rows], labels), 'i32')], {
      depth: classes,
    });
    return ir.mean(this.builder, this.builder.op('softmaxCrossEntropy', [logits, target], {}), [0]);
  }
}

function features(net: Net, random: Random): Value {
  const plain = Array.from({ length: 2 * 2 * 4 * 4 }, () => Math.fround(random.unit()));
  const image = random.chance(0.5)
    ? exactTensor([2, 2, 4, 4], plain)
    : drawTensor(random, 'real', [2, 2, 4, 4]);
  let x = net.draw.input(image);
  if (random.chance(0.7)) {
    let y = net.conv(x, 2, false);
    if (random.chance(0.4)) y = net.normalized(y);
    const same = `${net.builder.shapeOf(y)}` === `${net.builder.shapeOf(x)}`;
    x = net.relu(same && random.chance(0.6) ? ir.add(net.builder, x, y) : y);
    if ((net.builder.shapeOf(x)[2] ?? 1) > 2 && random.chance(0.7)) x = net.pooled(x);
  }
  const [batch = 1, ...rest] = net.builder.shapeOf(x);
  return ir.reshape(net.builder, x, [batch, rest.reduce((a, b) => a * b, 1)]);
}

/** A small classifier with its gradient and a step of an optimizer, each quantized here and there. */
export function netCase(seed: number): Case {
  const random = new Random(seed);
  const net = new Net(random);
  const { builder } = net;
  let x = features(net, random);
  x = net.relu(net.dense(x, 4, true));
  if (random.chance(0.5)) {
    const branch = net.dense(x, 4, true);
    x = net.relu(ir.add(builder, x, random.chance(0.4) ? net.normalized(branch) : branch));
  }
  const loss = net.loss(net.dense(x, 3, true));
  if (random.chance(0.3)) return net.draw.done(loss);
  const gradients = differentiate(builder, loss, net.weights, backward);
  const updated = net.weights.map((w, i) => {
    const step = ir.scale(builder, gradients[i] ?? -1, 0.01);
    return ir.sub(builder, w, step);
  });
  const graph = builder.build(
    'net',
    updated.map((value, i) => ({ name: `w${i}`, value })),
  );
  return { graph, inputs: net.draw.inputs };
}
