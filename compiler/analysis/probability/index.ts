/** Draft of the probability mode; see `predict`. */
export type * from './contract.ts';
export { EXACT, type Observation, observation, quantitiesOfOutput } from './observe.ts';
export { passOf, predict } from './predict.ts';
