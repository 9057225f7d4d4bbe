import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Optimizer } from '../compiler/check/checked-spec.ts';
import { type Graph, nodeOf, type OpNode, sizeOf } from '../compiler/ir/graph.ts';
import { largestStream } from '../compiler/ir/noise.ts';
import type { OpName } from '../compiler/ir/op-attributes.ts';
import type { TrainingProgram } from '../compiler/lower/program.ts';
import { noisePool, poolOffset, poolSize } from '../compiler/numeric/random.ts';
import { REGISTRY } from '../compiler/ops/registry.ts';
import { compile } from '../compiler/pipeline.ts';
import type { Source } from '../compiler/source/source.ts';
import type { HostTensor } from '../runtime/engines/engine.ts';
import { encodeSafetensors } from '../runtime/storage/safetensors.ts';
import { initialState } from '../runtime/train/state.ts';
import { randomBatch, SEED } from './step-inputs.ts';
import { type Formats, type Model, stepSource } from './step-specs.ts';

/** One model in one set of formats, with everything that an engine of any language needs to take the same step. */
export interface StepCase {
  readonly model: Model;
  readonly formats: Formats;
  readonly source: Source;
  readonly program: TrainingProgram;
  /** A safetensors file of the first step's state and batch, and of the pool that its noise is cut from. */
  readonly tensors: string;
  readonly roles: Readonly<Record<'parameters' | 'buffers', readonly string[]>>;
  readonly streams: readonly StreamSlice[];
  readonly optimizer: Optimizer & { readonly lr: { readonly kind: 'constant' } };
}

/** A stream of noise as a slice of the pool. */
interface StreamSlice {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  /** At the first step. */
  readonly offset: number;
}

export function createCase(model: Model, formats: Formats, folder: string): StepCase {
  const source = stepSource(model, formats);
  const { program } = compileSource(source);
  const { optimizer } = program;
  const pool = poolSize(largestStream(program.streams, 'uniform'));
  const tensors = join(folder, `${model}-${formats}.safetensors`);
  const contents = new Map<string, HostTensor>([
    ...initialState(program, SEED),
    ...randomBatch(program),
    ['noise', { dtype: 'f32', shape: [pool], data: noisePool('uniform', SEED, 0, pool) }],
  ]);
  writeFileSync(tensors, encodeSafetensors({ tensors: contents, metadata: new Map() }));
  const named = (role: 'parameter' | 'buffer'): string[] =>
    program.tensors.filter((tensor) => tensor.role === role).map(({ name }) => name);
  return {
    model,
    formats,
    source,
    program,
    tensors,
    roles: { parameters: named('parameter'), buffers: named('buffer') },
    streams: slices(program.step, pool),
    optimizer: withConstantRate(optimizer),
  };
}

export function compileSource(source: Source) {
  const { value, diagnostics } = compile(source);
  if (!value) throw new Error(`${source.path}: ${JSON.stringify(diagnostics)}`);
  return value;
}

function withConstantRate(optimizer: Optimizer): StepCase['optimizer'] {
  if (optimizer.lr.kind !== 'constant') throw new Error('the learning rate is not constant');
  return { ...optimizer, lr: optimizer.lr };
}

function slices(graph: Graph, pool: number): StreamSlice[] {
  return graph.nodes.flatMap((node): StreamSlice[] => {
    if (node.kind !== 'op' || node.op !== 'uniform') return [];
    const { stream, shape } = node.attributes as OpNode<'uniform'>['attributes'];
    const size = sizeOf(shape);
    return [{ name: stream, shape, size, offset: poolOffset(SEED, 0, stream, size, pool) }];
  });
}

/** Floating-point operations of one step's matrix products and convolutions: two for each multiply–accumulate. */
export function stepFlops({ step }: TrainingProgram): number {
  let macs = 0;
  for (const node of step.nodes) if (node.kind === 'op') macs += macsOf(step, node as OpNode);
  return 2 * macs;
}

function macsOf<K extends OpName>(graph: Graph, node: OpNode<K>): number {
  const types = node.operands.map((operand) => nodeOf(graph, operand).type);
  return REGISTRY[node.op].macs(types, node.attributes, node.type);
}
