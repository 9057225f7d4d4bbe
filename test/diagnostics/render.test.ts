import { describe, expect, test } from 'vitest';
import { type Diagnostic, diagnostic } from '../../compiler/diagnostics/diagnostic.ts';
import { type RenderOptions, renderDiagnostics } from '../../compiler/diagnostics/render.ts';

function at(text: string, piece: string, extras: Partial<Diagnostic> = {}): Diagnostic {
  const start = text.indexOf(piece);
  const span = { start, end: start + piece.length };
  return { ...diagnostic('QS1001', span, { expected: "','", found: `'${piece}'` }), ...extras };
}

function render(
  text: string,
  diagnostics: readonly Diagnostic[],
  options: Partial<RenderOptions> = {},
): string {
  return renderDiagnostics(
    diagnostics,
    { path: 'a.qspec', text },
    { reporter: 'pretty', color: false, ...options },
  );
}

describe('pretty', () => {
  test('shows the place, related places, hint and fix', () => {
    const text = 'spec a\nmodel M(x: f32[1]) -> f32[1] {\n  x |> conv(16 kernel: 3)\n}\n';
    const related = [
      { span: { start: text.indexOf('(16'), end: text.indexOf('(16') + 1 }, message: 'opened here' },
    ];
    const fixes = [{ title: "add ','", span: { start: 0, end: 0 }, replacement: ',' }];
    expect(render(text, [at(text, 'kernel', { related, hint: 'a comma', fixes })])).toMatchInlineSnapshot(`
      "error[QS1001]: expected ',', found 'kernel'
       --> a.qspec:3:16
        |
      3 |   x |> conv(16 kernel: 3)
        |                ^^^^^^
       --> a.qspec:3:12
        |
      3 |   x |> conv(16 kernel: 3)
        |            - opened here
        = hint: a comma
        = fix: add ','

      "
    `);
  });

  test('tabs, wide characters and marks do not move the carets', () => {
    const text = '\t"日本" e\u0301 bad';
    const lines = render(text, [at(text, 'bad')]).split('\n');
    expect(lines.slice(3, 5)).toMatchInlineSnapshot(`
      [
        "1 |     "日本" é bad",
        "  |              ^^^",
      ]
    `);
  });

  test('control characters and changes of text direction are shown, not sent', () => {
    const text = 'a\u001b[31m\u202e\u0000 bad';
    expect(render(text, [at(text, 'bad')])).toMatchInlineSnapshot(`
      "error[QS1001]: expected ',', found 'bad'
       --> a.qspec:1:10
        |
      1 | a\\u{1b}[31m\\u{202e}\\u{0} bad
        |                          ^^^

      "
    `);
  });

  test('a long line is cut around the place', () => {
    const text = `${'x'.repeat(500)} bad ${'y'.repeat(500)}`;
    const shown = render(text, [at(text, 'bad')]).split('\n')[3] ?? '';
    expect(shown).toContain(' bad ');
    expect(shown.length).toBeLessThan(140);
  });

  test('an empty file and a place at the end have a line too', () => {
    expect(render('', [diagnostic('QS1007', { start: 0, end: 0 }, {})])).toContain('1 |\n  | ^');
    expect(render('a\n', [diagnostic('QS1007', { start: 9, end: 99 }, {})])).toContain('a.qspec:2:1');
  });

  test('colors only where asked', () => {
    const text = 'spec a';
    expect(render(text, [at(text, 'a')])).not.toContain('\u001b');
    expect(render(text, [at(text, 'a')], { color: true })).toContain('\u001b[31merror[QS1001]\u001b[0m');
  });
});

test('diagnostics come in the order of the text', () => {
  const text = 'one two three';
  const codes = render(text, [at(text, 'three'), at(text, 'one'), at(text, 'two')], { reporter: 'json' });
  const columns = codes
    .trim()
    .split('\n')
    .map((l) => (JSON.parse(l) as { start: { column: number } }).start.column);
  expect(columns).toEqual([1, 5, 9]);
});

test('json: one object a line, with positions', () => {
  const text = 'spec a\nbad';
  expect(render(text, [at(text, 'bad', { hint: 'h' })], { reporter: 'json' })).toMatchInlineSnapshot(`
    "{"code":"QS1001","severity":"error","message":"expected ',', found 'bad'","file":"a.qspec","start":{"line":2,"column":1,"offset":7},"end":{"line":2,"column":4,"offset":10},"related":[],"hint":"h","fixes":[]}
    "
  `);
});

test('github: workflow commands with everything escaped that ends one', () => {
  const text = 'spec a\nbad';
  const d = at(text, 'bad', { message: '100%\r\nof::it', hint: 'h' });
  const source = { path: 'a,b:c.qspec', text };
  expect(renderDiagnostics([d], source, { reporter: 'github', color: false })).toMatchInlineSnapshot(`
    "::error file=a%2Cb%3Ac.qspec,line=2,endLine=2,col=1,endColumn=4,title=QS1001::100%25%0D%0Aof::it%0Ahint: h
    "
  `);
});
