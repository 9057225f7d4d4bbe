import { readFileSync } from 'node:fs';
import type { TrainingProgram } from '../compiler/lower/program.ts';
import type { HostTensor, Tensors } from '../runtime/engines/engine.ts';
import { decodeSafetensors } from '../runtime/storage/safetensors.ts';
import type { Formats } from './step-specs.ts';

/**
 * Relative differences, in the 2-norm, between one step of two engines from the same state with the same batch and noise. The gradient is
 * read from the optimizer's first moment, which starts at zero: `m = (1 − β₁)·g` for Adam, `v = g + λ·θ` for momentum.
 */
export interface Difference {
  readonly loss: number;
  /** Of all parameters as one vector. */
  readonly gradient: number;
  readonly parameters: number;
  /** The tensor whose gradient differs most, and by how much. */
  readonly worst: { readonly name: string; readonly gradient: number };
}

type Tolerance = Omit<Difference, 'worst'>;

/**
 * What two engines may differ by. Both do the same operations on the same numbers, but sum in another order. A mask of relu whose argument is
 * near zero, or a code near a rounding tie, then falls the other way, and a share p of them that does changes a gradient by about √p of its norm;
 * in ResNet-8 that happens in 17 layers one after the other, and batch norm makes each depend on the whole batch. How far single operations
 * agree, on identical operands, is tested in `test/engines`.
 */
const TOLERANCES: Readonly<Record<'plain' | 'batch norm', Readonly<Record<'f32' | 'quantized', Tolerance>>>> =
  {
    plain: {
      f32: { loss: 1e-5, gradient: 1e-4, parameters: 1e-4 },
      quantized: { loss: 1e-3, gradient: 1e-2, parameters: 1e-2 },
    },
    'batch norm': {
      f32: { loss: 1e-5, gradient: 2e-2, parameters: 1e-3 },
      quantized: { loss: 1e-3, gradient: 0.35, parameters: 1e-2 },
    },
  };

export function difference(program: TrainingProgram, ours: Tensors, theirs: Tensors): Difference {
  const slot = program.optimizer.kind === 'adam' ? 'm' : 'v';
  const parameters = program.tensors.filter(({ role }) => role === 'parameter').map(({ name }) => name);
  const worst = parameters
    .map((name) => ({ name, gradient: distance([`${name}.${slot}`], ours, theirs) }))
    .reduce((a, b) => (b.gradient > a.gradient ? b : a));
  const gradients = parameters.map((name) => `${name}.${slot}`);
  return {
    loss: distance(['loss'], ours, theirs),
    gradient: distance(gradients, ours, theirs),
    parameters: distance(parameters, ours, theirs),
    worst,
  };
}

export function agrees(program: TrainingProgram, formats: Formats, found: Difference): boolean {
  const kind = program.tensors.some(({ role }) => role === 'buffer') ? 'batch norm' : 'plain';
  const { loss, gradient, parameters } = TOLERANCES[kind][formats === 'f32' ? 'f32' : 'quantized'];
  return found.loss <= loss && found.gradient <= gradient && found.parameters <= parameters;
}

export function readOutputs(path: string): Tensors {
  return decodeSafetensors(readFileSync(path), path).tensors;
}

/** `‖a − b‖ / ‖a‖` over the named tensors in the 2-norm; NaN, which no tolerance admits, where one is missing or not finite. */
function distance(names: readonly string[], ours: Tensors, theirs: Tensors): number {
  let difference = 0;
  let size = 0;
  for (const name of names) {
    const [a, b] = [ours.get(name), theirs.get(name)];
    if (!a || !b || a.data.length !== b.data.length) return Number.NaN;
    difference += squares(a.data, (value, i) => value - (b.data[i] ?? Number.NaN));
    size += squares(a.data, (value) => value);
  }
  return Math.sqrt(difference / size);
}

function squares(data: HostTensor['data'], term: (value: number, index: number) => number): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += term(data[i] ?? 0, i) ** 2;
  return sum;
}
