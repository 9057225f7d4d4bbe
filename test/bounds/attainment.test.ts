import { describe, expect, test } from 'vitest';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { SAMPLES } from '../ops/samples.ts';
import { NORMS, type Norm, reachedBy, type Term } from './attain.ts';
import { ATTAINMENTS } from './attainments.ts';
import { wrongGamma, wrongNormal, wrongRounding } from './units.ts';

/** The least share of a term that its input reaches. */
const LEAST = 0.6;

const OPS = Object.keys(ATTAINMENTS) as OpName[];

function shares<K extends OpName>(op: K) {
  const { reached, zero } = ATTAINMENTS[op];
  return reached.map((attainment) => ({ attainment, shares: reachedBy(op, attainment, zero) }));
}

test('law 8: γ_n is what n roundings in one direction reach, and not much more; so are the ends of normals', () => {
  expect(wrongGamma()).toBeUndefined();
  expect(wrongNormal()).toBeUndefined();
});

test('law 4: the known rounding of a weight is off by at most its slack, which is a step next to a tie and little elsewhere', () => {
  expect(wrongRounding()).toBeUndefined();
});

describe.each(OPS)('law 8: %s', (op) => {
  test('has an input that reaches each term of its error rule, none of which passes it', () => {
    const covered = new Set<string>();
    for (const [i, { attainment, shares: list }] of shares(op).entries()) {
      for (const { norm, share, unexpected } of list) {
        const place = `${op} ${i} ${attainment.term} ${norm}`;
        const least = attainment.coarse?.reached ?? LEAST;
        if (!(share >= least && share <= 1 + 2 ** -26))
          expect.fail(`${place}: ${share} is not in [${least}, 1]`);
        if (unexpected.length > 0) expect.fail(`${place}: ${unexpected} should be 0`);
        covered.add(`${attainment.term} ${norm}`);
      }
    }
    const { zero } = ATTAINMENTS[op];
    const operands = SAMPLES[op].samples[0]?.operands.length ?? 0;
    const terms: Term[] = [...Array.from({ length: operands }, (_, k): Term => `through ${k}`), 'local'];
    const expected = terms
      .filter((term) => !zero.includes(term))
      .flatMap((term) => NORMS.map((norm: Norm) => `${term} ${norm}`));
    expect([...covered].sort()).toEqual(expect.arrayContaining(expected));
  });
});
