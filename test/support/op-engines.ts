import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import * as conv2d from '../../compiler/emit/tfjs/support/conv2d.ts';
import * as normalization from '../../compiler/emit/tfjs/support/normalization.ts';
import * as pooling from '../../compiler/emit/tfjs/support/pooling.ts';
import * as quantize from '../../compiler/emit/tfjs/support/quantize.ts';
import type { OpNode } from '../../compiler/ir/graph.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import { type NdArray, ndarray } from '../../compiler/ir/ndarray.ts';
import type { OpAttributes, OpName } from '../../compiler/ir/op-attributes.ts';
import type { TfArgument, TfExpression } from '../../compiler/ir/tfjs-context.ts';
import { newBuilder, REGISTRY } from '../../compiler/ops/registry.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';

/** One op on f32 operands in an engine. The result has f32 values. */
export type RunOp = <K extends OpName>(
  op: K,
  operands: readonly NdArray[],
  attributes: OpAttributes[K],
) => Promise<NdArray>;

/** Through the op's ONNX rule and onnxruntime at one level of graph optimization. */
export function onnxRunner(optimization: 'disabled' | 'basic' | 'all'): RunOp {
  return async (op, operands, attributes) => {
    const engine = await createOnnxEngine({ threads: 1, optimization });
    const builder = newBuilder();
    const values = operands.map(({ shape }, i) => builder.input(`x${i}`, 'batch', { dtype: 'f32', shape }));
    const result = builder.op(op, values, attributes);
    const executable = await engine.load(builder.build('op', [{ name: 'y', value: result }]), { seed: 0 });
    const inputs = operands.map(({ shape, data }, i) => {
      return [`x${i}`, { dtype: 'f32', shape, data: Float32Array.from(data) }] as const;
    });
    const tensor = (await executable.run(new Map(inputs), 0)).get('y');
    await executable.dispose();
    if (tensor === undefined) throw new Error('no result');
    return ndarray(tensor.shape, tensor.data);
  };
}

/** Through the op's tfjs rule on the CPU backend: the rule's expressions are evaluated while they are built. */
export const runTfjs: RunOp = async (op, operands, attributes) => {
  await tf.setBackend('cpu');
  const builder = newBuilder();
  const values = operands.map(({ shape }, i) => builder.input(`x${i}`, 'batch', { dtype: 'f32', shape }));
  const node = builder.nodes[builder.op(op, values, attributes)] as unknown as OpNode<typeof op>;
  const result = tf.tidy(() => {
    const expressions = operands.map(
      ({ shape, data }) => new Evaluated(tf.tensor(Float32Array.from(data), [...shape])),
    );
    const expression = REGISTRY[op].tfjs({
      attributes,
      operands: expressions,
      operandTypes: values.map((v) => builder.typeOf(v)),
      type: node.type,
      tf: (method, ...args) => evaluated(tf, method, args),
      support: (name, ...args) =>
        evaluated({ ...conv2d, ...normalization, ...pooling, ...quantize }, name, args),
      noise: () => {
        throw new Error('ops with noise have no runner here');
      },
    });
    return tensorOf(expression);
  });
  const array = ndarray(result.shape, result.dataSync());
  result.dispose();
  if (tf.memory().numTensors > 0) throw new Error(`${op} leaks ${tf.memory().numTensors} tensors`);
  return array;
};

/** Every engine with its name. */
export const ENGINES: readonly (readonly [string, RunOp])[] = [
  ['onnx, not optimized', onnxRunner('disabled')],
  ['onnx, optimized', onnxRunner('all')],
  ['tfjs', runTfjs],
];

class Evaluated implements TfExpression {
  readonly code = '';
  readonly tensor: tf.Tensor;

  constructor(tensor: tf.Tensor) {
    this.tensor = tensor;
  }
}

function tensorOf(expression: TfExpression): tf.Tensor {
  if (expression instanceof Evaluated) return expression.tensor;
  throw new Error('an expression that no rule made');
}

function evaluated(module: object, name: string, args: readonly TfArgument[]): Evaluated {
  const found: unknown = Reflect.get(module, name);
  if (typeof found !== 'function') throw new Error(`no function is named '${name}'`);
  return new Evaluated(found(...args.map((arg) => (arg instanceof Evaluated ? arg.tensor : arg))));
}

/** A tensor of numbers drawn by position. */
export function filled(shape: readonly number[], value: (index: number) => number): NdArray {
  return ndarray(
    shape,
    Float64Array.from({ length: sizeOf(shape) }, (_, i) => value(i)),
  );
}
