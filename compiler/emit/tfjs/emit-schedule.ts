import type { ScalarSchedule } from '../../check/checked-spec.ts';
import type { HyperParameter } from '../../lower/program.ts';
import { Uses } from './context.ts';
import { layout } from './document.ts';
import { call, Expression, objectLiteral } from './expression.ts';
import type { InputFields } from './signature.ts';
import { importFrom, type SourceFile, sourceFile, supportImports } from './source-file.ts';
import { numberLiteral } from './text.ts';

/** `schedule.ts`: the numbers that a step is given, computed in float64 from where training stands. */
export function emitSchedule(
  hyper: readonly HyperParameter[],
  inputs: InputFields,
): { readonly file: SourceFile; readonly uses: Uses } {
  const uses = new Uses();
  const byName = new Map(hyper.map((h) => [h.name, h]));
  const numbers = inputs.hyper.map(({ name, key }) => {
    const parameter = byName.get(name);
    if (parameter === undefined) throw new Error(`nothing says how '${name}' is computed`);
    return [key, hyperExpression(parameter, uses).document] as const;
  });
  const parameter = uses.support.size === 0 ? '_progress' : 'progress';
  uses.addFile('schedule.ts');
  const imports = [
    ...importFrom('step.ts', { name: 'Hyper', type: true }),
    ...supportImports(uses, { 'schedule.ts': ['Progress'] }),
  ];
  const sections = [
    [
      '/** The numbers of the step that is taken next. */',
      `export function hyperAt(${parameter}: Progress): Hyper {`,
      `  return ${layout(objectLiteral(numbers), 2 + 'return '.length, 1, 2)};`,
      '}',
    ].join('\n'),
  ];
  return { file: sourceFile('schedule.ts', imports, sections), uses };
}

function hyperExpression(parameter: HyperParameter, uses: Uses): Expression {
  if (parameter.kind === 'schedule') return scheduleExpression(parameter.schedule, 'progress', uses);
  uses.add('biasCorrection');
  return call('biasCorrection', [parameter.beta, new Expression('progress')]);
}

/** @param progress the identifier that holds where training stands */
function scheduleExpression(schedule: ScalarSchedule, progress: string, uses: Uses): Expression {
  const apply = (name: string, ...args: Parameters<typeof call>[1]) => {
    uses.add(name);
    return call(name, [...args, new Expression(progress)]);
  };
  switch (schedule.kind) {
    case 'constant':
      return new Expression(numberLiteral(schedule.value));
    case 'cosine':
    case 'linear':
      return apply(schedule.kind, schedule.from, schedule.to);
    case 'step':
      return apply('stepDecay', schedule.value, schedule.factor, schedule.every);
    case 'warmup': {
      const after = scheduleExpression(schedule.after, 'rest', uses).code;
      return apply('warmup', schedule.epochs, new Expression(`(rest) => ${after}`));
    }
  }
}
