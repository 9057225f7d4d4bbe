import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { decodeModel } from '../../../compiler/emit/onnx/proto.ts';
import { type Graph, sizeOf } from '../../../compiler/ir/graph.ts';
import type { FloatTensors } from '../../../compiler/ir/tensor.ts';
import { lowerEvaluation } from '../../../compiler/lower/deploy/evaluation.ts';
import { type CompileOptions, compile } from '../../../compiler/pipeline.ts';
import { CHECKED_ONLY } from '../../../runtime/checked-only.ts';
import { assignmentBeside } from '../../../runtime/cli/sensitivities.ts';

const folder = join(import.meta.dirname, '../../../specs');
const specs = readdirSync(folder).filter((name) => name.endsWith('.qspec') && !CHECKED_ONLY.has(name));

/** Something for every input but the batch: codes and values 0, scales 1. */
function anyTensors(graph: Graph): FloatTensors {
  return new Map(
    graph.nodes.flatMap((n) => {
      if (n.kind !== 'input' || n.role === 'batch') return [];
      const { shape } = n.type;
      const data = new Float32Array(sizeOf(shape)).fill(n.input.endsWith('.scale') ? 1 : 0);
      return [[n.input, { shape, data }] as const];
    }),
  );
}

const options = new Map<string, CompileOptions>();
for (const name of specs) options.set(name, await assignmentBeside(folder, name));

describe.each(specs)('%s', (name) => {
  const source = { path: name, text: readFileSync(join(folder, name), 'utf8') };
  const { value, diagnostics } = compile(source, options.get(name));
  if (!value) throw new Error(`${name} does not compile: ${diagnostics.map((d) => d.message)}`);

  test('the training step is a model whose declared types follow from its nodes', () => {
    const { model, bytes } = emitOnnx(value.program.step, { scheme: 'arithmetic' });
    expect(checkModel(model)).toEqual([]);
    expect(model.graph.valueInfo.length).toBeGreaterThan(0);
    const decoded = decodeModel(bytes());
    expect('model' in decoded && checkModel(decoded.model)).toEqual([]);
  });

  test('the deployed network is a model of standard operators with an open batch', () => {
    const graph = lowerEvaluation(value.spec, value.plan, 1);
    const { model } = emitOnnx(graph, {
      scheme: 'qdq',
      initializers: anyTensors(graph),
      symbolicBatch: true,
      opset: value.spec.exported.opset,
    });
    expect(checkModel(model)).toEqual([]);
    expect(model.graph.input.map((v) => v.name)).toEqual(['x']);
    for (const { name: output, type } of [...model.graph.input, ...model.graph.output]) {
      expect(type?.tensorType?.shape?.dim[0], output).toEqual({ dimParam: 'N' });
    }
  });
});
