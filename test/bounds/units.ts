import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import { toNumber } from '../../compiler/numeric/bound.ts';
import { type FloatElement, gridMax, type IntElement } from '../../compiler/numeric/format.ts';
import { floatStep } from '../../compiler/numeric/round.ts';
import { gamma32 } from '../../compiler/ops/bounds/range.ts';
import { REGISTRY } from '../../compiler/ops/registry.ts';
import { fixedNoise } from '../support/calculus.ts';
import { Adversary } from './adversary.ts';
import { CaseBuilder, ELEMENTS } from './cases.ts';
import { analyse, distanceOf, normsOf } from './check.ts';
import { COMPUTED } from './computed.ts';
import { Random } from './random.ts';

/** Numbers of roundings, from one to more than float32 accumulates anything over. */
const COUNTS = [1, 2, 3, 1000, 2 ** 20, 2 ** 22, 2 ** 23, 3 * 2 ** 22, 2 ** 24, 2 ** 26, 2 ** 30, 2 ** 36];

/** What is wrong with `γ_n`: it is at least `(1 + u)ⁿ − 1`, which roundings in one direction reach, and not much more. */
export function wrongGamma(): string | undefined {
  if (gamma32(0).mantissa !== 0) return 'γ_0 is not 0';
  for (const n of COUNTS) {
    const gamma = toNumber(gamma32(n));
    const reached = Math.expm1(n * Math.log1p(2 ** -24));
    const most = Math.expm1(n * 2 ** -24);
    if (!(gamma >= reached && gamma <= most * (1 + 1e-9)))
      return `γ_${n} is ${gamma}, not ${reached} to ${most}`;
  }
  return undefined;
}

/** A weight of eight numbers at random, on and next to ties of its grid, or where float32 is as coarse as the grid. */
function weightOf(random: Random, element: IntElement | FloatElement): NdArray {
  const most = gridMax(element);
  const values = Array.from({ length: 8 }, (_, i) => {
    if (i === 0) return most;
    const code = element.kind === 'int' ? random.below(most) : most * 2 ** -random.below(6);
    const offset =
      element.kind === 'int'
        ? random.pick([0.5, 0.25])
        : code * 2 ** -element.mantissa * random.pick([0.5, 0.2]);
    return random.sign() * (code + offset) * (1 + random.pick([0, 0, 1, -1]) * 2 ** -random.between(22, 30));
  });
  const level = random.pick([1, 0.3, 3e-5, 7e10]);
  return ndarray(
    [8],
    values.map((v) => Math.fround(Math.min(Math.max(v, -most), most) * level)),
  );
}

/**
 * What is wrong with the known rounding of a weight: whatever float32 does, its rounding is off by at most the slack, in both norms; and the
 * slack is a step where an element is next to a tie, and a few roundings elsewhere.
 */
export function wrongRounding(): string | undefined {
  const random = new Random(8);
  const { rounding } = REGISTRY.quantize.bounds;
  if (rounding === undefined) return 'no known roundings';
  for (let i = 0; i < 600; i++) {
    const element = random.pick(
      ELEMENTS.filter((e) => (e.kind === 'float' ? e.specials !== 'ieee' : e.signed)),
    );
    const x = weightOf(random, element);
    const attributes = { element, axes: [0], kind: random.pick(['absmax', 'power_of_two'] as const) };
    const type = { dtype: 'f32', shape: [1] } as const;
    const scale = REGISTRY.quantScale.evaluate({ attributes, operands: [x], type, noise: fixedNoise });
    const { tensor, slack } = rounding(x, scale, { element });
    const adversary = new Adversary(i);
    const stored = COMPUTED.quantScale(adversary, [x], attributes, [1]);
    const computed = COMPUTED.quantize(adversary, [x, stored], { element }, [8]);
    const off = distanceOf({ shape: [8], data: computed.data.map((q, k) => q - (x.data[k] ?? 0)) }, tensor);
    for (const norm of ['inf', 'two'] as const) {
      if (off[norm] > toNumber(slack[norm]))
        return `case ${i}: ${norm} off by ${off[norm]}, not ${toNumber(slack[norm])}`;
    }
    const s = scale.data[0] ?? 1;
    const steps = x.data.map((v) => (element.kind === 'int' ? s : floatStep(v / s, element) * s));
    const few = x.data.map((v, k) => 16 * 2 ** -24 * (Math.abs(v) + (steps[k] ?? 0)));
    const nearTie = tensor.data.map((e, k) => {
      const step = steps[k] ?? 0;
      return Math.abs(step / 2 - Math.abs(e)) < 2 ** -20 * (step + Math.abs(x.data[k] ?? 0)) ? step : 0;
    });
    const allowed = few.map((f, k) => f + (nearTie[k] ?? 0));
    const { inf, two } = normsOf(allowed);
    if (toNumber(slack.inf) > inf * 1.01 || toNumber(slack.two) > two * 1.01)
      return `case ${i}: a slack of ${toNumber(slack.inf)}, not ${inf}`;
  }
  return undefined;
}

/** Normals of 24 bits reach `√(2·24·ln 2)` (Box & Muller 1958), and their range is not much wider. */
export function wrongNormal(): string | undefined {
  const draw = new CaseBuilder(new Random(1));
  const { graph } = draw.done(draw.builder.op('normal', [], { shape: [2], stream: 'a' }));
  const [range] = analyse({ graph, inputs: new Map() }, 'meet').ranges;
  const most = Math.sqrt(2 * 24 * Math.LN2);
  const told = [range?.pos, range?.neg, range?.cap].map((bound) => bound && toNumber(bound));
  const right = told.every((bound) => bound !== undefined && bound >= most && bound <= 1.05 * most);
  return right ? undefined : `normals lie in ${told}`;
}
