import { describe, expect, it } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { quantize } from '../../compiler/lower/quantizer.ts';
import { newBuilder } from '../../compiler/ops/registry.ts';
import { compile } from '../../compiler/pipeline.ts';
import { compileText, specText } from '../support/compile.ts';
import { distance, get, hyper, randomBatch, run, startingState } from '../support/run-program.ts';

const CNN = `x |> conv(3, kernel: 3, stride: 2) as c1 |> batchnorm as n1 |> relu |> maxpool(2)
  |> flatten |> dense(10) as f1`;
const MLP = 'x |> flatten |> dense(6) as f1 |> relu |> dense(10) as f2';

/** Runs one step on the reference evaluator and returns its outputs with the inputs. */
function step(text: string, { seed = 1, lr = 0.1 } = {}) {
  const { program } = compileText(text);
  const state = startingState(program);
  const batch = randomBatch(program, seed);
  const outputs = run(program.stepWithGradients, state, batch, hyper(program, lr));
  return { program, state, batch, outputs };
}

describe('the training step', () => {
  it('returns gradients that finite differences of its own loss confirm', () => {
    const { program, state, batch, outputs } = step(specText({ model: CNN }));
    const loss = (changed: typeof state) =>
      get(run(program.stepWithGradients, changed, batch, hyper(program, 0.1)), 'loss').data[0] ?? Number.NaN;
    for (const name of ['c1.weights', 'c1.bias', 'n1.scale', 'n1.shift', 'f1.weights', 'f1.bias']) {
      const gradient = get(outputs, `${name}.grad`);
      const { shape, data } = get(state, name);
      for (const index of [0, data.length - 1]) {
        const at = (h: number) => {
          const moved = Float64Array.from(data);
          moved[index] = (moved[index] ?? 0) + h;
          return loss(new Map([...state, [name, ndarray(shape, moved)]]));
        };
        const h = 1e-6;
        expect(gradient.data[index], `${name}[${index}]`).toBeCloseTo((at(h) - at(-h)) / (2 * h), 6);
      }
    }
  });

  it('moves running statistics towards the batch by 1 − momentum', () => {
    const { state, outputs } = step(
      specText({ model: CNN.replace('batchnorm', 'batchnorm(momentum: 0.8)') }),
    );
    const variance = get(outputs, 'n1.variance').data[0] ?? 0;
    expect(get(state, 'n1.variance').data[0]).toBe(1);
    expect(variance).not.toBe(1);
    // From 1 towards the batch's variance v: 0.8 + 0.2·v, so that v can be read back and is that of the batch.
    expect((variance - 0.8) / 0.2).toBeGreaterThan(0);
    expect(get(outputs, 'n1.mean').data[0]).not.toBe(0);
  });

  it('applies plain gradient descent to the clean parameters', () => {
    const { state, outputs } = step(
      specText({ model: MLP, train: 'U = sgd(lr: 0.1)\n  T = U ∘ B ∘ F ∘ noise(0.01)' }),
    );
    const [w, g, next] = [
      get(state, 'f1.weights'),
      get(outputs, 'f1.weights.grad'),
      get(outputs, 'f1.weights'),
    ];
    const expected = ndarray(
      w.shape,
      w.data.map((x, i) => x - 0.1 * (g.data[i] ?? 0)),
    );
    expect(distance(next, expected)).toBeLessThan(1e-12);
  });

  it('feels weight noise in the loss', () => {
    const noisy = step(specText({ model: MLP, train: 'U = sgd(lr: 0.1)\n  T = U ∘ B ∘ F ∘ noise(0.1)' }));
    const clean = step(specText({ model: MLP }));
    expect(get(noisy.outputs, 'loss').data[0]).not.toBe(get(clean.outputs, 'loss').data[0]);
  });

  it('draws noise outside a mean once and noise inside it for every summand', () => {
    const spread = (T: string) => {
      const { program } = compileText(
        specText({ model: MLP, batch: 2, train: `U = sgd(lr: 0.1)\n  T = ${T}` }),
      );
      const batch = randomBatch(program);
      const { data } = get(batch, 'x');
      data.copyWithin(data.length / 2, 0, data.length / 2);
      const outputs = run(program.step, startingState(program), batch, hyper(program, 0.1));
      return distance(get(outputs, 'logits#1'), get(outputs, 'logits#2'));
    };
    expect(spread('U ∘ accumulate(2, B ∘ F) ∘ noise(0.1)')).toBe(0);
    expect(spread('U ∘ accumulate(2, B ∘ F ∘ noise(0.1))')).toBeGreaterThan(0);
    expect(spread('U ∘ accumulate(2, B ∘ F ∘ noise(0.1)) ∘ noise(0.1)')).toBeGreaterThan(0);
  });

  it('accumulates the mean of the gradients of its parts', () => {
    const parts = 'U = sgd(lr: 0.1)\n  T = U ∘ accumulate(2, B ∘ F)';
    const both = step(specText({ model: MLP, train: parts, batch: 3 }));
    expect(both.program.batch).toBe(6);
    const whole = compileText(specText({ model: MLP, batch: 6 })).program;
    const expected = run(whole.stepWithGradients, both.state, both.batch, hyper(whole, 0.1));
    for (const name of ['loss', 'f1.weights.grad', 'f2.bias', 'f2.weights']) {
      expect(distance(get(both.outputs, name), get(expected, name)), name).toBeLessThan(1e-12);
    }
  });

  it('clips the 2-norm of the whole gradient and leaves a shorter one alone', () => {
    const clip = (c: number) => `U = sgd(lr: 0.1)\n  T = U ∘ clip(${c}) ∘ B ∘ F`;
    const norm = (outputs: ReadonlyMap<string, { data: Float64Array }>) =>
      Math.hypot(...[...outputs].filter(([n]) => n.endsWith('.grad')).flatMap(([, g]) => [...g.data]));
    const free = norm(step(specText({ model: MLP })).outputs);
    expect(norm(step(specText({ model: MLP, train: clip(free / 4) })).outputs)).toBeCloseTo(free / 4, 10);
    expect(norm(step(specText({ model: MLP, train: clip(free * 4) })).outputs)).toBeCloseTo(free, 10);
  });
});

describe('optimizers', () => {
  /** Scalar formulas of the papers, written out once more. */
  const formulas = {
    'momentum(lr: 0.1, momentum: 0.9)': (w: number, g: number, v: number) => {
      const v1 = 0.9 * v + g;
      return { w: w - 0.1 * v1, v: v1, m: undefined };
    },
    'adam(lr: 0.1)': (w: number, g: number, v: number, m: number) => {
      const [m1, v1] = [0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g];
      return { w: w - (0.1 * (m1 / (1 - 0.9))) / (Math.sqrt(v1 / (1 - 0.999)) + 1e-8), v: v1, m: m1 };
    },
  };
  for (const [text, formula] of Object.entries(formulas)) {
    it(`${text} does what its paper says`, () => {
      const { program } = compileText(specText({ model: MLP, train: `U = ${text}\n  T = U ∘ B ∘ F` }));
      const state = startingState(program);
      // State that is not zero, so that decay shows.
      for (const [name, array] of state) if (/\.[mv]$/.test(name)) array.data.fill(0.25);
      const outputs = run(program.stepWithGradients, state, randomBatch(program), hyper(program, 0.1));
      const [w, g] = [get(state, 'f2.weights').data, get(outputs, 'f2.weights.grad').data];
      for (const i of [0, 7, 59]) {
        const expected = formula(w[i] ?? 0, g[i] ?? 0, 0.25, 0.25);
        expect(get(outputs, 'f2.weights').data[i]).toBeCloseTo(expected.w, 10);
        expect(get(outputs, 'f2.weights.v').data[i]).toBeCloseTo(expected.v, 10);
        if (expected.m !== undefined)
          expect(get(outputs, 'f2.weights.m').data[i]).toBeCloseTo(expected.m, 10);
      }
    });
  }
});

describe('quantized training', () => {
  const INT8 = 'weights: int8 per channel, activations: int8, gradients: int8, stored weights: int8';

  it('keeps stored weights on the grid of their scale', () => {
    const { outputs } = step(specText({ model: MLP, precision: INT8 }));
    const { data } = get(outputs, 'f1.weights');
    const scale = data.reduce((max, x) => Math.max(max, Math.abs(x)), 0) / 127;
    for (const x of data) expect(Math.abs(x / scale - Math.round(x / scale))).toBeLessThan(1e-9);
  });

  it('reads the same noise whatever else the step draws, and other noise at another step', () => {
    const text = specText({ model: MLP, precision: 'gradients: int4 stochastic' });
    const { program } = compileText(text);
    const state = startingState(program);
    const inputs = [state, randomBatch(program), hyper(program, 0.1)] as const;
    const first = run(program.stepWithGradients, ...inputs);
    const again = run(program.step, ...inputs);
    expect(distance(get(first, 'f1.weights'), get(again, 'f1.weights'))).toBe(0);
  });

  it('smooths the scale of a moving-average site from its first batch on', () => {
    const precision = 'activations: int8 scale(moving_average(0.9))';
    const { program } = compileText(specText({ model: MLP, precision }));
    const state = startingState(program);
    const one = run(program.step, state, randomBatch(program, 1), hyper(program, 0));
    const first = get(one, 'f1.in.scale').data[0] ?? 0;
    expect(first).toBeGreaterThan(0);
    const after = new Map([...state, ...[...one].filter(([name]) => state.has(name))]);
    const two = run(program.step, after, randomBatch(program, 2), hyper(program, 0));
    const fresh =
      get(run(program.step, state, randomBatch(program, 2), hyper(program, 0)), 'f1.in.scale').data[0] ?? 0;
    expect(get(two, 'f1.in.scale').data[0]).toBeCloseTo(0.9 * first + 0.1 * fresh, 12);
  });

  it('moves the scale of a site once, however many layers read it', () => {
    const model = `let y = x |> conv(2, kernel: 3, pad: 1) as c0 |> relu
      let a = y |> conv(2, kernel: 3, pad: 1) as c1
      let b = y |> conv(2, kernel: 1) as c2
      a + b |> flatten |> dense(10) as f1`;
    const precision = 'activations: int8 scale(moving_average(0.9))';
    const { program } = compileText(specText({ model, precision }));
    const inputs = [randomBatch(program), hyper(program, 0)] as const;
    const scaleFrom = (start: number) => {
      const state = startingState(program);
      state.set('c1.in.scale', ndarray([1, 1, 1, 1], [start]));
      return get(run(program.step, state, ...inputs), 'c1.in.scale').data[0];
    };
    expect(scaleFrom(1)).toBeCloseTo(0.9 + 0.1 * (scaleFrom(0) ?? 0), 12);
  });

  it('keeps the damage of an outlier inside its group', () => {
    const error = (weights: string) => {
      const { program } = compileText(specText({ model: MLP, precision: `f1.weights: ${weights}` }));
      const state = startingState(program);
      get(state, 'f1.weights').data[0] = 100;
      const outputs = run(program.step, state, randomBatch(program), hyper(program, 0.1));
      const { program: plain } = compileText(specText({ model: MLP }));
      const exact = run(plain.step, state, randomBatch(plain), hyper(plain, 0.1));
      return distance(get(outputs, 'logits'), get(exact, 'logits'));
    };
    expect(error('int4 per group(16)')).toBeLessThan(error('int4') / 2);
  });

  it('leaves the moving average of a channel alone while the channel is dead', () => {
    const model =
      'x |> conv(2, kernel: 3, pad: 1) as c0 |> relu |> conv(2, kernel: 3) as c1 |> flatten |> dense(10) as f1';
    const precision = 'c1.in: int8 per channel scale(moving_average(0.9))';
    const { program } = compileText(specText({ model, precision }));
    const state = startingState(program);
    get(state, 'c0.bias').data[0] = -100;
    state.set('c1.in.scale', ndarray([1, 2, 1, 1], [0.01, 0]));
    const outputs = run(program.step, state, randomBatch(program, 2), hyper(program, 0));
    const [dead, alive] = get(outputs, 'c1.in.scale').data;
    expect(dead).toBe(0.01);
    expect(alive).toBeGreaterThan(0);
    expect(get(outputs, 'loss').data[0]).toBeGreaterThan(0);
  });

  it('does not let a group of zeros coarsen the others under a two-level scale', () => {
    const builder = newBuilder();
    const x = builder.input('x', 'batch', { dtype: 'f32', shape: [1, 32] });
    const format = {
      element: { kind: 'float', exponent: 2, mantissa: 1, specials: 'none' },
      granularity: { kind: 'group', size: 16 },
      scale: { kind: 'two_level' },
      rounding: 'nearest',
    } as const;
    const graph = builder.build('g', [{ name: 'y', value: quantize(builder, x, format, 1, 'q') }]);
    const error = (first: number) => {
      const data = Float64Array.from({ length: 32 }, (_, i) => (i < 16 ? first : (1 + (i % 6)) * 1e-8));
      return distance(get(run(graph, new Map([['x', ndarray([1, 32], data)]])), 'y'), ndarray([1, 32], data));
    };
    expect(error(0)).toBeLessThan(error(6e-8) + 1e-9);
  });
});

describe('a whole training set a step', () => {
  it('is refused where it cannot be split between the summands', () => {
    const text = `spec s
data regression(samples: 10, features: 10, noise: 0.1, seed: 1) { batch: all }
model M(x: f32[10]) -> f32[1] { x |> dense(1) as f1 }
train {
  F = forward(M) |> mse
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ accumulate(16, B ∘ F)
  epochs: 1
}`;
    expect(compile({ path: 'test.qspec', text }).diagnostics.map(({ code }) => code)).toEqual(['QS6506']);
  });
});
