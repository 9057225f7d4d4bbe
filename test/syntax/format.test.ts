import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { format } from '../../compiler/syntax/format.ts';
import { lex, tokenSpan } from '../../compiler/syntax/lex.ts';
import { parse } from '../../compiler/syntax/parse.ts';
import { cases } from '../support/property.ts';
import { aSpecFile, withoutPlaces } from './arbitrary.ts';
import { SKETCH } from './sketch.ts';

function source(text: string): { readonly path: string; readonly text: string } {
  return { path: 'a.qspec', text };
}

function formatted(text: string): string {
  const { value, diagnostics } = parse(source(text));
  if (value === undefined) throw new Error(JSON.stringify(diagnostics));
  return format(value, source(text));
}

test('the sketch of the language', async () => {
  await expect(formatted(SKETCH)).toMatchFileSnapshot('golden/sketch.formatted.qspec');
});

test('parse(format(tree)) is the tree, and formatting it again changes nothing', () => {
  fc.assert(
    fc.property(aSpecFile, (file) => {
      const text = format(file, source(''));
      const { value, diagnostics } = parse(source(text));
      expect(diagnostics, text).toEqual([]);
      expect(withoutPlaces(value), text).toEqual(withoutPlaces(file));
      expect(formatted(text)).toBe(text);
    }),
    cases(400),
  );
});

/** Puts comments, new lines and blank lines between the tokens of a text. */
function scatter(text: string, seams: readonly { readonly at: number; readonly what: string }[]): string {
  const starts = lex(text).tokens.map((token) => tokenSpan(token).start);
  const sorted = seams
    .map(({ at, what }) => ({ at: starts[at % starts.length] ?? 0, what }))
    .toSorted((a, b) => b.at - a.at);
  let out = text;
  for (const { at, what } of sorted) out = out.slice(0, at) + what + out.slice(at);
  return out;
}

test('comments keep their order and text, trees their meaning, wherever comments and new lines stand', () => {
  const seam = fc.record({
    at: fc.nat(2000),
    what: fc.constantFrom(' # one\n', '\n# two\n', '\n\n  # three\n\n', '\n', '\n\n\n', ' # four\n# five\n'),
  });
  let read = 0;
  fc.assert(
    fc.property(
      fc.oneof(
        aSpecFile.map((file) => format(file, source(''))),
        fc.constant(SKETCH),
      ),
      fc.array(seam, { minLength: 1, maxLength: 6 }),
      (base, seams) => {
        const text = scatter(base, seams);
        const { value, diagnostics } = parse(source(text));
        if (value === undefined || diagnostics.length > 0) return;
        read++;
        const once = format(value, source(text));
        const again = parse(source(once));
        expect(again.diagnostics, once).toEqual([]);
        expect(withoutPlaces(again.value)).toEqual(withoutPlaces(value));
        expect(again.value?.comments.map((c) => c.text)).toEqual(value.comments.map((c) => c.text));
        expect(formatted(once)).toBe(once);
      },
    ),
    cases(600),
  );
  expect(read).toBeGreaterThan(100);
});

describe('layout', () => {
  test('comments stay behind and above what they stand at', () => {
    const text = [
      '# top',
      'spec a # name',
      '',
      '# about the data',
      'data d {   # open',
      '  source: mnist,# where',
      '',
      '',
      '  # alone',
      '  batch: 64',
      '  # last',
      '}',
      '# end',
    ].join('\n');
    expect(formatted(text)).toMatchInlineSnapshot(`
      "# top
      spec a  # name

      # about the data
      data d {  # open
        source: mnist  # where

        # alone
        batch: 64
        # last
      }
      # end
      "
    `);
  });

  test('sections stay on one line or go over several as they did, unless they do not fit', () => {
    const long = Array.from({ length: 12 }, (_, i) => `some_key_${i}: ${i}`).join(', ');
    expect(formatted(`spec a\ndata b{x:1,y:2}\ndata c {\nx:1,y:2}\neval { ${long} }`)).toMatchInlineSnapshot(`
      "spec a

      data b { x: 1, y: 2 }

      data c {
        x: 1
        y: 2
      }

      eval {
        some_key_0: 0
        some_key_1: 1
        some_key_2: 2
        some_key_3: 3
        some_key_4: 4
        some_key_5: 5
        some_key_6: 6
        some_key_7: 7
        some_key_8: 8
        some_key_9: 9
        some_key_10: 10
        some_key_11: 11
      }
      "
    `);
  });

  test('new lines in pipes are kept, long ones are filled', () => {
    const stages = Array.from({ length: 9 }, (_, i) => `|> conv(${i}, kernel: 3) as c${i}`).join(' ');
    const text = `spec a\nmodel M(x: f32[1]) -> f32[1] {\nx |> relu\n|> flatten |> relu }\nmodel N(x: f32[1]) -> f32[1] { x ${stages} }`;
    expect(formatted(text)).toMatchInlineSnapshot(`
      "spec a

      model M(x: f32[1]) -> f32[1] {
        x |> relu
          |> flatten |> relu
      }

      model N(x: f32[1]) -> f32[1] {
        x |> conv(0, kernel: 3) as c0 |> conv(1, kernel: 3) as c1 |> conv(2, kernel: 3) as c2
          |> conv(3, kernel: 3) as c3 |> conv(4, kernel: 3) as c4 |> conv(5, kernel: 3) as c5
          |> conv(6, kernel: 3) as c6 |> conv(7, kernel: 3) as c7 |> conv(8, kernel: 3) as c8
      }
      "
    `);
  });

  test('parentheses stand where they are needed', () => {
    const text =
      'spec a\ntrain { T = ((U << B)) << (F)  x: (1 + 2) * -(3) - (4 - (5)) y: (2 * 3)% at (1 + 1) z: (x |> f) + 1 }';
    expect(parse(source(text)).value).toBeDefined();
    expect(formatted(text)).toMatchInlineSnapshot(`
      "spec a

      train {
        T = (U ∘ B) ∘ F
        x: (1 + 2) * -3 - (4 - 5)
        y: (2 * 3)% at (1 + 1)
        z: (x |> f) + 1
      }
      "
    `);
  });
});
