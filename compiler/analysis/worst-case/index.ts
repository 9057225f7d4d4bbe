/**
 * The worst case: bounds that hold for every rounding and every input in range, from the text of a spec and the weights that its seed draws.
 *
 *     const { value } = compile(source);                       // spec, plan, program
 *     const worst = analyseWorstCase(value.spec, value.plan, value.program);
 *     worst.quantities                                         // logits, loss, gradient, each gradient, update, by reference
 *     worst.step.facts.ranges[v], worst.errors[v]              // of value v of worst.step.graph
 *     stepFunctionals(worst.step)                              // Φ_F, Φ_B, Φ_U and their composition
 *     contributionsOf(worst.step, values)                      // what a bound is made of, largest first
 */
export { analyseWorstCase, type BoundedQuantity, type Reference, type WorstCase } from './analyse.ts';
export { type Contribution, contributionsOf } from './contributions.ts';
export { DOMAINS, type Domain } from './domain.ts';
export { type SharedTensors, sharedTensors } from './facts.ts';
export { affineOf, type StepFunctionals, stepFunctionals, tensorName } from './functionals.ts';
