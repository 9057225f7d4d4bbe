import type { OnnxRuntime } from './onnx-runtime.ts';
import { probeModel } from './probe-model.ts';

const ROWS = 8;
const TERMS = 64;
const COLUMNS = 32;

const probe = probeModel(
  'MatMulInteger',
  [
    { name: 'a', type: 'uint8', shape: [ROWS, TERMS] },
    { name: 'b', type: 'int8', shape: [TERMS, COLUMNS] },
  ],
  { name: 'y', type: 'int32', shape: [ROWS, COLUMNS] },
);

/**
 * Whether this machine's MatMulInteger gives exact sums of products of the largest bytes. On processors that add pairs of products
 * in 16 bits (AVX2 without VNNI) onnxruntime's kernel saturates there.
 */
export async function multipliesIntegersExactly(runtime: OnnxRuntime): Promise<boolean> {
  const session = await runtime.InferenceSession.create(probe, { executionProviders: ['cpu'] });
  try {
    const results = await session.run({
      a: new runtime.Tensor('uint8', new Uint8Array(ROWS * TERMS).fill(255), [ROWS, TERMS]),
      b: new runtime.Tensor('int8', new Int8Array(TERMS * COLUMNS).fill(127), [TERMS, COLUMNS]),
    });
    const sums = results['y']?.data;
    return sums instanceof Int32Array && sums.every((sum) => sum === 255 * 127 * TERMS);
  } finally {
    await session.release();
  }
}
