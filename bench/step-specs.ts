import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from '../compiler/source/source.ts';

export const MODELS = ['cnn2', 'cnn4', 'resnet8'] as const;
export type Model = (typeof MODELS)[number];

/** What is rounded to 8 bits: nothing, weights (with a scale for each filter) and activations, gradients too, and that with one scale for a layer's weights. */
export const FORMATS = ['f32', 'w8a8', 'w8a8g8', 'w8a8g8-tensor'] as const;
export type Formats = (typeof FORMATS)[number];

const SPECS: Readonly<Record<Model, string>> = {
  cnn2: 'cnn2-mnist',
  cnn4: 'cnn4-fashion',
  resnet8: 'resnet8-cifar10',
};

const PRECISIONS: Readonly<Record<Formats, string>> = {
  f32: '',
  w8a8: 'precision { weights: int8 per channel, activations: int8 }',
  w8a8g8: 'precision { weights: int8 per channel, activations: int8, gradients: int8 stochastic }',
  'w8a8g8-tensor': 'precision { weights: int8, activations: int8, gradients: int8 stochastic }',
};

export const BATCH = 64;

/** A spec of the repository with the batch, the formats and the constant learning rate that all engines of the bench share. */
export function stepSource(model: Model, formats: Formats): Source {
  const path = `${SPECS[model]}.qspec`;
  const text = readFileSync(join('specs', path), 'utf8')
    .replace(/batch: \d+/, `batch: ${BATCH}`)
    .replace(/lr: cosine\(([^,]+), 0\)/, 'lr: $1')
    .replace(/precision \{[^}]*\}/, PRECISIONS[formats])
    .replace(/export onnx \{[^}]*\}/, '');
  return { path, text };
}

/** The same step in shards, each with scales, batch norms and noise of its own. */
export function shardedSource({ path, text }: Source, shards: number): Source {
  const parts = text
    .replace(/batch: \d+/, `batch: ${BATCH / shards}`)
    .replace('T = U ∘ B ∘ F', `T = U ∘ allreduce(${shards}, B ∘ F)`);
  return { path, text: parts };
}
