import type { Source } from '../compiler/source/source.ts';

/** A spec of `layers` dense layers of 16 units with relu, each written out, with a format for every tensor of F, B and U. */
export function deepSpec(layers: number): Source {
  const hidden = Array.from({ length: layers - 1 }, (_, i) => `dense(16) as d${i + 1} |> relu`);
  const text = `spec deep

data table { source: regression(samples: 1000, features: 16), batch: 16 }

model Deep(x: f32[16] in [-1, 1]) -> f32[1] {
  x |> ${[...hidden, 'dense(1) as out'].join('\n    |> ')}
}

train {
  F = forward(Deep) |> mse
  B = backward(F)
  U = adam(lr: 1e-3)
  T = U ∘ B ∘ F
  epochs: 1
}

precision {
  weights: int8
  activations: int8
  gradients: int8 stochastic
  stored weights: int8 stochastic
}
`;
  return { path: `${layers}-layers.qspec`, text };
}
