import type { StateTensor } from '../../lower/program.ts';
import { Uses } from './context.ts';
import { layout } from './document.ts';
import { call, Expression, literal, objectLiteral, tfCall } from './expression.ts';
import { GROUPS, type InputFields, LASTING } from './signature.ts';
import {
  IMPORT_TFJS,
  importFrom,
  objectType,
  type SourceFile,
  sourceFile,
  supportImports,
} from './source-file.ts';

/** `state.ts`: what lives from step to step, by name and shape, and how it starts. */
export function emitState(
  tensors: readonly StateTensor[],
  inputs: InputFields,
): { readonly file: SourceFile; readonly uses: Uses } {
  const uses = new Uses();
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const fieldsOf = (role: (typeof LASTING)[number]) =>
    inputs[role].map(({ name, key }) => {
      const tensor = byName.get(name);
      if (tensor === undefined) throw new Error(`nothing says how '${name}' starts`);
      return { key, tensor, group: GROUPS[role].field };
    });
  const groups = LASTING.filter((role) => inputs[role].length > 0);
  const rows = groups
    .flatMap(fieldsOf)
    .map(({ key, tensor, group }) => literal({ name: tensor.name, group, key, shape: tensor.shape }));
  const initial = objectLiteral(
    groups.map((role) => [
      GROUPS[role].field,
      objectLiteral(fieldsOf(role).map(({ key, tensor }) => [key, initialTensor(tensor, uses).document])),
    ]),
  );
  const table = layout({ open: '[', items: rows, close: '] as const' }, 'export const TENSORS = '.length, 1);
  const imports = [
    IMPORT_TFJS,
    ...importFrom('step.ts', { name: 'Tensors', type: true }),
    ...supportImports(uses),
  ];
  const sections = [
    objectType('State', 'Where training stands.', [
      { key: 'seed', type: 'number', comment: 'every random number is a function of it' },
      { key: 'step', type: 'number', comment: 'steps taken so far' },
      { key: 'tensors', type: 'Tensors' },
    ]),
    `/** Every tensor of a state: its name in the spec and its place in \`Tensors\`. */\nexport const TENSORS = ${table};`,
    [
      '/** The tensors before the first step. */',
      `export function initialTensors(${uses.support.size === 0 ? '_seed' : 'seed'}: number): Tensors {`,
      `  return ${layout(initial, 2 + 'return '.length, 1, 2)};`,
      '}',
    ].join('\n'),
  ];
  return { file: sourceFile('state.ts', imports, sections), uses };
}

function initialTensor({ name, shape, initializer }: StateTensor, uses: Uses): Expression {
  if (initializer.kind === 'constant') return tfCall('fill', [shape, initializer.value]);
  uses.add('uniformTensor');
  return call('uniformTensor', [new Expression('seed'), name, shape, initializer.bound]);
}
