import type { CheckedModel, CheckedSpec, DataSource } from '../check/checked-spec.ts';
import { type Diagnostic, diagnostic, type Result } from '../diagnostics/diagnostic.ts';
import type { Builder } from '../ir/builder.ts';
import type { Graph, Output, Value } from '../ir/graph.ts';
import { noiseStreams } from '../ir/noise.ts';
import { prune } from '../ir/prune.ts';
import { newBuilder } from '../ops/registry.ts';
import { lowerFirstForward, lowerGradient, summandsOf } from './gradient.ts';
import { lookup } from './lookup.ts';
import { parametersOf, tensorName } from './model.ts';
import { hyperParameters, stateSlots, update } from './optimizer.ts';
import type { FormatPlan } from './plan.ts';
import type { NoiseStream, StateTensor, TrainingProgram } from './program.ts';
import { quantize } from './quantizer.ts';
import { siteFormats } from './site-formats.ts';

/** Layers of a step, those of each summand counted, so that no spec makes a graph that memory cannot hold. */
const MAX_STEP_LAYERS = 25_000;

/** T as a program: one graph for F, B and U, the tensors that live from step to step, and what the host feeds. */
export function lowerTraining(spec: CheckedSpec, plan: FormatPlan): Result<TrainingProgram> {
  if (spec.model.layers.length * summandsOf(spec.train.gradient) > MAX_STEP_LAYERS) {
    const tooLarge = { what: 'layers in one training step', limit: MAX_STEP_LAYERS };
    return { value: undefined, diagnostics: [diagnostic('QS2010', spec.train.spans.T, tooLarge)] };
  }
  const batch = samplesPerStep(spec);
  if (typeof batch !== 'number') return { value: undefined, diagnostics: [batch] };
  const builder = newBuilder();
  const tensors = stateTensors(spec, plan);
  const inputs = gradientInputs(builder, spec, plan, tensors, batch);
  const { hyper, state } = inputs;
  const result = lowerGradient(spec.train.gradient, inputs);
  const current = { parameters: inputs.parameters, state, hyper };
  const updated = updateAll(builder, spec, plan, current, result.gradients);
  const gradients = [...result.gradients].map(([name, value]) => ({ name: `${name}.grad`, value }));
  const outputs: Output[] = [
    ...tensors.map(({ name, role }) => ({
      name,
      value: lookup(role === 'buffer' ? result.buffers : updated, name),
    })),
    { name: 'loss', value: result.loss },
    ...result.logits.map((value, i) => ({
      name: result.logits.length === 1 ? 'logits' : `logits#${i + 1}`,
      value,
    })),
    ...gradients,
  ];
  const stepWithGradients = prune(builder.build(spec.name, outputs));
  const step = prune(
    stepWithGradients,
    stepWithGradients.outputs.slice(0, outputs.length - gradients.length),
  );
  const program: TrainingProgram = {
    name: spec.name,
    step,
    stepWithGradients,
    plan,
    tensors,
    hyper: hyperParameters(spec.train.optimizer),
    streams: noiseStreams(step) satisfies readonly NoiseStream[],
    optimizer: spec.train.optimizer,
    batch,
    sampleShape: spec.data.sampleShape,
    target: spec.data.target,
  };
  return { value: program, diagnostics: [] };
}

/**
 * F of one sample, of T's first summand: what it computes stands in the order that it has in {@link lowerTraining}'s step. It reads the
 * inputs of the whole step.
 */
export function lowerSample(spec: CheckedSpec, plan: FormatPlan): Graph {
  const builder = newBuilder();
  const tensors = stateTensors(spec, plan);
  const inputs = gradientInputs(builder, spec, plan, tensors, summandsOf(spec.train.gradient));
  const { buffers, loss, logits } = lowerFirstForward(spec.train.gradient, inputs);
  const outputs = [
    ...[...buffers].map(([name, value]) => ({ name, value })),
    { name: 'loss', value: loss },
    { name: 'logits', value: logits },
  ];
  return prune(builder.build(spec.name, outputs));
}

/** The inputs of a step that reads `samples` samples. */
function gradientInputs(
  builder: Builder,
  spec: CheckedSpec,
  plan: FormatPlan,
  tensors: readonly StateTensor[],
  samples: number,
) {
  const origin = { phase: 'F' as const, span: spec.model.span };
  const values = builder.at(origin, () => stateInputs(builder, tensors));
  const batch = builder.at(origin, () => batchInputs(builder, spec, samples));
  const hyper = new Map(
    hyperParameters(spec.train.optimizer).map(({ name }) => [
      name,
      builder.input(name, 'hyper', { dtype: 'f32', shape: [] }),
    ]),
  );
  const ofRole = (role: StateTensor['role']) =>
    new Map(tensors.filter((t) => t.role === role).map(({ name }) => [name, lookup(values, name)]));
  return {
    builder,
    spec,
    plan,
    parameters: ofRole('parameter'),
    buffers: ofRole('buffer'),
    state: ofRole('state'),
    hyper,
    batch,
    summand: '',
    noises: [],
  };
}

/** Every tensor that training carries from step to step: parameters, optimizer state, buffers. */
export function stateTensors(spec: CheckedSpec, plan: FormatPlan): readonly StateTensor[] {
  const parameters = modelParameters(spec.model);
  const slots = stateSlots(spec.train.optimizer);
  const zero = { kind: 'constant', value: 0 } as const;
  const state = parameters.flatMap(({ name, shape }) =>
    slots.map((slot) => ({ name: `${name}.${slot}`, role: 'state' as const, shape, initializer: zero })),
  );
  return [...parameters, ...state, ...modelBuffers(spec.model, plan)];
}

/** θ by name, with the shapes and initializers that the layers declare. */
export function modelParameters(model: CheckedModel): readonly StateTensor[] {
  return model.layers.flatMap((layer) =>
    parametersOf(model, layer).map(({ name, shape, initializer }) => ({
      name: tensorName(layer, name),
      role: 'parameter' as const,
      shape,
      initializer,
    })),
  );
}

/** Running moments of batch norms and moving-average scales; a scale's initial 0 means that no batch was seen. */
export function modelBuffers(model: CheckedModel, plan: FormatPlan): readonly StateTensor[] {
  const buffer = (name: string, shape: readonly number[], value: number): StateTensor => ({
    name,
    role: 'buffer',
    shape,
    initializer: { kind: 'constant', value },
  });
  const moments = model.layers.flatMap((layer) => {
    if (layer.kind !== 'batchnorm') return [];
    const shape = [layer.shape[0] ?? 1];
    return [buffer(tensorName(layer, 'mean'), shape, 0), buffer(tensorName(layer, 'variance'), shape, 1)];
  });
  const formats = siteFormats(model, plan);
  const scales = model.layers.flatMap((layer, id) => {
    const planned = formats.readingOf(id);
    if (planned?.format.scale.kind !== 'moving_average') return [];
    const channels = planned.format.granularity.kind === 'channel';
    const shape = [1, ...layer.shape.map((size, i) => (channels && i === 0 ? size : 1))];
    return [buffer(`${planned.site.name}.scale`, shape, 0)];
  });
  return [...moments, ...scales];
}

function stateInputs(builder: Builder, tensors: readonly StateTensor[]): ReadonlyMap<string, Value> {
  return new Map(
    tensors.map(({ name, role, shape }) => [
      name,
      builder.named(name, () => builder.input(name, role, { dtype: 'f32', shape })),
    ]),
  );
}

function batchInputs(builder: Builder, spec: CheckedSpec, batch: number): { x: Value; target: Value } {
  const { sampleShape, target } = spec.data;
  const x = builder.named('x', () =>
    builder.input('x', 'batch', { dtype: 'f32', shape: [batch, ...sampleShape] }),
  );
  if (target.kind === 'classes') {
    return {
      x,
      target: builder.named('labels', () =>
        builder.input('labels', 'batch', { dtype: 'i32', shape: [batch] }),
      ),
    };
  }
  const shape = [batch, target.count];
  return {
    x,
    target: builder.named('targets', () => builder.input('targets', 'batch', { dtype: 'f32', shape })),
  };
}

/** New parameters and optimizer state by name, each rounded to the format in which it is stored. */
function updateAll(
  builder: Builder,
  spec: CheckedSpec,
  plan: FormatPlan,
  current: {
    readonly parameters: ReadonlyMap<string, Value>;
    readonly state: ReadonlyMap<string, Value>;
    readonly hyper: ReadonlyMap<string, Value>;
  },
  gradients: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value> {
  const formats = siteFormats(spec.model, plan);
  const { optimizer } = spec.train;
  const updated = new Map<string, Value>();
  for (const [name, parameter] of current.parameters) {
    builder.at({ phase: 'U', span: spec.train.spans.U, name }, () => {
      // Each name is made once: a graph of many layers spends much of its time on the hashes of new strings.
      const slots = stateSlots(optimizer).map((slot) => ({ slot, site: `${name}.${slot}` }));
      const result = update(builder, optimizer, {
        parameter,
        gradient: lookup(gradients, name),
        state: Object.fromEntries(slots.map(({ slot, site }) => [slot, lookup(current.state, site)])),
        hyper: current.hyper,
        exactState: slots.every(({ site }) => formats.of(site).element.kind === 'f32'),
      });
      const store = (value: Value, site: string) => quantize(builder, value, formats.of(site), 0, site);
      updated.set(name, store(result.parameter, `${name}.stored`));
      for (const { slot, site } of slots) {
        const value = result.state[slot];
        if (value !== undefined) updated.set(site, store(value, site));
      }
    });
  }
  return updated;
}

/** Samples that one step reads: the batch times the summands of T, or the whole training set. */
function samplesPerStep(spec: CheckedSpec): number | Diagnostic {
  const { data, train } = spec;
  const summands = summandsOf(train.gradient);
  if (data.batch !== 'all') return data.batch * summands;
  const available = trainingSamples(data.source);
  if (available === undefined) {
    return diagnostic('QS6505', data.span, {}, { hint: 'write the number of rows as the batch' });
  }
  const held = Math.max(0, available - data.validation);
  const used = data.train === undefined ? held : Math.min(held, data.train);
  if (used >= summands) return used - (used % summands);
  return diagnostic(
    'QS6506',
    data.span,
    { samples: used, summands },
    { hint: `use at least ${summands} samples` },
  );
}

/** Size of the training set before anything is held out, where the text alone says it. */
function trainingSamples(source: DataSource): number | undefined {
  switch (source.kind) {
    case 'mnist':
    case 'fashion_mnist':
      return 60_000;
    case 'cifar10':
      return 50_000;
    case 'glyphs':
    case 'regression':
      return source.samples;
    case 'csv':
      return undefined;
  }
}
