import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeAttributes } from '../../compiler/emit/onnx/attributes.ts';
import { encodeModel } from '../../compiler/emit/onnx/proto.ts';
import type { NodeProto } from '../../compiler/emit/onnx/schema.ts';
import { makeTensor } from '../../compiler/emit/onnx/tensor-data.ts';
import { createInterpreter } from '../../runtime/verify/interpreter/interpret.ts';
import { roundHalfEven } from '../../runtime/verify/interpreter/operators.ts';
import { exact } from '../../runtime/verify/interpreter/value.ts';
import { fieldsOf, WireError } from '../../runtime/verify/interpreter/wire.ts';
import { cases } from '../support/property.ts';

function node(
  opType: string,
  input: string[],
  output: string,
  attributes: Parameters<typeof makeAttributes>[0] = {},
): NodeProto {
  return { name: output, opType, input, output: [output], attribute: makeAttributes(attributes) };
}

describe('the integer interpreter', () => {
  it('computes a 1 × 1 convolution of codes worked out by hand', () => {
    // x = [0.5, 1.0] at scale 0.25 → codes 2, 4; w = 3 at scale 0.5; bias code −1 at 0.125: (2·3 − 1)/8 and (4·3 − 1)/8.
    const model = {
      irVersion: 10,
      opsetImport: [{ domain: '', version: 21 }],
      producerName: '',
      producerVersion: '',
      metadataProps: [],
      graph: {
        name: 'hand',
        node: [
          node('QuantizeLinear', ['x', 'sx', 'z'], 'xq'),
          node('DequantizeLinear', ['xq', 'sx', 'z'], 'xd'),
          node('DequantizeLinear', ['w', 'sw', 'z'], 'wd'),
          node('DequantizeLinear', ['b', 'sb'], 'bd'),
          node('Conv', ['xd', 'wd', 'bd'], 'logits', { strides: [1, 1], pads: [0, 0, 0, 0] }),
        ],
        initializer: [
          makeTensor('sx', 'float', [], [0.25]),
          makeTensor('sw', 'float', [], [0.5]),
          makeTensor('sb', 'float', [], [0.125]),
          makeTensor('z', 'int8', [], [0]),
          makeTensor('w', 'int8', [1, 1, 1, 1], [3]),
          makeTensor('b', 'int32', [1], [-1]),
        ],
        input: [{ name: 'x' }],
        output: [{ name: 'logits' }],
        valueInfo: [],
      },
    };
    const { values, proofs } = createInterpreter(encodeModel(model)).run(
      new Map([['x', exact([1, 1, 1, 2], Float64Array.of(0.5, 1))]]),
    );
    expect([...(values.get('logits')?.data ?? [])]).toEqual([5 / 8, 11 / 8]);
    expect(proofs).toEqual([{ node: 'logits', largestSum: 3 * 128 + 1, exact: true }]);
  });

  it('rounds ties to even', () => {
    expect(
      [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 0.49999999999999994].map(roundHalfEven).map((x) => x + 0),
    ).toEqual([-2, -2, 0, 0, 2, 2, 0]);
  });
});

describe('the wire reader', () => {
  it('reads any bytes or says why not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          fieldsOf(bytes);
        } catch (failure) {
          expect(failure).toBeInstanceOf(WireError);
        }
      }),
      cases(500),
    );
  });
});
