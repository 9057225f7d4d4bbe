import { readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { OpName } from '../../compiler/ir/op-attributes.ts';
import { DRAWINGS } from './cases.ts';
import { type Tightness, tightnessOf } from './tightness.ts';

/** What was measured when the rules last changed; `QSPEC_UPDATE=1` writes it anew. */
const FILE = new URL('tightness.json', import.meta.url);

test('law 7: no bound is further from what is observed than the table says', () => {
  const measured = Object.fromEntries(
    (Object.keys(DRAWINGS) as OpName[]).map((op): [string, Tightness] => [op, tightnessOf(op)]),
  );
  if (process.env['QSPEC_UPDATE'] === '1') writeFileSync(FILE, `${JSON.stringify(measured, undefined, 2)}\n`);
  const table = JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Tightness>;
  expect(Object.keys(table).sort()).toEqual(Object.keys(measured).sort());
  for (const [op, { inf, two }] of Object.entries(measured)) {
    const known = table[op] ?? { inf: 1, two: 1 };
    expect([op, inf <= known.inf * 1.02, two <= known.two * 1.02]).toEqual([op, true, true]);
  }
});
