import { createHash } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { type Certificate, parseCertificateBytes } from '../../../compiler/certificate/index.ts';
import { type CheckpointState, certify, type Verdict } from '../../../compiler/certify/index.ts';
import { diagnostic } from '../../../compiler/diagnostics/diagnostic.ts';
import type { FloatTensors } from '../../../compiler/ir/tensor.ts';
import type { Source } from '../../../compiler/source/source.ts';
import { EXIT, type ExitCode } from '../../failure.ts';
import { decodeSafetensors, encodeSafetensors } from '../../storage/safetensors.ts';
import { type Context, print } from '../context.ts';
import { reportDiagnostics } from '../diagnostics.ts';
import { UsageFailure } from '../failures.ts';
import { isThere, readBytes, readSource } from '../source-file.ts';
import { table } from '../text.ts';

interface Options {
  readonly spec?: string;
  readonly checkpoint?: string;
}

/** Bytes above which a certificate is not read: 10,000 layers take a few tens of millions. */
const MAX_CERTIFICATE = 256 * 1024 * 1024;
const MAX_CHECKPOINT = 2 ** 31;

/** `qspec certify CERT`: what could be recomputed of a certificate, and whether it is what the certificate states. */
export async function certifyCommand(context: Context, file: string, options: Options): Promise<ExitCode> {
  const { io } = context;
  const bytes = await readBytes(io.cwd, file, MAX_CERTIFICATE, 'a certificate');
  const { value: certificate, diagnostics } = parseCertificateBytes(file, bytes);
  const itself: Source = { path: file, text: '' };
  reportDiagnostics(context, itself, diagnostics);
  if (certificate === undefined) return EXIT.diagnostics;
  const path = options.spec ?? (await specBeside(io.cwd, file, certificate));
  const source = await readSource(io.cwd, path);
  const state = options.checkpoint === undefined ? undefined : await readState(io.cwd, options.checkpoint);
  const verdict = certify(source, certificate, state);
  for (const line of describe(certificate, verdict, path)) print(context, line);
  const found = verdict.discrepancies.map(({ at, reason }) =>
    diagnostic('QS7061', { start: 0, end: 0 }, { at, reason }),
  );
  reportDiagnostics(context, itself, found);
  return verdict.holds ? EXIT.ok : EXIT.diagnostics;
}

/** A run keeps its spec as `spec.qspec`; elsewhere a certificate lies beside the spec whose file or whose spec it is called after. */
async function specBeside(cwd: string, file: string, { spec }: Certificate): Promise<string> {
  const stems = [/^(.+)\.certificate\.json$/.exec(basename(file))?.[1] ?? '', spec.name];
  const names = new Set(
    ['spec', ...stems.filter((stem) => /^\w[\w-]*$/.test(stem))].map((s) => `${s}.qspec`),
  );
  for (const name of names) {
    const path = join(dirname(file), name);
    if (await isThere(cwd, path)) return path;
  }
  throw new UsageFailure(`no ${[...names].join(' or ')} beside ${file}: name the spec with --spec`);
}

async function readState(cwd: string, path: string): Promise<CheckpointState> {
  const { tensors, metadata } = decodeSafetensors(
    await readBytes(cwd, path, MAX_CHECKPOINT, 'a checkpoint'),
    path,
  );
  const floats: FloatTensors = new Map(
    [...tensors].flatMap(([name, tensor]) =>
      tensor.dtype === 'f32' ? [[name, { shape: tensor.shape, data: tensor.data }] as const] : [],
    ),
  );
  const bare = encodeSafetensors({ tensors, metadata: new Map() });
  return {
    sha256: createHash('sha256').update(bare).digest('hex'),
    step: Number(metadata.get('step') ?? 0),
    tensors: floats,
  };
}

function describe(certificate: Certificate, verdict: Verdict, spec: string): readonly string[] {
  const { parameters, worst_case: worstCase, probability = [], requirements } = certificate;
  const about =
    parameters.kind === 'initial'
      ? `its initial parameters, seed ${parameters.seed}`
      : parameters.kind === 'any_initial'
        ? 'any initial parameters'
        : `the parameters of step ${parameters.step}`;
  const modes = [
    ...(worstCase === undefined ? [] : ['worst case']),
    ...probability.map((p) => `probability ${p.probability} against ${p.reference}`),
  ];
  const counts = [...verdict.checked].map(([kind, count]) => `  ${kind}: ${count}`);
  const bounds = verdict.bounds.map((b) => [
    b.quantity,
    `against ${b.reference}`,
    `∞ ${b.inf}`,
    `2 ${b.two}`,
  ]);
  return [
    `${certificate.spec.name} (${spec}) at ${about}: ${modes.join(', ') || 'no bounds'}`,
    `${requirements.length} ${requirements.length === 1 ? 'requirement' : 'requirements'}`,
    ...(bounds.length === 0 ? [] : ['errors at most', ...table(bounds, '  ')]),
    'statements that were recomputed or checked',
    ...counts,
    ...(verdict.taken.length === 0 ? [] : ['taken as stated, for it needs data']),
    ...verdict.taken.map((what) => `  ${what}`),
    verdict.holds ? 'certified' : 'refused',
  ];
}
