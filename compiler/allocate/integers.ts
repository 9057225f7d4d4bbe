import { binade } from '../numeric/round.ts';
import type { Model, Term } from './model.ts';

/**
 * The model in whole numbers held by float64, so that every sum of the search is exact in any order, answers are the same on
 * every machine, and scaling a requirement or the objective by a power of two changes nothing.
 */
export interface IntegerModel extends Model {
  /** Real value of one unit of the objective. */
  readonly objectiveUnit: number;
}

/** The objective's largest sum in units lies below 2⁴⁸; integers up to 2⁴⁷ are exact. */
const OBJECTIVE_DIGITS = 47;

/** A bound is at most 2⁵⁰ units; integers below that are exact. */
const BOUND_DIGITS = 49;

/**
 * Values are rounded to the nearest unit. A bound gives way by one unit for each contribution that was not exact, which covers
 * what the rounding and the order of a float64 sum amount to: an assignment on the bound is never refused, and none
 * exceeds it by more than 2⁻⁴⁹ of itself per contribution.
 */
export function toIntegers(model: Model): IntegerModel {
  const objectiveUnit = unitOf(
    model.objective.reduce((sum, { values }) => sum + Math.max(...values), 0),
    OBJECTIVE_DIGITS,
  );
  return {
    variables: model.variables,
    objectiveUnit,
    objective: model.objective.map((term) => rounded(term, objectiveUnit)),
    constraints: model.constraints.map(({ terms, bound }) => {
      // There is no unit of zero, and anything positive exceeds it.
      if (bound <= 0) return { terms: terms.map(signs), bound: Math.sign(bound) };
      const unit = unitOf(bound, BOUND_DIGITS);
      const inexact = terms.filter(({ values }) => values.some((v) => !Number.isInteger(v / unit))).length;
      const limit = Math.floor(bound / unit) + inexact;
      return { terms: terms.map((term) => rounded(term, unit, limit)), bound: limit };
    }),
  };
}

/** The power of two of which `largest` has between 2^digits and 2^{digits+1}. */
function unitOf(largest: number, digits: number): number {
  return largest > 0 && largest < Infinity ? Math.max(binade(largest) * 2 ** -digits, Number.MIN_VALUE) : 1;
}

/** Values beyond `limit` are just beyond it: they rule a choice out whatever they are. */
function rounded({ scope, values }: Term, unit: number, limit = Infinity): Term {
  return { scope, values: values.map((value) => Math.min(Math.round(value / unit), limit + 1)) };
}

function signs({ scope, values }: Term): Term {
  return { scope, values: values.map((value) => Math.sign(value)) };
}
