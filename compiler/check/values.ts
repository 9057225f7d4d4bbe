import { isInteger, type Rational, toNumber } from '../numeric/rational.ts';
import type { Span } from '../source/source.ts';
import type { CallExpr, QuantityExpr } from '../syntax/ast.ts';
import type { LayerId } from './checked-spec.ts';

/** What an expression of the language evaluates to while checking; numbers are exact. */
export type Value = NumberValue | TextValue | WordValue | ListValue | RangeValue | CallValue | TensorValue;

export interface NumberValue {
  readonly kind: 'number';
  /** `10%` is 1/10. */
  readonly value: Rational;
  readonly unit?: QuantityExpr['unit'];
  /** The level of `2% at 32`. */
  readonly at?: Rational;
  readonly span: Span;
}

export interface TextValue {
  readonly kind: 'text';
  readonly text: string;
  readonly span: Span;
}

/** A name that nothing in scope defines, such as `same`, `all`, `true` or `int8`; whoever reads it says what it may be. */
export interface WordValue {
  readonly kind: 'word';
  readonly text: string;
  readonly span: Span;
}

export interface ListValue {
  readonly kind: 'list';
  readonly items: readonly (Value | undefined)[];
  readonly span: Span;
}

/** `from to to`, inclusive. */
export interface RangeValue {
  readonly kind: 'range';
  readonly from: Rational;
  readonly to: Rational;
  readonly span: Span;
}

/** `cosine(3e-3, 0)`: a call that whoever reads it evaluates. */
export interface CallValue {
  readonly kind: 'call';
  readonly call: CallExpr;
  readonly span: Span;
}

/** The output of a layer; `layer` is undefined where a mistake already reported left none. */
export interface TensorValue {
  readonly kind: 'tensor';
  readonly layer: LayerId | undefined;
  readonly span: Span;
}

/** The value in a few words, for `must be …, got …`. */
export function describe(value: Value): string {
  switch (value.kind) {
    case 'number': {
      const number = isInteger(value.value)
        ? shortInteger(value.value.numerator)
        : String(toNumber(value.value));
      return value.unit === undefined
        ? number
        : value.unit === '%'
          ? `${toNumber(value.value) * 100}%`
          : `${number} ${value.unit}`;
    }
    case 'text':
      return 'a text';
    case 'word':
      return `'${value.text}'`;
    case 'list':
      return `a list of ${value.items.length}`;
    case 'range':
      return 'a range';
    case 'call':
      return `${value.call.callee.text}(…)`;
    case 'tensor':
      return 'a tensor';
  }
}

function shortInteger(value: bigint): string {
  const text = value.toString();
  return text.length > 20 ? `a number of ${text.length} digits` : text;
}
