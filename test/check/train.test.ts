import { describe, expect, test } from 'vitest';
import { soundSpec } from './support.ts';

const train = (definitions: string, settings = 'epochs: 3') =>
  soundSpec({ train: `train {\n${definitions}\n${settings}\n}` }).train;
const F = 'F = forward(Net) |> cross_entropy\n';
const FB = `${F}B = backward(F)\n`;

describe('the composition of T', () => {
  test.each([
    ['U ∘ B ∘ F', { kind: 'backward' }],
    ['U << B << F', { kind: 'backward' }],
    ['U ∘ (B ∘ F)', { kind: 'backward' }],
    ['U ∘ B ∘ F ∘ noise(xi * 80000)', { kind: 'noise', sigma: 32 / 3, of: { kind: 'backward' } }],
    ['U ∘ clip(2) ∘ B ∘ F', { kind: 'clip', norm: 2, of: { kind: 'backward' } }],
    [
      'U ∘ clip(2) ∘ B ∘ F ∘ noise(1)',
      { kind: 'clip', norm: 2, of: { kind: 'noise', sigma: 1, of: { kind: 'backward' } } },
    ],
    ['U ∘ accumulate(4, B ∘ F)', { kind: 'accumulate', count: 4, of: { kind: 'backward' } }],
    [
      'U ∘ clip(1) ∘ accumulate(4, allreduce(2, clip(3) ∘ B ∘ F) ∘ noise(1)) ∘ noise(2)',
      {
        kind: 'clip',
        norm: 1,
        of: {
          kind: 'noise',
          sigma: 2,
          of: {
            kind: 'accumulate',
            count: 4,
            of: {
              kind: 'noise',
              sigma: 1,
              of: { kind: 'allreduce', count: 2, of: { kind: 'clip', norm: 3, of: { kind: 'backward' } } },
            },
          },
        },
      },
    ],
  ])('%s', (T, gradient) => {
    expect(train(`${FB}U = sgd(lr: 0.1)\nT = ${T}`).gradient).toEqual(gradient);
  });

  test('definitions may have any names and come in any order', () => {
    const { optimizer, spans } = train(
      'step = update ∘ grad\nupdate = sgd(lr: 0.1)\ngrad = backward(pass) ∘ pass\npass = forward(Net) |> cross_entropy',
    );
    expect(optimizer.kind).toBe('sgd');
    expect(spans.B).not.toEqual(spans.F);
  });

  test('everything may stand in one definition', () => {
    expect(
      train('T = sgd(lr: 0.1) ∘ backward(forward(Net) |> cross_entropy) ∘ (forward(Net) |> cross_entropy)')
        .loss,
    ).toBe('cross_entropy');
  });
});

describe('optimizers and learning rates', () => {
  test.each([
    ['sgd(0.1)', { kind: 'sgd', lr: { kind: 'constant', value: 0.1 }, weightDecay: 0 }],
    ['momentum(lr: 0.1, nesterov: true)', { kind: 'momentum', momentum: 0.9, nesterov: true }],
    [
      'adam(lr: cosine(3e-3, 0))',
      {
        kind: 'adam',
        lr: { kind: 'cosine', from: 3e-3, to: 0 },
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
      },
    ],
    [
      'adamw(lr: linear(1, 0.5), weight decay: 1%)',
      { kind: 'adamw', lr: { kind: 'linear', from: 1, to: 0.5 }, weightDecay: 0.01 },
    ],
    [
      'sgd(lr: step(0.1, factor: 0.5, every: 10))',
      { lr: { kind: 'step', value: 0.1, factor: 0.5, every: 10 } },
    ],
    [
      'sgd(lr: warmup(2, cosine(1, 0)))',
      { lr: { kind: 'warmup', epochs: 2, after: { kind: 'cosine', from: 1, to: 0 } } },
    ],
    [
      'sgd(lr: warmup(1, 1 / 3))',
      { lr: { kind: 'warmup', epochs: 1, after: { kind: 'constant', value: 1 / 3 } } },
    ],
  ])('%s', (U, expected) => {
    expect(train(`${FB}U = ${U}\nT = U ∘ B ∘ F`).optimizer).toMatchObject(expected);
  });

  test('constants are exact until they are rounded once', () => {
    const rate = (text: string) => train(`${FB}U = sgd(lr: ${text})\nT = U ∘ B ∘ F`).optimizer.lr;
    expect(rate('0.1 + 0.2')).toEqual({ kind: 'constant', value: 0.3 });
    expect(rate('xi')).toEqual({ kind: 'constant', value: 4 / 30000 });
    expect(rate('3 * (1 / 3)')).toEqual({ kind: 'constant', value: 1 });
    expect(rate('-(-1e-3)')).toEqual({ kind: 'constant', value: 1e-3 });
  });
});
