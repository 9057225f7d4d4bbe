import { FunctionalBuilder } from './builder.ts';
import type { Functional } from './functional.ts';

/**
 * Error functionals over named tensors form a category with products: `compose` substitutes, `parallel` sets side by side, fan-out is
 * `copy`. Equal names, and nothing else, say which output meets which input. Functionals being canonical, `compose` is associative
 * and `identity` neutral as data, not only in value.
 */

/** ε ↦ ε on the named tensors. */
export function identity(names: readonly string[]): Functional {
  const builder = new FunctionalBuilder(names);
  return builder.build(names.map((name) => [name, builder.input(name)]));
}

/** A tensor that several read: every output has the input's error. */
export function copy(input: string, outputs: readonly string[]): Functional {
  const builder = new FunctionalBuilder([input]);
  return builder.build(outputs.map((name) => [name, builder.input(input)]));
}

/** The sum of tensors: errors add. A residual connection is `total ∘ parallel(branch, shortcut) ∘ copy`. */
export function total(inputs: readonly string[], output: string): Functional {
  const builder = new FunctionalBuilder(inputs);
  return builder.build([[output, builder.sum(inputs.map((name) => builder.input(name)))]]);
}

/**
 * `outermost ∘ … ∘ innermost`, in time linear in all of them. Each stage reads exactly what the next one in the list gives.
 * @throws where it does not, with the names
 */
export function compose(...stages: readonly Functional[]): Functional {
  const inward = [...stages].reverse();
  const inputs = inward[0]?.inputs;
  if (inputs === undefined) throw new Error('a composition of nothing');
  const builder = new FunctionalBuilder(inputs);
  let values: ReadonlyMap<string, number> = new Map(inputs.map((name) => [name, builder.input(name)]));
  for (const stage of inward) {
    assertMeets(stage, values);
    values = builder.inline(stage, values);
  }
  return builder.build(values);
}

/** The functionals side by side on disjoint inputs: the block-diagonal map. @throws where two read, or give, one name */
export function parallel(...parts: readonly Functional[]): Functional {
  const names = parts.flatMap((part) => part.inputs);
  if (new Set(names).size < names.length) {
    throw new Error(`parallel functionals share an input among ${names.join(', ')}`);
  }
  return pair(...parts);
}

/** The functionals side by side on the union of their inputs: `parallel` after the copying of what several read. */
export function pair(...parts: readonly Functional[]): Functional {
  const inputs = [...new Set(parts.flatMap((part) => part.inputs))];
  const builder = new FunctionalBuilder(inputs);
  const values = new Map(inputs.map((name) => [name, builder.input(name)]));
  return builder.build(parts.flatMap((part) => [...builder.inline(part, values)]));
}

/** Some of the outputs, in the given order. @throws where the functional does not give one */
export function select(functional: Functional, outputs: readonly string[]): Functional {
  const builder = new FunctionalBuilder(functional.inputs);
  const values = builder.inline(
    functional,
    new Map(functional.inputs.map((name) => [name, builder.input(name)])),
  );
  return builder.build(
    outputs.map((name) => {
      const node = values.get(name);
      if (node === undefined) throw new Error(`the functional does not give '${name}'`);
      return [name, node];
    }),
  );
}

/** The same map under other names; names that are not mentioned stay. */
export function rename(
  functional: Functional,
  names: { readonly inputs?: ReadonlyMap<string, string>; readonly outputs?: ReadonlyMap<string, string> },
): Functional {
  const inputOf = (name: string): string => names.inputs?.get(name) ?? name;
  const builder = new FunctionalBuilder(functional.inputs.map(inputOf));
  const values = builder.inline(
    functional,
    new Map(functional.inputs.map((name) => [name, builder.input(inputOf(name))])),
  );
  return builder.build(Array.from(values, ([name, node]) => [names.outputs?.get(name) ?? name, node]));
}

function assertMeets(stage: Functional, given: ReadonlyMap<string, number>): void {
  const missing = stage.inputs.filter((name) => !given.has(name));
  const read = new Set(stage.inputs);
  const unread = [...given.keys()].filter((name) => !read.has(name));
  if (missing.length === 0 && unread.length === 0) return;
  const problems = [
    ...missing.map((name) => `'${name}' is read but not given`),
    ...unread.map((name) => `'${name}' is given but not read`),
  ];
  throw new Error(`functionals do not compose: ${problems.join(', ')}`);
}
