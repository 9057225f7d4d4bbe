import type { EvalItem } from '../syntax/ast.ts';
import { bind, evaluateAll, optional } from './arguments.ts';
import type { CheckedEvaluation } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import { FORMAT } from './formats.ts';
import type { Log } from './log.ts';
import { listOf, real } from './parameter-types.ts';

const SETTINGS = { weights: optional(listOf(FORMAT), []), noise: optional(listOf(real({ min: 0 })), []) };

/** `eval { weights: [int8, int4], noise: [0, 0.1] }`: what the trained model is evaluated under besides. */
export function checkEvaluation(item: EvalItem | undefined, log: Log): CheckedEvaluation | undefined {
  if (item === undefined) return { weights: [], noise: [] };
  const owner = {
    name: 'eval',
    span: { start: item.span.start, end: item.span.start + 'eval'.length },
    noun: 'setting',
  } as const;
  return bind(owner, evaluateAll(item.entries, constantScope(log)), SETTINGS, log);
}
