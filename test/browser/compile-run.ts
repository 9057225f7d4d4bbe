import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import {
  checkSource,
  compile,
  type Diagnostic,
  emitOnnx,
  emitTfjsProgram,
  format,
  lowerReal,
  parse,
  printGraph,
  renderDiagnostics,
  type Source,
} from '../../compiler/index.ts';
import type { PlannedSite } from '../../compiler/lower/plan.ts';

export interface CompileJob {
  /** A spec with mistakes. */
  readonly wrong: Source;
  /** A spec without any. */
  readonly sound: Source;
}

/** What the compiler makes of a job: a function of the job alone. */
export interface CompileReport {
  readonly diagnostics: readonly Diagnostic[];
  readonly rendered: string;
  readonly formatted: string | undefined;
  readonly hash: string;
  /** Every planned site. */
  readonly sites: readonly PlannedSite[];
  readonly ir: string;
  readonly onnx: { readonly bytes: number; readonly sha256: string };
  /** Text by path. */
  readonly tfjs: Readonly<Record<string, string>>;
}

/** The public functions of the compiler on two specs, wherever this runs. */
export function run({ wrong, sound }: CompileJob): CompileReport {
  const { diagnostics } = checkSource(wrong);
  const compiled = compile(sound).value;
  if (compiled === undefined) throw new Error(`${sound.path} does not compile`);
  const tree = parse(sound).value;
  const { spec, plan, program, hash } = compiled;
  const onnx = emitOnnx(program.step, {
    scheme: 'arithmetic',
    metadata: { version: 'test', properties: { specHash: hash } },
  }).bytes();
  const tfjs = emitTfjsProgram(program, {
    source: sound,
    toolVersion: 'test',
    specHash: hash,
    evaluation: lowerReal(spec, plan, program.batch),
  });
  return {
    diagnostics,
    rendered: renderDiagnostics(diagnostics, wrong, { reporter: 'pretty', color: false }),
    formatted: tree && format(tree, sound),
    hash,
    sites: [...plan.sites.values()],
    ir: printGraph(program.step),
    onnx: { bytes: onnx.length, sha256: bytesToHex(sha256(onnx)) },
    tfjs: Object.fromEntries(tfjs),
  };
}
