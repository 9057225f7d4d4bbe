import { readFileSync } from 'node:fs';

/** This package's version, from the package.json above this file: one folder up in the sources, two up when built. */
export function qspecVersion(): string {
  for (const above of ['../package.json', '../../package.json']) {
    try {
      const json: unknown = JSON.parse(readFileSync(new URL(above, import.meta.url), 'utf8'));
      if (typeof json === 'object' && json !== null && 'version' in json) return `${json.version}`;
    } catch {
      // Not here: the other one is.
    }
  }
  throw new Error('package.json is missing');
}
