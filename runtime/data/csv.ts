import { stat } from 'node:fs/promises';
import type { DataSource } from '../../compiler/check/checked-spec.ts';
import { DataError, dataError } from '../storage/data-error.ts';
import { readCsvRows } from './csv-rows.ts';
import { insideFolder } from './root.ts';
import type { Split, Target } from './split.ts';

type CsvSource = Extract<DataSource, { kind: 'csv' }>;

/** Without a test file, every fifth row is a test sample: a file sorted by class still has all of them in both parts. */
const TEST_EVERY = 5;

/**
 * Reads a table of numbers: one column is the target, the others, in file order, are the features. The test set of
 * `name.csv` is `name.test.csv` beside it; where there is none, it is every fifth row.
 *
 * @throws DataError, naming the line, where the table is malformed
 */
export async function loadCsv(
  source: CsvSource,
  target: Target,
  root: string,
  log: (line: string) => void,
): Promise<{ readonly train: Split; readonly test: Split }> {
  const path = await insideFolder(root, source.path);
  const table = await readTable(path, source, target).catch((failure: unknown) => {
    if (!(failure instanceof DataError) || failure.code !== 'QS7001') throw failure;
    throw dataError('QS7001', { path }, `paths of CSV files are relative to the data folder, ${root}`);
  });
  const testPath = await insideFolder(root, source.path.replace(/(\.[^./\\]*)?$/, '.test$1'));
  if (await stat(testPath).catch(() => undefined)) {
    const test = await readTable(testPath, source, target);
    if (test.columns.join() !== table.columns.join()) {
      const reason = `its columns ${test.columns.join(', ')} are not those of ${path}, ${table.columns.join(', ')}`;
      throw dataError('QS7023', { path: testPath, line: 1, reason });
    }
    return { train: table.split, test: test.split };
  }
  const { count } = table.split;
  if (count < 2) throw dataError('QS7024', { path, samples: count, needed: 2 });
  const order = Array.from({ length: count }, (_, row) => row);
  const isTest = (row: number) => row % TEST_EVERY === Math.min(TEST_EVERY, count) - 1;
  const test = gather(table.split, order.filter(isTest));
  log(
    `${source.path} has no test file; every ${TEST_EVERY}th row, ${test.count} of ${count}, is a test sample`,
  );
  return {
    train: gather(
      table.split,
      order.filter((row) => !isTest(row)),
    ),
    test,
  };
}

/** The samples at `picked`, copied. */
function gather(split: TableSplit, picked: readonly number[]): Split {
  const copy = <T extends Float32Array | Int32Array>(from: T, to: T): T => {
    const width = from.length / split.count;
    picked.forEach((row, i) => {
      to.set(from.subarray(row * width, (row + 1) * width), i * width);
    });
    return to;
  };
  const count = picked.length;
  const { x, labels, targets } = split;
  return {
    count,
    x: copy(x, new Float32Array((x.length / split.count) * count)),
    ...(labels ? { labels: copy(labels, new Int32Array(count)) } : {}),
    ...(targets ? { targets: copy(targets, new Float32Array(count)) } : {}),
  };
}

interface TableSplit extends Split {
  readonly x: Float32Array;
}

interface Table {
  readonly columns: readonly string[];
  readonly split: TableSplit;
}

async function readTable(path: string, source: CsvSource, target: Target): Promise<Table> {
  let columns: readonly string[] | undefined;
  let targetColumn = 0;
  const x = new GrowingFloats();
  const y = new GrowingFloats();
  await readCsvRows(path, (fields, line) => {
    if (columns === undefined) {
      columns = source.header ? fields.map((field) => field.trim()) : fields.map((_, index) => String(index));
      targetColumn = findTarget(path, columns, source);
      if (source.header) return;
    }
    if (fields.length !== columns.length) {
      throw dataError('QS7020', { path, line, actual: fields.length, expected: columns.length });
    }
    for (let column = 0; column < fields.length; column++) {
      const field = fields[column] ?? '';
      const place = { path, line, column: columns[column] ?? String(column), field: shown(field) };
      const value = parseNumber(field);
      if (value === undefined) throw dataError('QS7021', place);
      if (column !== targetColumn) {
        x.push(value);
        continue;
      }
      const isClass = Number.isInteger(value) && value >= 0 && value < target.count;
      if (target.kind === 'classes' && !isClass)
        throw dataError('QS7025', { ...place, classes: target.count });
      y.push(value);
    }
  });
  const count = y.length;
  if (columns === undefined || count === 0) throw dataError('QS7024', { path, samples: 0, needed: 1 });
  const targets = y.take();
  return {
    columns,
    split: {
      count,
      x: x.take(),
      ...(target.kind === 'classes' ? { labels: Int32Array.from(targets) } : { targets }),
    },
  };
}

/** The target's column, by its name in the header or else by its index, counted from 0. */
function findTarget(path: string, columns: readonly string[], source: CsvSource): number {
  const named = columns.indexOf(source.target);
  if (named >= 0 && columns.lastIndexOf(source.target) !== named) {
    throw dataError('QS7023', {
      path,
      line: 1,
      reason: `two columns are named ${JSON.stringify(source.target)}`,
    });
  }
  const index = /^\d+$/.test(source.target) ? Number(source.target) : -1;
  const found = named >= 0 ? named : index;
  if (found >= 0 && found < columns.length) return found;
  const known = source.header
    ? `the columns ${columns.slice(0, 20).map(shown).join(', ')}${columns.length > 20 ? ', …' : ''}`
    : `the columns 0 to ${columns.length - 1}`;
  throw dataError('QS7022', { path, target: source.target, columns: known });
}

/** A decimal number that float32 can hold; NaN, infinities and empty fields are none. */
function parseNumber(field: string): number | undefined {
  const text = field.trim();
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(Math.fround(value)) ? value : undefined;
}

function shown(field: string): string {
  if (field.trim() === '') return 'an empty field';
  return JSON.stringify(field.length > 40 ? `${field.slice(0, 40)}…` : field);
}

/** A Float32Array that doubles as it fills. */
class GrowingFloats {
  #values = new Float32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const grown = new Float32Array(2 * this.length);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.length++] = value;
  }

  take(): Float32Array {
    return this.#values.slice(0, this.length);
  }
}
