import fc from 'fast-check';
import { ts } from 'ts-morph';
import { describe, expect, test } from 'vitest';
import { flat, layout, WIDTH } from '../../../compiler/emit/tfjs/document.ts';
import { call, literal, tfCall } from '../../../compiler/emit/tfjs/expression.ts';
import { camelCase, Names } from '../../../compiler/emit/tfjs/names.ts';
import { commentText, markdownCode, numberLiteral, stringLiteral } from '../../../compiler/emit/tfjs/text.ts';
import { cases } from '../../support/property.ts';

/** Any UTF-16 text, lone surrogates and line separators included. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
  fc
    .array(
      fc.constantFrom("'", '"', '`', '\\', '*/', '/*', '//', '\n', '\r', '\u2028', '\u2029', '${', '}', '\0'),
    )
    .map((parts) => parts.join('')),
);

/** Tokens of TypeScript code without trivia. */
function tokens(code: string): string[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, true, ts.LanguageVariant.Standard, code);
  const found: string[] = [];
  while (scanner.scan() !== ts.SyntaxKind.EndOfFileToken) found.push(scanner.getTokenText());
  return found;
}

describe('text of a spec in code', () => {
  test('a string literal is one token of printable ASCII that evaluates to the text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const code = stringLiteral(text);
        expect(code).toMatch(/^[ -~]*$/);
        expect(tokens(code)).toEqual([code]);
        expect(new Function(`return ${code}`)()).toBe(text);
      }),
      cases(300),
    );
  });

  test('a comment of either kind holds no tokens', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(tokens(`a; // ${commentText(text)}\nb`)).toEqual(['a', ';', 'b']);
        expect(tokens(`a; /** ${commentText(text)} */ b`)).toEqual(['a', ';', 'b']);
      }),
      cases(300),
    );
  });

  test('an identifier is one identifier, never claimed twice', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyText, fc.constantFrom('class', 'a.b', 'aB', '__proto__', ''))),
        (texts) => {
          const names = new Names(['tf']);
          const claimed = texts.map((text) => names.claim(text));
          expect(new Set(claimed).size).toBe(claimed.length);
          for (const name of claimed) {
            expect(name).toMatch(/^[a-zA-Z]\w*$/);
            expect(() => new Function(`'use strict'; const ${name} = 1; return ${name}`)).not.toThrow();
          }
        },
      ),
      cases(200),
    );
  });

  test('reserved words and names in scope are not claimed', () => {
    const names = new Names(['tf']);
    for (const word of ['class', 'tf', 'await', 'constructor', 'undefined'])
      expect(names.claim(word)).toBe(`${word}2`);
  });

  test('camel case keeps numbers apart', () => {
    expect(camelCase('stage1[0].c1.weights')).toBe('stage1_0C1Weights');
    expect(camelCase('cnn2_mnist')).toBe('cnn2Mnist');
    expect(camelCase('conv_1')).toBe('conv1');
    expect(camelCase('*/')).toBe('');
  });

  test('inline code of Markdown holds no backtick', () => {
    expect(markdownCode('a`b\n# c')).toBe("`a'b # c`");
  });
});

test('a number literal reads back as the same number', () => {
  fc.assert(
    fc.property(fc.double(), (x) => {
      expect(new Function(`return ${numberLiteral(x)}`)()).toBe(x);
    }),
    cases(300),
  );
});

describe('layout', () => {
  test('what fits one line stays on it', () => {
    expect(flat(tfCall('add', [1, 'a']).document)).toBe("tf.add(1, 'a')");
    expect(flat(literal({ a: [1, 2], b: {} }))).toBe('{ a: [1, 2], b: {} }');
  });

  test('a key that is no identifier is computed, __proto__ included', () => {
    const code = flat(literal({ ['__proto__']: 1, 'a"b': 2 }));
    expect(code).toBe("{ ['__proto__']: 1, ['a\"b']: 2 }");
    expect(Object.keys(new Function(`return ${code}`)())).toEqual(['__proto__', 'a"b']);
  });

  test('what does not fit is broken into lines within the width that hold the same tokens', () => {
    const argument = fc.oneof(
      fc.integer(),
      fc.array(fc.integer(), { maxLength: 60 }),
      fc.string({ unit: 'grapheme-ascii' }),
    );
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 12 }), (args) => {
        const { document } = call('f', args);
        const lines = layout(document, 0, 1).split('\n');
        const longest = Math.max(...args.map((a) => (typeof a === 'string' ? stringLiteral(a).length : 0)));
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(WIDTH, longest + 4));
        const code = `function f(...args) { return args; } return ${layout(document, 0, 1)};`;
        expect(new Function(code)()).toEqual(args);
      }),
      cases(100),
    );
  });
});
