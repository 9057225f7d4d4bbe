import { performance } from 'node:perf_hooks';
import type { Executable, Tensors } from '../runtime/engines/engine.ts';
import { createOnnxEngine } from '../runtime/engines/onnx.ts';
import type { Bench, Measurement } from './main.ts';
import { compileSource } from './step-case.ts';
import { inputsOf } from './step-inputs.ts';
import { MODELS, stepSource } from './step-specs.ts';
import { median, quartiles, ratioOfMedians } from './timing.ts';

const THREADS = 2;
const ROUNDS = 12;
/** Steps of a round, and how many of them come first and are not counted. */
const [BLOCK, WARMUP] = [12, 3];

const ROUNDINGS = { stochastic: 'int8 stochastic', nearest: 'int8' } as const;
type Rounding = keyof typeof ROUNDINGS;

/** What stochastic rounding of gradients costs: a fully quantized step with it, and the same step that rounds them to nearest, in turn. */
export const benchStochastic: Bench = async () => {
  const engine = await createOnnxEngine({ threads: THREADS });
  const measurements: Measurement[] = [];
  for (const model of MODELS) {
    const { path, text } = stepSource(model, 'w8a8g8');
    const sides = await Promise.all(
      (Object.keys(ROUNDINGS) as Rounding[]).map(async (rounding) => {
        const source = {
          path,
          text: text.replace('gradients: int8 stochastic', `gradients: ${ROUNDINGS[rounding]}`),
        };
        const { program } = compileSource(source);
        return {
          rounding,
          executable: await engine.load(program.step, { seed: 0 }),
          inputs: inputsOf(program),
          blocks: [] as (readonly number[])[],
        };
      }),
    );
    for (let round = 0; round < ROUNDS; round++)
      for (const { executable, inputs, blocks } of sides) blocks.push(await timesOf(executable, inputs));
    for (const { rounding, blocks } of sides) {
      const times = blocks.flat();
      measurements.push({
        name: `${model}, ${rounding}`,
        value: median(times),
        unit: 'ms',
        spread: quartiles(times),
      });
    }
    const [stochastic, nearest] = sides.map(({ blocks }) => blocks);
    const { ratio, interval } = ratioOfMedians(
      (stochastic ?? []).map((times, round) => [times, nearest?.[round] ?? []] as const),
    );
    measurements.push({
      name: `${model}, stochastic ÷ nearest`,
      value: ratio,
      unit: 'times',
      spread: interval,
    });
    for (const { executable } of sides) await executable.dispose();
  }
  return measurements;
};

async function timesOf(executable: Executable, inputs: Tensors): Promise<readonly number[]> {
  const times: number[] = [];
  for (let step = 0; step < BLOCK; step++) {
    const start = performance.now();
    await executable.run(inputs, step);
    times.push(performance.now() - start);
  }
  return times.slice(WARMUP);
}
