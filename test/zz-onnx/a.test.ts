import { test } from 'vitest';
import { writeFileSync, readFileSync, readdirSync } from 'node:fs';
import { compile } from '../../compiler/pipeline.ts';
import { emitOnnx } from '../../compiler/emit/onnx/emit.ts';
import { checkModel } from '../../compiler/emit/onnx/check-model.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { hyperValues } from '../../runtime/train/hyper.ts';
import { initialState } from '../../runtime/train/state.ts';
import { sizeOf } from '../../compiler/ir/graph.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { lowerEvaluation } from '../../compiler/lower/deploy/evaluation.ts';
test('specs', async () => {
  for (const f of readdirSync('specs').filter((x) => x.endsWith('.qspec'))) {
    const c = compile({ path: f, text: readFileSync(`specs/${f}`, 'utf8') });
    if (!c.value) { console.log(f, c.diagnostics.map((d) => d.message).slice(0, 3)); continue; }
    const { program, spec, plan } = c.value;
    let t = performance.now();
    const e = emitOnnx(program.step, { scheme: 'arithmetic' });
    const t1 = performance.now() - t; t = performance.now();
    const p = checkModel(e.model); const t2 = performance.now() - t;
    writeFileSync(`/tmp/onnxdump/spec-${f}.onnx`, e.bytes());
    const ev = emitOnnx(lowerEvaluation(spec, plan, 1), { scheme: 'qdq', symbolicBatch: true });
    console.log(f, 'nodes', e.model.graph.node.length, 'emit', t1 | 0, 'check', t2 | 0, p.slice(0, 3), 'eval', checkModel(ev.model).slice(0, 3), ev.diagnostics.map((d) => d.message).slice(0, 3));
    writeFileSync(`/tmp/onnxdump/eval-${f}.onnx`, ev.bytes());
    for (const threads of [1, 2]) {
      const engine = await createOnnxEngine({ threads });
      t = performance.now();
      const ex = await engine.load(program.step, { seed: 0 });
      const tl = performance.now() - t;
      const inputs = new Map<string, any>(initialState(program, 0));
      for (const [name, value] of hyperValues(program, { step: 0, stepsPerEpoch: 1, epochs: 1 })) inputs.set(name, { dtype: 'f32', shape: [], data: Float32Array.of(value) });
      for (const n of program.step.nodes) if (n.kind === 'input' && n.role === 'batch') { const u = uniforms(0, n.input, 0, sizeOf(n.type.shape)); inputs.set(n.input, { dtype: n.type.dtype, shape: n.type.shape, data: n.type.dtype === 'i32' ? Int32Array.from(u, (x) => Math.floor(x * program.target.count)) : u }); }
      const ts: number[] = [];
      for (let i = 0; i < 8; i++) { t = performance.now(); await ex.run(inputs, i); ts.push(performance.now() - t); }
      ts.sort((a, b) => a - b);
      console.log(f, threads, 'load', tl | 0, 'step median', ts[4]!.toFixed(1), 'min', ts[0]!.toFixed(1));
      await ex.dispose();
    }
  }
}, 280000);
