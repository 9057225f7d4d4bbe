import { analyseWorstCase, sharedTensors } from '../../compiler/analysis/worst-case/index.ts';
import type { CheckedSpec, SiteKind } from '../../compiler/check/checked-spec.ts';
import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import type { FormatPlan, PlannedSite } from '../../compiler/lower/plan.ts';
import { lowerTraining } from '../../compiler/lower/training.ts';
import { F32, type Format } from '../../compiler/numeric/format.ts';
import { type QuantityBound, quantityBounds, type StepAnalysis } from './analyse.ts';
import { fullCost, stepCost } from './cost.ts';

/** What one width for all weights, activations and gradients costs and comes to. */
export interface WidthPoint {
  readonly bits: number;
  /** Bit-operations of a step, and their share of those at 32 bits. */
  readonly cost: number;
  readonly share: number;
  readonly quantities: readonly QuantityBound[];
}

const ALL: readonly number[] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32];
const FEW: readonly number[] = [4, 8, 16, 32];

/** Nodes of a step past which only a few widths are analysed. */
const LARGE = 50_000;

/** The cost and the error bounds of uniform widths, whatever formats the spec has at these sites; its other sites stay as they are. */
export function uniformWidths(analysis: StepAnalysis, file?: FloatTensors): readonly WidthPoint[] {
  const { spec, plan, program } = analysis.compiled;
  const widths = program.stepWithGradients.nodes.length > LARGE ? FEW : ALL;
  const shared = sharedTensors();
  return widths.flatMap((bits): readonly WidthPoint[] => {
    const uniform = uniformPlan(spec, plan, bits);
    const lowered = lowerTraining(spec, uniform).value;
    if (lowered === undefined) return [];
    const worst = analyseWorstCase(spec, uniform, lowered, {
      shared,
      ...(file === undefined ? {} : { state: file }),
    });
    const quantities = quantityBounds({ program: lowered }, worst);
    return [{ bits, cost: stepCost(lowered), share: stepCost(lowered) / fullCost(lowered), quantities }];
  });
}

/** Where the planned formats of the spec itself stand. */
export function ownPoint({ compiled, quantities }: StepAnalysis): Omit<WidthPoint, 'bits'> {
  const cost = stepCost(compiled.program);
  return { cost, share: cost / fullCost(compiled.program), quantities };
}

const WEIGHTS: ReadonlySet<SiteKind> = new Set(['weights']);
const ACTIVATIONS: ReadonlySet<SiteKind> = new Set(['in', 'out']);
const GRADIENTS: ReadonlySet<SiteKind> = new Set(['grad']);

function uniformPlan({ model }: CheckedSpec, plan: FormatPlan, bits: number): FormatPlan {
  const sites = new Map<string, PlannedSite>();
  for (const [name, planned] of plan.sites) {
    const { kind, layer } = planned.site;
    const at = model.layers[layer];
    const source = kind === 'in' ? model.layers[at?.inputs[0] ?? -1] : at;
    sites.set(name, {
      ...planned,
      format: uniformFormat(kind, bits, source?.nonNegative === true) ?? planned.format,
    });
  }
  return { sites, status: 'not analysed' };
}

function uniformFormat(kind: SiteKind, bits: number, nonNegative: boolean): Format | undefined {
  const isActivation = ACTIVATIONS.has(kind);
  if (!isActivation && !WEIGHTS.has(kind) && !GRADIENTS.has(kind)) return undefined;
  if (bits === 32) return F32;
  const signed = !(isActivation && nonNegative);
  return {
    element: { kind: 'int', bits, signed, narrow: signed },
    granularity: { kind: WEIGHTS.has(kind) ? 'channel' : 'tensor' },
    scale: { kind: 'absmax' },
    rounding: GRADIENTS.has(kind) ? 'stochastic' : 'nearest',
  };
}
