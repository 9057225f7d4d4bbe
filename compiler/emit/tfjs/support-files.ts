import { SUPPORT_LINES } from './support.generated.ts';

/** Which support module exports a function. */
const FILE_OF_EXPORT: ReadonlyMap<string, string> = new Map(
  Object.entries(SUPPORT_LINES).flatMap(([file, lines]) =>
    lines.flatMap((line) => {
      const name = /^export (?:async )?(?:function|const|class|interface|type) (\w+)/.exec(line)?.[1];
      return name === undefined ? [] : [[name, file] as const];
    }),
  ),
);

/** Every name that a support module exports. */
export const SUPPORT_NAMES: readonly string[] = [...FILE_OF_EXPORT.keys()];

/** The module of `support/` that exports `name`; asking for what none does is a mistake of ours. */
export function supportFileOf(name: string): string {
  const file = FILE_OF_EXPORT.get(name);
  if (file === undefined)
    throw new Error(`no support module exports '${name}': is support.generated.ts fresh?`);
  return file;
}

/** The text of the named support modules and of those that they import. */
export function supportFiles(roots: Iterable<string>): Map<string, string> {
  const found = new Map<string, string>();
  const pending = [...roots];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (found.has(file)) continue;
    const lines = SUPPORT_LINES[file];
    if (lines === undefined) throw new Error(`there is no support module '${file}'`);
    found.set(file, `${lines.join('\n')}\n`);
    for (const line of lines) {
      const imported = /from '\.\/([\w-]+\.ts)';$/.exec(line)?.[1];
      if (imported !== undefined) pending.push(imported);
    }
  }
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}
