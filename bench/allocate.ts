import { allocate } from '../compiler/allocate/allocate.ts';
import { bitOperations, tabulate } from '../compiler/allocate/cost.ts';
import type { AllocationProblem, AllocationSite } from '../compiler/allocate/problem.ts';
import { uniforms } from '../compiler/numeric/random.ts';
import { hawqCases } from './hawq.ts';
import type { Bench, Measurement } from './main.ts';
import { medianMs } from './timing.ts';

/** Time to allocate: the published HAWQ-V3 problems, where QSPEC_DATA holds them, and layered nets with all three kinds of site. */
export const benchAllocate: Bench = async () => {
  const measurements: Measurement[] = [];
  const measure = async (name: string, problem: AllocationProblem, runs: number) => {
    const { status } = allocate(problem);
    measurements.push({
      name: `${name} (${status})`,
      value: await medianMs(() => allocate(problem), runs, 0),
      unit: 'ms',
    });
  };
  const dataRoot = process.env['QSPEC_DATA'];
  if (dataRoot) for (const { name, problem } of hawqCases(dataRoot)) await measure(name, problem, 20);
  for (const [layers, requirements] of [
    [4, 1],
    [4, 3],
    [20, 1],
    [20, 3],
    [20, 20],
    [100, 1],
  ] as const)
    await measure(`${layers} layers, requirements: ${requirements}`, layeredProblem(layers, requirements), 3);
  return measurements;
};

const LEVELS = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32];

/** Layers with a weight, an input and a gradient site of 16 levels each, and random errors that fall fourfold per bit. */
function layeredProblem(layers: number, requirements: number): AllocationProblem {
  const draw = uniforms(1, 'allocate', 0, layers * (3 * requirements + 1));
  let drawn = 0;
  const next = () => draw[drawn++] ?? 0;
  const nets = Array.from({ length: layers }, (_, l) => {
    const site = (kind: string): AllocationSite => ({ name: `c${l}.${kind}`, levels: LEVELS });
    const macs = Math.round(1e5 * 64 ** next());
    return { name: `c${l}`, macs, weights: site('weights'), input: site('in'), gradient: site('grad') };
  });
  const sites = nets.flatMap(({ weights, input, gradient }) => [weights, input, gradient]);
  return {
    sites,
    ties: [],
    limits: [],
    objective: bitOperations(
      nets.flatMap(({ name, macs, weights, input, gradient }) => [
        { name: `${name} forward`, macs, operands: [weights, input] },
        { name: `${name} input gradient`, macs, operands: [weights, gradient] },
        { name: `${name} weight gradient`, macs, operands: [input, gradient] },
      ]),
    ),
    requirements: Array.from({ length: requirements }, (_, r) => ({
      name: `requirement ${r}`,
      contributions: sites.map((site) => {
        const size = 64 ** next();
        return tabulate(site.name, [site], ([bits = 0]) => size * 4 ** -bits);
      }),
      bound: 0.01,
    })),
  };
}
