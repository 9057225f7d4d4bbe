import { type ArgumentsOf, bind, type Given, type Owner, type Parameters } from '../arguments.ts';
import type { LayerKind, LayerOptions } from '../checked-spec.ts';
import type { Log } from '../log.ts';

/** Shape of one sample, without the batch: `[channels, height, width]` or `[features]`. */
export type Shape = readonly number[];

/** Whether a layer's output is known to be ≥ 0. */
export type Sign = 'non_negative' | 'as_inputs' | 'any';

/** What the shape rule of a layer may use. */
export interface ShapeContext<P extends Parameters> {
  readonly args: ArgumentsOf<P>;
  /** Shape of the input; layers of several inputs get the one they share. */
  readonly input: Shape;
  readonly owner: Owner;
  readonly log: Log;
}

/** What a call of a layer comes to; `parameters` are the sizes of its trained tensors. */
export interface Resolved<K extends LayerKind> {
  readonly options: LayerOptions[K];
  readonly shape: Shape;
  readonly parameters?: readonly Shape[];
}

/** All that checking knows of one kind of layer. */
export interface LayerSignature<K extends LayerKind> {
  readonly kind: K;
  /** False where the layer is written otherwise: the input is a parameter, `add` is `+`. */
  readonly callable: boolean;
  readonly sign: Sign;
  /** Matches the arguments; the result waits for the input's shape and gives undefined after reporting what does not fit. */
  readonly bind: (
    owner: Owner,
    given: readonly Given[],
    log: Log,
  ) => ((input: Shape) => Resolved<K> | undefined) | undefined;
}

/** Makes a signature from typed parameters and a shape rule over their values. */
export function signature<K extends LayerKind, P extends Parameters>(
  kind: K,
  definition: {
    readonly callable?: boolean;
    readonly sign: Sign;
    readonly parameters: P;
    /** Undefined after reporting. */
    readonly resolve: (context: ShapeContext<P>) => Resolved<K> | undefined;
  },
): LayerSignature<K> {
  const { callable = true, sign, parameters, resolve } = definition;
  return {
    kind,
    callable,
    sign,
    bind: (owner, given, log) => {
      const args = bind(owner, given, parameters, log);
      return args && ((input) => resolve({ args, input, owner, log }));
    },
  };
}

/** The input as channels, height and width, or undefined after reporting that it is none. */
export function asImage({
  input,
  owner,
  log,
}: Pick<ShapeContext<Parameters>, 'input' | 'owner' | 'log'>): readonly [number, number, number] | undefined {
  const [channels, height, width] = input;
  if (input.length === 3 && channels !== undefined && height !== undefined && width !== undefined)
    return [channels, height, width];
  return log.report('QS3001', owner.span, {
    layer: owner.name,
    expected: 'an image [channels, height, width]',
    found: shapeText(input),
  });
}

export function shapeText(shape: Shape): string {
  return `f32[${shape.join(', ')}]`;
}

/** Number of elements; not exact above 2^53. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
