import { checkSource, compile } from '../compiler/pipeline.ts';
import type { Bench, Measurement } from './main.ts';
import { repositorySpecs } from './specs.ts';
import { medianMs } from './timing.ts';

/** Time to check and to compile each spec of the repository. */
export const benchCheck: Bench = async () => {
  const measurements: Measurement[] = [];
  for (const source of repositorySpecs()) {
    measurements.push(
      { name: `${source.path} check`, value: await medianMs(() => checkSource(source), 20, 3), unit: 'ms' },
      { name: `${source.path} compile`, value: await medianMs(() => compile(source), 5, 1), unit: 'ms' },
    );
  }
  return measurements;
};
