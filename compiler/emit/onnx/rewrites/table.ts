import type { Graph } from '../../../ir/graph.ts';
import { sweep } from '../graph-edits.ts';
import { GraphView, type Target } from '../graph-view.ts';
import type { GraphProto } from '../schema.ts';
import { absmaxMask } from './absmax-mask.ts';
import { adamRate } from './adam-rate.ts';
import { foldConvBias } from './bias.ts';
import { divisionInward } from './division-inward.ts';
import { dropExpansions } from './expand.ts';
import { factorsOutOfSums } from './factors-out-of-sums.ts';
import { forwardIdentity } from './forward-identity.ts';
import { foldGemmSummand } from './gemm.ts';
import { dropIdentities } from './identity.ts';
import { moments } from './moments.ts';
import { poolFirst } from './pool-first.ts';
import { routedScale } from './routed-scale.ts';
import { smallFactorsFirst } from './small-factors-first.ts';

/** Changes of a training step's graph before it is written; each keeps every value within the stated rounding. */
const OF_IR = {
  forwardIdentity,
  absmaxMask,
  poolFirst,
  routedScale,
  moments,
  smallFactorsFirst,
  factorsOutOfSums,
  divisionInward,
  adamRate,
} satisfies Record<string, (graph: Graph) => Graph>;

/** Ways of writing ops that lie in other layouts or element types than the IR's; see `../lowering`. */
const OF_LOWERING = [
  'batchInnermost',
  'poolInnermost',
  'stridedPhases',
  'extremeOfPositive',
  'scaleOfZeros',
  'integerProducts',
  'integerForward',
  'integerWeightGrad',
  'integerInputGrad',
  'poolSums',
  'centeredNoise',
  'quotientFirst',
  'scaledWeights',
  'extremeInTwo',
  'threadsApart',
  'rampMasks',
] as const;

/**
 * Small changes to an emitted graph that keep its values (sums may round in another order), and with them their types: no value
 * gets another shape under its name. Each returns the graph itself where it changes nothing.
 */
const OF_MODEL = {
  identity: dropIdentities,
  expand: dropExpansions,
  bias: foldConvBias,
  gemm: foldGemmSummand,
} satisfies Record<string, (view: GraphView) => GraphProto>;

export type ModelRewrite = keyof typeof OF_MODEL;
export type StepRewrite = keyof typeof OF_IR | (typeof OF_LOWERING)[number];
export type RewriteName = ModelRewrite | StepRewrite;
/** Every rewrite can be switched off by its name, so that a test can compare with and without. */
export type Rewrites = { readonly [K in RewriteName]?: boolean };

export const MODEL_REWRITES = Object.keys(OF_MODEL) as ModelRewrite[];
/** Those that only training steps know. */
export const STEP_REWRITES: readonly StepRewrite[] = [
  ...(Object.keys(OF_IR) as (keyof typeof OF_IR)[]),
  ...OF_LOWERING,
];

/** Applies the rewrites of a training step's graph in the table's order. */
export function rewriteGraph(graph: Graph, switches: Rewrites): Graph {
  let current = graph;
  for (const name of Object.keys(OF_IR) as (keyof typeof OF_IR)[]) {
    if (switches[name] !== false) current = OF_IR[name](current);
  }
  return current;
}

/** Applies the rewrites of a model in the table's order, then drops what nothing reads any more. */
export function rewriteModel(graph: GraphProto, switches: Rewrites, target: Target): GraphProto {
  let view = new GraphView(sweep(graph), target);
  for (const name of MODEL_REWRITES) {
    if (switches[name] === false) continue;
    const rewritten = OF_MODEL[name](view);
    if (rewritten !== view.graph) view = view.of(sweep(rewritten));
  }
  return view.graph;
}
