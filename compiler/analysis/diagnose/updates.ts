import type { CheckedSpec } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import type { Graph, Value } from '../../ir/graph.ts';
import { nodeOf, sizeOf } from '../../ir/graph.ts';
import type { NdArray } from '../../ir/ndarray.ts';
import type { FormatPlan, PlannedSite } from '../../lower/plan.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { formatBound } from '../../numeric/bound/decimal.ts';
import { fromNumber, isUnbounded, toNumber } from '../../numeric/bound.ts';
import { codeRange, type FloatElement, formatName, type IntElement } from '../../numeric/format.ts';
import { floatStep, scaleOf } from '../../numeric/round.ts';
import { magnitude } from '../../ops/bounds/range.ts';
import type { WorstCase } from '../worst-case/index.ts';
import { perAnnotation } from './finding.ts';

/** Below this share of weights that cannot move there is nothing to say: small weights always round coarser than they are. */
const MOST = 0.5;

/**
 * Stored weights that no update can change: rounding to nearest drops what is below half a step, and the update is bounded by the largest
 * learning rate times the largest direction of a whole training.
 */
export function deadUpdates(
  spec: CheckedSpec,
  plan: FormatPlan,
  program: TrainingProgram,
  { step }: WorstCase,
): readonly Diagnostic[] {
  const taken = updatesOf(step.graph);
  const findings = program.tensors.flatMap((tensor) => {
    const planned = plan.sites.get(`${tensor.name}.stored`);
    const update = taken.get(tensor.name);
    const range = update === undefined ? undefined : step.facts.ranges[update];
    if (tensor.role !== 'parameter' || planned === undefined || range === undefined) return [];
    const { element, rounding } = planned.format;
    const most = magnitude(range);
    if (element.kind === 'f32' || rounding !== 'nearest' || isUnbounded(most) || most.mantissa === 0)
      return [];
    const halves = halfSteps(step.facts.known[inputOf(step.graph, tensor.name)], tensor.initializer, planned);
    if (halves === undefined) return [];
    const u = toNumber(most);
    const dead = halves.filter((half) => half >= u).length / halves.length;
    if (dead < MOST) return [];
    const half = halves.reduce((least, h) => (h >= u && h < least ? h : least), Number.POSITIVE_INFINITY);
    const span = planned.span ?? spec.train.spans.U;
    const report = (sites: string): Diagnostic =>
      diagnostic(
        'QS4106',
        span,
        {
          site: sites,
          format: formatName(planned.format),
          share: `${Math.floor(100 * dead)} %`,
          update: formatBound(most),
          half: formatBound(fromNumber(half)),
        },
        {
          related: [{ span: spec.train.spans.U, message: `an update is at most ${formatBound(most)} here` }],
          hint: enough(planned, half / u),
        },
      );
    return [{ site: `${tensor.name}.stored`, span, report, dead }];
  });
  return perAnnotation(findings.toSorted((a, b) => b.dead - a.dead));
}

/** By parameter, the value that U takes from it. */
export function updatesOf(graph: Graph): ReadonlyMap<string, Value> {
  const taken = new Map<string, Value>();
  for (const node of graph.nodes) {
    if (node.kind !== 'op' || node.op !== 'sub' || node.origin.phase !== 'U') continue;
    const [parameter, update] = node.operands;
    const from = parameter === undefined ? undefined : nodeOf(graph, parameter);
    if (from?.kind === 'input' && from.role === 'parameter' && update !== undefined)
      taken.set(from.input, update);
  }
  return taken;
}

function inputOf(graph: Graph, name: string): Value {
  return graph.nodes.findIndex((node) => node.kind === 'input' && node.input === name);
}

/** Half the distance of the format's values at each weight as it is before training: of one for all where weights are not at hand. */
function halfSteps(
  weights: NdArray | undefined,
  initializer: TrainingProgram['tensors'][number]['initializer'],
  { format }: PlannedSite,
): readonly number[] | undefined {
  const { element, granularity, scale } = format;
  if (element.kind === 'f32') return undefined;
  const tensor =
    weights ??
    (initializer.kind === 'uniform' ? { shape: [1], data: Float64Array.of(initializer.bound) } : undefined);
  if (tensor === undefined || tensor.data.length === 0) return undefined;
  const { shape, data } = tensor;
  const size = sizeOf(shape);
  const kind = scale.kind === 'power_of_two' ? 'power_of_two' : 'absmax';
  const scaleFrom = (values: Float64Array): number =>
    scale.kind === 'none'
      ? 1
      : scaleOf(
          values.reduce((most, x) => Math.max(most, Math.abs(x)), 0),
          element,
          kind,
        );
  // Groups are narrower than a channel, and their scales no larger.
  if (granularity.kind === 'group') return undefined;
  const channels = granularity.kind === 'channel' ? (shape[0] ?? 1) : 1;
  const each = size / channels;
  const halves: number[] = [];
  for (let c = 0; c < channels; c++) {
    const values = Float64Array.from(data.subarray(c * each, (c + 1) * each));
    const s = scaleFrom(values);
    for (const x of values) halves.push(gapAt(x / s, element) * s * 0.5);
  }
  return halves;
}

function gapAt(v: number, element: IntElement | FloatElement): number {
  return element.kind === 'int' ? 1 : floatStep(v, element);
}

/** The least width of the same kind whose half step lets the update through. */
function enough({ format }: PlannedSite, ratio: number): string {
  const { element } = format;
  const stochastic = 'rounding stochastically keeps updates of any size on average';
  if (element.kind === 'int') {
    const codes = codeRange(element).max * ratio;
    const bits = Math.ceil(Math.log2(codes + 1)) + (element.signed ? 1 : 0);
    return bits <= 16
      ? `${stochastic}; to nearest it takes ${element.signed ? 'int' : 'uint'}${bits}`
      : stochastic;
  }
  if (element.kind !== 'float') return stochastic;
  return `${stochastic}; to nearest it takes ${element.mantissa + Math.max(1, Math.ceil(Math.log2(ratio)))} bits of mantissa`;
}
