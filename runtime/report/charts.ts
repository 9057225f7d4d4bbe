import { type Bound, divide, isUnbounded } from '../../compiler/numeric/bound.ts';
import type { QuantityBound } from '../analysis/analyse.ts';
import type { Contributors } from '../analysis/contributors.ts';
import type { WidthPoint } from '../analysis/widths.ts';

/** A chart as data, where it stands, and what it shows in words. */
export interface Chart {
  readonly id: string;
  readonly caption: string;
  readonly spec: object;
}

const SCHEMA = 'https://vega.github.io/schema/vega-lite/v6.json';

const CONFIG = {
  background: 'white',
  font: 'system-ui, "DejaVu Sans", sans-serif',
  axis: {
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
    labelColor: '#1a1a1a',
    gridColor: '#e4e4e4',
  },
  legend: { labelFontSize: 12, titleFontSize: 12, titleFontWeight: 'normal', symbolSize: 90 },
  view: { stroke: null },
};

/** The curves that are drawn, each with marks and dashes of its own, so that they are told apart without colour. */
const CURVES: readonly {
  readonly name: string;
  readonly reference: QuantityBound['reference'];
  readonly label: string;
}[] = [
  { name: 'logits', reference: 'real', label: 'logits' },
  { name: 'gradient', reference: 'real', label: 'gradient, against the real step' },
  { name: 'gradient', reference: 'quantized_point', label: 'gradient, at the quantized point' },
  { name: 'update', reference: 'real', label: 'update' },
];

/** Cost against the error that is certain not to be exceeded: one curve a quantity, a point a uniform width, and the spec's own. */
export function toleranceChart(widths: readonly WidthPoint[], own: Omit<WidthPoint, 'bits'>): Chart {
  const points = widths.flatMap(({ bits, share, quantities }) => rows(quantities, share, `${bits} bits`));
  const marked = rows(own.quantities, own.share, 'this spec');
  const base = {
    x: {
      field: 'cost',
      type: 'quantitative',
      title: 'bit-operations of a step, % of float32',
      scale: { domain: [0, 102], nice: false },
      axis: { values: [0, 20, 40, 60, 80, 100] },
    },
    y: {
      field: 'error',
      type: 'quantitative',
      title: 'error bound ÷ size, 2-norm',
      axis: {
        labelExpr: "datum.value == 0 ? '1' : '1e' + format(datum.value, 'd')",
        tickMinStep: 1,
        tickCount: 8,
      },
    },
    tooltip: [
      { field: 'at', title: 'formats' },
      { field: 'quantity' },
      { field: 'cost', title: '% of float32', format: '.3~g' },
      { field: 'ratio', title: 'error ÷ size' },
    ],
  };
  const order = CURVES.map(({ label }) => label);
  const kinds = {
    shape: {
      field: 'quantity',
      type: 'nominal',
      sort: order,
      title: null,
      scale: { domain: order, range: ['circle', 'square', 'triangle-up', 'cross'] },
      legend: { orient: 'bottom', columns: 2, labelLimit: 400 },
    },
    color: {
      field: 'quantity',
      type: 'nominal',
      sort: order,
      title: null,
      scale: { domain: order, range: ['#1a1a1a', '#777777', '#4a6fa5', '#a0522d'] },
      legend: { orient: 'bottom', columns: 2, labelLimit: 400 },
    },
  };
  return {
    id: 'tolerance',
    caption:
      'Each point is one width for all weights, activations and gradients. Above the line at 1 the bound says nothing: it is larger than the quantity can be. Large marks are the formats of this spec.',
    spec: {
      $schema: SCHEMA,
      width: 'container',
      height: 380,
      config: CONFIG,
      layer: [
        {
          data: { values: [{ error: 0 }] },
          mark: { type: 'rule', color: '#1a1a1a', strokeWidth: 1 },
          encoding: { y: { field: 'error', type: 'quantitative' } },
        },
        {
          data: { values: points },
          mark: { type: 'line', strokeWidth: 1.5, opacity: 0.8 },
          encoding: {
            ...base,
            color: kinds.color,
            strokeDash: {
              field: 'quantity',
              type: 'nominal',
              sort: order,
              scale: {
                domain: order,
                range: [
                  [1, 0],
                  [6, 3],
                  [2, 2],
                  [8, 3, 2, 3],
                ],
              },
              title: null,
              legend: { orient: 'bottom', columns: 2, labelLimit: 400 },
            },
          },
        },
        {
          data: { values: points },
          mark: { type: 'point', filled: true, size: 40, opacity: 1 },
          encoding: { ...base, ...kinds },
        },
        {
          data: { values: marked },
          mark: { type: 'point', filled: false, size: 260, strokeWidth: 2.5, opacity: 1 },
          encoding: { ...base, ...kinds },
        },
        {
          data: { values: marked.slice(0, 1) },
          mark: {
            type: 'text',
            align: 'left',
            dx: 14,
            dy: -8,
            fontSize: 12,
            fontWeight: 'bold',
            color: '#1a1a1a',
          },
          encoding: { x: base.x, y: base.y, text: { field: 'at' } },
        },
      ],
    },
  };
}

function rows(quantities: readonly QuantityBound[], share: number, at: string): readonly object[] {
  return CURVES.flatMap(({ name, reference, label }) => {
    const found = quantities.find((q) => q.name === name && q.reference === reference);
    const ratio = found && ratioOf(found);
    if (ratio === undefined || ratio.mantissa === 0) return [];
    const error = log10(ratio);
    return [
      {
        quantity: label,
        at,
        cost: 100 * share,
        error,
        ratio: `${(10 ** (error % 1)).toPrecision(2)}e${Math.trunc(error)}`,
      },
    ];
  });
}

/** Error ÷ size, above 1 where the bound is vacuous. */
export function ratioOf({ error, size }: Pick<QuantityBound, 'error' | 'size'>): Bound | undefined {
  if (isUnbounded(error.two) || isUnbounded(size.two) || size.two.mantissa === 0) return undefined;
  return divide(error.two, size.two);
}

/** Bounds leave the range of float64; their logarithms do not. */
function log10({ mantissa, exponent }: Bound): number {
  return (Math.log2(mantissa) + exponent) * Math.log10(2);
}

/** The shares of a bound, largest first, as bars with their numbers. */
export function contributorChart({ quantity, shown, rest }: Contributors): Chart | undefined {
  const values = [...shown, ...(rest === undefined ? [] : [rest])].flatMap(({ kind, name, share }) =>
    Number.isNaN(share) ? [] : [{ source: labelOf(kind, name), share: 100 * share, rest: kind === 'rest' }],
  );
  if (values.length === 0) return undefined;
  const y = {
    field: 'source',
    type: 'nominal',
    sort: values.map(({ source }) => source),
    title: null,
    axis: { labelLimit: 260, ticks: false, domain: false },
  };
  const x = {
    field: 'share',
    type: 'quantitative',
    title: '% of the bound',
    scale: { domain: [0, 122], nice: false },
    axis: { values: [0, 25, 50, 75, 100] },
  };
  return {
    id: `contributors-${quantity}`,
    caption: `What the bound of the ${quantity} is made of, against the real step.`,
    spec: {
      $schema: SCHEMA,
      width: 'container',
      height: 24 * values.length + 44,
      autosize: { type: 'fit', contains: 'padding' },
      config: CONFIG,
      data: { values },
      layer: [
        {
          mark: { type: 'bar', height: 14, stroke: '#1a1a1a', strokeWidth: 1 },
          encoding: {
            y,
            x,
            color: { condition: { test: 'datum.rest', value: '#ffffff' }, value: '#666666' },
            tooltip: [{ field: 'source' }, { field: 'share', format: '.2f' }],
          },
        },
        {
          mark: { type: 'text', align: 'left', dx: 5, fontSize: 12, color: '#1a1a1a' },
          encoding: { y, x, text: { field: 'share', format: '.1f' } },
        },
      ],
    },
  };
}

export function labelOf(kind: Contributors['shown'][number]['kind'], name: string): string {
  switch (kind) {
    case 'quantizer':
      return `rounding of ${name}`;
    case 'switches':
      return `switches of ${name}`;
    case 'float32':
      return 'float32 rounding and caps';
    case 'rest':
      return name;
  }
}
