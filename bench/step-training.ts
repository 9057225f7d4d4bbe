import type { Tensor } from '@tensorflow/tfjs-core';
import { emitTfjsProgram } from '../compiler/emit/tfjs/emit-program.ts';
import type { TrainingProgram } from '../compiler/lower/program.ts';
import { newBuilder } from '../compiler/ops/registry.ts';
import type { Source } from '../compiler/source/source.ts';
import type { HostTensor, Tensors } from '../runtime/engines/engine.ts';
import { createOnnxEngine, type OnnxEngineOptions } from '../runtime/engines/onnx.ts';
import { loadBackend, type Tfjs } from '../runtime/engines/tfjs-backend.ts';
import { evaluateModules } from '../runtime/engines/tfjs-module.ts';
import { hyperValues } from '../runtime/train/hyper.ts';
import { SEED } from './step-inputs.ts';

/** A training run that takes one step after another. */
export interface Training {
  readonly description: string;
  step(): Promise<void>;
  /** Loss, logits and state after the last step, by QSpec's names. */
  outputs(): Promise<Tensors>;
}

/** The progress of a run that does not end here: nothing but the step number matters at a constant learning rate. */
const RUN = { stepsPerEpoch: 1000, epochs: 1 };

/** Our engine as `train` uses it: the state goes in and comes out at every step. */
export async function onnxTraining(
  program: TrainingProgram,
  tensors: Tensors,
  options: OnnxEngineOptions,
): Promise<Training> {
  const engine = await createOnnxEngine(options);
  const executable = await engine.load(program.step, { seed: SEED });
  const batch = program.step.nodes.flatMap((node): [string, HostTensor][] => {
    const tensor = node.kind === 'input' && node.role === 'batch' ? tensors.get(node.input) : undefined;
    return node.kind === 'input' && tensor ? [[node.input, tensor]] : [];
  });
  let outputs: Tensors = tensors;
  let step = 0;
  return {
    description: engine.description,
    step: async () => {
      const inputs = new Map(batch);
      for (const { name } of program.tensors) inputs.set(name, present(outputs.get(name), name));
      for (const [name, value] of hyperValues(program, { step, ...RUN })) {
        inputs.set(name, { dtype: 'f32', shape: [], data: Float32Array.of(value) });
      }
      outputs = await executable.run(inputs, step++);
    },
    outputs: async () => outputs,
  };
}

type Group = Readonly<Record<string, Tensor>>;

/** What the emitted `index.ts` exports. */
interface EmittedProgram {
  createState(seed: number): EmittedState;
  trainStep(
    state: EmittedState,
    batch: Group,
    run: typeof RUN,
  ): Promise<{ readonly state: EmittedState; readonly loss: number }>;
}

interface EmittedState {
  readonly tensors: Readonly<Record<string, Group>>;
}

/** The emitted tfjs program on TensorFlow's backend, its tensors staying where they are from step to step. */
export async function tfjsTraining(
  program: TrainingProgram,
  source: Source,
  tensors: Tensors,
): Promise<Training> {
  const { tf, name, description } = await loadBackend();
  if (name !== 'tensorflow') throw new Error('@tensorflow/tfjs-node does not load; qspec doctor says more');
  const files = emitTfjsProgram(program, { source, toolVersion: 'bench', specHash: '' });
  const emitted = evaluateModules(files, 'index.ts') as unknown as EmittedProgram;
  const table = evaluateModules(files, 'state.ts')['TENSORS'] as readonly {
    readonly name: string;
    readonly group: string;
    readonly key: string;
  }[];
  const batch: Group = Object.fromEntries(
    ['x', 'labels'].map((key) => [key, tfjsTensor(tf, present(tensors.get(key), key))]),
  );
  let state = emitted.createState(SEED);
  let loss = Number.NaN;
  return {
    description,
    step: async () => {
      ({ state, loss } = await emitted.trainStep(state, batch, RUN));
    },
    outputs: async () => {
      const outputs = new Map<string, HostTensor>([
        ['loss', { dtype: 'f32', shape: [], data: Float32Array.of(loss) }],
      ]);
      for (const { name: tensorName, group, key } of table) {
        const tensor = present(state.tensors[group]?.[key], tensorName);
        const data = Float32Array.from(await tensor.data());
        outputs.set(tensorName, { dtype: 'f32', shape: tensor.shape, data });
      }
      return outputs;
    },
  };
}

function tfjsTensor(tf: Tfjs, { dtype, shape, data }: HostTensor): Tensor {
  return tf.tensor(data, [...shape], dtype === 'i32' ? 'int32' : 'float32');
}

/** Products in one step of {@link productsTraining}. */
export const PRODUCTS = 4;

/** Square products one after the other in one graph, so that copies in and out are few beside them. A step is {@link PRODUCTS} of them. */
export async function productsTraining(size: number, options: OnnxEngineOptions): Promise<Training> {
  const builder = newBuilder();
  const type = { dtype: 'f32', shape: [size, size] } as const;
  const a = builder.input('a', 'batch', type);
  let product = builder.input('b', 'batch', type);
  for (let i = 0; i < PRODUCTS; i++) {
    product = builder.op('matmul', [product, a], { transposeA: false, transposeB: false });
  }
  const last = builder.op('sum', [product], { axes: [1], keepDims: false });
  const graph = builder.build('products', [{ name: 'sum', value: last }]);
  const engine = await createOnnxEngine(options);
  const executable = await engine.load(graph, { seed: SEED });
  const data = new Float32Array(size * size).fill(1 / size);
  const inputs: Tensors = new Map([
    ['a', { dtype: 'f32', shape: [size, size], data }],
    ['b', { dtype: 'f32', shape: [size, size], data }],
  ]);
  return {
    description: engine.description,
    step: async () => {
      await executable.run(inputs, 0);
    },
    outputs: async () => new Map(),
  };
}

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`there is no '${name}'`);
  return value;
}
