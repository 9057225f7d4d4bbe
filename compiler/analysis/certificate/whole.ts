import type {
  Certificate,
  ParametersStatement,
  RequirementStatement,
} from '../../certificate/certificate.ts';
import { hashOfText, seal } from '../../certificate/seal.ts';
import type { CheckedSpec } from '../../check/checked-spec.ts';
import type { FloatTensors } from '../../ir/tensor.ts';
import type { FormatPlan } from '../../lower/plan.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { formatName } from '../../numeric/format.ts';
import { worstCaseStatement } from './worst-case.ts';

/** A spec that became a program; `Compiled` of the pipeline is one. */
export interface CompiledSpec {
  readonly spec: CheckedSpec;
  readonly program: TrainingProgram;
}

export interface CertificateOptions {
  /** Version of the tool. */
  readonly tool: string;
  /** Instead of the spec's. */
  readonly seed?: number;
  /** The parameters that the certificate is about; the initial ones by default. */
  readonly checkpoint?: { readonly sha256: string; readonly step: number; readonly tensors: FloatTensors };
  /** Measured norms or noise floors, for requirements relative to them, by quantity. */
  readonly denominators?: Readonly<Record<string, number>>;
}

/**
 * The certificate of a program's worst case; requirements with a probability are stated to hold by it too. Of a spec whose weights come from
 * a file, that file is the checkpoint, of step 0.
 */
export function worstCaseCertificate(
  { spec, program }: CompiledSpec,
  { tool, seed = spec.train.seed, checkpoint, denominators }: CertificateOptions,
): Certificate {
  const { statement, materialized } = worstCaseStatement(spec, program, {
    seed,
    ...(checkpoint === undefined ? {} : { state: checkpoint.tensors }),
  });
  const initial: ParametersStatement = materialized ? { kind: 'initial', seed } : { kind: 'any_initial' };
  const parameters: ParametersStatement =
    checkpoint === undefined
      ? initial
      : { kind: 'checkpoint', sha256: checkpoint.sha256, step: checkpoint.step };
  return seal({
    tool,
    spec: { name: spec.name, sha256: hashOfText(spec.source.text) },
    parameters,
    formats: formatsOf(program.plan),
    requirements: requirementsOf(spec).map((requirement) =>
      typeof requirement.relative_to === 'number' || denominators === undefined
        ? requirement
        : { ...requirement, denominators },
    ),
    worst_case: statement,
  });
}

/** Every site's format as the language writes it. */
export function formatsOf(plan: FormatPlan): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...plan.sites.values()].map(({ site, format }) => [site.name, formatName(format)]),
  );
}

/** The requirements of a spec as a certificate states them: all by the worst case, or each by the mode that it asks for. */
export function requirementsOf(
  spec: CheckedSpec,
  mode: 'worst_case' | 'as asked' = 'worst_case',
): readonly RequirementStatement[] {
  return spec.precision.requirements.map(({ quantity, norm, reference, relativeTo, bound, probability }) => ({
    quantity,
    norm,
    reference,
    relative_to: typeof relativeTo === 'object' ? relativeTo.declared : relativeTo,
    tolerance: bound,
    ...(probability === undefined ? {} : { probability }),
    mode: mode === 'worst_case' || probability === undefined ? 'worst_case' : 'probability',
  }));
}
