import type { Element, Format, Granularity, Rounding } from '../numeric/format.ts';
import type { SiteKind } from './checked-spec.ts';

/** A recipe that gives the classes of sites their formats; what is left out stays as it would be without it. */
export interface Preset {
  /** @param edge whether the layer is the first or the last product of the model, which is kept at 8 bits */
  formatOf(kind: SiteKind, edge: boolean): Format | undefined;
}

function int(bits: number): Element {
  return { kind: 'int', bits, signed: true, narrow: true };
}

function format(
  element: Element,
  granularity: Granularity['kind'] & ('tensor' | 'channel'),
  rounding: Rounding,
): Format {
  return { element, granularity: { kind: granularity }, scale: { kind: 'absmax' }, rounding };
}

/**
 * Weights per channel, activations (unsigned where ≥ 0) and stochastically rounded gradients of the stated elements, with stored
 * weights in stochastically rounded int8: to nearest, updates below half a step would be lost.
 */
function recipe(forward: number, gradient: Element): Preset {
  return {
    formatOf: (kind, edge) => {
      switch (kind) {
        case 'weights':
          return format(int(edge ? 8 : forward), 'channel', 'nearest');
        case 'in':
          return format(int(edge ? 8 : forward), 'tensor', 'nearest');
        case 'grad':
          return format(edge ? int(8) : gradient, 'tensor', 'stochastic');
        case 'weights.stored':
          return format(int(8), 'channel', 'stochastic');
        default:
          return undefined;
      }
    },
  };
}

/** A float that only has powers of two, and one with a bit of mantissa besides. */
const E3M0: Element = { kind: 'float', exponent: 3, mantissa: 0, specials: 'none' };
const E3M1: Element = { kind: 'float', exponent: 3, mantissa: 1, specials: 'none' };

export const PRESETS: ReadonlyMap<string, Preset> = new Map([
  ['int8', recipe(8, int(8))],
  ['w4a4g8', recipe(4, int(8))],
  ['w4a4g4', recipe(4, E3M0)],
  ['w5a5g5', recipe(5, E3M1)],
]);
