import type { AnyLayer, CheckedModel, Layer, LayerKind } from '../check/checked-spec.ts';
import type { Value } from '../ir/graph.ts';
import type { Environment } from './environment.ts';
import type { LayerDef, ParameterSpec } from './layers/definition.ts';
import { LAYERS } from './layers/table.ts';
import { at } from './lookup.ts';

/** The value of a model at x `[N, …sample]`: its layers in order, each in the given environment. */
export function lowerModel(model: CheckedModel, x: Value, environment: Environment): Value {
  const values: Value[] = [];
  model.layers.forEach((layer, id) => {
    const origin = { phase: 'F' as const, span: layer.span, name: layer.path };
    values[id] = environment.builder.at(origin, () => {
      const value = id === 0 ? x : forward(layer, values, model.layers, environment);
      return environment.output(id, value);
    });
  });
  return at(values, model.result);
}

function forward(
  layer: AnyLayer,
  values: readonly Value[],
  layers: readonly AnyLayer[],
  environment: Environment,
): Value {
  const inputs = {
    values: layer.inputs.map((id) => at(values, id)),
    shapes: layer.inputs.map((id) => at(layers, id).shape),
  };
  return definitionOf(layer).forward(layer, inputs, environment);
}

/** A layer's trained tensors, in the order in which it declares them. */
export function parametersOf(model: CheckedModel, layer: AnyLayer): readonly ParameterSpec[] {
  return definitionOf(layer).parameters(
    layer,
    layer.inputs.map((id) => at(model.layers, id).shape),
  );
}

/** The table's entry for a layer; the entry's type follows the layer's kind, which the compiler cannot see through the union. */
function definitionOf(layer: AnyLayer): LayerDef<LayerKind> {
  return LAYERS[layer.kind] as unknown as LayerDef<LayerKind>;
}

/** A readable name for a layer's tensor: `c1.weights`. */
export function tensorName(layer: Layer, tensor: string): string {
  return `${layer.path}.${tensor}`;
}
