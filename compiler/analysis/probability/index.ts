/**
 * The `probability p` mode: how large the error of a quantized training step is, at given parameters and for named minibatches. Pure: whoever
 * calls it answers `evaluate(graph, inputs, step)`, with an engine (`runtime/probe`) or the reference evaluator.
 *
 *     const options = { reference: 'real' } as const;
 *     // Per batch and quantity (logits, loss, gradient, gradient:NAME, update): rms, bias, p-quantile in the 2-norm, and the norm.
 *     const predictions = await predict(program, point, batches, evaluate, options);
 *
 *     // Once: what every level of every site costs. Lower with some quantizer at each site (the table's reference, best near the
 *     // expected answer), and state the formats that each may take.
 *     const table = await measure(program, point, batches, evaluate, { ...options, levels });   // JSON, to be committed
 *     // As often as wanted, microseconds each: the largest error over the batches, for a format name per site.
 *     const { quantile } = modelError(table, 'gradient', new Map([['c1.in', 'uint4 stochastic'], …]), 'noise_floor');
 *     // A necessary condition that is a sum over sites, for an exact allocator: Σ_s weights[s][level] ≤ 1 on every batch.
 *     const conditions = additiveRequirement(table, 'gradient', 0.1, 'noise_floor');
 *
 * The model errs by tens of per cent: after a search, lower with the chosen formats, `predict`, and `confirm` by real steps.
 *
 * The probability space is the rounding of stochastic sites. Rounding to nearest is a model (uniform errors); the spread over batches
 * is reported, not covered. Sites that the reference does not count (those of F for `quantized_point`) are not in the table and cost
 * nothing in it.
 */
export type * from './contract.ts';
export type { Levels } from './levels.ts';
export { type MeasureOptions, measure } from './measure.ts';
export { EXACT, type Observation, observation, quantitiesOfOutput, takeRealSteps } from './observe.ts';
export { type Pass, passOf } from './pass.ts';
export { predict } from './predict.ts';
export {
  additiveRequirement,
  type Denominator,
  type LevelAssignment,
  type ModelError,
  modelError,
  modelErrors,
} from './table.ts';
export type { BatchTable, QuantityTable, SensitivityTable, TableSite } from './table-data.ts';
