import { defineConfig } from 'vitest/config';

/** `test/real` needs the data sets in QSPEC_DATA and runs by `npm run test:real`. */
const real = process.env['QSPEC_REAL'] === '1';

export default defineConfig({
  test: {
    include: real ? ['test/real/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: real ? [] : ['test/real/**'],
    testTimeout: process.env['QSPEC_FULL'] === '1' || real ? 1_800_000 : 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
});
