import type { Layer, LayerKind } from '../../check/checked-spec.ts';
import type { Value } from '../../ir/graph.ts';
import type { Environment, ParameterName } from '../environment.ts';
import type { Initializer } from '../program.ts';

export interface ParameterSpec {
  readonly name: ParameterName;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
}

/** Values of a layer's inputs, in order, and their shapes without the batch. */
export interface LayerInputs {
  readonly values: readonly Value[];
  readonly shapes: readonly (readonly number[])[];
}

/** One kind of layer: the tensors it trains and what it computes. */
export interface LayerDef<K extends LayerKind> {
  readonly parameters: (
    layer: Layer<K>,
    inputShapes: readonly (readonly number[])[],
  ) => readonly ParameterSpec[];
  readonly forward: (layer: Layer<K>, inputs: LayerInputs, environment: Environment) => Value;
}

/** A layer that trains nothing. */
export function pure<K extends LayerKind>(forward: LayerDef<K>['forward']): LayerDef<K> {
  return { parameters: () => [], forward };
}

/** The one input of a layer that has one. */
export function only<T>(items: readonly T[]): T {
  const [item] = items;
  if (items.length !== 1 || item === undefined) throw new Error(`expected one input, got ${items.length}`);
  return item;
}
