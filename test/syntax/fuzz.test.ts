import fc from 'fast-check';
import { expect, test } from 'vitest';
import { format } from '../../compiler/syntax/format.ts';
import { lex, tokenSpan } from '../../compiler/syntax/lex.ts';
import { parse } from '../../compiler/syntax/parse.ts';
import { cases, FULL } from '../support/property.ts';
import { aSpecFile, withoutPlaces } from './arbitrary.ts';
import { SKETCH } from './sketch.ts';

/** What has to hold for any text at all. */
function survives(text: string): void {
  const source = { path: 'a.qspec', text };
  const { value, diagnostics } = parse(source);
  for (const d of diagnostics) {
    const spans = [d.span, ...d.related.map((r) => r.span), ...d.fixes.map((f) => f.span)];
    for (const { start, end } of spans) {
      if (!(0 <= start && start <= end && end <= text.length))
        expect.fail(`${d.code} at ${start}-${end}: ${JSON.stringify(text)}`);
    }
  }
  if (diagnostics.length === 0 && value === undefined)
    expect.fail(`neither tree nor diagnostic: ${JSON.stringify(text)}`);
  if (value === undefined || diagnostics.length > 0) return;
  const again = parse({ ...source, text: format(value, source) });
  expect(again.diagnostics).toEqual([]);
  expect(withoutPlaces(again.value)).toEqual(withoutPlaces(value));
}

/** Parts of the sketch, short enough to read thousands of. */
const PARTS = SKETCH.split(/\n\n/).map((part) => (part.startsWith('spec') ? part : `spec t\n${part}`));

const bytes = fc.uint8Array({ maxLength: 200 }).map((data) => new TextDecoder().decode(data));

const units = fc.string({ unit: 'binary', maxLength: 120 });

const TOKENS = [
  ...new Set(lex(SKETCH).tokens.map((token) => token.image)),
  '"a"',
  'let',
  'return',
  'repeat',
  '= ',
  ';',
  '#',
  '\n',
];
const tokens = fc
  .array(fc.constantFrom(...TOKENS), { maxLength: 60 })
  .map((list) => `spec t\n${list.join(' ')}`);

const base = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...PARTS) },
  { weight: 1, arbitrary: aSpecFile.map((file) => format(file, { path: 'a.qspec', text: '' })) },
);

interface Edit {
  readonly kind: 'delete' | 'insert' | 'swap' | 'truncate' | 'repeat' | 'character';
  readonly at: number;
  readonly length: number;
  readonly text: string;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom('delete', 'insert', 'swap', 'truncate', 'repeat', 'character'),
  at: fc.nat(100_000),
  length: fc.integer({ min: 1, max: 6 }),
  text: fc.constantFrom(...TOKENS, '$', '"', '\u0000', '\ud800', '1.2.3', '((((', '}}}}', '\r', '∘∘', '|'),
});

function apply(text: string, { kind, at, length, text: piece }: Edit): string {
  const spans = lex(text).tokens.map(tokenSpan);
  const here = spans[at % Math.max(1, spans.length)];
  if (here === undefined) return piece;
  const last = spans[Math.min(spans.length, (at % spans.length) + length) - 1] ?? here;
  const [before, middle, after] = [
    text.slice(0, here.start),
    text.slice(here.start, last.end),
    text.slice(last.end),
  ];
  switch (kind) {
    case 'delete':
      return before + after;
    case 'insert':
      return `${before}${piece} ${middle}${after}`;
    case 'swap': {
      const [first = '', ...rest] = after.split(' ');
      return `${before}${first} ${middle} ${rest.join(' ')}`;
    }
    case 'truncate':
      return before;
    case 'repeat':
      return `${before}${middle} ${middle}${after}`;
    case 'character': {
      const place = at % (text.length + 1);
      return text.slice(0, place) + piece + text.slice(place + 1);
    }
  }
}

const mutated = fc
  .tuple(base, fc.array(edit, { minLength: 1, maxLength: 5 }))
  .map(([text, edits]) => edits.reduce(apply, text));

const inputs: readonly (readonly [string, number, fc.Arbitrary<string>])[] = [
  ['bytes', 1500, bytes],
  ['characters', 1500, units],
  ['tokens', 2000, tokens],
  ['mutated specs', 5000, mutated],
];

test.each(inputs)(
  '%s: no exception, no hang, every span inside the text',
  (_, count, input) => {
    fc.assert(fc.property(input, survives), cases(count));
  },
  FULL ? 600_000 : 60_000,
);
