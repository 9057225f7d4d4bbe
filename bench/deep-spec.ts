import type { Source } from '../compiler/source/source.ts';

/** A spec of `layers` dense layers of 16 units with relu, each written out, with a format for every tensor of F, B and U. */
export function deepSpec(layers: number): Source {
  const hidden = Array.from({ length: layers - 1 }, (_, i) => `dense(16) as d${i + 1} |> relu`);
  const text = `spec deep

data glyphs { source: glyphs, batch: 16 }

model Deep(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> maxpool(7) |> flatten |> ${[...hidden, 'dense(10) as out'].join('\n    |> ')}
}

train {
  F = forward(Deep) |> cross_entropy
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
