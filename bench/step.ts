import { sizeOf } from '../compiler/ir/graph.ts';
import { uniforms } from '../compiler/numeric/random.ts';
import { type Compiled, compile } from '../compiler/pipeline.ts';
import type { HostTensor, Tensors } from '../runtime/engines/engine.ts';
import { createOnnxEngine } from '../runtime/engines/onnx.ts';
import { hyperValues } from '../runtime/train/hyper.ts';
import { initialState } from '../runtime/train/state.ts';
import type { Bench, Measurement } from './main.ts';
import { repositorySpecs } from './specs.ts';
import { medianMs } from './timing.ts';

/** Time of one training step of each spec that compiles, on the onnx engine with one and with two threads. */
export const benchStep: Bench = async () => {
  const measurements: Measurement[] = [];
  for (const threads of [1, 2]) {
    const engine = await createOnnxEngine({ threads });
    for (const source of repositorySpecs()) {
      const compiled = compile(source).value;
      if (!compiled) continue;
      const executable = await engine.load(compiled.program.step, { seed: 0 });
      const inputs = stepInputs(compiled);
      measurements.push({
        name: `${source.path}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        value: await medianMs(() => executable.run(inputs, 0), 20, 3),
        unit: 'ms',
      });
      await executable.dispose();
    }
    await engine.dispose();
  }
  return measurements;
};

/** The initial state with a batch of random samples. */
function stepInputs({ program }: Compiled): Tensors {
  const inputs = new Map<string, HostTensor>(initialState(program, 0));
  for (const [name, value] of hyperValues(program, { step: 0, stepsPerEpoch: 1, epochs: 1 })) {
    inputs.set(name, { dtype: 'f32', shape: [], data: Float32Array.of(value) });
  }
  for (const node of program.step.nodes) {
    if (node.kind !== 'input' || node.role !== 'batch') continue;
    const { dtype, shape } = node.type;
    const drawn = uniforms(0, node.input, 0, sizeOf(shape));
    const classes = program.target.count;
    inputs.set(
      node.input,
      dtype === 'i32'
        ? { dtype, shape, data: Int32Array.from(drawn, (u) => Math.floor(u * classes)) }
        : { dtype, shape, data: drawn },
    );
  }
  return inputs;
}
