import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { check } from '../compiler/check/check.ts';
import type { Result } from '../compiler/diagnostics/diagnostic.ts';
import { sizeOf } from '../compiler/ir/graph.ts';
import { initialRange, initialValues } from '../compiler/lower/initialize.ts';
import { planFormats } from '../compiler/lower/plan.ts';
import type { StateTensor, TrainingProgram } from '../compiler/lower/program.ts';
import { lowerTraining } from '../compiler/lower/training.ts';
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
}

/** Elements up to which initial values are made; beyond them their ranges have to do. */
const MOST_ELEMENTS = 100_000_000;

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
  const initial = timed('initialize', () => initialOf(program));
  timed('analyse', () => analyse(program, initial));
  const { user, system } = process.cpuUsage();
  const once: CheckOnce = {
    stages,
    cpu: (user + system) / 1000,
    megabytes: process.resourceUsage().maxRSS / 1024,
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

type Initial = ReadonlyMap<string, Float32Array | ReturnType<typeof initialRange>>;

/** What is known of each tensor before the first step: its values, or where a model is too large to hold them, their range. */
function initialOf({ tensors }: TrainingProgram): Initial {
  const elements = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const known = (tensor: StateTensor) =>
    elements > MOST_ELEMENTS ? initialRange(tensor.initializer) : initialValues(tensor, 0);
  return new Map(tensors.map((tensor) => [tensor.name, known(tensor)]));
}

/** The stage for the error analysis of F, B and U: its time and memory count here as soon as it is called. */
function analyse(_program: TrainingProgram, _initial: Initial): void {}

main(process.argv[2] ?? '');
