import { describe, expect, test } from 'vitest';
import type { Graph } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { shardsOf } from '../../compiler/ir/shards.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { evaluate } from '../../compiler/ops/evaluate.ts';
import { hyperValues } from '../../runtime/train/hyper.ts';
import { initialState } from '../../runtime/train/state.ts';
import { compileText } from '../support/compile.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';

/** Without noise, whose place in a pool depends on the whole of a graph. */
const NEAREST = SMALL_SPEC.replaceAll(' stochastic', '').replace('batch: 8', 'batch: 2');

function programOf(step: string, changes: readonly (readonly [string, string])[] = []): TrainingProgram {
  const text = changes.reduce((spec, [from, to]) => spec.replace(from, to), NEAREST);
  return compileText(text.replace('T = U ∘ B ∘ F', `T = ${step}`)).program;
}

type Tensors = ReadonlyMap<string, NdArray>;

function inputsOf(program: TrainingProgram): Tensors {
  const inputs = new Map<string, NdArray>();
  for (const [name, { shape, data }] of initialState(program, 3)) inputs.set(name, ndarray(shape, data));
  for (const [name, value] of hyperValues(program, { step: 0, stepsPerEpoch: 4, epochs: 1 })) {
    inputs.set(name, ndarray([], [value]));
  }
  const { batch, sampleShape } = program;
  inputs.set('x', ndarray([batch, ...sampleShape], uniforms(3, 'x', 0, batch * 784)));
  inputs.set(
    'labels',
    ndarray(
      [batch],
      Array.from({ length: batch }, (_, i) => i % 10),
    ),
  );
  return inputs;
}

/** In float64 throughout. */
function outputsOf(graph: Graph, inputs: Tensors): Tensors {
  const noise = (): never => {
    throw new Error('no noise');
  };
  return evaluate(graph, inputs, noise);
}

const MOVING = ['activations: int8', 'activations: int8\n  f1.in: int8 scale(moving_average(0.9))'] as const;

describe('a step by parts of its batch', () => {
  test.each([
    ['allreduce', 'U ∘ allreduce(2, B ∘ F)', 2, []],
    ['allreduce of four, clipped', 'U ∘ clip(norm: 1) ∘ allreduce(4, B ∘ F)', 4, []],
    ['accumulate, each batch norm after the other', 'U ∘ accumulate(3, B ∘ F)', 3, []],
    ['allreduce, a moving average', 'U ∘ allreduce(2, B ∘ F)', 2, [MOVING]],
    ['both', 'U ∘ allreduce(2, accumulate(2, B ∘ F))', 2, []],
  ] as const)('%s: gives what the whole gives, bit for bit', (_, step, count, changes) => {
    const program = programOf(step, changes);
    const sharded = shardsOf(program.step);
    expect(sharded?.shards).toHaveLength(count);
    const { shards = [], rest } = sharded ?? {};
    const inputs = inputsOf(program);
    const whole = outputsOf(program.step, inputs);

    const found = new Map<string, NdArray>();
    for (const { graph, rows } of shards) {
      const part = (name: string) => name === 'x' || name === 'labels';
      const given = new Map([...inputs].map(([name, t]) => [name, part(name) ? rowsOf(t, rows) : t]));
      for (const [name, tensor] of outputsOf(graph, given)) found.set(name, tensor);
    }
    if (rest === undefined) throw new Error('no rest');
    const joined = outputsOf(rest, new Map([...inputs, ...found]));
    for (const [name, tensor] of whole) expect(joined.get(name) ?? found.get(name), name).toEqual(tensor);
  });

  test('shards read no optimizer state, and the rest no samples', () => {
    const { shards, rest } = shardsOf(programOf('U ∘ allreduce(2, B ∘ F)').step) ?? { shards: [] };
    const inputs = (graph: typeof rest) =>
      graph?.nodes.flatMap((n) => (n.kind === 'input' ? [n.input] : [])) ?? [];
    expect(shards.map(({ rows }) => rows)).toEqual([
      [0, 2],
      [2, 4],
    ]);
    for (const { graph } of shards) {
      expect(inputs(graph).filter((name) => /\.[mv]$|lr/.test(name))).toEqual([]);
    }
    expect(inputs(rest)).not.toContain('x');
  });

  test('a step of one batch has none, nor one whose parts wait for each other', () => {
    expect(shardsOf(programOf('U ∘ B ∘ F').step)).toBeUndefined();
    expect(shardsOf(programOf('U ∘ accumulate(2, B ∘ F)', [MOVING]).step)).toBeUndefined();
  });
});

function rowsOf({ shape, data }: NdArray, [from, to]: readonly [number, number]): NdArray {
  const [rows = 1, ...rest] = shape;
  const size = data.length / rows;
  return ndarray([to - from, ...rest], data.subarray(from * size, to * size));
}
