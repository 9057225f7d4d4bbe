import type { Registry } from '../ir/op.ts';
import { quantizeCotangent } from './quantization/cotangent.ts';
import { dequantize } from './quantization/dequantize.ts';
import { quantizeMask } from './quantization/mask.ts';
import { quantize, quantizeStochastic } from './quantization/quantize.ts';
import { quantScale } from './quantization/scale.ts';

/** Number formats at work. Their arithmetic is defined in `numeric/round.ts` and written here once for each target. */
export const QUANTIZATION = {
  quantScale,
  quantize,
  quantizeStochastic,
  quantizeMask,
  quantizeCotangent,
  dequantize,
} satisfies Pick<
  Registry,
  'quantScale' | 'quantize' | 'quantizeStochastic' | 'quantizeMask' | 'quantizeCotangent' | 'dequantize'
>;
