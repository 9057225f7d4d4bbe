import type { Span } from '../source/source.ts';
import type { CheckedTrain, GradientMorphism, Optimizer } from './checked-spec.ts';

/** What passes between the stages of a training step. */
export type StageType = 'Params' | 'Logits × Cache' | 'Loss × Cache' | 'Gradient' | 'Params × State';
export type Loss = CheckedTrain['loss'];

/** One stage, where it is written, and the definition that it is part of. */
export type Stage = {
  readonly span: Span;
  readonly definition: Span;
} & (
  | { readonly kind: 'forward'; readonly loss: Loss | undefined }
  | { readonly kind: 'backward'; readonly of: Loss }
  | { readonly kind: 'clip'; readonly norm: number }
  | { readonly kind: 'noise'; readonly sigma: number }
  | {
      readonly kind: 'mean';
      readonly over: 'accumulate' | 'allreduce';
      readonly count: number;
      readonly of: Morphism;
    }
  | { readonly kind: 'optimizer'; readonly optimizer: Optimizer }
);

/** A composition of stages, in the order in which they are applied, which is from right to left as written. */
export interface Morphism {
  readonly stages: readonly Stage[];
  readonly from: StageType;
  readonly to: StageType;
  readonly span: Span;
}

const FROM: Readonly<Record<Stage['kind'], StageType>> = {
  forward: 'Params',
  backward: 'Loss × Cache',
  clip: 'Gradient',
  noise: 'Params',
  mean: 'Params',
  optimizer: 'Gradient',
};

const TO: Readonly<Record<Stage['kind'], StageType>> = {
  forward: 'Loss × Cache',
  backward: 'Gradient',
  clip: 'Gradient',
  noise: 'Params',
  mean: 'Gradient',
  optimizer: 'Params × State',
};

export function single(stage: Stage): Morphism {
  const to = stage.kind === 'forward' && stage.loss === undefined ? 'Logits × Cache' : TO[stage.kind];
  return { stages: [stage], from: FROM[stage.kind], to, span: stage.span };
}

export function typeText({ from, to }: Morphism): string {
  return `${from} → ${to}`;
}

/** An order of the parts in which each takes what the one before it gives, if there is one; parts are as written. */
export function orderThatFits(parts: readonly Morphism[]): readonly Morphism[] | undefined {
  if (parts.length > 6) return undefined;
  const extend = (chain: readonly Morphism[], rest: readonly Morphism[]): readonly Morphism[] | undefined => {
    if (rest.length === 0) return chain;
    for (const part of rest) {
      const next = chain[0];
      if (next !== undefined && part.from !== next.to) continue;
      const found = extend(
        [part, ...chain],
        rest.filter((other) => other !== part),
      );
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return extend([], parts);
}

/** The Params → Gradient part of a chain of stages that starts at Params. */
export function gradientOf(stages: readonly Stage[]): GradientMorphism | undefined {
  const start = stages.findIndex((stage) => stage.kind === 'backward' || stage.kind === 'mean');
  const first = stages[start];
  let gradient: GradientMorphism;
  if (first?.kind === 'mean') {
    const of = gradientOf(first.of.stages);
    if (of === undefined) return undefined;
    gradient = { kind: first.over, count: first.count, of };
  } else if (first?.kind === 'backward') {
    gradient = { kind: 'backward' };
  } else {
    return undefined;
  }
  for (const stage of stages.slice(0, start).reverse()) {
    if (stage.kind === 'noise') gradient = { kind: 'noise', sigma: stage.sigma, of: gradient };
  }
  for (const stage of stages.slice(start)) {
    if (stage.kind === 'clip') gradient = { kind: 'clip', norm: stage.norm, of: gradient };
  }
  return gradient;
}

/** The first stage of a kind, looking inside means. */
export function findStage<K extends Stage['kind']>(
  stages: readonly Stage[],
  kind: K,
): Extract<Stage, { kind: K }> | undefined {
  for (const stage of stages) {
    if (stage.kind === kind) return stage as Extract<Stage, { kind: K }>;
    const inner = stage.kind === 'mean' ? findStage(stage.of.stages, kind) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}
