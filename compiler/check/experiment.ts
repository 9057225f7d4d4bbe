import { elementName } from '../numeric/format.ts';
import { isInteger } from '../numeric/rational.ts';
import type { Span } from '../source/source.ts';
import type { ExperimentItem } from '../syntax/ast.ts';
import {
  bind,
  evaluateAll,
  failed,
  MISMATCH,
  optional,
  type Parameters,
  type ParameterType,
  required,
} from './arguments.ts';
import type { CheckedExperiment } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import { FORMAT } from './formats.ts';
import type { Log } from './log.ts';
import { either, listOf, mapped, whole, word } from './parameter-types.ts';
import { PRESETS } from './presets.ts';
import { reportUnknown } from './suggest.ts';

type Method = CheckedExperiment['methods'][number];

const WIDTH = whole(2, 16);
const QAT = { weights: required(WIDTH), activations: required(WIDTH) };

/** Methods by name with their typed arguments; every argument is a number or a word. */
const METHODS: ReadonlyMap<string, Parameters> = new Map<string, Parameters>([
  ['float32', {}],
  ['uniform', { format: required(mapped(FORMAT, FORMAT.expected, (format) => elementName(format.element))) }],
  ['amp', { backward: optional(word(['f32', 'fp16']), 'f32') }],
  ['cyclic', { low: required(WIDTH), high: required(WIDTH) }],
  ['preset', { name: required(word([...PRESETS.keys()])) }],
  ['gradient', {}],
  ['curvature', {}],
  ['numgeom', { rule: optional(word(['paper', 'tolerance']), 'tolerance') }],
  ['lsq', QAT],
  ['pact', QAT],
  ['dorefa', QAT],
]);

const METHOD: ParameterType<Method> = {
  expected: 'a method such as uniform(int8)',
  words: [...METHODS.keys()],
  read: (value, log) => {
    if (value.kind !== 'word' && value.kind !== 'call') return MISMATCH;
    const name = value.kind === 'word' ? { text: value.text, span: value.span } : value.call.callee;
    const parameters = METHODS.get(name.text);
    if (parameters === undefined) return reportUnknown(log, 'method', name, METHODS.keys());
    const given = value.kind === 'word' ? [] : evaluateAll(value.call.args, constantScope(log));
    const args = bind({ name: name.text, span: value.span }, given, parameters, log);
    if (args === undefined) return undefined;
    const entries = Object.entries(args).map(
      ([key, arg]) => [key, typeof arg === 'number' ? arg : String(arg)] as const,
    );
    return { name: name.text, args: new Map(entries), span: value.span };
  },
};

const MAX_SEEDS = 10_000;
const SEED = whole(0);

/** `0 to 4`, `[1, 2, 3]` or one number. */
const SEEDS: ParameterType<readonly number[]> = {
  expected: `a range such as 0 to 4, or a list, of at most ${MAX_SEEDS} whole numbers`,
  read: (value, log) => {
    if (value.kind === 'range') {
      const { from, to } = value;
      const [low, high] = [Number(from.numerator), Number(to.numerator)];
      if (
        !isInteger(from) ||
        !isInteger(to) ||
        low < 0 ||
        high < low ||
        high - low >= MAX_SEEDS ||
        !Number.isSafeInteger(high)
      )
        return MISMATCH;
      return Array.from({ length: high - low + 1 }, (_, i) => low + i);
    }
    const seeds = either(SEED, listOf(SEED)).read(value, log);
    return typeof seeds === 'number' ? [seeds] : seeds;
  },
};

/** A list whose items are each read, so that every mistake in it is reported. */
const METHOD_LIST: ParameterType<readonly Method[]> = {
  expected: 'a list of methods such as [float32, uniform(int8)]',
  read: (value, log) => {
    if (value.kind !== 'list') return MISMATCH;
    const methods = value.items.map((item) => item && METHOD.read(item, log));
    if (methods.includes(MISMATCH)) return MISMATCH;
    const sound = methods.filter((method): method is Method => !failed(method));
    return sound.length === methods.length ? sound : undefined;
  },
};

const SETTINGS = { methods: required(METHOD_LIST), seeds: optional(SEEDS, [0]) };
const BUDGET = {
  epochs: optional<number | undefined>(whole(1), undefined),
  train: optional<number | undefined>(whole(1), undefined),
};

export function checkExperiments(items: readonly ExperimentItem[], log: Log): readonly CheckedExperiment[] {
  const seen = new Map<string, Span>();
  return items.flatMap((item) => {
    reportTwice('experiment', item.name, seen, log);
    const scope = constantScope(log);
    const name = item.name.text;
    const settings = bind(
      { name: `experiment '${name}'`, span: item.name.span, noun: 'setting' },
      evaluateAll(item.entries, scope),
      SETTINGS,
      log,
    );
    const budgetNames = new Map<string, Span>();
    const budgets = item.budgets.flatMap((budget) => {
      reportTwice('budget', budget.name, budgetNames, log);
      const owner = {
        name: `budget '${budget.name.text}'`,
        span: budget.name.span,
        noun: 'setting',
      } as const;
      const limits = bind(owner, evaluateAll(budget.entries, scope), BUDGET, log);
      return limits ? [{ name: budget.name.text, ...limits }] : [];
    });
    return settings ? [{ name, ...settings, budgets, span: item.span }] : [];
  });
}

function reportTwice(kind: string, name: ExperimentItem['name'], seen: Map<string, Span>, log: Log): void {
  const earlier = seen.get(name.text);
  if (earlier !== undefined)
    log.report(
      'QS2002',
      name.span,
      { kind, name: name.text },
      { related: [{ span: earlier, message: 'first declared here' }] },
    );
  seen.set(name.text, name.span);
}
