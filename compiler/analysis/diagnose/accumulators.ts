import type { CheckedSpec, Layer, LayerId } from '../../check/checked-spec.ts';
import { type Diagnostic, diagnostic } from '../../diagnostics/diagnostic.ts';
import type { FormatPlan, PlannedSite } from '../../lower/plan.ts';
import { siteFormats } from '../../lower/site-formats.ts';
import { codeRange, elementName, type IntElement } from '../../numeric/format.ts';

/** The largest number of a 32-bit accumulator, less the largest bias code that leaves a bit for the sum. */
const ACCUMULATOR = 2 ** 31 - 1;

interface Product {
  readonly layer: Layer<'conv'> | Layer<'dense'>;
  readonly terms: number;
  readonly weights: IntElement;
  readonly inputs: IntElement;
  readonly site: PlannedSite;
}

/** Products of the deployed model whose sums of codes may leave 32 bits: `n·|w|·|x| > 2³¹ − 1`. Runtimes accumulate integers there. */
export function narrowAccumulators(spec: CheckedSpec, plan: FormatPlan): readonly Diagnostic[] {
  return products(spec, plan).flatMap(({ layer, terms, weights, inputs, site }) => {
    const largest = codeMagnitude(weights) * codeMagnitude(inputs);
    if (terms * largest <= ACCUMULATOR) return [];
    const count = (n: number): string => n.toLocaleString('en-US');
    const bits = widestPair(terms, inputs);
    return [
      diagnostic(
        'QS4104',
        site.span ?? layer.span,
        {
          layer: layer.path,
          terms: count(terms),
          weights: elementName(weights),
          inputs: elementName(inputs),
          allowed: count(Math.floor(ACCUMULATOR / largest)),
        },
        {
          related: [{ span: layer.span, message: `'${layer.path}' adds ${count(terms)} products` }],
          hint:
            bits === undefined
              ? 'a float32 sum of the dequantized products, as onnxruntime computes it, does not overflow'
              : `with ${bits} bits for both no sum of ${count(terms)} products leaves 32 bits`,
        },
      ),
    ];
  });
}

function products(spec: CheckedSpec, plan: FormatPlan): readonly Product[] {
  const formats = siteFormats(spec.model, plan);
  return spec.model.layers.flatMap((layer): readonly Product[] => {
    if (layer.kind !== 'conv' && layer.kind !== 'dense') return [];
    const source = layer.inputs[0];
    const reading = source === undefined ? undefined : formats.readingOf(source);
    const site = plan.sites.get(`${layer.path}.weights`);
    const [weights, inputs] = [site?.format.element, reading?.format.element];
    if (site === undefined || weights?.kind !== 'int' || inputs?.kind !== 'int') return [];
    return [{ layer, terms: termsOf(spec, layer, source ?? 0), weights, inputs, site }];
  });
}

/** Products that one output of a layer sums. */
function termsOf({ model }: CheckedSpec, layer: Layer<'conv'> | Layer<'dense'>, source: LayerId): number {
  const shape = model.layers[source]?.shape ?? [];
  if (layer.kind === 'dense') return shape.reduce((a, b) => a * b, 1);
  const [height, width] = layer.options.kernel;
  return (shape[0] ?? 1) * height * width;
}

function codeMagnitude(element: IntElement): number {
  const { min, max } = codeRange(element);
  return Math.max(max, -min);
}

/** The most bits that signed weights and inputs like these can both have. */
function widestPair(terms: number, inputs: IntElement): number | undefined {
  for (let bits = 16; bits >= 2; bits--) {
    const weights: IntElement = { kind: 'int', bits, signed: true, narrow: true };
    if (terms * codeMagnitude(weights) * codeMagnitude({ ...inputs, bits }) <= ACCUMULATOR) return bits;
  }
  return undefined;
}
