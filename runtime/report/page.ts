import type { Phase } from '../../compiler/ir/graph.ts';
import { formatBound } from '../../compiler/numeric/bound/decimal.ts';
import { fromNumber } from '../../compiler/numeric/bound.ts';
import { lineStarts, positionAt, type Span } from '../../compiler/source/source.ts';
import type { StepAnalysis } from '../analysis/analyse.ts';
import type { Composition } from '../analysis/composition.ts';
import type { Contributors } from '../analysis/contributors.ts';
import type { StepProbe } from '../analysis/probe.ts';
import {
  boundText,
  SUMMARY_HEADER,
  summaryCells,
  summaryNotes,
  summaryRows,
  verdictText,
  weightsText,
} from '../analysis/summary.ts';
import { type StepTensor, tensorsOf } from '../analysis/tensors.ts';
import type { WidthPoint } from '../analysis/widths.ts';
import { type Chart, contributorChart, labelOf, toleranceChart } from './charts.ts';
import { type Cell, escapeHtml, jsonBlock, paragraphs, table } from './html.ts';
import { STYLE } from './style.ts';

/** Everything that a report says. */
export interface ReportContent {
  readonly analysis: StepAnalysis;
  readonly composition: Composition;
  readonly contributors: readonly Contributors[];
  readonly widths: readonly WidthPoint[];
  readonly own: Omit<WidthPoint, 'bits'>;
  readonly probe: StepProbe | undefined;
  readonly toolVersion: string;
}

/** What makes a page: scripts that may run, and how their text is hashed for the page's own security policy. */
export interface PageTools {
  readonly libraries: readonly string[];
  /** SHA-256 in base64. */
  readonly hash: (script: string) => string;
}

/** Rows of tensors that a page shows at most. */
const MOST_TENSORS = 2000;

/** Draws every chart from its data block. Expressions are interpreted, so that the page needs no right to evaluate text. */
const DRAW = `for (const block of document.querySelectorAll('script[type="application/json"]')) {
  const place = document.getElementById(block.id.replace(/^data-/, ''));
  vegaEmbed(place, JSON.parse(block.textContent), {
    ast: true, renderer: 'svg', actions: { export: true, source: false, compiled: false, editor: false },
  }).catch((problem) => { place.textContent = 'The chart cannot be drawn: ' + problem.message; });
}
`;

/** One page that needs nothing else: text and tables first, charts after them. A function of its arguments alone. */
export function reportPage(content: ReportContent, { libraries, hash }: PageTools): string {
  const { spec, hash: specHash } = content.analysis.compiled;
  const tolerance = toleranceChart(content.widths, content.own);
  const bars = content.contributors.flatMap((one) => contributorChart(one) ?? []);
  const charts = [tolerance, ...bars];
  const scripts = [...libraries, DRAW];
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    'img-src data: blob:',
    `script-src ${scripts.map((script) => `'sha256-${hash(script)}'`).join(' ')}`,
  ].join('; ');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(spec.name)}: precision before training</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(spec.name)}</h1>
<p class="from">${escapeHtml(spec.source.path)} · SHA-256 ${escapeHtml(specHash.slice(0, 16))} · qspec ${escapeHtml(content.toolVersion)}</p>
${sections(content).join('\n')}
<h2>Charts</h2>
<noscript><p>The charts need JavaScript. The tables hold the same numbers.</p></noscript>
${figure(tolerance)}
<div class="charts">
${bars.map(figure).join('\n')}
</div>
${tensorSection(content.analysis)}
${charts.map(({ id, spec: chart }) => jsonBlock(`data-${id}`, chart)).join('\n')}
${scripts.map((script) => `<script>${script}</script>`).join('\n')}
</body>
</html>
`;
}

function figure({ id, caption }: Chart): string {
  return `<figure><div id="${escapeHtml(id)}" role="img" aria-label="${escapeHtml(caption)}"></div><figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function sections(content: ReportContent): readonly string[] {
  const { analysis } = content;
  return [
    `<h2>Worst case of one training step</h2>`,
    paragraphs([`Bounds of this page hold ${weightsText(analysis.weights)}.`]),
    table(
      SUMMARY_HEADER.map(numbered),
      summaryRows(analysis).map((row) => summaryCells(row).map(numbered)),
      'Worst case',
    ),
    paragraphs(summaryNotes(analysis), 'note'),
    warnings(analysis),
    costSection(content),
    contributorSection(content),
    compositionSection(content),
    ...(content.probe === undefined ? [] : [probeSection(content.probe)]),
  ];
}

/** The first columns of the summary are words. */
function numbered(text: string, column: number): Cell {
  return column < 2 ? text : { number: text };
}

function warnings({ diagnostics, compiled }: StepAnalysis): string {
  if (diagnostics.length === 0) return paragraphs(['Nothing is known to go wrong: no warnings.']);
  const line = lineOf(compiled.spec.source.text);
  const items = diagnostics.map(
    ({ code, message, span, hint }) =>
      `<li><code>${escapeHtml(code)}</code> ${escapeHtml(line(span))}: ${escapeHtml(message)}.${hint === undefined ? '' : ` <span class="note">${escapeHtml(hint)}.</span>`}</li>`,
  );
  return `<h3>Warnings</h3>\n<ul class="warnings">\n${items.join('\n')}\n</ul>`;
}

function costSection({ widths, own }: ReportContent): string {
  const of = (quantities: WidthPoint['quantities'], name: string, reference: string): Cell => {
    const found = quantities.find((q) => q.name === name && q.reference === reference);
    return { number: found === undefined ? '' : verdictText(found) };
  };
  const row = (label: string, { cost, share, quantities }: Omit<WidthPoint, 'bits'>): readonly Cell[] => [
    label,
    { number: cost.toPrecision(3) },
    { number: `${(100 * share).toFixed(1)} %` },
    of(quantities, 'logits', 'real'),
    of(quantities, 'gradient', 'real'),
    of(quantities, 'gradient', 'quantized_point'),
    of(quantities, 'update', 'real'),
  ];
  const header: readonly Cell[] = [
    'formats',
    { number: 'bit-operations' },
    { number: 'of float32' },
    { number: 'logits' },
    { number: 'gradient' },
    { number: 'gradient, q. point' },
    { number: 'update' },
  ];
  return [
    '<h2>What bits cost and what they buy</h2>',
    paragraphs([
      'Error bound ÷ size in the 2-norm, for one width at all weights (per channel), activations and gradients (stochastic), and for the formats of this spec. Bit-operations are multiply–accumulates of F, B and U times the wider operand.',
    ]),
    table(
      header,
      [row('this spec', own), ...widths.map((w) => row(`${w.bits} bits`, w))],
      'Cost against tolerance',
    ),
  ].join('\n');
}

function contributorSection({ analysis, contributors }: ReportContent): string {
  const line = lineOf(analysis.compiled.spec.source.text);
  const tables = contributors.map(({ quantity, shown, rest }) => {
    const rows = [...shown, ...(rest === undefined ? [] : [rest])].map(
      ({ kind, name, span, amount, share }): readonly Cell[] => [
        labelOf(kind, name),
        { number: boundText(amount) },
        { number: Number.isNaN(share) ? '' : `${(100 * share).toFixed(1)} %` },
        line(span),
      ],
    );
    return `<h3>${escapeHtml(quantity)}</h3>\n${rows.length === 0 ? paragraphs(['Nothing rounds.']) : table(['source', { number: '2-norm' }, { number: 'share' }, ''], rows, `Contributors to ${quantity}`)}`;
  });
  return [
    '<h2>What the bounds are made of</h2>',
    paragraphs(['Against the real step, to first order at the bound; the shares are of their sum.']),
    ...tables,
  ].join('\n');
}

function compositionSection({ composition }: ReportContent): string {
  const rows = composition.parts.map(({ part, from, to, gain, local, bound }): readonly Cell[] => [
    part,
    `${from} → ${to}`,
    { number: boundText(gain) },
    { number: boundText(local) },
    { number: boundText(bound) },
  ]);
  return [
    '<h2>Composition</h2>',
    paragraphs([
      'Φ_T = Φ_U ∘ Φ_B ∘ Φ_F in the 2-norm over the batch. L is the slope of Φ where nothing has an error yet, first order and no bound; Δ = Φ(0) is what the part adds by itself.',
    ]),
    table(
      ['', 'map', { number: 'L' }, { number: 'Δ' }, { number: 'bound at the formats' }],
      rows,
      'Composition',
    ),
  ].join('\n');
}

function probeSection({ batches, quantities, tensors }: StepProbe): string {
  const number = (x: number): Cell => ({ number: formatBound(fromNumber(x)) });
  return [
    '<h2>Observed on real minibatches</h2>',
    paragraphs([
      `The largest error over ${batches.length} minibatches of the training set, one quantized step each: ${batches.join('; ')}.`,
    ]),
    table(
      ['quantity', { number: 'bound' }, { number: 'observed' }],
      quantities.map(({ name, bound, observed }): readonly Cell[] => [
        name,
        { number: boundText(bound) },
        number(observed),
      ]),
      'Observed errors of quantities',
    ),
    table(
      ['tensor', '', { number: 'bound 2' }, { number: 'observed 2' }, { number: 'ratio' }],
      tensors.map(({ tensor, observed, ratio }): readonly Cell[] => [
        tensor.name,
        tensor.phase,
        { number: boundText(tensor.error.two) },
        number(observed.two),
        { number: ratio.two === undefined ? '' : boundText(ratio.two, 2) },
      ]),
      'Observed errors of tensors',
    ),
  ].join('\n');
}

const PHASES: readonly (readonly [Phase, string])[] = [
  ['F', 'F, forward'],
  ['B', 'B, backward'],
  ['U', 'U, update'],
];

function tensorSection(analysis: StepAnalysis): string {
  const line = lineOf(analysis.compiled.spec.source.text);
  const all = tensorsOf(analysis);
  const shown = all.slice(0, MOST_TENSORS);
  const row = ({ name, shape, format, pos, neg, error, span }: StepTensor): readonly Cell[] => [
    name,
    shape.join(' × '),
    format,
    { number: `${neg.mantissa === 0 ? '0' : `−${boundText(neg)}`} to ${boundText(pos)}` },
    { number: boundText(error.inf) },
    { number: boundText(error.two) },
    line(span),
  ];
  const header: readonly Cell[] = [
    'tensor',
    'shape',
    'format',
    { number: 'range' },
    { number: 'error ∞' },
    { number: 'error 2' },
    '',
  ];
  const tables = PHASES.flatMap(([phase, title]) => {
    const rows = shown.filter((tensor) => tensor.phase === phase).map(row);
    return rows.length === 0 ? [] : [`<h3>${title}</h3>`, table(header, rows, title)];
  });
  const more = all.length - shown.length;
  return [
    '<h2>Every tensor of F, B and U</h2>',
    paragraphs([
      'Ranges are of exact arithmetic, errors of the quantized step over the whole batch. Where a format rounds, the row is of the rounded tensor.',
    ]),
    ...tables,
    ...(more > 0 ? [paragraphs([`${more} more tensors are not shown.`])] : []),
  ].join('\n');
}

function lineOf(text: string): (span: Span | undefined) => string {
  const starts = lineStarts(text);
  return (span) => (span === undefined ? '' : `line ${positionAt(starts, span.start).line}`);
}
