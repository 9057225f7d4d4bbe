import { type Graph, nodeOf, sameShape, type TensorType, type Value } from '../../../ir/graph.ts';
import type { IntElement } from '../../../numeric/format.ts';
import type { GraphWriter } from '../graph-writer.ts';
import { fromInnermost, innermost, padded, toInnermost } from './layout.ts';

/** A tensor of the model with the type that it is declared with. */
export interface Written {
  readonly name: string;
  readonly type: TensorType;
}

/** A value on a grid as its codes: the value is `(codes − zero)·scale`. */
export interface Codes {
  /** The codes as bytes, of the value's shape, with the batch innermost where the value lies so. */
  readonly name: string;
  readonly type: 'uint8' | 'int8';
  readonly element: IntElement;
  /** In the layout of the value; one number, or one for each index along the first axis of what lies as in the IR. */
  readonly scale: Written;
  /** The same codes in the other kind of bytes: of a signed element with the zero point 128, of an unsigned one with −128. */
  readonly shifted: () => string;
}

/** What a value is a function of, element by element, that never falls: maxima of the one are where maxima of the other are. */
export interface Monotone {
  /** `[C, H, W, N]` */
  readonly base: string;
  /** The function, of any tensor `[C, …]` of rank 4. */
  readonly of: (base: string) => string;
}

/**
 * What stands for each value of a graph in the model: the tensor as the IR has it, or with the batch innermost (see `layout.ts`),
 * or both once a rule has asked for the one that is not there.
 */
export class Values {
  readonly #graph: Graph;
  readonly #writer: GraphWriter;
  readonly #plain = new Map<Value, string>();
  readonly #inner = new Map<Value, string>();
  readonly #computedInner = new Set<Value>();
  readonly #deferred = new Map<Value, () => string>();
  readonly #monotone = new Map<Value, Monotone>();
  readonly #codes = new Map<Value, Codes>();
  readonly #shaped = new Map<string, string>();
  /** Tensors that ops computed, for the model's declarations. */
  readonly written: Written[] = [];

  constructor(graph: Graph, writer: GraphWriter) {
    this.#graph = graph;
    this.#writer = writer;
  }

  typeOf(value: Value): TensorType {
    return nodeOf(this.#graph, value).type;
  }

  shapeOf(value: Value): readonly number[] {
    return this.typeOf(value).shape;
  }

  setPlain(value: Value, name: string): void {
    this.#plain.set(value, name);
    this.#declare(value, name, this.shapeOf(value));
  }

  setInner(value: Value, name: string): void {
    this.#inner.set(value, name);
    this.#computedInner.add(value);
    this.#declare(value, name, innermost(this.shapeOf(value)));
  }

  /** Whether the value was computed with the batch innermost. */
  isInner(value: Value): boolean {
    return this.#computedInner.has(value);
  }

  /** A value with the batch innermost that is a function of another tensor; it is computed when a rule asks for it. */
  setMonotone(value: Value, monotone: Monotone): void {
    this.#monotone.set(value, monotone);
    this.#deferred.set(value, () => monotone.of(monotone.base));
    this.#computedInner.add(value);
  }

  monotone(value: Value): Monotone | undefined {
    return this.#monotone.get(value);
  }

  /** A value whose codes are there; the value itself is computed when a rule asks for it. */
  setCodes(value: Value, codes: Codes, inner: boolean, dequantized: () => string): void {
    this.#codes.set(value, codes);
    this.#deferred.set(value, dequantized);
    if (inner) this.#computedInner.add(value);
  }

  codes(value: Value): Codes | undefined {
    return this.#codes.get(value);
  }

  /** Computes what was put off. */
  #settle(value: Value): void {
    const make = this.#deferred.get(value);
    if (make === undefined) return;
    this.#deferred.delete(value);
    if (this.#computedInner.has(value)) this.setInner(value, make());
    else this.setPlain(value, make());
  }

  /** The tensor as the IR has it. */
  plain(value: Value): string {
    this.#settle(value);
    const known = this.#plain.get(value);
    if (known !== undefined) return known;
    const inner = this.#inner.get(value);
    if (inner === undefined) throw new Error(`value %${value} is used before its node`);
    const shape = this.shapeOf(value);
    const name = this.#moved(value, inner, shape, fromInnermost(shape.length));
    this.#plain.set(value, name);
    return name;
  }

  /** The tensor with the batch innermost. */
  inner(value: Value): string {
    this.#settle(value);
    const known = this.#inner.get(value);
    if (known !== undefined) return known;
    const shape = this.shapeOf(value);
    const name = this.#moved(value, this.plain(value), innermost(shape), toInnermost(shape.length));
    this.#inner.set(value, name);
    return name;
  }

  /** The tensor as an operand of an op whose result has `rank` axes and its batch innermost. */
  aligned(value: Value, rank: number): Written {
    const { dtype, shape } = this.typeOf(value);
    if (shape.length === 0) return { name: this.plain(value), type: { dtype, shape } };
    const moved = innermost(padded(shape, rank));
    const type = { dtype, shape: moved };
    if (shape.length === rank) return { name: this.inner(value), type };
    return { name: this.reshaped(this.plain(value), shape, moved), type };
  }

  /** A tensor under another shape, made once. */
  reshaped(name: string, from: readonly number[], to: readonly number[]): string {
    if (sameShape(from, to)) return name;
    const key = `${name} ${to}`;
    const known = this.#shaped.get(key);
    if (known !== undefined) return known;
    const shape = this.#writer.constant('int64', to, [to.length]);
    const result = this.#writer.node(stem(name), 'Reshape', [name, shape]);
    this.#shaped.set(key, result);
    return result;
  }

  /** A transposition; where an axis of size 1 is all that moves, or moves past axes of size 1 only, a reshape. */
  #moved(value: Value, from: string, to: readonly number[], perm: readonly number[]): string {
    const shape = this.shapeOf(value);
    const [batch = 1, ...rest] = shape;
    if (batch === 1 || rest.every((n) => n === 1)) {
      const before = sameShape(to, shape) ? innermost(shape) : shape;
      return this.reshaped(from, before, to);
    }
    const { name } = nodeOf(this.#graph, value).origin;
    return this.#writer.node(name ?? stem(from), 'Transpose', [from], { perm });
  }

  #declare(value: Value, name: string, shape: readonly number[]): void {
    if (nodeOf(this.#graph, value).kind === 'op') {
      this.written.push({ name, type: { dtype: this.typeOf(value).dtype, shape } });
    }
  }
}

/** A readable stem for what is made of a tensor. */
function stem(name: string): string {
  return name.replace(/\.[A-Z]\w*$/, '');
}
