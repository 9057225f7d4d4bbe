import type { FloatTensors } from '../../compiler/ir/tensor.ts';
import type { FileGraph } from './interpreter/onnx-file.ts';

/**
 * Holds every stored code and scale of the file against the frozen model: a wrong code is found even where it only ever
 * multiplies zeros. Returns one sentence per tensor that differs.
 */
export function compareStored(
  { initializers }: FileGraph,
  frozen: FloatTensors,
  place: (tensor: string) => string,
): readonly string[] {
  return [...frozen].flatMap(([name, { data }]) => {
    const stored = initializers.get(name);
    if (!stored) return [`the file has no tensor for ${place(name)}`];
    if (stored.data.length !== data.length) {
      return [`${place(name)} has ${stored.data.length} elements, not ${data.length}`];
    }
    const differs = (expected: number, i: number) => stored.data[i] !== expected;
    const wrong = data.findIndex(differs);
    if (wrong < 0) return [];
    return [
      `${place(name)} differs in ${data.filter(differs).length} of ${data.length} elements: ` +
        `element ${wrong} is ${stored.data[wrong]} in the file and ${data[wrong]} in the trained model`,
    ];
  });
}
