/** A net that trains in a second: 44 steps of 8 glyphs, batch norm, stored formats, evaluation clauses. */
export const SMALL_SPEC = `spec small

data glyphs(samples: 192, test: 60, seed: 1) { batch: 8, validation: 16 }

model Small(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(4, kernel: 3, pad: 1, stride: 2) as c1 |> batchnorm as n1 |> relu |> maxpool(2) |> flatten
    |> dense(10) as f1
}

train {
  F = forward(Small) |> cross_entropy
  B = backward(F)
  U = adam(lr: cosine(3e-3, 0))
  T = U ∘ B ∘ F
  epochs: 2
}

precision {
  weights: int8 per channel
  activations: int8
  gradients: int8 stochastic
  stored weights: int8 stochastic
}

eval { weights: [int4, int2], noise: [0.1] }
`;
