import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { diagnoseStep } from '../compiler/analysis/diagnose/index.ts';
import { analyseWorstCase, type WorstCase } from '../compiler/analysis/worst-case/index.ts';
import { check } from '../compiler/check/check.ts';
import type { Result } from '../compiler/diagnostics/diagnostic.ts';
import { planFormats } from '../compiler/lower/plan.ts';
import { lowerTraining } from '../compiler/lower/training.ts';
import { isUnbounded } from '../compiler/numeric/bound.ts';
import { magnitude } from '../compiler/ops/bounds/range.ts';
import type { Source } from '../compiler/source/source.ts';
import { parse } from '../compiler/syntax/parse.ts';
import { deepSpec } from './deep-spec.ts';

/** What one process measured. */
export interface CheckOnce {
  /** Milliseconds by stage. */
  readonly stages: Readonly<Record<string, number>>;
  /** Milliseconds that all threads computed: other work on the machine stretches them less. */
  readonly cpu: number;
  /** The most memory held at once. */
  readonly megabytes: number;
  /** Values of the step, and those whose range or error has no bound. */
  readonly values: number;
  readonly unbounded: number;
}

/**
 * Checks one spec in a process that has checked nothing before, as a user meets it, and prints a {@link CheckOnce}:
 * `node check-once.js LAYERS|FILE`.
 */
function main(argument: string): void {
  const stages: Record<string, number> = { start: performance.now() };
  const timed = <T>(stage: string, body: () => T): T => {
    const start = performance.now();
    const value = body();
    stages[stage] = performance.now() - start;
    return value;
  };
  const source = sourceOf(argument);
  const file = timed('parse', () => resultOf(parse(source)));
  const spec = timed('check', () => resultOf(check(file, source)));
  const plan = timed('plan', () => resultOf(planFormats(spec)));
  const program = timed('lower', () => resultOf(lowerTraining(spec, plan)));
  // With the initial weights drawn, and all three domains.
  const worst = timed('analyse', () => analyseWorstCase(spec, plan, program));
  timed('diagnose', () => diagnoseStep(spec, plan, program, worst));
  const { user, system } = process.cpuUsage();
  const once: CheckOnce = {
    stages,
    cpu: (user + system) / 1000,
    megabytes: process.resourceUsage().maxRSS / 1024,
    values: worst.errors.length,
    unbounded: unboundedOf(worst),
  };
  process.stdout.write(JSON.stringify(once));
}

function sourceOf(argument: string): Source {
  return /^\d+$/.test(argument)
    ? deepSpec(Number(argument))
    : { path: argument, text: readFileSync(argument, 'utf8') };
}

function resultOf<T>({ value, diagnostics }: Result<T>): T {
  if (value === undefined)
    throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('; '));
  return value;
}

function unboundedOf({ step, errors }: WorstCase): number {
  return errors.filter((e, value) => {
    const range = step.facts.ranges[value];
    return range === undefined || isUnbounded(magnitude(range)) || isUnbounded(e.inf) || isUnbounded(e.two);
  }).length;
}

main(process.argv[2] ?? '');
