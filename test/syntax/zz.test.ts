import { test } from 'vitest';
import { readFileSync } from 'node:fs';
import { parse } from '../../compiler/syntax/parse.ts';
import { lex, tokenSpan } from '../../compiler/syntax/lex.ts';
test('x', () => {
  const text = readFileSync('/tmp/syn/sketch.qspec','utf8');
  const l = lex(text);
  for (const [mode, rep] of [['delete',''],['dup', null],['junk','@'],['pipe',' |> '],['brace',' { '],['word', ' foo '],['num', ' 7 ']] as const) {
    const hist: Record<number, number> = {};
    const bad: string[] = [];
    for (const tok of l.tokens) {
      const {start,end} = tokenSpan(tok);
      const r = rep === null ? tok.image + ' ' + tok.image : rep;
      const m = text.slice(0,start)+r+text.slice(end);
      const d = parse({path:'a', text:m}).diagnostics;
      hist[d.length] = (hist[d.length]??0)+1;
      if (d.length > 1) bad.push(`${tok.startLine}:${tok.startColumn} '${tok.image}' → ${d.length}: ` + d.map(x=>`${x.span.start-start} ${x.message}`).join(' ¦ '));
    }
    console.log(mode, JSON.stringify(hist));
    console.log(bad.slice(0,14).join('\n'));
  }
});
