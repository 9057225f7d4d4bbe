import { isInteger, toNumber } from '../numeric/rational.ts';
import { failed, MISMATCH, type ParameterType } from './arguments.ts';

/** A whole number from `min` to `max`. */
export function whole(min: number, max: number = Number.MAX_SAFE_INTEGER): ParameterType<number> {
  const expected =
    max === Number.MAX_SAFE_INTEGER
      ? `a whole number, at least ${min}`
      : `a whole number from ${min} to ${max}`;
  return {
    expected,
    read: (value) => {
      if (value.kind !== 'number' || value.unit !== undefined || !isInteger(value.value)) return MISMATCH;
      const { numerator } = value.value;
      return numerator >= BigInt(min) && numerator <= BigInt(max) ? Number(numerator) : MISMATCH;
    },
  };
}

/** Limits of a real number; open ends exclude the limit itself. */
interface Interval {
  readonly min?: number;
  readonly max?: number;
  readonly openMin?: boolean;
  readonly openMax?: boolean;
}

/** A real number within limits; a percentage is read as the fraction it is. */
export function real({
  min = -Number.MAX_VALUE,
  max = Number.MAX_VALUE,
  openMin = false,
  openMax = false,
}: Interval = {}): ParameterType<number> {
  const parts: string[] = [];
  if (min !== -Number.MAX_VALUE) parts.push(openMin ? `above ${min}` : `at least ${min}`);
  if (max !== Number.MAX_VALUE) parts.push(openMax ? `below ${max}` : `at most ${max}`);
  return {
    expected: ['a number', parts.join(' and ')].filter((part) => part !== '').join(' '),
    read: (value) => {
      if (value.kind !== 'number' || (value.unit !== undefined && value.unit !== '%')) return MISMATCH;
      const result = toNumber(value.value);
      const inside = (openMin ? result > min : result >= min) && (openMax ? result < max : result <= max);
      return inside ? result : MISMATCH;
    },
  };
}

/** A number above 0. */
export const POSITIVE = real({ min: 0, openMin: true });

export const FLAG: ParameterType<boolean> = {
  expected: 'true or false',
  words: ['true', 'false'],
  read: (value) =>
    value.kind === 'word' && (value.text === 'true' || value.text === 'false')
      ? value.text === 'true'
      : MISMATCH,
};

export const TEXT: ParameterType<string> = {
  expected: 'a text in quotes',
  read: (value) => (value.kind === 'text' ? value.text : MISMATCH),
};

/** One of a few words. */
export function word<const W extends string>(words: readonly W[]): ParameterType<W> {
  return {
    expected: words.length === 1 ? `'${words[0]}'` : `one of ${words.join(', ')}`,
    words,
    read: (value) => words.find((w) => value.kind === 'word' && w === value.text) ?? MISMATCH,
  };
}

/** A list of whatever `item` accepts. */
export function listOf<T>(item: ParameterType<T>, length?: number): ParameterType<readonly T[]> {
  return {
    expected: `a list${length === undefined ? '' : ` of ${length}`}, each item ${item.expected}`,
    read: (value, log) => {
      if (value.kind !== 'list' || (length !== undefined && value.items.length !== length)) return MISMATCH;
      const items: T[] = [];
      for (const element of value.items) {
        const result = element && item.read(element, log);
        if (failed(result)) return result;
        items.push(result);
      }
      return items;
    },
  };
}

/** Whatever the first fitting of the types accepts. */
export function either<A, B>(first: ParameterType<A>, second: ParameterType<B>): ParameterType<A | B> {
  return {
    expected: `${first.expected}, or ${second.expected}`,
    words: [...(first.words ?? []), ...(second.words ?? [])],
    read: (value, log) => {
      const result = first.read(value, log);
      return result === MISMATCH ? second.read(value, log) : result;
    },
  };
}

/** The result of reading, changed; the reader may still refuse it. */
export function mapped<A, B>(
  type: ParameterType<A>,
  expected: string,
  change: (value: A) => B | typeof MISMATCH,
): ParameterType<B> {
  return {
    expected,
    ...(type.words === undefined ? {} : { words: type.words }),
    read: (value, log) => {
      const result = type.read(value, log);
      return failed(result) ? result : change(result);
    },
  };
}

/** Height and width, from one number for both or `[height, width]`. */
export function pair(min: number): ParameterType<readonly [number, number]> {
  const item = whole(min);
  return mapped(either(item, listOf(item, 2)), `${item.expected}, or [height, width]`, (value) => {
    if (typeof value === 'number') return [value, value] as const;
    const [height, width] = value;
    return height === undefined || width === undefined ? MISMATCH : ([height, width] as const);
  });
}
