import {
  type Element,
  elementBits,
  F32,
  type Format,
  type Granularity,
  type Rounding,
  type Scale,
} from '../numeric/format.ts';
import type { FormatExpr, FormatModifier } from '../syntax/ast.ts';
import { evaluateAll, type Given, MISMATCH, type ParameterType, readAs } from './arguments.ts';
import { constantScope, evaluate } from './constants.ts';
import { elementOf, type NamedElement } from './elements.ts';
import type { Log } from './log.ts';
import { real, whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

/** A format as written, with defaults filled in. */
export interface FormatTemplate {
  readonly element: Element | 'auto';
  readonly granularity: Granularity;
  readonly scale: Scale;
  readonly rounding: Rounding;
  /** What was written, as opposed to what is the default: an `auto` site takes the rest from its level. */
  readonly stated: {
    readonly granularity: Granularity | undefined;
    readonly scale: Scale | undefined;
    readonly rounding: Rounding | undefined;
  };
  /** Whether `full` or `narrow` was written, which fixes the sign. */
  readonly fixedRange: boolean;
}

/** How formats are read where they stand. */
export interface FormatContext {
  readonly log: Log;
  /** What `scale: …` in the precision section makes of formats that state no scale of their own. */
  readonly defaultScale: Scale | undefined;
}

const SCALES: readonly Scale['kind'][] = [
  'absmax',
  'power_of_two',
  'moving_average',
  'learned',
  'none',
  'two_level',
];

/** Wider floats have range enough to do without a scale. */
const MAX_SCALED_FLOAT_BITS = 8;

/** Reads a format expression; undefined after reporting what is wrong with it. */
export function readFormat(expr: FormatExpr, context: FormatContext): FormatTemplate | undefined {
  const { log } = context;
  const args: Given[] = expr.args.map((arg) => ({
    value: evaluate(arg, constantScope(log)),
    span: arg.span,
  }));
  const named = elementOf(expr.element, args, log);
  const modifiers = readModifiers(expr.modifiers, log);
  return named && modifiers && combine(expr.element.text, named, modifiers, context);
}

interface Modifiers {
  readonly written: readonly FormatModifier[];
  readonly granularity: Granularity | undefined;
  readonly scale: Scale | undefined;
  readonly rounding: Rounding | undefined;
  readonly narrow: boolean | undefined;
}

function readModifiers(written: readonly FormatModifier[], log: Log): Modifiers | undefined {
  const seen = new Map<string, FormatModifier>();
  const values: {
    granularity?: Granularity | undefined;
    scale?: Scale | undefined;
    rounding?: Rounding;
    narrow?: boolean;
  } = {};
  let sound = true;
  for (const modifier of written) {
    const earlier = seen.get(modifier.kind);
    if (earlier !== undefined) {
      log.report(
        'QS2006',
        modifier.span,
        { name: modifier.kind },
        { related: [{ span: earlier.span, message: 'first given here' }] },
      );
      sound = false;
    }
    seen.set(modifier.kind, modifier);
    switch (modifier.kind) {
      case 'granularity':
        values.granularity = readGranularity(modifier, log);
        sound &&= values.granularity !== undefined;
        break;
      case 'scale':
        values.scale = readScale(modifier, log);
        sound &&= values.scale !== undefined;
        break;
      case 'rounding':
        values.rounding = modifier.name.text === 'stochastic' ? 'stochastic' : 'nearest';
        break;
      case 'range':
        values.narrow = modifier.name.text === 'narrow';
        break;
    }
  }
  const { granularity, scale, rounding, narrow } = values;
  return sound ? { written, granularity, scale, rounding, narrow } : undefined;
}

function readGranularity(
  modifier: Extract<FormatModifier, { kind: 'granularity' }>,
  log: Log,
): Granularity | undefined {
  const { text } = modifier.name;
  if (text === 'group') {
    if (modifier.size === undefined)
      return log.report(
        'QS2005',
        modifier.span,
        { owner: 'group', what: 'its size' },
        { hint: 'such as per group(32)' },
      );
    const value = evaluate(modifier.size, constantScope(log));
    const size = value && readAs(whole(1), value, 'the size of a group', log);
    return size === undefined ? undefined : { kind: 'group', size };
  }
  if (text !== 'tensor' && text !== 'channel')
    return reportUnknown(log, 'granularity', modifier.name, ['tensor', 'channel', 'group']);
  if (modifier.size !== undefined)
    return log.report('QS2007', modifier.size.span, { owner: text, expected: 'no argument' });
  return { kind: text };
}

const MOMENTUM = real({ min: 0, max: 1, openMax: true });

/** `scale(power_of_two)`, or the section's `scale: power_of_two`. */
export function readScale(
  { name, args }: Pick<Extract<FormatModifier, { kind: 'scale' }>, 'name' | 'args'>,
  log: Log,
): Scale | undefined {
  const kind = SCALES.find((known) => known === name.text);
  if (kind === undefined) return reportUnknown(log, 'scale', name, SCALES);
  const [first, second] = args;
  const extra = kind === 'moving_average' ? second : first;
  if (extra !== undefined)
    return log.report('QS2007', extra.span, {
      owner: kind,
      expected: kind === 'moving_average' ? 'only its momentum' : 'no argument',
    });
  if (kind !== 'moving_average') return { kind };
  if (first === undefined) return { kind, momentum: 0.9 };
  const value = evaluate(first, constantScope(log));
  const momentum = value && readAs(MOMENTUM, value, 'the momentum of a moving average', log);
  return momentum === undefined ? undefined : { kind, momentum };
}

function combine(
  name: string,
  named: NamedElement,
  modifiers: Modifiers,
  { log, defaultScale }: FormatContext,
): FormatTemplate | undefined {
  const { element, block } = named;
  const misfit = modifiers.written.find((modifier) => {
    if (element !== 'auto' && element.kind === 'f32') return true;
    if (block !== undefined && (modifier.kind === 'granularity' || modifier.kind === 'scale')) return true;
    if (modifier.kind === 'range') return element === 'auto' || element.kind !== 'int' || !element.signed;
    return false;
  });
  if (misfit !== undefined) {
    const fixes = [{ title: 'remove it', span: misfit.span, replacement: '' }];
    return log.report('QS4006', misfit.span, { modifier: modifierText(misfit), format: name }, { fixes });
  }
  const granularity = modifiers.granularity ?? block?.granularity ?? { kind: 'tensor' };
  const scale = modifiers.scale ?? block?.scale ?? scaleFor(element, defaultScale);
  const written = modifiers.written.find((modifier) => modifier.kind === 'scale');
  if (written !== undefined && scale.kind === 'two_level' && granularity.kind !== 'group') {
    return log.report(
      'QS4006',
      written.span,
      { modifier: modifierText(written), format: name },
      { hint: 'a two-level scale needs groups: per group(16)' },
    );
  }
  if (written !== undefined && scale.kind === 'none' && (element === 'auto' || element.kind === 'int')) {
    return log.report(
      'QS4006',
      written.span,
      { modifier: modifierText(written), format: name },
      { hint: 'only floats can do without a scale' },
    );
  }
  const ranged: Element | 'auto' =
    element !== 'auto' && element.kind === 'int' && modifiers.narrow !== undefined
      ? { ...element, narrow: modifiers.narrow }
      : element;
  return {
    element: ranged,
    granularity,
    scale,
    rounding: modifiers.rounding ?? 'nearest',
    stated: {
      granularity: modifiers.granularity,
      scale: modifiers.scale,
      rounding: modifiers.rounding,
    },
    fixedRange: modifiers.narrow !== undefined,
  };
}

/** Integers and floats of few bits follow the data; wider floats have their own grid. */
function scaleFor(element: Element | 'auto', preferred: Scale | undefined): Scale {
  if (element === 'auto' || element.kind === 'int') return preferred ?? { kind: 'absmax' };
  if (element.kind === 'f32' || elementBits(element) > MAX_SCALED_FLOAT_BITS) return { kind: 'none' };
  return preferred ?? { kind: 'absmax' };
}

function modifierText(modifier: FormatModifier): string {
  const { text } = modifier.name;
  if (modifier.kind === 'granularity') return `per ${text}`;
  return modifier.kind === 'scale' ? `scale(${text})` : text;
}

/** The template as a format; `auto` is none yet. */
export function toFormat(template: FormatTemplate): Format | undefined {
  const { element, granularity, scale, rounding } = template;
  if (element === 'auto') return undefined;
  return element.kind === 'f32' ? F32 : { element, granularity, scale, rounding };
}

/** A format by name alone, as lists and methods write it: `int4`, `float(3, 0)`. */
export const FORMAT: ParameterType<Format> = {
  expected: 'a format such as int8 or float(3, 0)',
  read: (value, log) => {
    if (value.kind !== 'word' && value.kind !== 'call') return MISMATCH;
    const name = value.kind === 'word' ? { text: value.text, span: value.span } : value.call.callee;
    const args = value.kind === 'word' ? [] : evaluateAll(value.call.args, constantScope(log));
    const named = elementOf(name, args, log);
    if (named === undefined) return undefined;
    if (named.element === 'auto')
      return log.report('QS4003', value.span, { format: `'auto'`, problem: 'a fixed format is needed here' });
    const none = {
      written: [],
      granularity: undefined,
      scale: undefined,
      rounding: undefined,
      narrow: undefined,
    };
    const template = combine(name.text, named, none, { log, defaultScale: undefined });
    return template && toFormat(template);
  },
};
