import { toNumber } from '../../compiler/numeric/bound.ts';
import { gamma32 } from '../../compiler/ops/bounds/range.ts';

/** Numbers of roundings, from one to more than float32 accumulates anything over. */
const COUNTS = [1, 2, 3, 1000, 2 ** 20, 2 ** 22, 2 ** 23, 3 * 2 ** 22, 2 ** 24, 2 ** 26, 2 ** 30];

/** What is wrong with `γ_n`: it is at least `(1 + u)ⁿ − 1`, which roundings in one direction reach, and not much more. */
export function wrongGamma(): string | undefined {
  if (gamma32(0).mantissa !== 0) return 'γ_0 is not 0';
  for (const n of COUNTS) {
    const gamma = toNumber(gamma32(n));
    const reached = Math.expm1(n * Math.log1p(2 ** -24));
    const nu = n * 2 ** -24;
    const most = nu < 0.5 ? nu / (1 - nu) : Math.expm1(nu);
    if (!(gamma >= reached && gamma <= most * (1 + 1e-9)))
      return `γ_${n} is ${gamma}, not ${reached} to ${most}`;
  }
  return undefined;
}
