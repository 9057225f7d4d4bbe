import type { ExportItem } from '../syntax/ast.ts';
import { bind, evaluateAll, optional } from './arguments.ts';
import type { CheckedExport } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import type { Log } from './log.ts';
import { whole, word } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

/** int4, int16 and blocked quantization entered ONNX with opset 21; int2 with 25. */
const SETTINGS = { opset: optional(whole(21, 25), 21), scheme: optional(word(['qdq']), 'qdq') };

/** `export onnx { opset: 21, scheme: qdq }` */
export function checkExport(item: ExportItem | undefined, log: Log): CheckedExport | undefined {
  if (item === undefined) return { opset: 21, scheme: 'qdq' };
  if (item.target.text !== 'onnx') reportUnknown(log, 'export target', item.target, ['onnx']);
  const owner = { name: 'export', span: item.target.span, noun: 'setting' } as const;
  return bind(owner, evaluateAll(item.entries, constantScope(log)), SETTINGS, log);
}
