import { expect, test } from 'vitest';
import { splitPhases } from '../../../compiler/emit/tfjs/phases.ts';
import type { Phase, Value } from '../../../compiler/ir/graph.ts';
import { newBuilder } from '../../../compiler/ops/registry.ts';

function chain() {
  const builder = newBuilder();
  const x = builder.input('x', 'batch', { dtype: 'f32', shape: [2] });
  const p = builder.input('p', 'parameter', { dtype: 'f32', shape: [2] });
  const at = (phase: Phase, body: () => Value) => builder.at({ phase, span: { start: 0, end: 0 } }, body);
  const forward = at('F', () => builder.op('mul', [x, p], {}));
  const unused = at('F', () => builder.op('neg', [x], {}));
  const backward = at('B', () => builder.op('exp', [forward], {}));
  const late = at('F', () => builder.op('abs', [backward], {}));
  const update = at('U', () => builder.op('sub', [p, late], {}));
  return { builder, x, p, forward, unused, backward, late, update };
}

test('each phase reads earlier ones only, whatever its nodes are marked as', () => {
  const { builder, forward, backward, late, update } = chain();
  const parts = splitPhases(builder.build('g', [{ name: 'p', value: update }]));
  expect(parts.map(({ phase, values }) => [phase, values])).toEqual([
    ['F', [forward]],
    ['B', [backward, late]],
    ['U', [update]],
  ]);
  expect(parts.map(({ passed }) => passed)).toEqual([[forward], [late], []]);
  expect(parts.map(({ reads }) => reads)).toEqual([[], ['F'], ['B']]);
  expect(parts.map(({ roles }) => [...roles])).toEqual([['batch', 'parameter'], [], ['parameter']]);
});

test('a value that is an output is not passed on a second time', () => {
  const { builder, forward, update } = chain();
  const outputs = [
    { name: 'y', value: forward },
    { name: 'p', value: update },
  ];
  expect(splitPhases(builder.build('g', outputs))[0]).toMatchObject({ passed: [], outputs: [{ name: 'y' }] });
});

test('inputs and constants that are outputs belong to the last phase, and a graph of them alone has one', () => {
  const { builder, x, forward } = chain();
  const constant = builder.constant(1);
  const outputs = [
    { name: 'x', value: x },
    { name: 'one', value: constant },
  ];
  expect(splitPhases(builder.build('g', outputs))).toMatchObject([{ phase: 'F', values: [], outputs }]);
  const withOp = [...outputs, { name: 'y', value: forward }];
  expect(splitPhases(builder.build('g', withOp))).toMatchObject([{ phase: 'F', outputs: withOp }]);
});
