import { lookup } from '../../lower/lookup.ts';
import type { BatchContext } from './context.ts';
import type { ProbeTensors } from './contract.ts';
import { levelScale, levelsOf } from './levels.ts';
import { roundingNoise } from './noise.ts';
import { dot } from './statistics.ts';
import { gradientOf, parameterNames } from './study.ts';
import { CURVE } from './table-data.ts';
import { givenGradients } from './update-samples.ts';

/** Draws of which the curve is the mean. */
const DRAWS = 4;

/**
 * The squared error of the update when the gradient's error is r times the drawn one at the planned formats, for the r of
 * {@link CURVE}: `r²` times a constant for gradient descent, a saturating curve for Adam, whose direction is near the sign of a
 * gradient in the first steps.
 *
 * @param gradientRms the gradient's predicted error, r = 1
 */
export async function updateCurve(
  { subject, updates, pass, drawn }: BatchContext,
  gradientRms: number,
): Promise<number[]> {
  const parameters = parameterNames(subject.program);
  const exact = await pass.run(updates.exact, givenGradients(parameters, drawn.base, undefined));
  const draws = drawn.events.slice(0, DRAWS);
  const square = draws.reduce((sum, draw) => sum + gradientSquare(parameters, draw) / draws.length, 0);
  // So that the few draws of the curve are as large as the many of the prediction are.
  const factor = square > 0 ? gradientRms / Math.sqrt(square) : 1;
  const curve: number[] = [];
  for (const k of CURVE) {
    let sum = 0;
    for (const draw of draws) {
      const moved = await pass.run(
        updates.exact,
        givenGradients(parameters, drawn.base, draw, factor * 2 ** k),
      );
      for (const name of parameters) {
        const [from, to] = [lookup(exact, name).data, lookup(moved, name).data];
        for (let i = 0; i < from.length; i++) sum += ((to[i] ?? 0) - (from[i] ?? 0)) ** 2 / draws.length;
      }
    }
    curve.push(sum);
  }
  return curve;
}

function gradientSquare(parameters: readonly string[], draw: ProbeTensors): number {
  return parameters.reduce((sum, name) => {
    const { data } = lookup(draw, gradientOf(name));
    return sum + dot(data, data);
  }, 0);
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
