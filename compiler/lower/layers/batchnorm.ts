import type { LayerDef } from './definition.ts';
import { only } from './definition.ts';

/** `y = γ·(x − μ)/√(σ² + ε) + β` (Ioffe & Szegedy 2015); the environment says whose μ and σ². */
export const batchnorm: LayerDef<'batchnorm'> = {
  parameters: (layer) => {
    const shape = [layer.shape[0] ?? 1];
    return [
      { name: 'scale', shape, initializer: { kind: 'constant', value: 1 } },
      { name: 'shift', shape, initializer: { kind: 'constant', value: 0 } },
    ];
  },
  forward: (layer, inputs, environment) => environment.batchNorm(layer, only(inputs.values)),
};
