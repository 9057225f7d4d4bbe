import type { FloatTensor, FloatTensors } from '../../ir/tensor.ts';
import { checkModel } from './check-model.ts';
import { dataTypeName } from './data-types.ts';
import { type Decoded, decodeModel } from './proto.ts';
import type { ModelProto } from './schema.ts';
import { tensorValues } from './tensor-data.ts';

/** The model in a file of anyone's: decoded and checked, or a sentence that says why it cannot be used. */
export function readModel(bytes: Uint8Array): Decoded {
  const decoded = decodeModel(bytes);
  if ('problem' in decoded) return decoded;
  const [problem] = checkModel(decoded.model, { foreign: true });
  return problem === undefined ? decoded : { problem };
}

const FLOATS = new Set(['float', 'double', 'float16', 'bfloat16']);

/** Initializers of float types by name, rounded to float32. */
export function floatInitializers(model: ModelProto): FloatTensors {
  return new Map(
    model.graph.initializer.flatMap((tensor): [string, FloatTensor][] => {
      const type = dataTypeName(tensor.dataType);
      const values = type !== undefined && FLOATS.has(type) ? tensorValues(tensor) : undefined;
      return values ? [[tensor.name, { shape: tensor.dims, data: Float32Array.from(values) }]] : [];
    }),
  );
}
