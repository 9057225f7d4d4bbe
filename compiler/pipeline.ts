import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import {
  proveRequirements,
  unprovable,
  worstCaseReferences,
  worstCaseRequirements,
} from './analysis/prove/requirements.ts';
import { analyseWorstCase } from './analysis/worst-case/index.ts';
import { check } from './check/check.ts';
import type { CheckedSpec } from './check/checked-spec.ts';
import { type Diagnostic, diagnostic, hasErrors, type Result } from './diagnostics/diagnostic.ts';
import { firstDiagnostics } from './diagnostics/limit.ts';
import { autoSites, measuredRequirements } from './lower/levels.ts';
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

/** The whole compiler: text → checked spec → formats → one training step as a graph, with proofs of what must hold in the worst case. */
export function compile(source: Source, { assign }: CompileOptions = {}): Result<Compiled> {
  return then(checkSource(source), (spec) =>
    then(assigned(spec, assign), ({ assignment }) =>
      then(planFormats(spec, assignment), (plan) =>
        then(lowerTraining(spec, plan), (program) => {
          const diagnostics = [
            ...(assignment === undefined ? unmeasured(spec) : []),
            ...(assignment?.unproved === true ? [] : proved(spec, plan, program)),
          ];
          const value = hasErrors(diagnostics) ? undefined : { spec, plan, program, hash: hashOf(source) };
          return { value, diagnostics };
        }),
      ),
    ),
  );
}

/** Formats from elsewhere, where a spec leaves some open or requires what measurements tell. */
function assigned(
  spec: CheckedSpec,
  assign: CompileOptions['assign'],
): Result<{ readonly assignment: Assignment | undefined }> {
  const open = autoSites(spec).length > 0 || measuredRequirements(spec).length > 0;
  const found = open ? assign?.(spec) : undefined;
  if (found === undefined) return { value: { assignment: undefined }, diagnostics: [] };
  return { value: found.value && { assignment: found.value }, diagnostics: found.diagnostics };
}

/** Requirements with a probability, of which nothing was measured. */
function unmeasured(spec: CheckedSpec): readonly Diagnostic[] {
  return measuredRequirements(spec).map(({ quantity, span }) => {
    const reason = 'it names a probability, and nothing was measured';
    const hint = 'qspec allocate measures and certifies it; or remove it to compile without a guarantee';
    return diagnostic('QS6504', span, { quantity, reason }, { hint });
  });
}

/** What is wrong with the requirements that name no probability: they must hold in the worst case, at the initial weights. */
function proved(spec: CheckedSpec, plan: FormatPlan, program: TrainingProgram): readonly Diagnostic[] {
  const asked = worstCaseRequirements(spec);
  if (asked.length === 0) return [];
  const refused = unprovable(spec);
  if (refused.length > 0) return refused;
  if (spec.model.initFrom === undefined) {
    return proveRequirements(
      spec,
      analyseWorstCase(spec, plan, program, { references: worstCaseReferences(spec) }),
    );
  }
  return asked.map(({ quantity, span }) => {
    const reason = 'the weights come from a file, which qspec check reads and nothing else';
    const hint = 'remove it to compile without a guarantee, and keep it where qspec check proves it';
    return diagnostic('QS6504', span, { quantity, reason }, { hint });
  });
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
