import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { DRAWINGS } from './cases.ts';
import { looser, type Tightness, tightnessOf } from './tightness.ts';

/** What was measured when the rules last changed; `QSPEC_UPDATE=1` writes it anew. */
const FILE = new URL('tightness.json', import.meta.url);

const OPS = Object.keys(DRAWINGS) as OpName[];

test('law 7: no bound is further from what is observed than the table says', () => {
  if (process.env['QSPEC_UPDATE'] === '1') {
    const measured = Object.fromEntries(OPS.map((op): [string, Tightness] => [op, tightnessOf(op)]));
    writeFileSync(FILE, `${JSON.stringify(measured, undefined, 2)}\n`);
  }
  const table = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Tightness>;
  expect(Object.keys(table).sort()).toEqual([...OPS].sort());
  expect(OPS.flatMap((op) => looser(op, table) ?? [])).toEqual([]);
});
