import type { TensorType } from '../ir/graph.ts';
import { ndarray } from '../ir/ndarray.ts';
import type { OpDef, Registry } from '../ir/op.ts';
import type { OpAttributes } from '../ir/op-attributes.ts';
import { matmul as matmulBounds } from './bounds/products.ts';
import { arity } from './operands.ts';

interface Product {
  /** Sizes before the last two, equal in both operands. */
  readonly batch: readonly number[];
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

function productOf(operands: readonly TensorType[], attributes: OpAttributes['matmul']): Product {
  const [a, b] = arity(operands, 2);
  const rank = a.shape.length;
  const batch = a.shape.slice(0, -2);
  const [m, k] = lastTwo(a, attributes.transposeA);
  const [kb, n] = lastTwo(b, attributes.transposeB);
  const sameBatch = rank === b.shape.length && batch.every((size, i) => size === b.shape[i]);
  if (k !== kb || !sameBatch)
    throw new Error(`no product of [${a.shape}] and [${b.shape}] with ${JSON.stringify(attributes)}`);
  return { batch, m, k, n };
}

function lastTwo(type: TensorType, transposed: boolean): readonly [number, number] {
  const [rows, columns] = type.shape.slice(-2);
  if (type.dtype !== 'f32' || rows === undefined || columns === undefined) {
    throw new Error(`a matrix is needed, not ${type.dtype}[${type.shape}]`);
  }
  return transposed ? [columns, rows] : [rows, columns];
}

/** Exchanges the last two of `rank` axes. */
function swapLastTwo(rank: number): readonly number[] {
  return Array.from({ length: rank }, (_, i) => (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
}

const matmul: OpDef<'matmul'> = {
  type: (operands, attributes) => {
    const { batch, m, n } = productOf(operands, attributes);
    return { dtype: 'f32', shape: [...batch, m, n] };
  },

  bounds: matmulBounds,
  macs: (operands, attributes) => {
    const { batch, m, k, n } = productOf(operands, attributes);
    return batch.reduce((size, axis) => size * axis, m * k * n);
  },

  // With C = A·B, δ_A = δ·Bᵀ and δ_B = Aᵀ·δ; an operand that is read transposed gets the transpose of that.
  vjp: ({ builder, operands, node, cotangent }) => {
    const [a, b] = arity(operands, 2);
    const { transposeA, transposeB } = node.attributes;
    return [
      transposeA
        ? builder.op('matmul', [b, cotangent], { transposeA: transposeB, transposeB: true })
        : builder.op('matmul', [cotangent, b], { transposeA: false, transposeB: !transposeB }),
      transposeB
        ? builder.op('matmul', [cotangent, a], { transposeA: true, transposeB: transposeA })
        : builder.op('matmul', [a, cotangent], { transposeA: !transposeA, transposeB: false }),
    ];
  },

  evaluate: ({ operands, attributes, type }) => {
    const [a, b] = arity(operands, 2);
    const { batch, m, k, n } = productOf(
      operands.map(({ shape }) => ({ dtype: 'f32', shape })),
      attributes,
    );
    const [aRow, aColumn] = attributes.transposeA ? [1, m] : [k, 1];
    const [bRow, bColumn] = attributes.transposeB ? [1, k] : [n, 1];
    const result = ndarray(type.shape);
    const matrices = batch.reduce((size, axis) => size * axis, 1);
    for (let matrix = 0; matrix < matrices; matrix++) {
      for (let i = 0; i < m; i++) {
        const target = (matrix * m + i) * n;
        for (let l = 0; l < k; l++) {
          const left = a.data[matrix * m * k + i * aRow + l * aColumn] ?? 0;
          const source = matrix * k * n + l * bRow;
          for (let j = 0; j < n; j++) {
            result.data[target + j] =
              (result.data[target + j] ?? 0) + left * (b.data[source + j * bColumn] ?? 0);
          }
        }
      }
    }
    return result;
  },

  tfjs: ({ operands, attributes, tf }) => {
    const [a, b] = arity(operands, 2);
    const { transposeA, transposeB } = attributes;
    if (transposeB) return tf('matMul', a, b, transposeA, true);
    return transposeA ? tf('matMul', a, b, true) : tf('matMul', a, b);
  },

  // `Gemm` reads matrices transposed; stacks of matrices are transposed before `MatMul`.
  onnx: (context) => {
    const [a, b] = arity(context.operands, 2);
    const { transposeA, transposeB } = context.attributes;
    const rank = context.type.shape.length;
    if (rank === 2 && (transposeA || transposeB)) {
      return context.op('Gemm', [a, b], { transA: Number(transposeA), transB: Number(transposeB) });
    }
    const read = (name: string, transposed: boolean): string =>
      transposed ? context.op('Transpose', [name], { perm: swapLastTwo(rank) }) : name;
    return context.op('MatMul', [read(a, transposeA), read(b, transposeB)]);
  },
};

export const LINEAR = { matmul } satisfies Pick<Registry, 'matmul'>;
