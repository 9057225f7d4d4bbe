// Writes generated/ anew from specs/*.qspec, with the compiler as built in dist/: `npm run build && node scripts/generate.js`.
// With --check it changes nothing and fails where a file is stale.
import { fileURLToPath } from 'node:url';
import { generate } from '../dist/runtime/generate.js';

const check = process.argv.includes('--check');
const stale = await generate(fileURLToPath(new URL('..', import.meta.url)), check);
for (const path of stale) console.log(`${check ? 'stale' : 'updated'}: generated/${path}`);
process.exitCode = check && stale.length > 0 ? 1 : 0;
