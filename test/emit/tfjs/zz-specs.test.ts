import { test } from 'vitest';
import { readFileSync } from 'node:fs';
import { compile } from '../../../compiler/pipeline.ts';
import { createTfjsEngine } from '../../../runtime/engines/tfjs.ts';
import { createOnnxEngine } from '../../../runtime/engines/onnx.ts';
import { initialState } from '../../../runtime/train/state.ts';
import { hyperValues } from '../../../runtime/train/hyper.ts';
import { uniforms } from '../../../compiler/numeric/random.ts';
for (const f of ['t0-regression.qspec', 'quickstart.qspec', 'mixed-formats.qspec', 'cnn2-mnist.qspec', 'cnn2-mnist-w4a4.qspec']) test(f, async () => {
  const source = { path: f, text: readFileSync(`specs/${f}`, 'utf8') };
  const { value } = compile(source);
  if (!value) throw new Error('no');
  const { program } = value;
  const n = program.batch;
  const size = program.sampleShape.reduce((a, b) => a * b, 1);
  let state: any = initialState(program, 1);
  const x = { dtype: 'f32', shape: [n, ...program.sampleShape], data: uniforms(1, 'x', 0, n * size) };
  const t = program.target.kind === 'classes' ? ['labels', { dtype: 'i32', shape: [n], data: Int32Array.from({ length: n }, (_, i) => i % program.target.count) }] : ['targets', { dtype: 'f32', shape: [n, program.target.count], data: uniforms(1, 't', 0, n * program.target.count) }];
  const engines = [await createTfjsEngine(), await createOnnxEngine({ threads: 1, optimization: 'basic' })];
  const execs = await Promise.all(engines.map((e) => e.load(program.stepWithGradients, { seed: 1 })));
  for (let step = 0; step < 3; step++) {
    const hyper = [...hyperValues(program, { step, stepsPerEpoch: 10, epochs: 2 })].map(([k, v]) => [k, { dtype: 'f32', shape: [], data: Float32Array.of(v) }]);
    const inputs: any = new Map([...state, ['x', x], t, ...hyper] as any);
    const outs = [];
    for (const ex of execs) { const t0 = performance.now(); outs.push(await ex.run(inputs, step)); console.log(f, step, 'ms', performance.now() - t0); }
    let worst = 0, name = '';
    for (const [k, v] of outs[1]!) { const o = outs[0]!.get(k)!; let norm = 0, d = 0; v.data.forEach((a: number, i: number) => { norm += a * a; d += (a - o.data[i]!) ** 2; }); const r = Math.sqrt(d / (norm || 1)); if (!(r <= worst)) { worst = r; name = k; } }
    console.log(f, step, 'loss', outs.map((o) => o.get('loss')!.data[0]), 'worst', name, worst);
    state = new Map([...state].map(([k]: any) => [k, outs[1]!.get(k)!]));
  }
});
