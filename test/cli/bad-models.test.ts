import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeModel, encodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { ModelProto } from '../../compiler/emit/onnx/schema.ts';
import { uniforms } from '../../compiler/numeric/random.ts';
import { noiseBytes } from '../data/synthetic.ts';
import { qspec } from '../support/cli.ts';
import { FULL, SEED } from '../support/property.ts';
import { expectPlain, folderWith, snapshot } from '../support/refusal.ts';
import { SMALL_SPEC } from '../support/small-spec.ts';
import { flipped, Runs } from '../support/spoiled.ts';

const runs = new Runs();
beforeAll(() => runs.make());
afterAll(() => runs.remove());

describe('an ONNX file that is none', () => {
  /** `verify` refutes it in its report, which is its result, and the exported file stays as it was found. */
  async function expectRefuted(content: Uint8Array | string, says: RegExp | string): Promise<void> {
    const cwd = runs.copy('run', 'model.onnx', content);
    const before = snapshot(cwd);
    const result = await qspec(['verify', 'run', '--threads', '1'], { cwd });
    expect(result.stdout).toMatch(says);
    expect({ exitCode: result.exitCode, stderr: result.stderr }).toEqual({ exitCode: 3, stderr: '' });
    expectPlain(result);
    const { [join('run', 'verify.json')]: _, ...after } = snapshot(cwd);
    expect(after).toEqual(before);
  }

  const NOT_VERIFIED = /^FAILED: .*\nnot verified$/ms;

  const exported = () => readFileSync(join(runs.folder, 'run/model.onnx'));
  const edited = (edit: (model: ModelProto) => ModelProto): Uint8Array => {
    const decoded = decodeModel(exported());
    if ('problem' in decoded) throw new Error(decoded.problem);
    return encodeModel(edit(decoded.model));
  };
  const varint = (bits: number) => [...Array(Math.ceil(bits / 7) - 1).fill(0xff), 0x7f];

  test.each<readonly [what: string, content: () => Uint8Array | string]>([
    ['nothing', () => ''],
    ['text', () => 'this is a model'],
    ['JSON', () => '{"graph": {}}'],
    ['noise', () => noiseBytes(4000)],
    ['zeros', () => new Uint8Array(4000)],
    ['half a model', () => exported().subarray(0, 1200)],
    ['a length of 63 bits', () => Buffer.of(0x3a, ...varint(63))],
    ['a number without end', () => new Uint8Array(4000).fill(0xff)],
    ['graphs in graphs', () => Buffer.of(...Array(4000).fill(0x3a), 0)],
    ['safetensors', () => readFileSync(join(runs.folder, 'run/model.safetensors'))],
  ])('%s', async (_, content) => {
    await expectRefuted(content(), /^FAILED: .*ONNX model/m);
  });

  test('one that reads, but is not what was exported', async () => {
    const initializers = (edit: (t: ModelProto['graph']['initializer'][number]) => object) =>
      edited((m) => {
        const initializer = m.graph.initializer.map((t) => ({ ...t, ...edit(t) }));
        return { ...m, graph: { ...m.graph, initializer } };
      });
    await expectRefuted(
      initializers(() => ({ dims: [2 ** 40, 2 ** 40] })),
      NOT_VERIFIED,
    );
    await expectRefuted(
      initializers(() => ({ dims: [-1] })),
      NOT_VERIFIED,
    );
    await expectRefuted(
      initializers(() => ({ dataType: 99 })),
      NOT_VERIFIED,
    );
    const externalData = [{ key: 'location', value: '/etc/passwd' }];
    await expectRefuted(
      initializers(() => ({ dataLocation: 1, externalData })),
      NOT_VERIFIED,
    );
    await expectRefuted(
      edited((m) => ({ ...m, graph: { ...m.graph, node: m.graph.node.toReversed() } })),
      NOT_VERIFIED,
    );
    await expectRefuted(
      edited((m) => ({ ...m, graph: { ...m.graph, node: [] } })),
      NOT_VERIFIED,
    );
    const node = (edit: object) =>
      edited((m) => ({ ...m, graph: { ...m.graph, node: m.graph.node.map((n) => ({ ...n, ...edit })) } }));
    await expectRefuted(node({ opType: 'Loop' }), NOT_VERIFIED);
    await expectRefuted(node({ domain: 'com.example' }), NOT_VERIFIED);
  });

  test('bits flipped anywhere give a verdict, and neither a crash nor an excuse', async () => {
    const original = exported();
    for (const u of uniforms(SEED, 'model.onnx', 0, FULL ? 2000 : 40)) {
      const cwd = runs.copy('run', 'model.onnx', flipped(original, Math.floor(u * original.length * 8)));
      const result = await qspec(['verify', 'run', '--threads', '1'], { cwd });
      expectPlain(result);
      expect([0, 3]).toContain(result.exitCode);
      expect(result.stdout).toMatch(result.exitCode === 0 ? /^verified/m : /^not verified/m);
    }
  });

  test('as a start for training', async () => {
    const text = SMALL_SPEC.replace('-> f32[10] {', '-> f32[10] init from "start.onnx" {');
    for (const content of ['', 'text', noiseBytes(4000), exported().subarray(0, 1200)]) {
      const cwd = folderWith({ 's.qspec': text, 'start.onnx': content });
      const { exitCode, stderr } = await qspec(['train', 's.qspec', '--engine', 'reference'], { cwd });
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('QS7008') });
      expect(Object.keys(snapshot(cwd))).toEqual(['s.qspec', 'start.onnx']);
    }
  });
});
