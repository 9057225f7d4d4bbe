import { join } from 'node:path';
import type { Tensors } from '../runtime/engines/engine.ts';
import type { Measurement } from './main.ts';
import type { StepCase } from './step-case.ts';
import { agrees, difference, readOutputs } from './step-compare.ts';
import { type Peer, torchPeer } from './step-peer.ts';
import { median } from './timing.ts';

/** How PyTorch's side is written. */
export interface Variant {
  /** PyTorch's own `fake_quantize` operators, or elementwise ones. */
  readonly way: 'operators' | 'elementwise';
  /** Whether the mask of the straight-through estimator is computed, although a scale from the largest magnitude clips nothing. */
  readonly masked: boolean;
  readonly channelsLast: boolean;
  readonly compiled: boolean;
  /**
   * Whether threads that wait sleep (`OMP_WAIT_POLICY=PASSIVE`) instead of spinning. Spinning is OpenMP's default; where other programs want the
   * same cores it makes a step 20 times slower.
   */
  readonly sleeping: boolean;
  readonly threads: number;
}

const ROUNDS = 5;
const BLOCK = 4;

/** A variant so many times slower than the fastest so far is not timed further; after one round, which says little, only the worst are out. */
const HOPELESS = { afterOne: 5, later: 1.7 };

interface Timed {
  readonly variant: Variant;
  readonly ms: number;
}

/**
 * Times every variant that gives our results, in turn, and the fastest of them once more beside itself with threads that spin, and beside the
 * fastest three with one thread: on a busy machine PyTorch's second thread costs more than it brings. Undefined where none runs.
 */
export async function fastestVariant(
  step: StepCase,
  python: string,
  reference: Tensors,
  { threads, note }: { readonly threads: number; readonly note: (text: string) => void },
): Promise<{ readonly variant: Variant; readonly measurements: Measurement[] } | undefined> {
  const measure = (variants: readonly Variant[]): Promise<Timed[]> =>
    timeVariants(step, variants, python, reference, note);
  const sleeping = await measure(variantsOf(step, threads));
  const [best] = sleeping;
  if (!best) return undefined;
  const again: Variant[] = [best.variant, { ...best.variant, sleeping: false }];
  if (threads > 1) again.push(...sleeping.slice(0, 3).map(({ variant }) => ({ ...variant, threads: 1 })));
  const finals = await measure(again);
  const fastest = finals[0] ?? best;
  note(`PyTorch is fastest as ${describe(step, fastest.variant)}`);
  const others = finals.filter(({ variant }) => variant.threads !== threads || !variant.sleeping);
  const measured = [...sleeping, ...others];
  return {
    variant: fastest.variant,
    measurements: measured.map(({ variant, ms }) => ({
      name: `${step.model} ${step.formats}, PyTorch, ${describe(step, variant)}`,
      value: ms,
      unit: 'ms',
    })),
  };
}

/** Median times of those that run and give our results, the fastest first. */
async function timeVariants(
  step: StepCase,
  variants: readonly Variant[],
  python: string,
  reference: Tensors,
  note: (text: string) => void,
): Promise<Timed[]> {
  const running: { readonly variant: Variant; readonly peer: Peer; readonly times: number[] }[] = [];
  try {
    for (const variant of variants) {
      const peer = torchPeer(python, variant);
      const problem = await start(peer, step, variant, reference);
      if (problem === undefined) {
        running.push({ variant, peer, times: [] });
      } else {
        note(`PyTorch, ${describe(step, variant)}, is absent: ${problem}`);
        await peer.close();
      }
    }
    for (let round = 0; round < ROUNDS; round++) {
      const least = Math.min(...running.map(({ times }) => median(times)));
      const limit = least * (round < 2 ? HOPELESS.afterOne : HOPELESS.later);
      for (const { peer, times } of running) {
        if (median(times) > limit) continue;
        const reply = await peer.demand({ command: 'time', steps: BLOCK });
        times.push(...(reply.times ?? []).slice(1));
      }
    }
  } finally {
    for (const { peer } of running) await peer.close();
  }
  return running.map(({ variant, times }) => ({ variant, ms: median(times) })).sort((a, b) => a.ms - b.ms);
}

/** Why the variant cannot be timed: it does not run, or one step of it gives something else. */
async function start(
  peer: Peer,
  step: StepCase,
  variant: Variant,
  reference: Tensors,
): Promise<string | undefined> {
  const loaded = await peer.ask(loadTorch(step, variant));
  if (loaded.error !== undefined) return loaded.error;
  const outputs = join('.peers', 'step', 'variant.safetensors');
  const taken = await peer.ask({ command: 'step', outputs });
  if (taken.error !== undefined) return taken.error;
  const found = difference(step.program, reference, readOutputs(outputs));
  return agrees(step.program, step.formats, found)
    ? undefined
    : `one step of it differs: ${JSON.stringify(found)}`;
}

export function loadTorch(step: StepCase, variant: Variant): object {
  const { model, formats, tensors, roles, streams, optimizer } = step;
  return {
    command: 'load',
    model,
    formats,
    tensors,
    roles,
    streams,
    optimizer: { ...optimizer, lr: optimizer.lr.value },
    variant,
    threads: variant.threads,
  };
}

function variantsOf({ formats }: StepCase, threads: number): readonly Variant[] {
  const layouts = [false, true];
  const compiling = process.env['QSPEC_COMPILE'] === '0' ? [false] : [false, true];
  if (formats === 'f32') {
    return compiling.flatMap((compiled) =>
      layouts.map(
        (channelsLast) =>
          ({ way: 'elementwise', masked: false, channelsLast, compiled, sleeping: true, threads }) as const,
      ),
    );
  }
  return compiling.flatMap((compiled) =>
    layouts.flatMap((channelsLast) =>
      (['operators', 'elementwise'] as const).flatMap((way) =>
        // A compiled variant takes a minute to make; of these the mask is left out, which can only be faster.
        (compiled ? [false] : [true, false]).map((masked) => ({
          way,
          masked,
          channelsLast,
          compiled,
          sleeping: true,
          threads,
        })),
      ),
    ),
  );
}

function describe(
  { formats }: StepCase,
  { way, masked, channelsLast, compiled, sleeping, threads }: Variant,
): string {
  const quantizers = way === 'operators' ? 'its fake_quantize operators' : 'elementwise quantizers';
  return [
    ...(formats === 'f32' ? [] : [`${quantizers} ${masked ? 'with' : 'without'} masks`]),
    channelsLast ? 'channels last' : 'contiguous',
    ...(compiled ? ['compiled'] : []),
    ...(sleeping ? [] : ['spinning']),
    threads === 1 ? '1 thread' : `${threads} threads`,
  ].join(', ');
}
