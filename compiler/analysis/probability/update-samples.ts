import { lookup } from '../../lower/lookup.ts';
import type { ProbeTensors } from './contract.ts';
import type { Pass } from './pass.ts';
import { difference, dot, type ErrorProducts, errorProducts, sumProducts } from './statistics.ts';
import { gradientOf, parameterNames, type Study } from './study.ts';
import { gradientInput, type UpdateGraphs } from './update.ts';

/**
 * Errors of the update: U itself, with its stored formats, at the gradient with a drawn error, less U in real arithmetic at the exact
 * one. Their mean stands for the bias.
 */
export async function sampleUpdates(
  subject: Study,
  updates: UpdateGraphs,
  pass: Pass,
  base: ProbeTensors,
  draws: readonly ProbeTensors[],
): Promise<ErrorProducts> {
  const parameters = parameterNames(subject.program);
  const given = (draw?: ProbeTensors): ProbeTensors => givenGradients(parameters, base, draw);
  const exact = await pass.run(updates.exact, given());
  const moved: ProbeTensors[] = [];
  for (const [i, draw] of draws.entries()) moved.push(await pass.run(updates.quantized, given(draw), i));
  const products = parameters.map((name) => {
    const target = lookup(exact, name).data;
    const errors = moved.map((m) => difference(lookup(m, name).data, target));
    const mean = new Float64Array(target.length);
    for (const e of errors)
      for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (e[i] ?? 0) / errors.length;
    // Deviations from a mean of m draws have (m−1)/m of the variance; the mean's own square has the rest.
    const scale = Math.sqrt(errors.length / (errors.length - 1));
    const centred = errors.map((e) => e.map((x, i) => scale * (x - (mean[i] ?? 0))));
    const old = lookup(pass.inputs, name).data;
    const products = errorProducts(centred, mean, difference(target, old));
    const noise = centred.reduce((sum, e) => sum + dot(e, e), 0) / centred.length / centred.length;
    return { ...products, bias: Math.max(0, products.bias - noise) };
  });
  return sumProducts(products);
}

/** Inputs of U: the exact gradients, or with a multiple of a drawn error. */
export function givenGradients(
  parameters: readonly string[],
  base: ProbeTensors,
  draw: ProbeTensors | undefined,
  factor = 1,
): ProbeTensors {
  return new Map(
    parameters.map((name) => {
      const exact = lookup(base, gradientOf(name));
      const noise = draw && lookup(draw, gradientOf(name)).data;
      const data = Float32Array.from(exact.data);
      if (noise) for (let i = 0; i < data.length; i++) data[i] = (data[i] ?? 0) + factor * (noise[i] ?? 0);
      return [gradientInput(name), { shape: exact.shape, data }];
    }),
  );
}
