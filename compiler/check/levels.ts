import { elementBits, elementName, type Format } from '../numeric/format.ts';
import type { FormatExpr, LevelsStatement } from '../syntax/ast.ts';
import { readAs } from './arguments.ts';
import type { Level } from './checked-spec.ts';
import { constantScope, evaluate } from './constants.ts';
import { type FormatContext, readFormat, toFormat } from './formats.ts';
import type { Log } from './log.ts';
import { whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

const WIDTH = whole(2, 32);
const LEVEL_CLASSES = ['weights', 'activations', 'gradients'] as const;
type LevelClass = (typeof LEVEL_CLASSES)[number];

/** The levels that an allocator may choose from, narrowest first; a range of widths stands for one level a width. */
export function checkLevels(statement: LevelsStatement, context: FormatContext): readonly Level[] {
  const { log } = context;
  const levels = new Map<number, Level>();
  for (const entry of statement.levels) {
    for (const bits of widths(entry.bits, log)) {
      const formats = levelFormats(entry.format, bits, context);
      const earlier = levels.get(bits);
      if (earlier !== undefined)
        log.report(
          'QS5004',
          entry.bits.span,
          { bits },
          { related: [{ span: earlier.span, message: 'first given here' }] },
        );
      else if (formats !== undefined) levels.set(bits, { bits, ...formats, span: entry.span });
    }
  }
  return [...levels.values()].sort((a, b) => a.bits - b.bits);
}

function widths(expr: LevelsStatement['levels'][number]['bits'], log: Log): readonly number[] {
  const value = evaluate(expr, constantScope(log));
  if (value?.kind !== 'range') {
    const bits = value && readAs(WIDTH, value, 'a level', log);
    return bits === undefined ? [] : [bits];
  }
  const [from, to] = [value.from, value.to].map((end) =>
    readAs(WIDTH, { kind: 'number', value: end, span: value.span }, 'a level', log),
  );
  if (from === undefined || to === undefined) return [];
  if (from > to) {
    log.report('QS4008', value.span, { low: String(from), high: String(to) });
    return [];
  }
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}

function levelFormats(
  written: LevelsStatement['levels'][number]['format'],
  bits: number,
  context: FormatContext,
): Pick<Level, LevelClass> | undefined {
  if ('kind' in written) {
    const format = levelFormat(written, bits, context);
    return format && { weights: format, activations: format, gradients: format };
  }
  const { log } = context;
  const formats = new Map<LevelClass, Format>();
  let sound = true;
  for (const { target, format: expr, span } of written) {
    const words = target.segments
      .map((segment) => segment.words.map((word) => word.text).join(' '))
      .join('.');
    const name = LEVEL_CLASSES.find((known) => known === words);
    if (name === undefined)
      reportUnknown(log, 'class of a level', { text: words, span: target.span }, LEVEL_CLASSES);
    else if (formats.has(name)) log.report('QS2006', span, { name });
    const format = levelFormat(expr, bits, context);
    if (name !== undefined && format !== undefined) formats.set(name, format);
    sound &&= name !== undefined && format !== undefined;
  }
  const missing = LEVEL_CLASSES.find((name) => !formats.has(name));
  if (missing === undefined) {
    const { weights, activations, gradients } = Object.fromEntries(formats) as Record<LevelClass, Format>;
    return { weights, activations, gradients };
  }
  const [first] = written;
  if (sound && first !== undefined)
    log.report('QS2005', first.span, {
      owner: `the level of ${bits} bits`,
      what: `a format for '${missing}'`,
    });
  return undefined;
}

/** `int` in a level is the integer format of its width; any other format must have that width. */
function levelFormat(expr: FormatExpr, bits: number, context: FormatContext): Format | undefined {
  const { text, span } = expr.element;
  const sized =
    (text === 'int' || text === 'uint') && expr.args.length === 0
      ? { ...expr, element: { text: `${text}${bits}`, span } }
      : expr;
  const template = readFormat(sized, context);
  if (template === undefined) return undefined;
  const format = toFormat(template);
  if (format === undefined)
    return context.log.report('QS4003', span, { format: `'auto'`, problem: 'a level needs a fixed format' });
  const found = elementBits(format.element);
  return found === bits
    ? format
    : context.log.report('QS5003', expr.span, { bits, format: elementName(format.element), found });
}
