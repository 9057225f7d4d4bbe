import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkModel } from '../../../compiler/emit/onnx/check-model.ts';
import { emitOnnx } from '../../../compiler/emit/onnx/emit.ts';
import { printModel } from '../../../compiler/emit/onnx/print.ts';
import { decodeModel, encodeModel } from '../../../compiler/emit/onnx/proto.ts';
import { floatInitializers, readModel } from '../../../compiler/emit/onnx/read-model.ts';
import { cases } from '../../support/property.ts';
import { deployedNet, int } from './nets.ts';

/** `Add(x, DequantizeLinear(int4[3] {−8, 7, −1}, 0.5))`, written by the `onnx` package for Python, version 1.23. */
const WRITTEN_ELSEWHERE = [
  '080a12046f6e6e783a8a010a2c0a01770a01731201641a026471221044657175616e74697a654c696e6561722a0b0a0461786973',
  '1800a001020a0e0a01780a01641201792203416464120474696e792a0b080310162a02780f4201772a0b100122040000003f4201',
  '735a140a0178120f0a0d080112090a0312014e0a02080362140a0179120f0a0d080112090a0312014e0a02080342040a001015',
].join('');

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

const net = deployedNet(1, int(4));
const EMISSION = emitOnnx(net.graph, {
  scheme: 'qdq',
  initializers: net.frozen,
  symbolicBatch: true,
  metadata: { version: '1.2.3', properties: { spec: 'net', hash: 'abc' } },
});

test('a model of another writer is read, packed lists and all', () => {
  const decoded = decodeModel(bytesOf(WRITTEN_ELSEWHERE));
  if ('problem' in decoded) throw new Error(decoded.problem);
  expect(checkModel(decoded.model)).toEqual([]);
  expect(printModel(decoded.model)).toMatchInlineSnapshot(`
    "model tiny: ir 10, opset ai.onnx 21

    input x: f32[N,3]
    output y: f32[N,3]

    s: f32[] = {0.5}
    w: int4[3] = {-8, 7, -1}

    d = DequantizeLinear(w, s) {axis: 0}
    y = Add(x, d)
    "
  `);
  expect([...floatInitializers(decoded.model)]).toEqual([['s', { shape: [], data: Float32Array.of(0.5) }]]);
});

test('decoding what was encoded gives the same model', () => {
  const bytes = EMISSION.bytes();
  const decoded = readModel(bytes);
  if ('problem' in decoded) throw new Error(decoded.problem);
  expect(printModel(decoded.model)).toBe(printModel(EMISSION.model));
  expect(encodeModel(decoded.model)).toEqual(bytes);
  expect(decoded.model.producerName).toBe('qspec');
  expect(decoded.model.producerVersion).toBe('1.2.3');
  expect(decoded.model.metadataProps).toEqual([
    { key: 'hash', value: 'abc' },
    { key: 'spec', value: 'net' },
  ]);
});

describe('bytes that are no model give one sentence', () => {
  test.each([
    ['nothing', new Uint8Array()],
    ['text', new TextEncoder().encode('spec cnn2 { }')],
    ['half a model', EMISSION.bytes().subarray(0, 400)],
    ['a model without a graph', encodeModel({ ...EMISSION.model, graph: undefined as never })],
  ])('%s', (_, bytes) => {
    const decoded = decodeModel(bytes);
    expect('problem' in decoded && decoded.problem).toMatch(/^not an ONNX model: /);
  });

  test('any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        readModel(bytes);
      }),
      cases(2000),
    );
  });

  test('any change to a model', () => {
    const original = EMISSION.bytes();
    const edit = fc.tuple(fc.nat(original.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.nat(original.length), (edits, cut) => {
        const bytes = original.slice();
        for (const [at, value] of edits) bytes[at] = value;
        for (const changed of [bytes, bytes.subarray(0, cut)]) {
          const decoded = decodeModel(changed);
          if ('model' in decoded) {
            checkModel(decoded.model, { foreign: true });
            printModel(decoded.model);
          }
        }
      }),
      cases(300),
    );
  });
});
