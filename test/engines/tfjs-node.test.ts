import { expect, test } from 'vitest';
import { emitTfjsProgram } from '../../compiler/emit/tfjs/emit-program.ts';
import { programAtBatch } from '../../runtime/engines/agreement/agreement.ts';
import { syntheticBatch } from '../../runtime/engines/agreement/synthetic.ts';
import type { HostTensor, Tensors } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { loadBackend } from '../../runtime/engines/tfjs-backend.ts';
import { hyperValues } from '../../runtime/train/hyper.ts';
import { initialState } from '../../runtime/train/state.ts';
import { loadProgram } from '../emit/tfjs/emitted.ts';
import { compileSpec } from '../support/compile.ts';
import { FULL } from '../support/property.ts';

const SEED = 3;
const RUN = { stepsPerEpoch: 4, epochs: 1 };

test.for(['cnn2-mnist', 'resnet8-cifar10', 'mixed-formats'])(
  'the emitted program of %s trains on tfjs-node as the onnx engine does',
  async (spec, { skip }) => {
    if (!FULL) skip('npm run check:full runs it');
    const { tf, name } = await loadBackend();
    if (name !== 'tensorflow') skip('@tensorflow/tfjs-node does not load: qspec doctor says how to build it');

    const compiled = compileSpec(spec);
    const program = programAtBatch(compiled, 8);
    const files = emitTfjsProgram(program, {
      source: compiled.spec.source,
      toolVersion: '0.1.0',
      specHash: compiled.hash,
    });
    const emitted = loadProgram(files);
    const engine = await createOnnxEngine({ threads: 1 });
    const executable = await engine.load(program.step, { seed: SEED });
    let ours: Tensors = initialState(program, SEED);
    let theirs = emitted.createState(SEED);
    for (let step = 0; step < RUN.stepsPerEpoch; step++) {
      const batch = syntheticBatch(program, SEED, step);
      const hyper = [...hyperValues(program, { step, ...RUN })].map(([key, value]): [string, HostTensor] => [
        key,
        { dtype: 'f32', shape: [], data: Float32Array.of(value) },
      ]);
      ours = await executable.run(new Map([...ours, ...batch, ...hyper]), step);
      const tensors = [...batch].map(([key, { data, shape, dtype }]) => [
        key,
        tf.tensor(data, [...shape], dtype === 'i32' ? 'int32' : 'float32'),
      ]);
      const result = await emitted.trainStep(theirs, Object.fromEntries(tensors), RUN);
      theirs = result.state;
      // The first loss has only F before it; later ones follow updates that flipped codes have moved apart.
      const expected = ours.get('loss')?.data[0] ?? Number.NaN;
      expect(Math.abs(result.loss / expected - 1), `step ${step}`).toBeLessThan(step === 0 ? 1e-3 : 0.1);
    }
    emitted.disposeState(theirs);
    await executable.dispose();
    await engine.dispose();
  },
);
