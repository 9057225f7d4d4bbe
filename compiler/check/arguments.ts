import type { Span } from '../source/source.ts';
import type { Argument, Entry, Name } from '../syntax/ast.ts';
import { evaluate, type Scope } from './constants.ts';
import type { Log } from './log.ts';
import { reportUnknown, suggestion } from './suggest.ts';
import { describe, type Value } from './values.ts';

/** What a parameter type says of a value that it does not accept and has not reported itself. */
export const MISMATCH = Symbol('mismatch');

/** Whether a reading gave no value. */
export function failed(result: unknown): result is typeof MISMATCH | undefined {
  return result === MISMATCH || result === undefined;
}

/** What values a parameter accepts. */
export interface ParameterType<T> {
  /** Completes `… must be`. */
  readonly expected: string;
  /** Words that would be accepted, for suggestions. */
  readonly words?: readonly string[];
  /** The value as T, or {@link MISMATCH}, or undefined where a mistake inside it has been reported. */
  readonly read: (value: Value, log: Log) => T | typeof MISMATCH | undefined;
}

export interface Parameter<T> {
  readonly type: ParameterType<T>;
  /** A parameter without one must be given. */
  readonly fallback?: { readonly value: T };
}

/** Parameters by name, in positional order. */
export type Parameters = Readonly<Record<string, Parameter<unknown>>>;

export type ArgumentsOf<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

export function required<T>(type: ParameterType<T>): Parameter<T> {
  return { type };
}

export function optional<T>(type: ParameterType<T>, value: T): Parameter<T> {
  return { type, fallback: { value } };
}

/** An argument or setting after evaluation; the value is undefined where a mistake in it has been reported. */
export interface Given {
  readonly key?: Name;
  readonly value: Value | undefined;
  readonly span: Span;
}

/** Evaluates the arguments of a call, or the entries of a section, in a scope. */
export function evaluateAll(args: readonly (Argument | Entry)[], scope: Scope, depth = 0): readonly Given[] {
  return args.map((arg) => ({
    ...(arg.key === undefined ? {} : { key: arg.key }),
    value: evaluate(arg.value, scope, depth),
    span: arg.span,
  }));
}

/** What is being called or set up, as messages name it. */
export interface Owner {
  readonly name: string;
  /** Where a missing argument is reported. */
  readonly span: Span;
  /** `argument` of a call or `setting` of a section. */
  readonly noun?: 'argument' | 'setting';
}

/** Given values by parameter name; `sound` is false where something given has no parameter, or a second value for one. */
export interface Assignment {
  readonly bound: ReadonlyMap<string, Given>;
  readonly sound: boolean;
}

/** Gives positional and named values their parameters, and reports those that have none. */
export function assign(
  owner: Owner,
  given: readonly Given[],
  names: readonly string[],
  log: Log,
): Assignment {
  const noun = owner.noun ?? 'argument';
  const known = new Set(names);
  const bound = new Map<string, Given>();
  let sound = true;
  let position = 0;
  for (const item of given) {
    const name = item.key?.text ?? names[position++];
    const earlier = name === undefined ? undefined : bound.get(name);
    if (item.key !== undefined && !known.has(item.key.text)) {
      reportUnknown(log, `${noun} of ${owner.name}`, item.key, names);
    } else if (name === undefined) {
      const count = `${names.length} ${noun}${names.length === 1 ? '' : 's'}`;
      log.report('QS2007', item.span, {
        owner: owner.name,
        expected: names.length === 0 ? `no ${noun}s` : `at most ${count}`,
      });
    } else if (earlier !== undefined) {
      const related = [{ span: earlier.span, message: 'first given here' }];
      log.report('QS2006', item.key?.span ?? item.span, { name }, { related });
    } else {
      bound.set(name, item);
      continue;
    }
    sound = false;
  }
  return { bound, sound };
}

/** Matches what was given to the parameters, and reports everything that does not fit; undefined if anything did not. */
export function bind<P extends Parameters>(
  owner: Owner,
  given: readonly Given[],
  parameters: P,
  log: Log,
): ArgumentsOf<P> | undefined {
  const { bound, sound } = assign(owner, given, Object.keys(parameters), log);
  const values = new Map<string, unknown>();
  for (const [name, parameter] of Object.entries(parameters)) {
    const item = bound.get(name);
    if (item !== undefined) {
      const value = item.value && readAs(parameter.type, item.value, `'${name}' of ${owner.name}`, log);
      if (value !== undefined) values.set(name, value);
    } else if (parameter.fallback !== undefined) {
      values.set(name, parameter.fallback.value);
    } else {
      const hint = `'${name}' must be ${parameter.type.expected}`;
      log.report(
        'QS2005',
        owner.span,
        { owner: owner.name, what: `the ${owner.noun ?? 'argument'} '${name}'` },
        { hint },
      );
    }
  }
  const complete = sound && values.size === Object.keys(parameters).length;
  return complete ? (Object.fromEntries(values) as ArgumentsOf<P>) : undefined;
}

/** Reads one value as a type, reporting where it does not fit. */
export function readAs<T>(type: ParameterType<T>, value: Value, name: string, log: Log): T | undefined {
  if (value.kind === 'tensor' && value.layer === undefined) return undefined;
  const result = type.read(value, log);
  if (result !== MISMATCH) return result;
  const details =
    value.kind === 'word' && type.words !== undefined
      ? suggestion(log, value.text, value.span, type.words)
      : {};
  return log.report('QS3002', value.span, { name, expected: type.expected, found: describe(value) }, details);
}
