import type { ConstantNode, Node, OpNode, Value } from './graph.ts';

/** What two nodes must share to be one value. An input is equal to nothing but itself. */
export type NodeKey =
  | Pick<OpNode, 'kind' | 'op' | 'operands' | 'attributes'>
  | Pick<ConstantNode, 'kind' | 'data' | 'type'>;

/**
 * Values by what computes them: a hash table with open addressing that compares nodes themselves. A graph of 10,000 layers has
 * half a million nodes, and a string for each of them would cost more time and memory than everything else about it.
 */
export class NodeTable {
  readonly #nodes: readonly Node[];
  /** `value + 1`, and 0 where a slot is free. At most half of the slots are taken, so that searches stay short. */
  #values = new Int32Array(256);
  #hashes = new Int32Array(256);
  #count = 0;

  /** @param nodes what values are positions in; it may grow */
  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  /** The value of an equal node. @param hash the key's {@link hashOf} */
  find(hash: number, key: NodeKey): Value | undefined {
    const slot = this.#slotOf(hash, key);
    const taken = this.#values[slot] ?? 0;
    return taken === 0 ? undefined : taken - 1;
  }

  /** Gives an equal node's place to `value`, or a new one. */
  set(hash: number, key: NodeKey, value: Value): void {
    const slot = this.#slotOf(hash, key);
    if (this.#values[slot] === 0) this.#count++;
    this.#values[slot] = value + 1;
    this.#hashes[slot] = hash;
    if (2 * this.#count > this.#values.length) this.#grow();
  }

  /** The slot of an equal node, or the free one where it would be. */
  #slotOf(hash: number, key: NodeKey): number {
    const mask = this.#values.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const taken = this.#values[slot] ?? 0;
      if (taken === 0) return slot;
      const node = this.#nodes[taken - 1];
      if (this.#hashes[slot] === hash && node !== undefined && isEqual(node, key)) return slot;
    }
  }

  #grow(): void {
    const [values, hashes] = [this.#values, this.#hashes];
    const mask = 2 * values.length - 1;
    this.#values = new Int32Array(mask + 1);
    this.#hashes = new Int32Array(mask + 1);
    values.forEach((taken, i) => {
      if (taken === 0) return;
      const hash = hashes[i] ?? 0;
      let slot = hash & mask;
      while (this.#values[slot] !== 0) slot = (slot + 1) & mask;
      this.#values[slot] = taken;
      this.#hashes[slot] = hash;
    });
  }
}

/** A 32-bit number that equal keys share. */
export function hashOf(key: NodeKey): number {
  if (key.kind === 'constant') return finish(hashValue(hashValue(1, key.type.shape), key.data));
  return finish(hashValue(hashNumbers(hashText(2, key.op), key.operands), key.attributes));
}

function isEqual(node: Node, key: NodeKey): boolean {
  if (key.kind === 'constant') {
    if (node.kind !== 'constant' || node.type.dtype !== key.type.dtype) return false;
    return areEqual(node.type.shape, key.type.shape) && areEqual(node.data, key.data);
  }
  if (node.kind !== 'op' || node.op !== key.op) return false;
  return areEqual(node.operands, key.operands) && isSame(node.attributes, key.attributes);
}

function areEqual(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!isSame(a[i], b[i])) return false;
  return true;
}

/** Equality of attributes: numbers, texts, switches, and lists and records of them. 0 and -0 are one number. */
export function isSame(a: unknown, b: unknown): boolean {
  if (a === b || Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) return Array.isArray(b) && areEqual(a, b);
  let keys = 0;
  for (const key in a) {
    if (!isSame((a as Fields)[key], (b as Fields)[key])) return false;
    keys++;
  }
  for (const _ in b) keys--;
  return keys === 0;
}

type Fields = Readonly<Record<string, unknown>>;

function hashValue(hash: number, value: unknown): number {
  switch (typeof value) {
    case 'number':
      return mix(hash, numberBits(value));
    case 'string':
      return hashText(hash, value);
    case 'object': {
      if (Array.isArray(value)) return hashNumbers(hash, value);
      let result = hash;
      for (const key in value) result = hashValue(mix(result, key.length), (value as Fields)[key]);
      return result;
    }
    default:
      return mix(hash, value === true ? 1 : 2);
  }
}

/** Lists are of numbers nearly always; whatever else they hold is hashed as what it is. */
function hashNumbers(hash: number, list: readonly unknown[]): number {
  let result = mix(hash, list.length);
  for (const item of list)
    result = typeof item === 'number' ? mix(result, numberBits(item)) : hashValue(result, item);
  return result;
}

function hashText(hash: number, text: string): number {
  let result = hash;
  for (let i = 0; i < text.length; i++) result = Math.imul(result ^ text.charCodeAt(i), 0x01000193);
  return result;
}

const FLOAT = new Float64Array(1);
const BITS = new Int32Array(FLOAT.buffer);

function numberBits(value: number): number {
  if ((value | 0) === value) return value | 0;
  FLOAT[0] = value;
  return (BITS[0] ?? 0) ^ (BITS[1] ?? 0);
}

/** One round of MurmurHash3's mixing (Appleby 2011): values are consecutive numbers, which a weak hash would put side by side. */
function mix(hash: number, value: number): number {
  let k = Math.imul(value, 0xcc9e2d51);
  k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  const h = hash ^ k;
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}
