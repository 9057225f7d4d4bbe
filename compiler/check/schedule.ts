import { toNumber } from '../numeric/rational.ts';
import type { ScheduleStatement } from '../syntax/ast.ts';
import { bind, evaluateAll, MISMATCH, optional, type Parameter, type ParameterType } from './arguments.ts';
import type { CheckedSchedule, ScheduleValue } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import type { Log } from './log.ts';
import { reportUnknown } from './suggest.ts';

type Unit = Extract<ScheduleValue, { kind: 'quantity' }>['unit'];

const UNIT_TEXT: Readonly<Record<Unit, string>> = {
  percent: '%',
  epochs: 'epochs',
  steps: 'steps',
  bits: 'bits',
  none: '',
};

/** A number above or at 0 in one of the units; `at 32` may follow where a level makes sense. */
function quantity(
  units: readonly Unit[],
  at: 'level' | 'none' = 'none',
): Parameter<ScheduleValue | undefined> {
  const type: ParameterType<ScheduleValue> = {
    expected: `a number ${units.map((unit) => (unit === 'none' ? 'without unit' : `of ${UNIT_TEXT[unit]}`)).join(' or ')}${at === 'level' ? `, with a level such as 'at 32'` : ''}`,
    read: (value) => {
      if (value.kind !== 'number' || value.value.numerator < 0n) return MISMATCH;
      const unit: Unit = value.unit === undefined ? 'none' : value.unit === '%' ? 'percent' : value.unit;
      if (!units.includes(unit) || (value.at !== undefined && at === 'none')) return MISMATCH;
      const number = toNumber(value.value);
      return {
        kind: 'quantity',
        value: unit === 'percent' ? 100 * number : number,
        unit,
        at: value.at && toNumber(value.at),
      };
    },
  };
  return optional<ScheduleValue | undefined>(type, undefined);
}

function choice(words: readonly string[]): Parameter<ScheduleValue | undefined> {
  const type: ParameterType<ScheduleValue> = {
    expected: `one of ${words.join(', ')}`,
    words,
    read: (value) =>
      value.kind === 'word' && words.includes(value.text) ? { kind: 'word', word: value.text } : MISMATCH,
  };
  return optional<ScheduleValue | undefined>(type, undefined);
}

const PERIOD = quantity(['epochs', 'steps']);
const WARMUP = quantity(['percent', 'epochs', 'steps'], 'level');

/** Settings of each schedule; what is not set is the schedule's own default. */
const SCHEDULES: ReadonlyMap<
  string,
  Readonly<Record<string, Parameter<ScheduleValue | undefined>>>
> = new Map([
  [
    'numgeom',
    {
      rule: choice(['paper', 'tolerance']),
      warmup: WARMUP,
      refresh: PERIOD,
      curvature: PERIOD,
      target: quantity(['percent', 'none']),
      margin: quantity(['bits', 'none']),
    },
  ],
  [
    'cyclic',
    {
      low: quantity(['bits', 'none']),
      high: quantity(['bits', 'none']),
      cycles: quantity(['none']),
      warmup: WARMUP,
    },
  ],
  ['gradient', { target: quantity(['percent', 'none']), refresh: PERIOD, warmup: WARMUP }],
  ['curvature', { target: quantity(['percent', 'none']), refresh: PERIOD, warmup: WARMUP }],
]);

/** Checks a schedule's name and settings; what it does with them is its own affair. */
export function checkSchedule(statement: ScheduleStatement, log: Log): CheckedSchedule | undefined {
  const name = statement.name.text;
  const parameters = SCHEDULES.get(name);
  if (parameters === undefined) return reportUnknown(log, 'schedule', statement.name, SCHEDULES.keys());
  const owner = { name: `schedule '${name}'`, span: statement.name.span, noun: 'setting' } as const;
  const settings = bind(owner, evaluateAll(statement.entries, constantScope(log)), parameters, log);
  if (settings === undefined) return undefined;
  const entries = Object.entries(settings).flatMap(([key, value]) =>
    value === undefined ? [] : [[key, value] as const],
  );
  return { name, entries: new Map(entries), span: statement.span };
}
