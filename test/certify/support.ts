import fc from 'fast-check';
import { worstCaseCertificate } from '../../compiler/analysis/certificate/index.ts';
import type { Certificate } from '../../compiler/certificate/index.ts';
import type { CheckedSpec } from '../../compiler/check/checked-spec.ts';
import { autoSites, levelsOf } from '../../compiler/lower/levels.ts';
import { planFormats } from '../../compiler/lower/plan.ts';
import type { TrainingProgram } from '../../compiler/lower/program.ts';
import { lowerTraining } from '../../compiler/lower/training.ts';
import { checkSource } from '../../compiler/pipeline.ts';
import type { Source } from '../../compiler/source/source.ts';

/** A small net of all that a certificate speaks of: a convolution, formats that are written and derived, a requirement that holds. */
export const QUICK: Source = {
  path: 'quick.qspec',
  text: `spec quick

data glyphs(samples: 192, test: 60, seed: 1) { batch: 8, validation: 16 }

model Quick(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(4, kernel: 3, pad: 1, stride: 2) as c1 |> relu |> maxpool(2) |> flatten |> dense(10) as f1
}

train {
  F = forward(Quick) |> cross_entropy
  B = backward(F)
  U = sgd(lr: 0.1)
  T = U ∘ B ∘ F
  epochs: 2
}

precision {
  levels { 8: int8, 16: int16 }
  weights: int16 per channel
  f1.in: auto
  activations: int16
  gradients: fp16
  require error(logits, norm: linf, relative to: 10) <= 10%
}
`,
};

/** A spec's program; what is `auto` gets its widest level. */
export function compiledOf(source: Source): {
  readonly spec: CheckedSpec;
  readonly program: TrainingProgram;
} {
  const spec = checkSource(source).value;
  if (spec === undefined) throw new Error(`${source.path} does not check`);
  const formats = new Map(
    autoSites(spec).flatMap((site) => {
      const widest = levelsOf(spec, site).at(-1);
      return widest === undefined ? [] : [[site.name, widest.format] as const];
    }),
  );
  const plan = planFormats(spec, { formats, why: 'test' }).value;
  const program = plan && lowerTraining(spec, plan).value;
  if (program === undefined) throw new Error(`${source.path} does not compile`);
  return { spec, program };
}

export function certificateOf(source: Source): Certificate {
  return worstCaseCertificate(compiledOf(source), { tool: 'test' });
}

/** Where a scalar stands in JSON: the keys that lead to it. */
export type Place = readonly (string | number)[];

export function scalarsOf(json: unknown, at: Place = []): readonly (readonly [Place, unknown])[] {
  if (typeof json !== 'object' || json === null) return [[at, json]];
  const entries: readonly (readonly [string | number, unknown])[] = Array.isArray(json)
    ? json.map((item, i) => [i, item] as const)
    : Object.entries(json);
  return entries.flatMap(([key, value]) => scalarsOf(value, [...at, key]));
}

/** JSON with another value at a place, or with none where it is undefined. */
export function withValue(json: unknown, [key, ...rest]: Place, value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(json)) return json.map((item, i) => (i === key ? withValue(item, rest, value) : item));
  const entries = Object.entries(json as object).map(
    ([name, item]) => [name, name === key ? withValue(item, rest, value) : item] as const,
  );
  return Object.fromEntries(entries.filter(([, item]) => item !== undefined));
}

/** Certificates with a scalar replaced by anything, or left out. */
export function edited(certificate: Certificate): fc.Arbitrary<unknown> {
  const scalars = scalarsOf(certificate);
  const anything = fc.oneof(
    fc.constantFrom(undefined, null, '', 'real', 'norm', 'initial', '0.5', '1e+5', 'unbounded', true, {}, []),
    fc.double(),
    fc.integer(),
    fc.jsonValue(),
  );
  return fc
    .tuple(fc.nat(scalars.length - 1), anything)
    .map(([i, value]) => withValue(certificate, scalars[i]?.[0] ?? [], value));
}
