import type { FloatElement } from '../../compiler/numeric/format.ts';

/** One finite value ≥ 0 of a float element with the bits that stand for it. */
export interface FloatCode {
  readonly code: number;
  readonly value: number;
}

/**
 * Every finite value ≥ 0 of a float element in ascending order, decoded from its bits as IEEE 754 and the OCP 8-bit and
 * microscaling formats lay them out.
 */
export function floatCodes({ exponent, mantissa, specials }: FloatElement): readonly FloatCode[] {
  const bias = 2 ** (exponent - 1) - 1;
  const codes: FloatCode[] = [];
  for (let code = 0; code < 2 ** (exponent + mantissa); code++) {
    const field = Math.floor(code / 2 ** mantissa);
    const fraction = code % 2 ** mantissa;
    const allOnes = field === 2 ** exponent - 1;
    if (allOnes && (specials === 'ieee' || specials === 'ieee_saturating')) continue;
    if (allOnes && specials === 'fn' && fraction === 2 ** mantissa - 1) continue;
    const significand = field === 0 ? fraction : 2 ** mantissa + fraction;
    codes.push({ code, value: significand * 2 ** (Math.max(field, 1) - bias - mantissa) });
  }
  return codes;
}

export const FLOATS: Readonly<Record<string, FloatElement>> = {
  fp16: { kind: 'float', exponent: 5, mantissa: 10, specials: 'ieee' },
  bf16: { kind: 'float', exponent: 8, mantissa: 7, specials: 'ieee' },
  e4m3fn: { kind: 'float', exponent: 4, mantissa: 3, specials: 'fn' },
  e5m2: { kind: 'float', exponent: 5, mantissa: 2, specials: 'ieee_saturating' },
  e3m2: { kind: 'float', exponent: 3, mantissa: 2, specials: 'none' },
  e2m3: { kind: 'float', exponent: 2, mantissa: 3, specials: 'none' },
  e2m1: { kind: 'float', exponent: 2, mantissa: 1, specials: 'none' },
  e3m0: { kind: 'float', exponent: 3, mantissa: 0, specials: 'none' },
  e5m10saturating: { kind: 'float', exponent: 5, mantissa: 10, specials: 'ieee_saturating' },
  e6m1: { kind: 'float', exponent: 6, mantissa: 1, specials: 'ieee' },
};
