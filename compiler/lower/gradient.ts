import type { CheckedSpec, GradientMorphism } from '../check/checked-spec.ts';
import type { Builder } from '../ir/builder.ts';
import type { Value } from '../ir/graph.ts';
import { add, allAxes, div, inner, mean, mul, scale, sqrt, square, sub } from '../ops/algebra.ts';
import { differentiate } from './differentiate.ts';
import { lookup } from './lookup.ts';
import { lowerModel } from './model.ts';
import type { FormatPlan } from './plan.ts';
import { quantize } from './quantizer.ts';
import { siteFormats } from './site-formats.ts';
import { trainingEnvironment, type WeightNoise } from './training-environment.ts';

/** A batch as the step reads it: x `[n, …sample]`, target `i32[n]` classes or `f32[n, k]` values. */
export interface Batch {
  readonly x: Value;
  readonly target: Value;
}

export interface GradientInputs {
  readonly builder: Builder;
  readonly spec: CheckedSpec;
  readonly plan: FormatPlan;
  readonly parameters: ReadonlyMap<string, Value>;
  readonly buffers: ReadonlyMap<string, Value>;
  readonly batch: Batch;
  /** Distinguishes the noise of several forward passes in one step. */
  readonly summand: string;
  /** Weight noise met on the way in, outermost first. */
  readonly noises: readonly WeightNoise[];
}

export interface GradientOutputs {
  /** By parameter name. */
  readonly gradients: ReadonlyMap<string, Value>;
  readonly buffers: ReadonlyMap<string, Value>;
  readonly loss: Value;
  readonly logits: readonly Value[];
}

/** Forward passes, and so batches, that one evaluation of the morphism takes. */
export function summandsOf(morphism: GradientMorphism): number {
  switch (morphism.kind) {
    case 'backward':
      return 1;
    case 'noise':
    case 'clip':
      return summandsOf(morphism.of);
    case 'accumulate':
    case 'allreduce':
      return morphism.count * summandsOf(morphism.of);
  }
}

/** The Params → Gradient part of T as IR: F and B as often as the morphism says, and what is done to the gradient. */
export function lowerGradient(morphism: GradientMorphism, inputs: GradientInputs): GradientOutputs {
  switch (morphism.kind) {
    case 'backward':
      return forwardAndBackward(inputs);
    case 'noise':
      return lowerGradient(morphism.of, { ...inputs, noises: withNoise(inputs, morphism.sigma) });
    case 'clip':
      return clip(inputs, lowerGradient(morphism.of, inputs), morphism.norm);
    case 'accumulate':
    case 'allreduce':
      return meanOfSummands(morphism, inputs);
  }
}

/** Noise outside a mean is one draw that all of its summands read; noises of one place are independent and add in variance. */
function withNoise({ noises, summand }: GradientInputs, sigma: number): readonly WeightNoise[] {
  const last = noises.at(-1);
  if (last?.summand !== summand) return [...noises, { summand, sigma }];
  return [...noises.slice(0, -1), { summand, sigma: Math.hypot(last.sigma, sigma) }];
}

/** F alone, of the first summand: what it computes before B begins, the buffers among it. */
export function lowerFirstForward(morphism: GradientMorphism, inputs: GradientInputs): ForwardOutputs {
  switch (morphism.kind) {
    case 'backward':
      return forward(inputs);
    case 'noise':
      return lowerFirstForward(morphism.of, { ...inputs, noises: withNoise(inputs, morphism.sigma) });
    case 'clip':
      return lowerFirstForward(morphism.of, inputs);
    case 'accumulate':
    case 'allreduce':
      return lowerFirstForward(morphism.of, summandInputs(inputs, 0, morphism.count));
  }
}

interface ForwardOutputs {
  readonly buffers: ReadonlyMap<string, Value>;
  readonly loss: Value;
  readonly logits: Value;
}

function forward(inputs: GradientInputs): ForwardOutputs {
  const { builder, spec, plan, parameters, batch } = inputs;
  const buffers = new Map(inputs.buffers);
  const environment = trainingEnvironment(
    builder,
    spec.model,
    plan,
    { parameters, buffers },
    inputs.summand,
    inputs.noises,
  );
  const logits = lowerModel(spec.model, batch.x, environment);
  const origin = { phase: 'F' as const, span: spec.train.spans.F, name: 'loss' };
  const loss = builder.at(origin, () => meanLoss(inputs, logits));
  return { buffers, loss, logits };
}

function forwardAndBackward(inputs: GradientInputs): GradientOutputs {
  const { builder, spec, plan, parameters } = inputs;
  const { buffers, loss, logits } = forward(inputs);
  const names = [...parameters.keys()];
  const wrt = names.map((name) => lookup(parameters, name));
  const cotangents = differentiate(builder, loss, wrt, (node) => ({
    phase: 'B',
    span: node.origin.span,
    ...(node.origin.name === undefined ? {} : { name: `${node.origin.name}.grad` }),
  }));
  const formats = siteFormats(spec.model, plan);
  const gradients = new Map<string, Value>();
  names.forEach((name, i) => {
    const site = `${name}.grad`;
    const cotangent = cotangents[i] ?? builder.constant(0, builder.shapeOf(lookup(parameters, name)));
    const format = formats.of(site);
    const at = { phase: 'B' as const, span: spec.train.spans.B, name: site };
    gradients.set(
      name,
      builder.at(at, () => quantize(builder, cotangent, format, 0, site + inputs.summand)),
    );
  });
  return { gradients, buffers, loss, logits: [logits] };
}

/** The loss averaged over the batch (and over outputs, for the squared error). */
function meanLoss({ builder, spec, batch }: GradientInputs, logits: Value): Value {
  const errors = () => {
    if (spec.train.loss === 'cross_entropy') {
      const depth = spec.data.target.count;
      const target = builder.named('labels', () => builder.op('oneHot', [batch.target], { depth }));
      return builder.op('softmaxCrossEntropy', [logits, target], {});
    }
    return square(builder, sub(builder, logits, batch.target));
  };
  const each = errors();
  return mean(builder, each, allAxes(builder, each));
}

/** `g · c / max(‖g‖₂, c)`, the projection onto the ball of radius c, with one norm over all parameters. */
function clip({ builder, spec }: GradientInputs, result: GradientOutputs, norm: number): GradientOutputs {
  const origin = { phase: 'B' as const, span: spec.train.spans.T, name: 'clip' };
  return builder.at(origin, () => {
    const squares = [...result.gradients.values()].map((gradient) => inner(builder, gradient, gradient));
    const length = sqrt(
      builder,
      squares.reduce((a, b) => add(builder, a, b)),
    );
    const limit = builder.constant(norm);
    const factor = div(builder, limit, builder.op('maximum', [length, limit], {}));
    return { ...result, gradients: mapValues(result.gradients, (g) => mul(builder, g, factor)) };
  });
}

/**
 * Mean of `count` summands, each on its own part of the batch. Accumulation passes buffers from one summand to the next;
 * all-reduce gives each the same and averages what they return.
 */
function meanOfSummands(
  morphism: Extract<GradientMorphism, { kind: 'accumulate' | 'allreduce' }>,
  inputs: GradientInputs,
): GradientOutputs {
  const { builder } = inputs;
  const results: GradientOutputs[] = [];
  let buffers = inputs.buffers;
  for (let i = 0; i < morphism.count; i++) {
    const summand = summandInputs(inputs, i, morphism.count);
    const result = lowerGradient(morphism.of, { ...summand, buffers });
    if (morphism.kind === 'accumulate') buffers = result.buffers;
    results.push(result);
  }
  const [first] = results;
  if (!first) throw new Error('a mean needs a summand');
  const average = (pick: (result: GradientOutputs) => Value): Value => {
    const sum = results.map(pick).reduce((a, b) => add(builder, a, b));
    return scale(builder, sum, 1 / results.length);
  };
  const origin = { phase: 'B' as const, span: inputs.spec.train.spans.T, name: morphism.kind };
  return builder.at(origin, () => ({
    gradients: new Map(
      [...first.gradients.keys()].map((name) => [name, average((r) => lookup(r.gradients, name))]),
    ),
    buffers:
      morphism.kind === 'accumulate'
        ? buffers
        : new Map([...first.buffers.keys()].map((name) => [name, average((r) => lookup(r.buffers, name))])),
    loss: average((r) => r.loss),
    logits: results.flatMap((r) => r.logits),
  }));
}

/** What the i-th of `count` summands reads. */
function summandInputs(inputs: GradientInputs, i: number, count: number): GradientInputs {
  const { builder, batch, summand } = inputs;
  return {
    ...inputs,
    batch: { x: part(builder, batch.x, i, count), target: part(builder, batch.target, i, count) },
    summand: `${summand}#${i + 1}`,
  };
}

/** The i-th of `count` equal parts along axis 0. */
function part(builder: Builder, value: Value, i: number, count: number): Value {
  const shape = builder.shapeOf(value);
  const [n = 0, ...rest] = shape;
  const size = n / count;
  return builder.op('slice', [value], {
    starts: [i * size, ...rest.map(() => 0)],
    ends: [(i + 1) * size, ...rest],
  });
}

function mapValues(
  values: ReadonlyMap<string, Value>,
  f: (value: Value) => Value,
): ReadonlyMap<string, Value> {
  return new Map([...values].map(([name, value]) => [name, f(value)]));
}
