import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  deriveAssignment,
  parseSensitivities,
  type Sensitivities,
} from '../../compiler/allocate/auto/sensitivities.ts';
import type { CompileOptions } from '../../compiler/pipeline.ts';
import { readFailure, systemCode } from '../storage/data-error.ts';
import { UsageFailure } from './failures.ts';

/** Where the sensitivities of a spec lie: `cnn2.sensitivities.json` beside `cnn2.qspec`. */
export function sensitivitiesPath(file: string): string {
  return `${file.replace(/\.qspec$/, '')}.sensitivities.json`;
}

/**
 * How formats of a spec are derived from the file beside it, if there is one.
 * @throws UsageFailure where the file holds something else
 */
export async function assignmentBeside(cwd: string, file: string): Promise<CompileOptions> {
  const found = await readSensitivities(resolve(cwd, sensitivitiesPath(file)), sensitivitiesPath(file));
  return found === undefined ? {} : { assign: (spec) => deriveAssignment(spec, found) };
}

async function readSensitivities(path: string, shown: string): Promise<Sensitivities | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (failure) {
    if (systemCode(failure) === 'ENOENT') return undefined;
    throw readFailure(shown, failure);
  }
  const parsed = parseSensitivities(text);
  if (typeof parsed === 'string') throw new UsageFailure(`cannot read ${shown}: ${parsed}`);
  return parsed;
}
