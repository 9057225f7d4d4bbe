import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { writtenAssignment } from '../../compiler/allocate/auto/assignment.ts';
import { deriveAssignment, parseSensitivities } from '../../compiler/allocate/auto/sensitivities.ts';
import { parseCertificate } from '../../compiler/certificate/index.ts';
import { measuredRequirements } from '../../compiler/lower/levels.ts';
import type { CompileOptions } from '../../compiler/pipeline.ts';
import { readFailure, systemCode } from '../storage/data-error.ts';
import { UsageFailure } from './failures.ts';

/** Where the sensitivities of a spec lie: `cnn2.sensitivities.json` beside `cnn2.qspec`. */
export function sensitivitiesPath(file: string): string {
  return `${file.replace(/\.qspec$/, '')}.sensitivities.json`;
}

/** Where the certificate of a spec lies: `cnn2.certificate.json` beside `cnn2.qspec`. */
export function certificatePath(file: string): string {
  return `${file.replace(/\.qspec$/, '')}.certificate.json`;
}

/**
 * How formats of a spec are found in the files beside it: derived from sensitivities where requirements name a probability, else those of the
 * certificate, which compiling then proves anew.
 * @throws UsageFailure where a file holds something else
 */
export async function assignmentBeside(cwd: string, file: string): Promise<CompileOptions> {
  const [sensitivities, certificate] = [sensitivitiesPath(file), certificatePath(file)];
  const measured = await readBeside(cwd, sensitivities, parseSensitivities);
  const certified = await readBeside(cwd, certificate, (text) => {
    const { value, diagnostics } = parseCertificate({ path: certificate, text });
    return value ?? diagnostics[0]?.message ?? 'it is no certificate';
  });
  return {
    assign: (spec) => {
      if (measuredRequirements(spec).length > 0) return measured && deriveAssignment(spec, measured);
      return certified && writtenAssignment(spec, certified.formats, `as in ${certificate}`);
    },
  };
}

async function readBeside<T>(
  cwd: string,
  shown: string,
  parse: (text: string) => T | string,
): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(resolve(cwd, shown), 'utf8');
  } catch (failure) {
    if (systemCode(failure) === 'ENOENT') return undefined;
    throw readFailure(shown, failure);
  }
  const parsed = parse(text);
  if (typeof parsed === 'string') throw new UsageFailure(`cannot read ${shown}: ${parsed}`);
  return parsed;
}
