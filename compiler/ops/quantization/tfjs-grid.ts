import type { TfArgument } from '../../ir/tfjs-context.ts';
import {
  codeRange,
  type FloatElement,
  type IntElement,
  maxFinite,
  minNormalExponent,
} from '../../numeric/format.ts';

/** An element's grid as the last arguments of the support functions of `quantize.ts`: the code range, or the float grid's limits. */
export function tfjsGrid(element: IntElement | FloatElement): readonly TfArgument[] {
  if (element.kind === 'int') {
    const { min, max } = codeRange(element);
    return [min, max];
  }
  return [
    {
      mantissa: element.mantissa,
      minNormal: 2 ** minNormalExponent(element),
      maxFinite: maxFinite(element),
      saturates: element.specials !== 'ieee',
    },
  ];
}
