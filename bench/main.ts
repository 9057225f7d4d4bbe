import { EXIT, type ExitCode } from '../runtime/failure.ts';

/** One number of a bench. */
export interface Measurement {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The least and the greatest sample, where `value` is the median of several. */
  readonly spread?: readonly [number, number];
}

/** A bench measures and returns; `main` prints. */
export type Bench = () => Promise<readonly Measurement[]>;

/** Every bench by name, imported when it is called. */
const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  agreement: async () => (await import('./agreement.ts')).benchAgreement,
  allocate: async () => (await import('./allocate.ts')).benchAllocate,
  check: async () => (await import('./check.ts')).benchCheck,
  epoch: async () => (await import('./epoch.ts')).benchEpoch,
  predict: async () => (await import('./predict.ts')).benchPredict,
  rewrites: async () => (await import('./rewrites.ts')).benchRewrites,
  step: async () => (await import('./step.ts')).benchStep,
  stochastic: async () => (await import('./stochastic.ts')).benchStochastic,
  tightness: async () => (await import('./tightness/probability.ts')).benchProbability,
  'tightness-worst': async () => (await import('./tightness/worst-case.ts')).benchWorstCase,
};

/** `npm run bench -- NAME [--json]` */
async function main(argv: readonly string[]): Promise<ExitCode> {
  const json = argv.includes('--json');
  const names = argv.filter((arg) => arg !== '--json');
  const load = names.length === 1 ? BENCHES[names[0] ?? ''] : undefined;
  if (!load) {
    process.stderr.write(`usage: npm run bench -- ${Object.keys(BENCHES).join('|')} [--json]\n`);
    return EXIT.usage;
  }
  const measurements = await (await load())();
  if (json) process.stdout.write(`${JSON.stringify({ bench: names[0], measurements })}\n`);
  else for (const measurement of measurements) process.stdout.write(`${toLine(measurement)}\n`);
  return EXIT.ok;
}

function toLine({ name, value, unit, spread }: Measurement): string {
  const range = spread === undefined ? '' : ` (${spread.map((x) => x.toPrecision(4)).join(' to ')})`;
  return `${name}: ${value.toPrecision(4)} ${unit}${range}`;
}

process.exitCode = await main(process.argv.slice(2));
