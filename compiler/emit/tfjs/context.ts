import type { OpNode, TensorType } from '../../ir/graph.ts';
import type { OpName } from '../../ir/op-attributes.ts';
import type { TfExpression, TfjsContext } from '../../ir/tfjs-context.ts';
import { call, Expression, tfCall } from './expression.ts';
import { supportFileOf } from './support-files.ts';
import { numberLiteral } from './text.ts';

/** What one emitted file uses besides its own declarations. */
export class Uses {
  /** Names of support functions, by file. */
  readonly support = new Map<string, Set<string>>();

  add(name: string): void {
    const file = supportFileOf(name);
    this.addFile(file).add(name);
  }

  /** A support module of which only types are used. */
  addFile(file: string): Set<string> {
    const names = this.support.get(file) ?? new Set();
    this.support.set(file, names);
    return names;
  }
}

/** What the tfjs rule of one op sees. */
export function tfjsContext<K extends OpName>(
  node: OpNode<K>,
  operands: readonly TfExpression[],
  operandTypes: readonly TensorType[],
  uses: Uses,
): TfjsContext<K> {
  return {
    attributes: node.attributes,
    operands,
    operandTypes,
    type: node.type,
    tf: (method, ...args) => tfCall(method, args),
    support: (name, ...args) => {
      uses.add(name);
      return call(name, args);
    },
    noise: (distribution, stream, shape) => call(`noise.${distribution}`, [stream, shape]),
  };
}

/** A tensor that is known when the program is written. */
export function constantExpression(data: readonly number[], type: TensorType): Expression {
  const dtype = type.dtype === 'i32' ? ['int32'] : [];
  const [first, ...rest] = data;
  if (first === undefined || rest.length > 0) return tfCall('tensor', [data, type.shape, ...dtype]);
  if (type.shape.length > 0) return tfCall('fill', [type.shape, first, ...dtype]);
  const scalar = tfCall('scalar', [first, ...dtype]);
  return type.dtype === 'i32' ? scalar : new Expression(scalar.document, numberLiteral(first));
}

/** A number that the caller gives, as a tensor or as itself; `code` is an identifier or a property of one. */
export function numberExpression(code: string): Expression {
  return new Expression({ open: 'tf.scalar(', items: [code], close: ')' }, code);
}
