import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Source } from '../compiler/source/source.ts';
import { CHECKED_ONLY } from '../runtime/checked-only.ts';
import { sensitivitiesPath } from '../runtime/cli/sensitivities.ts';

/** The specs of the repository that can be trained and have all formats written down, from the folder in which `npm run` starts. */
export function repositorySpecs(): readonly Source[] {
  const names = readdirSync('specs');
  return names
    .filter((name) => name.endsWith('.qspec') && !CHECKED_ONLY.has(name))
    .filter((name) => !names.includes(sensitivitiesPath(name)))
    .sort()
    .map((name) => ({ path: name, text: readFileSync(join('specs', name), 'utf8') }));
}
