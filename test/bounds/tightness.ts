import type { Range } from '../../compiler/ir/bound-rules.ts';
import type { NdArray } from '../../compiler/ir/ndarray.ts';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { type Bound, toNumber } from '../../compiler/numeric/bound.ts';
import { Adversary } from './adversary.ts';
import { caseOf } from './cases.ts';
import { analyse, computedValues, distanceOf, normsOf, realValues, SWITCHING } from './check.ts';
import { Random } from './random.ts';

/** What is said of an op's result: its errors, its range, and what structure says of computed values. */
const MEASURES = [
  'inf',
  'two',
  'pos',
  'neg',
  'norm2',
  'away',
  'cap',
  'sign',
  'infAtPoint',
  'twoAtPoint',
] as const;

/** Bound ÷ observed by what is bounded: the geometric mean over cases, 1 being the tightest that there is. */
export type Tightness = Readonly<Record<(typeof MEASURES)[number], number>>;

const CASES = 100;

/** What counts for no bound at all, so that a mean is finite. */
const FAR = 1e9;
const UNNEEDED = 1e3;

/** Over seeded cases in the meet; where nothing is observed nothing is measured. */
export function tightnessOf(op: OpName): Tightness {
  const random = new Random(20261122);
  const logs = new Map<string, number[]>(MEASURES.map((measure) => [measure, []]));
  for (let i = 0; i < CASES; i++) {
    const one = caseOf(op, random.below(2 ** 31));
    const adversary = new Adversary(random.below(2 ** 31));
    const value = one.graph.nodes.findLastIndex((node) => node.kind === 'op' && node.op === op);
    const [real, computed] = [realValues(one)[value], computedValues(one, adversary)[value]];
    const { errors, ranges } = analyse(one, 'meet');
    const [error, range] = [errors[value], ranges[value]];
    if (real === undefined || computed === undefined || error === undefined || range === undefined) continue;
    const observed = distanceOf(computed, real);
    for (const norm of ['inf', 'two'] as const) put(logs, norm, looseness(error[norm], observed[norm]));
    if (SWITCHING.has(op)) {
      const atPoint = analyse(one, 'meet', realValues(one)).errors[value] ?? error;
      for (const norm of ['inf', 'two'] as const)
        put(logs, `${norm}AtPoint`, looseness(atPoint[norm], observed[norm]));
    }
    measureRange(logs, range, real, computed);
  }
  return Object.fromEntries(MEASURES.map((measure) => [measure, mean(logs.get(measure) ?? [])])) as Tightness;
}

/** A bound where nothing errs counts, but less than one that is off by as much. */
function looseness(bound: Bound, observed: number): number {
  if (observed === Infinity) return 1;
  if (observed === 0) return bound.mantissa === 0 ? 1 : UNNEEDED;
  return toNumber(bound) / observed;
}

function measureRange(logs: Map<string, number[]>, range: Range, real: NdArray, computed: NdArray): void {
  const { inf, two } = normsOf(real.data);
  if (inf === 0) put(logs, 'pos', range.pos.mantissa === 0 ? 1 : UNNEEDED);
  if (inf === 0 || !(inf < Infinity)) return;
  // Both sides beside the magnitude, so that a side that is not reached counts where it is more than 0.
  const side = (bound: Bound, reached: number): number =>
    (toNumber(bound) + inf) / (Math.max(reached, 0) + inf);
  put(logs, 'pos', side(range.pos, Math.max(...real.data)));
  put(logs, 'neg', side(range.neg, Math.max(...real.data.map((x) => -x))));
  put(logs, 'norm2', toNumber(range.norm2) / two);
  const magnitudes = [...real.data, ...computed.data].map(Math.abs);
  put(logs, 'away', Math.min(...magnitudes) / toNumber(range.away));
  if ([...real.data, ...computed.data].every((x) => x >= 0)) put(logs, 'sign', range.nonNegative ? 1 : FAR);
  put(logs, 'cap', toNumber(range.cap) / Math.max(...magnitudes));
}

function put(logs: Map<string, number[]>, measure: string, ratio: number): void {
  if (!Number.isNaN(ratio)) logs.get(measure)?.push(Math.log(Math.min(Math.max(ratio, 1), FAR)));
}

function mean(logs: readonly number[]): number {
  if (logs.length === 0) return 1;
  return Number(Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length).toPrecision(5));
}

/** The first measure in which a table is exceeded, if there is one. */
export function looser(op: OpName, table: Readonly<Record<string, Tightness>>): string | undefined {
  const measured = tightnessOf(op);
  const known = table[op];
  const worse = MEASURES.find((measure) => !(measured[measure] <= (known?.[measure] ?? 1) * ROOM));
  return worse === undefined ? undefined : `${op} ${worse} ${measured[worse]}`;
}

/** By how much a mean may grow without notice. */
const ROOM = 1.002;
