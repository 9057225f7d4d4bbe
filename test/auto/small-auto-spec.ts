/** A small net whose formats are all derived, on data that is made, not loaded. */
export const SMALL_AUTO_SPEC = `spec small_auto

data glyphs(samples: 192, test: 64, seed: 3) { batch: 16, validation: 32 }

model Net(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> maxpool(4) |> flatten |> dense(12) as f1 |> relu |> dense(10) as f2
}

train {
  F = forward(Net) |> cross_entropy
  B = backward(F)
  U = adam(lr: 0.01)
  T = U ∘ B ∘ F
  epochs: 2
  seed: 4
}

precision {
  levels {
    2 to 12: { weights: int per channel, activations: int, gradients: int stochastic }
    32: f32
  }
  require error(gradient, reference: quantized_point) <= 10% with probability 0.99
  require error(logits) <= 10% with probability 0.99
}
`;
