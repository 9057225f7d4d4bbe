import type { Mistake } from '../../grammar/parser.ts';
import { CloseBrace, Comma, Dot } from '../../grammar/tokens.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import type { Span } from '../source/source.ts';
import { tokenSpan } from './lex.ts';
import { describeToken } from './messages.ts';

const DOT_HINT =
  "composition is written '∘' or '<<'; a point stands in numbers and between the names of a site";

/**
 * The diagnostic of a mistake that the parser noted, with the edit that removes it where there is one.
 *
 * @param end the end of the last token, where the end of the file is shown
 */
export function mistakeDiagnostic(mistake: Mistake, end: number): Diagnostic {
  const found = describeToken(mistake.found);
  const span = placeOf(mistake, end);
  switch (mistake.kind) {
    case 'unexpected': {
      const hint = mistake.found.tokenType === Dot ? { hint: DOT_HINT } : {};
      return diagnostic('QS1001', span, { expected: mistake.expected, found }, hint);
    }
    case 'missing': {
      const { end: after } = tokenSpan(mistake.before);
      const fix = {
        title: `add '${mistake.text.trim()}'`,
        span: { start: after, end: after },
        replacement: mistake.text,
      };
      return diagnostic('QS1001', span, { expected: mistake.expected, found }, { fixes: [fix] });
    }
    case 'replace': {
      const replacement = mistake.expected.slice(1, -1);
      const fixes = [{ title: `write '${replacement}'`, span, replacement }];
      return diagnostic('QS1013', span, { text: mistake.found.image, expected: mistake.expected }, { fixes });
    }
    case 'stray': {
      const words = { start: span.start, end: tokenSpan(mistake.last).end };
      const fixes = [{ title: 'remove it', span: words, replacement: '' }];
      return diagnostic('QS1011', words, { word: mistake.found.image }, { fixes });
    }
    case 'valueless': {
      const { end: after } = tokenSpan(mistake.key);
      const fix = { title: "add ':'", span: { start: after, end: after }, replacement: ':' };
      const fixes =
        mistake.found.startLine === mistake.key.startLine &&
        mistake.found.tokenType !== CloseBrace &&
        mistake.found.tokenType !== Comma
          ? [fix]
          : [];
      const expected = `':' and a value after ${describeToken(mistake.key)}`;
      return diagnostic('QS1001', span, { expected, found }, { fixes });
    }
  }
}

/** The token at which a mistake was noticed. */
export function placeOf({ found }: Mistake, end: number): Span {
  return Number.isNaN(found.startOffset) ? { start: end, end } : tokenSpan(found);
}
