// Empties `dist`, so that a file that was deleted from the sources does not live on in the package. The command's entry is left
// there, empty and executable: the compiler writes into it, and `npx qspec` in this folder runs it where it stands.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

const dist = new URL('../dist/', import.meta.url);
rmSync(dist, { recursive: true, force: true });
mkdirSync(new URL('runtime/cli/', dist), { recursive: true });
writeFileSync(new URL('runtime/cli/main.js', dist), '', { mode: 0o755 });
