import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Compiled, compile } from '../../compiler/pipeline.ts';

/** Nets whose predicted errors are compared with real ones. */
export const NETS = ['dense2', 'dense4', 'dense6', 'cnn2', 'cnn4', 'resnet8'] as const;
export type Net = (typeof NETS)[number];

const SPECS = { cnn2: 'cnn2-mnist', cnn4: 'cnn4-fashion', resnet8: 'resnet8-cifar10' } as const;

/**
 * A net with every site at one width, rounded stochastically, so that the whole error is random and its quantile can be
 * observed: rounding to nearest gives one error a batch.
 */
export function tightnessNet(net: Net, bits: number): Compiled {
  const precision = `precision {
  weights: int${bits} per channel stochastic
  activations: int${bits} stochastic
  gradients: int${bits} stochastic
}`;
  const text =
    net === 'dense2' || net === 'dense4' || net === 'dense6'
      ? denseText(Number(net.slice('dense'.length)), precision)
      : readFileSync(join('specs', `${SPECS[net]}.qspec`), 'utf8').replace(/precision \{[^}]*\}/, precision);
  const { value, diagnostics } = compile({ path: `${net}.qspec`, text });
  if (!value) throw new Error(`${net}: ${JSON.stringify(diagnostics)}`);
  return value;
}

/** Hidden layers of 256 on MNIST. */
function denseText(layers: number, precision: string): string {
  const hidden = Array.from({ length: layers }, (_, i) => `|> dense(256) as f${i + 1} |> relu`).join(' ');
  return `spec dense${layers}
data mnist { source: mnist, batch: 64, validation: 5000 }
model Dense(x: f32[1, 28, 28] in [0, 1]) -> f32[10] { x |> flatten ${hidden} |> dense(10) as out }
train {
  F = forward(Dense) |> cross_entropy
  B = backward(F)
  U = adam(lr: 1e-3)
  T = U ∘ B ∘ F
  epochs: 1
}
${precision}
`;
}
