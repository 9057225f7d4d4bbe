import { describe, expect, it } from 'vitest';
import { squaredAdjoints } from '../../../compiler/analysis/probability/adjoints.ts';
import type { ProbeTensor, ProbeTensors } from '../../../compiler/analysis/probability/index.ts';
import { passOf } from '../../../compiler/analysis/probability/pass.ts';
import { type Study, study } from '../../../compiler/analysis/probability/study.ts';
import { sizeOf } from '../../../compiler/ir/graph.ts';
import { lookup } from '../../../compiler/lower/lookup.ts';
import { normals } from '../../../compiler/numeric/random.ts';
import { CNN, MLP, programOf, referenceEvaluate, situation, widths } from './support.ts';

const evaluate = referenceEvaluate();
const BATCH_NORM = `x |> conv(3, kernel: 3, stride: 3, bias: false) as c1 |> batchnorm as n1 |> relu
  |> flatten |> dense(10) as f1`;

function random(shapes: ReadonlyMap<string, readonly number[]>, prefix: string, seed: number): ProbeTensors {
  return new Map(
    [...shapes].map(([name, shape]): [string, ProbeTensor] => [
      `${prefix}${name}`,
      { shape, data: normals(seed, name, 0, sizeOf(shape)) },
    ]),
  );
}

function inner(a: ProbeTensors, b: ProbeTensors, prefix: string): number {
  let sum = 0;
  for (const [name, { data }] of a) {
    const other = lookup(b, `${prefix}${name}`).data;
    for (let i = 0; i < data.length; i++) sum += (data[i] ?? 0) * (other[i] ?? 0);
  }
  return sum;
}

const targetShapes = (s: Study) => new Map(s.targets.map(({ name, value }) => [name, s.shapeOf(value)]));

describe.each([
  ['a convolutional net', CNN],
  ['a dense net', MLP],
  ['a net with batch norm', BATCH_NORM],
])('the perturbed step of %s', (_, model) => {
  const { program, point, batch } = situation({ model, precision: widths(8) }, 3);
  const subject = study(program, 'real');
  const pass = passOf(evaluate, [point, batch.tensors], 0);

  it('is the step in real arithmetic where nothing is perturbed', async () => {
    const real = await evaluate(
      programOf({ model, precision: 'weights: f32\n activations: f32\n gradients: f32' }).stepWithGradients,
      pass.inputs,
      0,
    );
    const base = await pass.run(subject.values);
    for (const { name } of subject.targets) {
      const output = name.startsWith('gradient:') ? `${name.slice('gradient:'.length)}.grad` : name;
      const [a, b] = [lookup(base, name).data, lookup(real, output).data];
      for (let i = 0; i < a.length; i++) expect(a[i]).toBeCloseTo(b[i] ?? Number.NaN, 10);
    }
  });

  it('has tangents and adjoints that are transposes of each other', async () => {
    const t = random(subject.points, 'tangent:', 1);
    const u = random(targetShapes(subject), 'cotangent:', 2);
    const forward = await pass.run(subject.whole, t);
    const backward = await pass.run(subject.adjoint, u);
    const a = inner(forward, u, 'cotangent:');
    const b = inner(backward, t, 'tangent:');
    expect(Math.abs(a - b) / Math.abs(a)).toBeLessThan(1e-9);
  });

  it('has tangents that finite differences of the parameters confirm', async () => {
    const name = [...subject.points.keys()].find((p) => p.endsWith('weights')) ?? '';
    const direction = normals(7, 'direction', 0, sizeOf(subject.points.get(name) ?? []));
    const zeros = new Map(
      [...subject.points].map(([p, shape]): [string, ProbeTensor] => [
        `tangent:${p}`,
        { shape, data: p === name ? direction : new Float32Array(sizeOf(shape)) },
      ]),
    );
    const tangent = await pass.run(subject.whole, zeros);
    const h = 1e-6;
    const moved = async (by: number) => {
      const parameter = lookup(point, name);
      const data = Float64Array.from(parameter.data, (x, i) => x + by * (direction[i] ?? 0));
      return pass.run(subject.values, new Map([[name, { shape: parameter.shape, data }]]));
    };
    const [up, down] = [await moved(h), await moved(-h)];
    for (const target of ['logits', 'loss', `gradient:${name}`]) {
      const expected = Float64Array.from(
        lookup(up, target).data,
        (x, i) => (x - (lookup(down, target).data[i] ?? 0)) / (2 * h),
      );
      const size = Math.hypot(...expected);
      const off = Math.hypot(...lookup(tangent, target).data.map((x, i) => x - (expected[i] ?? 0)));
      expect(off / size).toBeLessThan(1e-4);
    }
  });
});

describe('squared adjoints', () => {
  it('are the column norms of the exact Jacobian', async () => {
    const model = 'x |> flatten |> dense(3) as f1 |> relu |> dense(10) as f2';
    const { program, point, batch } = situation({ model, precision: widths(8), batch: 2 }, 5);
    const subject = study(program, 'real');
    const pass = passOf(evaluate, [point, batch.tensors], 0);
    const shapes = targetShapes(subject);
    const shape = lookup(shapes, 'logits');
    // One basis vector at a time gives the Jacobian itself.
    const exact = new Map<string, Float64Array>();
    for (let k = 0; k < sizeOf(shape); k++) {
      const given = new Map(
        [...shapes].map(([name, s]): [string, ProbeTensor] => [
          `cotangent:${name}`,
          {
            shape: s,
            data: Float32Array.from({ length: sizeOf(s) }, (_, i) => Number(name === 'logits' && i === k)),
          },
        ]),
      );
      for (const [name, { data }] of await pass.run(subject.adjoint, given)) {
        const sums = exact.get(name) ?? new Float64Array(data.length);
        exact.set(name, sums);
        for (let i = 0; i < data.length; i++) sums[i] = (sums[i] ?? 0) + (data[i] ?? 0) ** 2;
      }
    }
    const passes = 400;
    const options = { passes, seed: 3, stream: 'test' };
    const estimate = await squaredAdjoints(
      subject.adjoint,
      shapes,
      [{ target: 'logits', shape }],
      pass,
      options,
    );
    for (const name of ['f1.weights', 'f1.in', 'f2.weights', 'f2.in']) {
      const [a, b] = [lookup(estimate, name), lookup(exact, name)];
      const [sum, total] = [a.reduce((x, y) => x + y, 0), b.reduce((x, y) => x + y, 0)];
      // Of each element the relative deviation is at most √(2/passes) = 0.07, of the sum less.
      expect(Math.abs(sum / total - 1)).toBeLessThan(0.15);
      for (const [i, x] of a.entries())
        expect(Math.abs(x - (b[i] ?? 0))).toBeLessThan(0.4 * (b[i] ?? 0) + 1e-12);
    }
  });
});
