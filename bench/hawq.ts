import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tabulate } from '../compiler/allocate/cost.ts';
import type { AllocationProblem, AllocationSite, Contribution } from '../compiler/allocate/problem.ts';

/** One optimum that HAWQ-V3 publishes, with the problem it solves. */
export interface HawqCase {
  readonly name: string;
  readonly problem: AllocationProblem;
  /** Published width of each site, in the order of the problem's. */
  readonly bits: readonly number[];
  /** Published objective, to six digits. */
  readonly objective: number;
}

/** Figures of ResNet-18 published with HAWQ-V3 (Yao et al., ICML 2021), from `anchors/hawq-resnet18.json` of the data folder. */
interface HawqAnchor {
  readonly layers: readonly HawqLayer[];
  readonly tied_layers: readonly (readonly number[])[];
  readonly published: readonly {
    readonly budget: keyof typeof HAWQ_COSTS;
    readonly fraction: number;
    readonly bits: readonly number[];
    readonly objective: number;
  }[];
}

interface HawqLayer {
  readonly name: string;
  readonly hessian_trace_per_parameter: number;
  readonly squared_weight_error_int4: number;
  readonly squared_weight_error_int8: number;
  readonly parameters: number;
  readonly macs: number;
  readonly latency_ms_int4: number;
  readonly latency_ms_int8: number;
}

const HAWQ_COSTS = {
  modelsize: (layer: HawqLayer, bits: number) => (layer.parameters * bits) / 8,
  bops: (layer: HawqLayer, bits: number) => layer.macs * bits * bits,
  latency: (layer: HawqLayer, bits: number) => (bits === 4 ? layer.latency_ms_int4 : layer.latency_ms_int8),
};

/** The nine cases: least sensitivity under a budget that lies a fraction of the way from all int4 to all int8. */
export function hawqCases(dataRoot: string): HawqCase[] {
  const text = readFileSync(join(dataRoot, 'anchors', 'hawq-resnet18.json'), 'utf8');
  const { layers, tied_layers, published } = JSON.parse(text) as HawqAnchor;
  const sites = layers.map(({ name }): AllocationSite => ({ name, levels: [4, 8] }));
  const perLayer = (value: (layer: HawqLayer, bits: number) => number): Contribution[] =>
    layers.flatMap((layer, i) =>
      sites.slice(i, i + 1).map((site) => tabulate(layer.name, [site], ([bits = 0]) => value(layer, bits))),
    );
  const objective = perLayer(
    (layer, bits) =>
      layer.hessian_trace_per_parameter *
      (bits === 4 ? layer.squared_weight_error_int4 : layer.squared_weight_error_int8),
  );
  return published.map(({ budget, fraction, bits, objective: value }) => {
    const cost = HAWQ_COSTS[budget];
    const all = (width: number) => layers.reduce((sum, layer) => sum + cost(layer, width), 0);
    const bound = all(4) + fraction * (all(8) - all(4));
    return {
      name: `HAWQ-V3 ${budget} ${fraction}`,
      problem: {
        sites,
        ties: tied_layers.map((tie) => tie.flatMap((i) => sites.slice(i, i + 1))),
        limits: [],
        objective,
        requirements: [{ name: budget, contributions: perLayer(cost), bound }],
      },
      bits,
      objective: value,
    };
  });
}
