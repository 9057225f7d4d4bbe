import { bind, evaluateAll, type Owner, optional, type ParameterType, required } from './arguments.ts';
import type { ScalarSchedule } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import type { Log } from './log.ts';
import { real, whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';
import type { CallValue } from './values.ts';

const RATE = real({ min: 0 });

/** A learning rate: a number, or a schedule such as `cosine(3e-3, 0)` or `warmup(2, cosine(3e-3, 0))`. */
export const LEARNING_RATE: ParameterType<ScalarSchedule> = {
  expected: 'a number at least 0 or a schedule such as cosine(3e-3, 0)',
  read: (value, log) => {
    if (value.kind === 'call') return readSchedule(value, log);
    const rate = RATE.read(value, log);
    return typeof rate === 'number' ? { kind: 'constant', value: rate } : rate;
  },
};

const KINDS = ['cosine', 'linear', 'step', 'warmup'];

function readSchedule(value: CallValue, log: Log): ScalarSchedule | undefined {
  const { call } = value;
  const owner: Owner = { name: call.callee.text, span: call.span };
  const given = evaluateAll(call.args, constantScope(log));
  switch (call.callee.text) {
    case 'cosine':
    case 'linear': {
      const args = bind(owner, given, { from: required(RATE), to: optional(RATE, 0) }, log);
      return args && { kind: call.callee.text, ...args };
    }
    case 'step': {
      const args = bind(
        owner,
        given,
        { value: required(RATE), factor: required(RATE), every: required(whole(1)) },
        log,
      );
      return args && { kind: 'step', ...args };
    }
    case 'warmup': {
      const args = bind(owner, given, { epochs: required(whole(1)), after: required(LEARNING_RATE) }, log);
      return args && { kind: 'warmup', ...args };
    }
    default:
      return reportUnknown(log, 'learning-rate schedule', call.callee, KINDS);
  }
}
