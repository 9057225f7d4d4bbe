// Adds up vitest's JSON reports of a folder and prints them as one line; fails where a test failed or none ran.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? '.';
const reports = readdirSync(folder)
  .filter((name) => name.endsWith('.json'))
  .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')));
const total = (field) => reports.reduce((sum, report) => sum + report[field], 0);
// A file that could not be collected has no tests of its own, so it counts as one failure.
const broken = reports
  .flatMap((r) => r.testResults)
  .filter((f) => f.status === 'failed' && f.assertionResults.length === 0);
const passed = total('numPassedTests');
const failed = total('numFailedTests') + broken.length;
const skipped = total('numPendingTests') + total('numTodoTests');
console.log(`tests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
