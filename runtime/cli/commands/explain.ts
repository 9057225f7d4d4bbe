import type { SiteKind } from '../../../compiler/check/checked-spec.ts';
import type { Graph, Phase, Role } from '../../../compiler/ir/graph.ts';
import { isOnGrid, siteName } from '../../../compiler/ir/quantizers.ts';
import type { FormatPlan, PlannedSite } from '../../../compiler/lower/plan.ts';
import { formatName } from '../../../compiler/numeric/format.ts';
import { type Compiled, compile } from '../../../compiler/pipeline.ts';
import { lineStarts, positionAt } from '../../../compiler/source/source.ts';
import { analyseStep, initialTensors } from '../../analysis/analyse.ts';
import { compositionOf } from '../../analysis/composition.ts';
import { contributorsOf } from '../../analysis/contributors.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { compositionText, contributorsText, functionalsText, summaryText } from '../analysis-text.ts';
import { type Context, print } from '../context.ts';
import { reportDiagnostics, successOf } from '../diagnostics.ts';
import { assignmentBeside } from '../sensitivities.ts';
import { readSource } from '../source-file.ts';
import { table, wrap } from '../text.ts';

const PHASES: readonly (readonly [Phase, string])[] = [
  ['F', 'F, forward'],
  ['B', 'B, backward'],
  ['U', 'U, update'],
];

/** In which part of T a site's quantizer stands. */
function phaseOf(kind: SiteKind): Phase {
  if (/\.(stored|m|v)$/.test(kind)) return 'U';
  return kind === 'grad' || kind.endsWith('.grad') ? 'B' : 'F';
}

interface Options {
  /** Whether Φ_F, Φ_B and Φ_U are printed too. */
  readonly functionals?: true;
}

/**
 * `qspec explain FILE`: every tensor of F, B and U, sites first, then what is f32 because no quantizer stands there; then what the
 * formats come to in the worst case, how that is composed, and what it is made of.
 */
export async function explain(context: Context, file: string, options: Options = {}): Promise<ExitCode> {
  const source = await readSource(context.io.cwd, file);
  const compiled = successOf(context, source, compile(source, await assignmentBeside(context.io.cwd, file)));
  if (!compiled) return EXIT.diagnostics;
  for (const line of describe(compiled)) print(context, line);
  const analysis = analyseStep(compiled, await initialTensors(compiled, context.io.cwd));
  reportDiagnostics(context, source, analysis.diagnostics);
  const composition = compositionOf(analysis);
  for (const lines of [
    summaryText(analysis),
    compositionText(composition),
    contributorsText(analysis, contributorsOf(analysis)),
  ]) {
    print(context, '');
    for (const line of lines) print(context, line);
  }
  if (options.functionals) for (const line of functionalsText(composition)) print(context, line);
  return EXIT.ok;
}

function describe({ spec, plan, program }: Compiled): string[] {
  const starts = lineStarts(spec.source.text);
  const lineOf = ({ span }: PlannedSite): string =>
    span === undefined ? '' : `line ${positionAt(starts, span.start).line}`;
  const lines = [`${spec.name}: ${plan.sites.size} sites, ${plan.status}`];
  for (const [phase, title] of PHASES) {
    const sites = [...plan.sites.values()].filter(({ site }) => phaseOf(site.kind) === phase);
    const rows = sites.map((s) => [s.site.name, formatName(s.format), s.why, lineOf(s)]);
    const { named, unnamed, inside } = unquantized(program.step, plan, phase);
    const inputs = inputsOf(program.step, phase);
    lines.push('', title, ...table(rows, '  '));
    if (inputs.length > 0) lines.push('  inputs, not quantized', ...wrap(inputs, '    '));
    if (named.size + unnamed > 0) {
      const list = [...named].map(([name, count]) => (count === 1 ? name : `${name} (${count})`));
      if (unnamed > 0) list.push(`${unnamed} unnamed`);
      const total = [...named.values()].reduce((a, b) => a + b, unnamed);
      lines.push(`  f32, no quantizer: ${total} ${total === 1 ? 'value' : 'values'}`, ...wrap(list, '    '));
    }
    if (inside > 0) lines.push(`  f32, inside quantizers (scales, masks, noise): ${inside} values`);
  }
  return lines;
}

interface Unquantized {
  /** How many values carry each name. */
  readonly named: ReadonlyMap<string, number>;
  readonly unnamed: number;
  /** Values that belong to the quantizer of a site. */
  readonly inside: number;
}

/** The values of one phase that stand on no site's grid. */
function unquantized(step: Graph, plan: FormatPlan, phase: Phase): Unquantized {
  const named = new Map<string, number>();
  let unnamed = 0;
  let inside = 0;
  for (const node of step.nodes) {
    if (node.kind !== 'op' || node.origin.phase !== phase || isOnGrid(node.op)) continue;
    // Behind '#' stands the summand of a step with several forward passes.
    const name = node.origin.name && siteName(node.origin.name);
    if (name === undefined) unnamed++;
    else if (isInsideQuantizer(name, plan, phase)) inside++;
    else named.set(name, (named.get(name) ?? 0) + 1);
  }
  return { named, unnamed, inside };
}

/** In U the names of F's sites stand for the parameters themselves, not for their quantizers. */
function isInsideQuantizer(name: string, plan: FormatPlan, phase: Phase): boolean {
  const planned = plan.sites.get(name.replace(/\.(scale|noise)$/, ''));
  if (planned === undefined || planned.format.element.kind === 'f32') return false;
  return phase !== 'U' || planned.site.name !== name || phaseOf(planned.site.kind) === 'U';
}

/** What a phase reads that no op of it makes: the batch and running statistics in F, hyperparameters in U. */
function inputsOf(step: Graph, phase: Phase): string[] {
  const roles: readonly Role[] = phase === 'F' ? ['batch', 'buffer'] : phase === 'U' ? ['hyper'] : [];
  return step.nodes.flatMap((node) => {
    if (node.kind !== 'input' || !roles.includes(node.role)) return [];
    const { dtype, shape } = node.type;
    return [shape.length === 0 ? `${node.input}: ${dtype}` : `${node.input}: ${dtype}[${shape.join(', ')}]`];
  });
}
