import type { Graph, Value } from '../../ir/graph.ts';
import { lookup } from '../../lower/lookup.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import type { Quantity, Reference } from './contract.ts';
import { adjointGraph, type Named, tangentGraph, valuesGraph } from './linear.ts';
import { type Kink, type Perturbed, perturb, shapeOf } from './perturb.ts';

/** The perturbed step of a program with the graphs that passes run, each made once. */
export interface Study {
  readonly program: TrainingProgram;
  readonly reference: Reference;
  readonly perturbed: Perturbed;
  /** What passes end in: `logits`, `loss`, and `gradient:NAME` of every parameter. */
  readonly targets: readonly Named[];
  readonly shapeOf: (value: Value) => readonly number[];
  /** Every place in F and B where something is injected, with its shape. */
  readonly points: ReadonlyMap<string, readonly number[]>;
  /** The values of all targets, and of every site, kink and normalization: see {@link siteNames} and {@link kinkNames}. */
  readonly values: Graph;
  /** From the sites of F to the operand of every kink and the result of every normalization. */
  readonly forward: Graph;
  /** From every point to every target. */
  readonly whole: Graph;
  /** From the cotangents of the targets to every point. */
  readonly adjoint: Graph;
  /** From the cotangents of the kinks' operands to the sites of F. */
  readonly forwardAdjoint: Graph;
}

export function study(program: TrainingProgram, reference: Reference): Study {
  const graph = program.stepWithGradients;
  const perturbed = perturb(graph, reference, (name) => program.plan.sites.has(name));
  const { nodes, sites, kinks, normalizations, renamed } = perturbed;
  const outputs = new Map(graph.outputs.map(({ name, value }) => [name, renamed(value)]));
  const named = (name: string, output = name): Named => ({ name, value: lookup(outputs, output) });
  const targets = [
    ...[...outputs.keys()].filter(isLogits).map((name) => named(name)),
    named('loss'),
    ...parameterNames(program).map((name) => named(gradientOf(name), `${name}.grad`)),
  ];
  const normalized = normalizations.map(({ name, at }) => ({ name, value: at }));
  const inStep = sites.filter((s) => s.phase !== 'U');
  const points = [
    ...inStep.map((s) => ({ name: s.name, value: s.at })),
    ...kinks.flatMap(kinkPoints),
    ...normalized,
  ];
  const forwardPoints = inStep.filter((s) => s.phase === 'F').map((s) => ({ name: s.name, value: s.at }));
  const operands = distinct(kinks.map((k) => ({ name: k.operand, value: k.z })));
  const values = [
    ...targets,
    ...inStep.flatMap((s) => [
      { name: siteNames(s.name).x, value: s.x },
      { name: siteNames(s.name).scale, value: s.scale },
    ]),
    ...operands,
    ...normalized,
    ...kinks.flatMap((k) => k.backward.map((b, i) => ({ name: kinkNames(k, i).v, value: b.v }))),
  ];
  return lazily(
    {
      program,
      reference,
      perturbed,
      targets,
      shapeOf: (value: Value) => shapeOf(perturbed, value),
      points: new Map(points.map(({ name, value }) => [name, shapeOf(perturbed, value)])),
    },
    {
      values: () => valuesGraph(nodes, values),
      forward: () => tangentGraph(nodes, forwardPoints, [...operands, ...normalized]),
      whole: () => tangentGraph(nodes, points, targets),
      adjoint: () => adjointGraph(nodes, points, targets),
      forwardAdjoint: () => adjointGraph(nodes, forwardPoints, operands),
    },
  );
}

export function isLogits(name: string): boolean {
  return name === 'logits' || name.startsWith('logits#');
}

export function parameterNames(program: TrainingProgram): readonly string[] {
  return program.tensors.filter((t) => t.role === 'parameter').map((t) => t.name);
}

/** Whether a target is part of a quantity. */
export function countsTowards(target: string, quantity: Quantity): boolean {
  if (quantity === 'logits') return isLogits(target);
  if (quantity === 'gradient') return target.startsWith(gradientOf(''));
  return target === quantity;
}

/** The quantity of one parameter's gradient. */
export function gradientOf(parameter: string): Quantity {
  return `gradient:${parameter}`;
}

/** Names of a site's values in {@link Study.values}. */
export function siteNames(site: string): { readonly x: string; readonly scale: string } {
  return { x: `x:${site}`, scale: `scale:${site}` };
}

/** Names of a kink's i-th backward point and of the cotangent that arrives there. */
export function kinkNames(
  kink: Kink,
  i = 0,
): { readonly forward: string; readonly back: string; readonly v: string } {
  return { forward: `${kink.name}.forward`, back: `${kink.name}.back${i}`, v: `v:${kink.name}.${i}` };
}

function kinkPoints(kink: Kink): readonly Named[] {
  return [
    { name: kinkNames(kink).forward, value: kink.forward },
    ...kink.backward.map((b, i) => ({ name: kinkNames(kink, i).back, value: b.at })),
  ];
}

function distinct(named: readonly Named[]): readonly Named[] {
  return [...new Map(named.map((n) => [n.name, n])).values()];
}

/** The object with further properties that are made when they are first read. */
function lazily<A extends object, T extends object>(
  start: A,
  makers: { readonly [K in keyof T]: () => T[K] },
): A & T {
  const made: Partial<T> = {};
  const result = { ...start } as A & T;
  for (const key of Object.keys(makers) as (keyof T)[]) {
    Object.defineProperty(result, key, {
      enumerable: true,
      get: () => {
        made[key] ??= makers[key]();
        return made[key];
      },
    });
  }
  return result;
}
