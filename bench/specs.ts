import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from '../compiler/source/source.ts';
import { CHECKED_ONLY } from '../runtime/checked-only.ts';

/** The specs of the repository that can be trained, from the folder in which `npm run` starts. */
export function repositorySpecs(): readonly Source[] {
  return readdirSync('specs')
    .filter((name) => name.endsWith('.qspec') && !CHECKED_ONLY.has(name))
    .sort()
    .map((name) => ({ path: name, text: readFileSync(join('specs', name), 'utf8') }));
}
