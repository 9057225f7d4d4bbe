import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lipschitzPair } from '../../compiler/analysis/lipschitz/pair.ts';
import { type Matrix, matrix } from '../../compiler/norms/matrix.ts';
import { spectralNorm } from '../../compiler/norms/spectral.ts';
import { multiply, toNumber } from '../../compiler/numeric/bound.ts';

const root = process.env['QSPEC_DATA'];
if (!root) console.log('QSPEC_DATA is not set: the Lipschitz bound of the LipSDP example is skipped');

interface Anchor {
  readonly weights: readonly (readonly (readonly number[])[])[];
  readonly lipschitz_l2: {
    readonly product_of_spectral_norms: number;
    readonly eclipse_fast: number;
    readonly sampled_lower_bound: number;
  };
}

function readAnchor(): { readonly layers: readonly Matrix[]; readonly published: Anchor['lipschitz_l2'] } {
  const anchor: Anchor = JSON.parse(readFileSync(join(root ?? '', 'anchors/lipsdp-mnist.json'), 'utf8'));
  const layers = anchor.weights.map((rows) => matrix(rows.length, rows[0]?.length ?? 0, rows.flat()));
  return { layers, published: anchor.lipschitz_l2 };
}

describe.skipIf(!root)('the MNIST example of LipSDP, 784-50-10', () => {
  test('is bounded below the published layerwise decomposition', () => {
    const { layers, published } = readAnchor();
    const [first, second] = layers;
    if (!first || !second) throw new Error('two layers are expected');
    const product = toNumber(multiply(spectralNorm(second), spectralNorm(first)));
    expect(product).toBeCloseTo(published.product_of_spectral_norms, 2);
    const closed = toNumber(lipschitzPair(first, second, { evaluations: 0 }));
    const start = performance.now();
    const found = toNumber(lipschitzPair(first, second));
    const milliseconds = Math.round(performance.now() - start);
    console.log(
      `Lipschitz bound ${found.toFixed(3)} in ${milliseconds} ms, closed form ${closed.toFixed(3)}`,
    );
    expect(closed).toBeLessThan(published.eclipse_fast);
    // A long search converges to 24.3733.
    expect(found).toBeLessThan(24.4);
    expect(found).toBeGreaterThanOrEqual(published.sampled_lower_bound);
  });
});
