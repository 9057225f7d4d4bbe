import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { check } from './check/check.ts';
import type { CheckedSpec } from './check/checked-spec.ts';
import type { Diagnostic, Result } from './diagnostics/diagnostic.ts';
import { firstDiagnostics } from './diagnostics/limit.ts';
import { autoSites } from './lower/levels.ts';
import { type Assignment, type FormatPlan, planFormats } from './lower/plan.ts';
import type { TrainingProgram } from './lower/program.ts';
import { lowerTraining } from './lower/training.ts';
import type { Source } from './source/source.ts';
import { parse } from './syntax/parse.ts';

/** A spec that became a program. */
export interface Compiled {
  readonly spec: CheckedSpec;
  readonly plan: FormatPlan;
  readonly program: TrainingProgram;
  /** SHA-256 of the spec's text, in hex. */
  readonly hash: string;
}

/** Text → syntax tree → names, shapes, types and annotations that all mean something. */
export function checkSource(source: Source): Result<CheckedSpec> {
  return then(parse(source), (file) => {
    const { value, diagnostics } = check(file, source);
    return { value, diagnostics: firstDiagnostics(diagnostics) };
  });
}

export interface CompileOptions {
  /** Formats for a spec whose sites are `auto`, from what was measured of it or from a certificate; undefined where there is nothing. */
  readonly assign?: (spec: CheckedSpec) => Result<Assignment> | undefined;
}

/** The whole compiler: text → checked spec → formats → one training step as a graph. */
export function compile(source: Source, { assign }: CompileOptions = {}): Result<Compiled> {
  return then(checkSource(source), (spec) =>
    then(plannedFormats(spec, assign), (plan) =>
      then(lowerTraining(spec, plan), (program) => ({
        value: { spec, plan, program, hash: hashOf(source) },
        diagnostics: [],
      })),
    ),
  );
}

function plannedFormats(spec: CheckedSpec, assign: CompileOptions['assign']): Result<FormatPlan> {
  const assigned = autoSites(spec).length === 0 ? undefined : assign?.(spec);
  if (assigned === undefined) return planFormats(spec);
  return then(assigned, (assignment) => planFormats(spec, assignment));
}

export function hashOf(source: Source): string {
  return bytesToHex(sha256(utf8ToBytes(source.text)));
}

/** Runs a stage on the value of the one before it and keeps what both had to say. */
function then<A, B>(result: Result<A>, stage: (value: A) => Result<B>): Result<B> {
  if (result.value === undefined) return { value: undefined, diagnostics: result.diagnostics };
  const next = stage(result.value);
  const diagnostics: readonly Diagnostic[] = [...result.diagnostics, ...next.diagnostics];
  return { value: next.value, diagnostics };
}
