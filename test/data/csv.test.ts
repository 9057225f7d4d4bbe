import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadCsv } from '../../runtime/data/csv.ts';
import { readCsvRows } from '../../runtime/data/csv-rows.ts';
import { cases } from '../support/property.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { writeFiles } from './synthetic.ts';

const VALUES = { kind: 'values', count: 1 } as const;
const CLASSES = { kind: 'classes', count: 3 } as const;

async function rowsOf(text: string | Uint8Array): Promise<readonly (readonly [number, readonly string[]])[]> {
  const folder = await temporaryFolder();
  await writeFiles(folder, [['t.csv', text]]);
  const rows: [number, readonly string[]][] = [];
  await readCsvRows(join(folder, 't.csv'), (fields, line) => rows.push([line, fields]));
  return rows;
}

interface Settings {
  readonly target?: string;
  readonly header?: boolean;
  readonly path?: string;
}

async function load(
  files: Readonly<Record<string, string>>,
  kind: typeof VALUES | typeof CLASSES,
  settings: Settings = {},
) {
  const root = await temporaryFolder();
  await writeFiles(root, Object.entries(files));
  const log: string[] = [];
  const { target = 'y', header = true, path = 't.csv' } = settings;
  const splits = await loadCsv({ kind: 'csv', path, target, header }, kind, root, (line) => log.push(line));
  return { ...splits, log };
}

describe('rows', () => {
  test('fields may be quoted, doubled quotes and line ends in them, any line end after them', async () => {
    const text = '\uFEFFa, "b" ,"c,d"\r\n"e ""f""",,"g\nh"\r1,2,3\n\n   \n4,5,6';
    expect(await rowsOf(text)).toEqual([
      [1, ['a', 'b', 'c,d']],
      [2, ['e "f"', '', 'g\nh']],
      [4, ['1', '2', '3']],
      [7, ['4', '5', '6']],
    ]);
  });

  test('an empty file has no rows, one of commas has empty fields', async () => {
    expect(await rowsOf('')).toEqual([]);
    expect(await rowsOf('\n\r\n\n')).toEqual([]);
    expect(await rowsOf(',\n""\n')).toEqual([
      [1, ['', '']],
      [2, ['']],
    ]);
  });

  test('whatever is written, quoted as the format says, is read back', async () => {
    const field = fc.string({ unit: fc.constantFrom('a', '1', ',', '"', '\n', '\r', ' ', 'é') });
    const table = fc.array(fc.array(field, { minLength: 2, maxLength: 4 }), { maxLength: 6 });
    const ends = fc.constantFrom('\n', '\r\n', '\r');
    await fc.assert(
      fc.asyncProperty(table, ends, async (rows, end) => {
        const quoted = rows
          .map((row) => row.map((text) => `"${text.replaceAll('"', '""')}"`).join(',') + end)
          .join('');
        expect((await rowsOf(quoted)).map(([, fields]) => fields)).toEqual(rows);
      }),
      cases(60),
    );
  });

  test('a file larger than what is read at once is read whole', async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => `${i},"x${i}"\r\n`);
    const read = await rowsOf(rows.join(''));
    expect(read.length).toBe(60_000);
    expect(read.every(([line, [a, b]], i) => line === i + 1 && a === `${i}` && b === `x${i}`)).toBe(true);
  });

  test.each([
    ['an open quote', '1,2\n3,"4', 2, 'the quote that opens here is never closed'],
    ['text after a quoted field', '1,2\n"3"4,5', 2, 'text follows a closing quote'],
    ['a quote within a field', '1,2"3"\n', 1, 'a quote stands inside a field'],
    ['a field without end', `1,${'9'.repeat(70_000)}`, 1, 'a field is longer than 65536 characters'],
  ])('%s is refused', async (_, text, line, words) => {
    const message = expect.stringContaining(`t.csv, line ${line}: ${words}`);
    await expect(rowsOf(text)).rejects.toMatchObject({ code: 'QS7023', message });
  });
});

describe('tables', () => {
  test('the target is found by name; the other columns are features in file order', async () => {
    const { train, test: held } = await load(
      { 't.csv': 'a,y,b\n1,10,2\n3,30,4\n5,50,6\n', 't.test.csv': 'a,y,b\n-1,.5,1e2\n' },
      VALUES,
    );
    expect(train.count).toBe(3);
    expect([...train.x]).toEqual([1, 2, 3, 4, 5, 6]);
    expect([...(train.targets ?? [])]).toEqual([10, 30, 50]);
    expect(train.labels).toBeUndefined();
    expect([...held.x, ...(held.targets ?? [])]).toEqual([-1, 100, 0.5]);
  });

  test('the target is found by index, with a header or without', async () => {
    const without = await load({ 't.csv': '1,10\n3,30\n' }, VALUES, { target: '1', header: false });
    const within = await load({ 't.csv': 'a,b\n1,10\n3,30\n' }, VALUES, { target: '1' });
    expect([...(without.train.targets ?? [])]).toEqual([10]);
    expect(within.train).toEqual(without.train);
  });

  test('a name goes before an index', async () => {
    const { train } = await load({ 't.csv': '1,0\n5,6\n7,8\n' }, VALUES, { target: '1' });
    expect([...(train.targets ?? [])]).toEqual([5]);
  });

  test('without a test file every fifth row is a test sample, and that is said', async () => {
    const text = `x,y\n${Array.from({ length: 13 }, (_, i) => `${i},${i % 3}\n`).join('')}`;
    const { train, test: held, log } = await load({ 't.csv': text }, CLASSES);
    expect([...held.x]).toEqual([4, 9]);
    expect([...train.x]).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12]);
    expect([...(held.labels ?? [])]).toEqual([1, 0]);
    expect(log).toEqual(['t.csv has no test file; every 5th row, 2 of 13, is a test sample']);
  });

  test('two rows are enough for both parts', async () => {
    const { train, test: held } = await load({ 't.csv': 'x,y\n1,2\n3,4\n' }, VALUES);
    expect([train.count, held.count]).toEqual([1, 1]);
  });

  test.each([
    ['a short row', 'x,y\n1,2\n3\n', VALUES, {}, 'QS7020', 'line 3: 1 field where the first line has 2'],
    ['a long row', 'x,y\n1,2,3\n', VALUES, {}, 'QS7020', 'line 2: 3 fields where the first line has 2'],
    ['text', 'x,y\n1,2\nabc,2\n', VALUES, {}, 'QS7021', 'line 3, column x: "abc" is not a finite number'],
    ['NaN', 'x,y\nNaN,2\n', VALUES, {}, 'QS7021', 'line 2, column x: "NaN" is not a finite number'],
    ['an infinity', 'x,y\n1,-inf\n', VALUES, {}, 'QS7021', 'column y: "-inf"'],
    ['a number beyond float32', 'x,y\n1e39,2\n', VALUES, {}, 'QS7021', '"1e39" is not a finite number'],
    [
      'a hexadecimal number',
      '0x10,2\n',
      VALUES,
      { header: false, target: '1' },
      'QS7021',
      'line 1, column 0: "0x10"',
    ],
    ['an empty field', 'x,y\n,2\n', VALUES, {}, 'QS7021', 'an empty field is not a finite number'],
    [
      'no such column',
      'x,z\n1,2\n',
      VALUES,
      {},
      'QS7022',
      'no target column "y"; it has the columns "x", "z"',
    ],
    ['no such index', '1,2\n', VALUES, { header: false, target: '2' }, 'QS7022', 'it has the columns 0 to 1'],
    ['a column twice', 'y,y\n1,2\n', VALUES, {}, 'QS7023', 'two columns are named "y"'],
    [
      'a class that is no integer',
      'x,y\n1,0.5\n',
      CLASSES,
      {},
      'QS7025',
      '"0.5" is not a class: an integer from 0 to 2',
    ],
    [
      'a class past the last',
      'x,y\n1,2\n1,3\n',
      CLASSES,
      {},
      'QS7025',
      'line 3, column y: "3" is not a class',
    ],
    ['nothing', '', VALUES, {}, 'QS7024', 'holds 0 samples; at least 1 is needed'],
    ['a header alone', 'x,y\n', VALUES, {}, 'QS7024', 'holds 0 samples'],
    ['one row', 'x,y\n1,2\n', VALUES, {}, 'QS7024', 'holds 1 sample; at least 2 are needed'],
  ] as const)('%s is refused', async (_, text, target, settings, code, words) => {
    await expect(load({ 't.csv': text }, target, settings)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });

  test('a long field is shortened in the message', async () => {
    const failure = load({ 't.csv': `x,y\n${'a'.repeat(5000)},1\n` }, VALUES);
    await expect(failure).rejects.toMatchObject({ message: expect.stringMatching(/^.{0,200}$/) });
  });

  test('a test file with other columns is refused', async () => {
    const failure = load({ 't.csv': 'x,y\n1,2\n', 't.test.csv': 'z,y\n1,2\n' }, VALUES);
    await expect(failure).rejects.toMatchObject({
      code: 'QS7023',
      message: expect.stringContaining('its columns z, y are not those of'),
    });
  });

  test.each(['../t.csv', '/etc/passwd', 'a/../../t.csv', '..'])('the path %s is refused', async (path) => {
    await expect(load({}, VALUES, { path })).rejects.toMatchObject({ code: 'QS7002' });
  });

  test('a missing file is named with the folder it should be in', async () => {
    const failure = load({}, VALUES, { path: 'sub/none.csv' });
    await expect(failure).rejects.toMatchObject({
      code: 'QS7001',
      message: expect.stringMatching(/^no such file: .*none\.csv$/),
      hint: expect.stringContaining('relative to the data folder'),
    });
  });

  test('a folder is not a table', async () => {
    await expect(load({ 'sub/t.csv': '1' }, VALUES, { path: 'sub' })).rejects.toMatchObject({
      code: 'QS7004',
    });
  });
});
