import { describe, expect, test } from 'vitest';
import { ndarray } from '../../compiler/ir/ndarray.ts';
import { noisePool, normals, poolOffset, poolSize, uniforms } from '../../compiler/numeric/random.ts';
import { newBuilder, REGISTRY } from '../../compiler/ops/registry.ts';
import type { Engine } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { createReferenceEngine } from '../../runtime/engines/reference.ts';
import { createTfjsEngine } from '../../runtime/engines/tfjs.ts';

const SEED = 21;

const ENGINES: readonly (readonly [string, () => Promise<Engine> | Engine])[] = [
  ['the reference', () => createReferenceEngine()],
  ['onnx', () => createOnnxEngine({ threads: 1 })],
  ['tfjs', () => createTfjsEngine()],
];

describe.each([['uniform', uniforms] as const, ['normal', normals] as const])(
  '%s noise',
  (distribution, draws) => {
    test('has no operands, no gradient and the shape that it is asked for', () => {
      const { type, macs } = REGISTRY[distribution];
      const attributes = { shape: [2, 3], stream: 'a' };
      expect(type([], attributes)).toEqual({ dtype: 'f32', shape: [2, 3] });
      expect(macs([], attributes, type([], attributes))).toBe(0);
      const builder = newBuilder();
      const node = builder.op(distribution, [], attributes);
      expect(builder.op(distribution, [], { shape: [2, 3], stream: 'a' })).toBe(node);
      expect(builder.op(distribution, [], { shape: [2, 3], stream: 'b' })).not.toBe(node);
    });

    test.each(ENGINES)('is the pool slice of (seed, step, stream) in %s', async (_, create) => {
      const builder = newBuilder();
      const value = builder.op(distribution, [], { shape: [4, 5], stream: 'c1.grad' });
      const engine = await create();
      const executable = await engine.load(builder.build('noise', [{ name: 'y', value }]), { seed: SEED });
      const size = poolSize(20);
      expect([...noisePool(distribution, SEED, 0, 8)]).toEqual([
        ...draws(SEED, `noise.${distribution}`, 0, 8),
      ]);
      for (const step of [0, 7, 1023, 1024]) {
        const offset = poolOffset(SEED, step, 'c1.grad', 20, size);
        const slice = noisePool(distribution, SEED, step, size).subarray(offset, offset + 20);
        const noise = (await executable.run(new Map(), step)).get('y');
        expect(ndarray(noise?.shape ?? [], noise?.data)).toEqual(ndarray([4, 5], slice));
      }
      await executable.dispose();
      await engine.dispose();
    });
  },
);
