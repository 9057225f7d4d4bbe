import type { TfArgument, TfExpression } from '../../ir/tfjs-context.ts';
import { type Brackets, type Document, flat } from './document.ts';
import { numberLiteral, stringLiteral } from './text.ts';

/** The expressions that rules pass around, with their layout. */
export class Expression implements TfExpression {
  readonly document: Document;
  /** The same value as a TypeScript number, where it is one and tfjs takes numbers as well as tensors. */
  readonly number: string | undefined;

  constructor(document: Document, number?: string) {
    this.document = document;
    this.number = number;
  }

  get code(): string {
    return flat(this.document);
  }
}

/** Methods of tfjs whose operands may be plain numbers. */
const TAKES_NUMBERS: ReadonlySet<string> = new Set(['add', 'sub', 'mul', 'div', 'minimum', 'maximum']);

/** `tf.method(args)` */
export function tfCall(method: string, args: readonly TfArgument[]): Expression {
  return call(`tf.${method}`, args, TAKES_NUMBERS.has(method));
}

/** `callee(args)`; `callee` is code. */
export function call(callee: string, args: readonly TfArgument[], numbers = false): Expression {
  return new Expression({ open: `${callee}(`, items: args.map((a) => argument(a, numbers)), close: ')' });
}

/** `{ key: value }` with a property per entry, shorthand where key and code are the same identifier. */
export function objectLiteral(entries: Iterable<readonly [string, Document]>): Brackets {
  const items = [...entries].map(([key, value]) =>
    key === value ? key : prefixed(`${propertyName(key)}: `, value),
  );
  return { open: '{', items, close: '}' };
}

/** A value as a literal. */
export function literal(value: TfArgument): Document {
  return argument(value, false);
}

function argument(value: TfArgument, numbers: boolean): Document {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return numberLiteral(value);
  if (typeof value === 'string') return stringLiteral(value);
  if (value instanceof Expression)
    return numbers && value.number !== undefined ? value.number : value.document;
  if (isList(value)) {
    const items = value.map((item) => argument(item, false));
    return { open: '[', items, close: ']', fill: value.every((item) => typeof item === 'number') };
  }
  return objectLiteral(Object.entries(value).map(([key, item]) => [key, argument(item, false)]));
}

function isList(value: TfArgument): value is Extract<TfArgument, readonly unknown[]> {
  return Array.isArray(value);
}

/** Quoted unless an identifier; computed, so that `__proto__` is a property like any other. */
export function propertyName(key: string): string {
  return /^[A-Za-z]\w*$/.test(key) ? key : `[${stringLiteral(key)}]`;
}

function prefixed(prefix: string, document: Document): Document {
  return typeof document === 'string' ? prefix + document : { ...document, open: prefix + document.open };
}
