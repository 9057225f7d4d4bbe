import { lookup } from '../../lower/lookup.ts';
import type { BatchContext } from './context.ts';
import { levelScale, levelsOf } from './levels.ts';
import { roundingNoise } from './noise.ts';
import { gradientOf, parameterNames } from './study.ts';
import { givenGradients } from './update-samples.ts';

/**
 * The equivalent gain of U at each element of the gradient: `√(mean (Δu)² / mean e²)` over the drawn errors e at the planned formats
 * (statistical linearization, Booton 1954). It is the learning rate for gradient descent; for Adam it knows the errors' size.
 */
export async function updateWeights(context: BatchContext): Promise<ReadonlyMap<string, Float32Array>> {
  const { subject, updates, pass, drawn } = context;
  const parameters = parameterNames(subject.program);
  const exact = await pass.run(updates.exact, givenGradients(parameters, drawn.base, undefined));
  const moved = new Map(parameters.map((name) => [name, new Float64Array(lookup(exact, name).data.length)]));
  const caused = new Map(parameters.map((name) => [name, new Float64Array(lookup(exact, name).data.length)]));
  for (const draw of drawn.draws) {
    const given = givenGradients(parameters, drawn.base, draw);
    const result = await pass.run(updates.exact, given);
    for (const name of parameters) {
      const [from, to] = [lookup(exact, name).data, lookup(result, name).data];
      const error = lookup(draw, gradientOf(name)).data;
      const [a, b] = [lookup(moved, name), lookup(caused, name)];
      for (let i = 0; i < a.length; i++) {
        a[i] = (a[i] ?? 0) + ((to[i] ?? 0) - (from[i] ?? 0)) ** 2;
        b[i] = (b[i] ?? 0) + (error[i] ?? 0) ** 2;
      }
    }
  }
  return new Map(
    parameters.map((name) => {
      const b = lookup(caused, name);
      const gain = Float32Array.from(lookup(moved, name), (a, i) =>
        (b[i] ?? 0) > 0 ? Math.sqrt(a / (b[i] ?? 1)) : 0,
      );
      return [gradientOf(name), gain];
    }),
  );
}

/** By site of a stored parameter, the summed variance of storing the exact new value in each level. Stored m and v do not enter this update. */
export async function storedVariances(context: BatchContext): Promise<Map<string, number[]>> {
  const { subject, updates, pass, drawn, settings } = context;
  const { program } = subject;
  const parameters = parameterNames(program);
  const exact = await pass.run(updates.exact, givenGradients(parameters, drawn.base, undefined));
  const result = new Map<string, number[]>();
  for (const site of subject.perturbed.sites) {
    if (site.phase !== 'U') continue;
    const x = exact.get(site.site.replace(/\.stored$/, ''));
    const sums = levelsOf(program, context.levels, site.site).map((format) => {
      if (!x || format.element.kind === 'f32') return 0;
      const scale = levelScale(program, site, format, x, undefined);
      const { variance } = roundingNoise(x, scale, format.element, format.rounding, settings.nearest);
      return variance.reduce((a, b) => a + b, 0);
    });
    result.set(site.site, sums);
  }
  return result;
}
