/** One of every construct, as a user would write it. */
export const SKETCH = `spec cnn2_mnist

data mnist { source: mnist, batch: 64, validation: 5000 }   # f32[1,28,28] in [0,1], 10 classes

model CNN2(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(16, kernel: 3, pad: 1) as c1 |> relu |> maxpool(2)
    |> conv(32, kernel: 3, pad: 1) as c2 |> relu |> maxpool(2)
    |> flatten |> dense(128) as f1 |> relu |> dense(10) as f2
}

train {
  F = forward(CNN2) |> cross_entropy
  B = backward(F)
  U = adam(lr: cosine(3e-3, 0))
  T = U ∘ B ∘ F                     # or U << B << F; T0-QAT: U ∘ B ∘ F ∘ noise(xi * 80000)
  epochs: 50
}

precision {
  levels { 4: { weights: int4, activations: uint4, gradients: e3m0 }, 8: int8, 16: fp16, 32: f32 }
  weights: auto per channel
  activations: auto
  gradients: auto stochastic
  stored weights: int8 stochastic
  c1.weights: >= 8 bits             # one site: c1.weights, .bias, .in, .grad, .weights.grad, .weights.stored, .weights.m, .weights.v
  tie c1.weights, c2.weights
  require error(gradient, norm: l2, relative to: noise_floor, reference: quantized_point) <= 10% with probability 0.99
  require error(logits, norm: l2) <= 5% with probability 0.99
  cost: bit_operations
  schedule numgeom { rule: tolerance, warmup: 2% at 32, refresh: 1 epoch, curvature: 10 epochs }
}

experiment pareto {
  methods: [float32, uniform(int8), amp, cyclic(4, 8), preset(w4a4g8), gradient, curvature, numgeom, lsq(weights: 4, activations: 4)]
  seeds: 0 to 4
  budget laptop { epochs: 12, train: 20000 }
}
export onnx { opset: 21, scheme: qdq }
`;
