import { intAttribute } from '../attributes.ts';
import { input, type Operator, requireEqual, requireRank, requireType } from './call.ts';
import { CONV } from './window.ts';

/**
 * Onnxruntime's operators over images whose channels lie in blocks. Types and shapes are written as if the layout were the standard's: channels
 * are whole blocks here, so that sizes do not tell the two apart.
 */
export const BLOCKED: Readonly<Record<string, Operator>> = {
  ReorderInput: {
    inputs: [1, 1],
    attributes: {},
    infer: (call) => {
      requireType(call, 0, ['float']);
      requireRank(call, 0, 4);
      return [input(call, 0)];
    },
  },
  Conv: {
    inputs: [2, 3],
    attributes: { dilations: 'INTS', kernel_shape: 'INTS!', pads: 'INTS', strides: 'INTS' },
    infer: (call) => {
      for (const index of call.inputs.keys()) requireType(call, index, ['float']);
      return CONV.infer(call);
    },
  },
  ReorderOutput: {
    inputs: [1, 1],
    attributes: { channels: 'INT!' },
    infer: (call) => {
      requireType(call, 0, ['float']);
      requireRank(call, 0, 4);
      const x = input(call, 0);
      requireEqual('channels', x.shape?.[1], intAttribute(call.node, 'channels', 0));
      return [x];
    },
  },
};
