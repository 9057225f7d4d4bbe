import { layout } from './document.ts';
import type { PhaseFunction } from './emit-graph.ts';
import { objectLiteral } from './expression.ts';
import { functionText, parameterOf } from './function-text.ts';
import { Names } from './names.ts';
import { GROUPS, type InputFields, LASTING, type Signature } from './signature.ts';
import { objectType } from './source-file.ts';

export interface Step {
  readonly types: readonly string[];
  readonly text: string;
  readonly signature: Signature;
}

/**
 * The function that runs the phases one after the other. Where every lasting tensor has an output that replaces it,
 * those are returned together as `next`.
 *
 * @param internal outputs of the phases that are not returned
 */
export function composeStep(
  functionName: string,
  doc: string,
  inputs: InputFields,
  phases: readonly PhaseFunction[],
  internal: ReadonlySet<string>,
): Step {
  const lasting = LASTING.filter((role) => inputs[role].length > 0);
  const groups = new Set<string>(lasting.map((role) => GROUPS[role].field));
  const path = new Map(
    phases.flatMap((p) => [...p.outputs].map(([name, key]) => [name, `${p.field}.${key}`])),
  );
  const advances =
    groups.size > 0 && lasting.every((role) => inputs[role].every(({ name }) => path.has(name)));
  const used = new Set(phases.flatMap((p) => p.parameters));
  const parameters = [
    ...(groups.size > 0 ? ['tensors'] : []),
    ...['batch', 'hyper', 'noise'].filter((name) => used.has(name)),
  ];

  const lines = phases.map(({ field, name, parameters: own }) => {
    const args = own.map((p) => (groups.has(p) ? `tensors.${p}` : p));
    return `const ${field} = ${name}(${args.join(', ')});`;
  });
  const outputs = new Map<string, readonly string[]>();
  const returned: [string, ReturnType<typeof objectLiteral> | string][] = [];
  if (advances) {
    const next = lasting.map((role) => {
      const { field } = GROUPS[role];
      for (const { name, key } of inputs[role]) outputs.set(name, ['next', field, key]);
      return [
        field,
        objectLiteral(inputs[role].map(({ name, key }) => [key, path.get(name) ?? key])),
      ] as const;
    });
    returned.push(['next', objectLiteral(next)]);
  }
  const keys = new Names(['next']);
  for (const [name, value] of path) {
    if (outputs.has(name) || internal.has(name)) continue;
    const key = keys.claim(name);
    outputs.set(name, [key]);
    returned.push([key, value]);
  }
  lines.push(`return ${layout(objectLiteral(returned), 'return '.length, 1, 0, 106)};`);
  const body = lines
    .join('\n')
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');

  const types = [
    ...(groups.size === 0
      ? []
      : [
          objectType(
            'Tensors',
            'What lives from step to step.',
            lasting.map((role) => GROUPS[role]).map(({ field, type }) => ({ key: field, type })),
          ),
        ]),
    objectType('Outputs', 'What a step computes.', [
      ...(advances ? [{ key: 'next', type: 'Tensors' }] : []),
      ...returned.slice(advances ? 1 : 0).map(([key]) => ({ key, type: 'tf.Tensor' })),
    ]),
  ];
  const text = functionText(functionName, doc, parameters.map(parameterOf), 'Outputs', body);
  return { types, text, signature: { functionName, parameters, inputs, outputs } };
}
