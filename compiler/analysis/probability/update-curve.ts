import { lookup } from '../../lower/lookup.ts';
import type { BatchContext } from './context.ts';
import { levelScale, levelsOf } from './levels.ts';
import { roundingNoise } from './noise.ts';
import { parameterNames } from './study.ts';
import { CURVE } from './table-data.ts';
import { givenGradients } from './update-samples.ts';

/** Draws of which the curve is the mean. */
const DRAWS = 4;

/**
 * The squared error of the update when the gradient's error is r times the drawn one at the planned formats, for the r of
 * {@link CURVE}: `r²` times a constant for gradient descent, a saturating curve for Adam, whose direction is near the sign of a
 * gradient in the first steps.
 */
export async function updateCurve({ subject, updates, pass, drawn }: BatchContext): Promise<number[]> {
  const parameters = parameterNames(subject.program);
  const exact = await pass.run(updates.exact, givenGradients(parameters, drawn.base, undefined));
  const draws = drawn.draws.slice(0, DRAWS);
  const curve: number[] = [];
  for (const k of CURVE) {
    let sum = 0;
    for (const draw of draws) {
      const moved = await pass.run(updates.exact, givenGradients(parameters, drawn.base, draw, 2 ** k));
      for (const name of parameters) {
        const [from, to] = [lookup(exact, name).data, lookup(moved, name).data];
        for (let i = 0; i < from.length; i++) sum += ((to[i] ?? 0) - (from[i] ?? 0)) ** 2 / draws.length;
      }
    }
    curve.push(sum);
  }
  return curve;
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
