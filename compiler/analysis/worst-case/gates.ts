import type { OpNode } from '../../ir/graph.ts';
import type { OpAttributes } from '../../ir/op-attributes.ts';
import type { Gate } from '../../ir/slopes.ts';
import { forEachWindow } from '../../ops/pooling/evaluate.ts';

/** The gate of a relu or pooling at real values whose computed ones are no further away than the errors. */
export function gateOf(
  node: Pick<OpNode, 'op' | 'attributes'>,
  x: Float64Array,
  shape: readonly number[],
  error: (i: number) => number,
): Gate {
  const slack = x.reduce((a, b) => Math.max(a, Math.abs(b)), 0) * 2 ** -30;
  const reach = (i: number): number => error(i) + slack;
  return node.op === 'relu'
    ? reluGate(x, reach)
    : poolGate(x, shape, node.attributes as OpAttributes['maxPool'], reach);
}

function gateFrom(pairs: readonly (readonly [output: number, input: number, open: boolean])[]): Gate {
  return {
    output: Int32Array.from(pairs, ([output]) => output),
    input: Int32Array.from(pairs, ([, input]) => input),
    open: Uint8Array.from(pairs, ([, , open]) => (open ? 1 : 0)),
  };
}

function reluGate(x: Float64Array, error: (i: number) => number): Gate {
  const pairs: (readonly [number, number, boolean])[] = [];
  x.forEach((z, i) => {
    if (z > error(i)) pairs.push([i, i, true]);
    else if (z >= -error(i)) pairs.push([i, i, false]);
  });
  return gateFrom(pairs);
}

/** An element may win where its error can lift it above what another surely reaches; it does where no other may. */
function poolGate(
  x: Float64Array,
  shape: readonly number[],
  window: OpAttributes['maxPool'],
  error: (i: number) => number,
): Gate {
  const windows: number[][] = [];
  forEachWindow(shape, window, (output, input) => {
    let members = windows[output];
    if (members === undefined) {
      members = [];
      windows[output] = members;
    }
    members.push(input);
  });
  const pairs: (readonly [number, number, boolean])[] = [];
  windows.forEach((members, output) => {
    // Whoever may be above what some element surely reaches may win.
    const least = members.reduce((most, i) => Math.max(most, (x[i] ?? 0) - error(i)), -Infinity);
    const near = members.filter((i) => (x[i] ?? 0) + error(i) >= least);
    for (const input of near) pairs.push([output, input, near.length === 1]);
  });
  return gateFrom(pairs);
}
