import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { Adversary } from './adversary.ts';
import { reachedBy } from './attain.ts';
import { ATTAINMENTS } from './attainments.ts';
import { caseOf } from './cases.ts';
import { violation } from './check.ts';
import { netCase } from './nets.ts';
import { Random } from './random.ts';
import { SLOPE_OPS, type SlopeTightness, wrongSlopes } from './slopes.ts';
import { looser, type Tightness } from './tightness.ts';
import { wrongGamma, wrongNormal, wrongRounding } from './units.ts';

/** The laws without a test runner, for `scripts/mutants.js`. */

function attained<K extends OpName>(op: K): string | undefined {
  const { reached, zero } = ATTAINMENTS[op];
  for (const [i, attainment] of reached.entries()) {
    for (const { norm, share, unexpected } of reachedBy(op, attainment, zero)) {
      const least = attainment.coarse?.reached ?? 0.6;
      const inside = share >= least && share <= 1 + 2 ** -26;
      if (!inside || unexpected.length > 0) return `law 8: ${op} ${i} ${attainment.term} ${norm} ${share}`;
    }
  }
  return undefined;
}

function sound(op: OpName, count: number): string | undefined {
  const random = new Random(4);
  for (let i = 0; i < count; i++) {
    const violated = violation(caseOf(op, random.below(2 ** 31)), new Adversary(random.below(2 ** 31)));
    if (violated !== undefined) return `law 4: ${op} ${i}: ${violated}`;
  }
  return undefined;
}

function soundNets(count: number): string | undefined {
  for (let seed = 0; seed < count; seed++) {
    const violated = violation(netCase(seed), new Adversary(seed));
    if (violated !== undefined) return `law 4: net ${seed}: ${violated}`;
  }
  return undefined;
}

function tight(op: OpName, table: Readonly<Record<string, Tightness>>): string | undefined {
  const worse = looser(op, table);
  return worse === undefined ? undefined : `law 7: ${worse}`;
}

function enclosed(op: OpName, table: Readonly<Record<string, SlopeTightness>>): string | undefined {
  const wrong = SLOPE_OPS.includes(op) ? wrongSlopes(op, 200, table[op]) : undefined;
  return wrong && `law 9: slopes of ${op}: ${wrong}`;
}

/** The first law that is broken for the ops, in the order of how fast they are to try; undefined where all hold. */
export function brokenLaw(
  ops: readonly OpName[],
  table: Readonly<Record<string, Tightness>>,
  slopes: Readonly<Record<string, SlopeTightness>>,
): string | undefined {
  const first = (rule: (op: OpName) => string | undefined): string | undefined => {
    for (const op of ops) {
      const law = rule(op);
      if (law !== undefined) return law;
    }
    return undefined;
  };
  const gamma = wrongGamma();
  const rounding = ops.includes('quantize') ? (wrongRounding() ?? wrongNormal()) : undefined;
  return (
    (gamma && `law 8: ${gamma}`) ??
    (rounding && `law 4: ${rounding}`) ??
    first((op) => enclosed(op, slopes)) ??
    first(attained) ??
    first((op) => sound(op, 100)) ??
    first((op) => tight(op, table)) ??
    first((op) => sound(op, Math.ceil((ops.length > 20 ? 4000 : 8000) / ops.length))) ??
    (ops.includes('matmul') ? soundNets(3) : undefined)
  );
}
