import { sizeOf } from '../../ir/graph.ts';
import type { OnnxAttribute } from '../../ir/onnx-context.ts';
import { makeAttributes } from './attributes.ts';
import type { DataTypeName } from './data-types.ts';
import { float32Text } from './number-text.ts';
import type { NodeProto, TensorProto } from './schema.ts';
import { makeTensor, tensorValues } from './tensor-data.ts';

/** A tensor that is known while the graph is written. */
export interface KnownTensor {
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** Collects the nodes and initializers of one ONNX graph under names that are readable and unique. */
export class GraphWriter {
  readonly nodes: NodeProto[] = [];
  readonly #initializers = new Map<string, TensorProto>();
  readonly #constants = new Map<string, string>();
  readonly #replacements = new Map<string, string>();
  readonly #taken: Set<string>;
  /** By stem, the number that is tried next. */
  readonly #numbers = new Map<string, number>();

  /** @param reserved names of the graph's inputs and outputs, which nothing else may get */
  constructor(reserved: Iterable<string>) {
    this.#taken = new Set(reserved);
  }

  get initializers(): readonly TensorProto[] {
    return [...this.#initializers.values()];
  }

  /** `stem` itself where it is free, else with a number. */
  fresh(stem: string): string {
    let name = stem;
    // Numbers below the last one given are taken, so that many values of one stem are not counted anew for each.
    let next = this.#numbers.get(stem) ?? 2;
    while (this.#taken.has(name)) name = `${stem}_${next++}`;
    if (next > 2) this.#numbers.set(stem, next);
    this.#taken.add(name);
    return name;
  }

  /** Adds a node with one output, named after what it computes: `c1.weights.Div`. `domain` is that of the operator. */
  node(
    stem: string,
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    domain = '',
  ): string {
    const name = this.fresh(`${stem}.${opType}`);
    const node = { name, opType, input: inputs, output: [name], attribute: makeAttributes(attributes) };
    this.nodes.push(domain === '' ? node : { ...node, domain });
    return name;
  }

  /** An initializer under a name of its own, which must have been reserved or be free. */
  initializer(name: string, type: DataTypeName, shape: readonly number[], values: ArrayLike<number>): string {
    if (this.#initializers.has(name)) throw new Error(`two initializers are named '${name}'`);
    this.#taken.add(name);
    this.#initializers.set(name, makeTensor(name, type, shape, values));
    return name;
  }

  /** By name, the initializer that it replaces; see {@link replacement}. */
  get replacements(): ReadonlyMap<string, string> {
    return this.#replacements;
  }

  /** The values of an initializer in another type or shape; it is to take the name over if nothing reads the original. */
  replacement(
    original: string,
    type: DataTypeName,
    shape: readonly number[],
    values: ArrayLike<number>,
  ): string {
    const name = this.fresh(`${original}.${type}[${shape}]`);
    this.#replacements.set(name, original);
    return this.initializer(name, type, shape, values);
  }

  /** An initializer that is shared by all who ask for the same type, shape and values. */
  constant(type: DataTypeName, values: readonly number[], shape: readonly number[]): string {
    const key = `${type} ${shape} ${values.map((v) => (Object.is(v, -0) ? '-0' : v))}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const text = type === 'float' ? float32Text : String;
    const short = values.length <= 4 ? values.map(text).join('_') : shape.join('x');
    const name = this.fresh(`const.${type}.${short}`);
    this.#constants.set(key, name);
    return this.initializer(name, type, shape, values);
  }

  /** The value of an initializer. */
  known(name: string): KnownTensor | undefined {
    const tensor = this.#initializers.get(name);
    const values = tensor && tensorValues(tensor);
    return tensor && values ? { shape: tensor.dims, values } : undefined;
  }

  /** A splat or full tensor as an initializer; a large splat as the expansion of a scalar. */
  tensor(stem: string, type: DataTypeName, data: readonly number[], shape: readonly number[]): string {
    const size = sizeOf(shape);
    if (data.length !== 1 || size <= SMALL) {
      return this.constant(
        type,
        data.length === size ? data : new Array<number>(size).fill(data[0] ?? 0),
        shape,
      );
    }
    const scalar = this.constant(type, data, []);
    return this.node(stem, 'Expand', [scalar, this.constant('int64', shape, [shape.length])]);
  }
}

/** Up to this many elements a splat is written out. */
const SMALL = 64;
