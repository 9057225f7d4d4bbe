import { functionals } from '../../compiler/analysis/worst-case/algebras.ts';
import type { Domain } from '../../compiler/analysis/worst-case/domain.ts';
import { errorsOf } from '../../compiler/analysis/worst-case/errors.ts';
import { type Facts, factsOf } from '../../compiler/analysis/worst-case/facts.ts';
import { FunctionalBuilder } from '../../compiler/functional/builder.ts';
import type { Functional, NodeId } from '../../compiler/functional/functional.ts';
import type { Errors } from '../../compiler/ir/bound-rules.ts';
import { type Graph, nodeOf, sizeOf, type Value } from '../../compiler/ir/graph.ts';
import { type Bound, ZERO } from '../../compiler/numeric/bound.ts';
import { rootOf } from '../../compiler/ops/bounds/range.ts';
import { type Case, givenError } from './check.ts';

/** Ranges of one pass over a whole case, at which its parts are analysed. */
export function factsOfCase({ graph, inputs }: Case, domain: Domain): Facts {
  const input = (name: string) => inputs.get(name) ?? missing(name);
  return factsOf(
    graph,
    {
      range: ({ input: name }) => input(name).range,
      known: ({ input: name }) => (input(name).known ? input(name).real : undefined),
    },
    domain,
  );
}

function missing(name: string): never {
  throw new Error(`there is no input '${name}'`);
}

/** The norms by which the error of a value passes from one part to another: one in a domain of one norm, both in the meet. */
function normsOf(domain: Domain): readonly ('inf' | 'two')[] {
  if (domain === 'meet') return ['inf', 'two'];
  return domain === 'componentwise' ? ['inf'] : ['two'];
}

const nameOf = (value: Value, norm: string): string => `v${value}.${norm}`;

function namesOf(values: readonly Value[], domain: Domain): readonly string[] {
  return values.flatMap((value) => normsOf(domain).map((norm) => nameOf(value, norm)));
}

/** The error of a value that comes from elsewhere, in both norms from those that pass. */
function arriving(builder: FunctionalBuilder, graph: Graph, value: Value, domain: Domain): Errors<NodeId> {
  const root = rootOf(sizeOf(nodeOf(graph, value).type.shape));
  switch (domain) {
    case 'meet':
      return { inf: builder.input(nameOf(value, 'inf')), two: builder.input(nameOf(value, 'two')) };
    case 'componentwise': {
      const inf = builder.input(nameOf(value, 'inf'));
      return { inf, two: builder.scale(root, inf) };
    }
    case 'spectral': {
      const two = builder.input(nameOf(value, 'two'));
      return { inf: two, two };
    }
  }
}

/** The errors of `outputs` as a functional of those of `inputs`, all of which come before the part that begins at `start`. */
export function part(
  graph: Graph,
  facts: Facts,
  domain: Domain,
  {
    start,
    end,
    inputs,
    outputs,
  }: {
    readonly start: number;
    readonly end: number;
    readonly inputs: readonly Value[];
    readonly outputs: readonly Value[];
  },
): Functional {
  const builder = new FunctionalBuilder(namesOf(inputs, domain));
  const zero = builder.constant(ZERO);
  const errors = errorsOf<NodeId>(
    { ...graph, nodes: graph.nodes.slice(0, end) },
    {
      algebra: functionals(builder),
      facts,
      domain,
      given: (value) => {
        if (inputs.includes(value)) return arriving(builder, graph, value, domain);
        return value < start ? { inf: zero, two: zero } : undefined;
      },
    },
  );
  return builder.build(
    outputs.flatMap((value) =>
      normsOf(domain).map(
        (norm) => [nameOf(value, norm), errors[value]?.[norm] ?? missing(`%${value}`)] as const,
      ),
    ),
  );
}

/** The graph's inputs. */
export function inputsOf(graph: Graph): readonly Value[] {
  return graph.nodes.flatMap((node, value) => (node.kind === 'input' ? [value] : []));
}

/** Inputs, and values before `cut`, that something from `cut` on reads. */
export function crossing(graph: Graph, cut: number, outputs: readonly Value[]): readonly Value[] {
  const read = new Set<Value>(outputs.filter((value) => value < cut));
  graph.nodes.slice(cut).forEach((node) => {
    if (node.kind === 'op') for (const x of node.operands) if (x < cut) read.add(x);
  });
  return [...read].sort((a, b) => a - b);
}

/** The errors that the inputs of a case have, by the names that functionals give them. */
export function pointOf({ graph, inputs }: Case, domain: Domain, scale: (bound: Bound) => Bound = (b) => b) {
  return new Map<string, Bound>(
    inputsOf(graph).flatMap((value) => {
      const node = nodeOf(graph, value);
      const tensor = node.kind === 'input' ? inputs.get(node.input) : undefined;
      const error = tensor === undefined ? undefined : givenError(tensor);
      return normsOf(domain).map((norm) => [nameOf(value, norm), scale(error?.[norm] ?? ZERO)] as const);
    }),
  );
}
