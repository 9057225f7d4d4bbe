/**
 * Certificates from the analysis:
 *
 *     worstCaseCertificate(compiled, { tool })                    // sealed, of the initial parameters
 *     worstCaseStatement(spec, program, { seed })                 // its section alone
 *     probabilityStatement(table, program, assignment, …)         // what a sensitivity table predicts at the chosen formats
 */
export { type ProbabilityOptions, probabilityStatement } from './probability.ts';
export {
  type CertificateOptions,
  type CompiledSpec,
  formatsOf,
  requirementsOf,
  worstCaseCertificate,
} from './whole.ts';
export { type WorstCaseOptions, worstCaseStatement } from './worst-case.ts';
