import type { DataItem } from '../syntax/ast.ts';
import { bind, evaluateAll, failed, MISMATCH, optional, type ParameterType, required } from './arguments.ts';
import type { Augmentation, CheckedData, CheckedTrain, GradientMorphism } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import { checkSource, isSource, type SourceFacts } from './data-sources.ts';
import { type Shape, sameShape, shapeText } from './layers/signature.ts';
import type { Log } from './log.ts';
import type { Elaboration } from './model.ts';
import { either, whole, word } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';
import type { CallValue, WordValue } from './values.ts';

const SOURCE: ParameterType<WordValue | CallValue> = {
  expected: 'the name of a data source',
  read: (value) => (value.kind === 'word' || value.kind === 'call' ? value : MISMATCH),
};

const AUGMENTATIONS = ['crop', 'flip'];

/** One augmentation; its sizes are compared with the images' later. */
const AUGMENTATION: ParameterType<Augmentation> = {
  expected: `crop(size, pad: …) or flip`,
  read: (value, log) => {
    if (value.kind !== 'word' && value.kind !== 'call') return MISMATCH;
    const name = value.kind === 'word' ? { text: value.text, span: value.span } : value.call.callee;
    const given = value.kind === 'word' ? [] : evaluateAll(value.call.args, constantScope(log));
    const owner = { name: name.text, span: value.span };
    if (name.text === 'flip') return bind(owner, given, {}, log) && { kind: 'flip' };
    if (name.text !== 'crop') return reportUnknown(log, 'augmentation', name, AUGMENTATIONS);
    const args = bind(owner, given, { size: required(whole(1)), pad: optional(whole(0), 0) }, log);
    return args && { kind: 'crop', ...args };
  },
};

const AUGMENT: ParameterType<readonly Augmentation[]> = {
  expected: 'a list such as [crop(32, pad: 4), flip]',
  read: (value, log) => {
    if (value.kind !== 'list') return MISMATCH;
    const read = value.items.map((item) => item && AUGMENTATION.read(item, log));
    if (read.includes(MISMATCH)) return MISMATCH;
    const sound = read.filter((item) => !failed(item)) as readonly Augmentation[];
    return sound.length === read.length ? sound : undefined;
  },
};

const SETTINGS = {
  source: optional<WordValue | CallValue | undefined>(SOURCE, undefined),
  batch: optional<number | 'all'>(either(whole(1), word(['all'])), 64),
  validation: optional(whole(0), 0),
  train: optional<number | undefined>(whole(1), undefined),
  augment: optional(AUGMENT, []),
};

/** Checks the data section by itself and against the model's input, its output and the loss. */
export function checkData(
  item: DataItem,
  model: Elaboration | undefined,
  train: CheckedTrain | undefined,
  log: Log,
): CheckedData | undefined {
  const name = item.name.text;
  const settings = bind(
    { name: `data '${name}'`, span: item.name.span, noun: 'setting' },
    evaluateAll(item.entries, constantScope(log)),
    SETTINGS,
    log,
  );
  const facts = findSource(item, settings?.source, log);
  if (settings === undefined || facts === undefined) return undefined;
  const before = log.diagnostics.length;
  checkCounts(item, settings, facts, train ? summands(train.gradient) : 1, log);
  const target = model && checkFit(name, item, facts, model, train, log);
  const sampleShape = facts.sampleShape ?? model?.input?.shape;
  for (const augmentation of settings.augment) checkAugmentation(augmentation, item, sampleShape, log);
  if (target === undefined || sampleShape === undefined || log.diagnostics.length > before) return undefined;
  const { batch, validation, train: limit, augment } = settings;
  return {
    name,
    source: facts.source,
    batch,
    validation,
    train: limit,
    augment,
    sampleShape,
    target,
    span: item.span,
  };
}

/** `source: …`, else the short form `data regression(…)` whose name is the source. */
function findSource(
  item: DataItem,
  written: WordValue | CallValue | undefined,
  log: Log,
): SourceFacts | undefined {
  const [extra] = item.args;
  if (written !== undefined && extra !== undefined) {
    return log.report('QS2007', extra.span, {
      owner: `data '${item.name.text}'`,
      expected: `no arguments beside 'source'`,
    });
  }
  if (written?.kind === 'word') return checkSource({ text: written.text, span: written.span }, [], log);
  if (written !== undefined) return checkSource(written.call.callee, written.call.args, log);
  if (item.entries.some((entry) => entry.key.text === 'source')) return undefined;
  if (item.args.length > 0 || isSource(item.name.text)) return checkSource(item.name, item.args, log);
  const hint = `such as 'source: mnist'`;
  return log.report(
    'QS2005',
    item.name.span,
    { owner: `data '${item.name.text}'`, what: `the setting 'source'` },
    { hint },
  );
}

function checkCounts(
  item: DataItem,
  settings: { batch: number | 'all'; validation: number; train: number | undefined },
  facts: SourceFacts,
  batches: number,
  log: Log,
): void {
  if (facts.samples === undefined) return;
  const spanOf = (key: string) =>
    item.entries.find((entry) => entry.key.text === key)?.span ?? item.name.span;
  const { validation, train, batch } = settings;
  const available = facts.samples - validation;
  if (available < 1) {
    log.report('QS3016', spanOf('validation'), {
      what: 'the validation set',
      count: validation,
      available: facts.samples - 1,
    });
    return;
  }
  if (train !== undefined && train > available)
    log.report('QS3016', spanOf('train'), { what: 'the training set', count: train, available });
  const trained = Math.min(train ?? available, available);
  if (batch === 'all' || batch * batches <= trained) return;
  const what = batches === 1 ? 'a batch' : `a step of ${batches} batches`;
  const hint = `'batch: all' takes every sample in each step`;
  log.report('QS3016', spanOf('batch'), { what, count: batch * batches, available: trained }, { hint });
}

/** Batches that one step reads. */
function summands(gradient: GradientMorphism): number {
  if (gradient.kind === 'backward') return 1;
  const inner = summands(gradient.of);
  return gradient.kind === 'accumulate' || gradient.kind === 'allreduce' ? gradient.count * inner : inner;
}

/** What the model is trained towards, or undefined after reporting that model, loss and data do not fit. */
function checkFit(
  name: string,
  item: DataItem,
  facts: SourceFacts,
  model: Elaboration,
  train: CheckedTrain | undefined,
  log: Log,
): CheckedData['target'] | undefined {
  const { input, output } = model;
  const data = `data '${name}'`;
  const related = [{ span: item.name.span, message: 'the data' }];
  if (input !== undefined && facts.sampleShape !== undefined && !sameShape(input.shape, facts.sampleShape)) {
    const expected = shapeText(facts.sampleShape);
    const fixes = [{ title: `change to ${expected}`, span: input.span, replacement: expected }];
    log.report('QS3007', input.span, { data, expected, found: shapeText(input.shape) }, { related, fixes });
  }
  if (input?.low !== undefined && input.high !== undefined && facts.range !== undefined) {
    const [low, high] = facts.range;
    const interval = `[${low}, ${high}]`;
    if (input.low > low || input.high < high)
      log.report(
        'QS4009',
        input.span,
        { declared: `[${input.low}, ${input.high}]`, data: interval },
        { related, hint: `declare 'in ${interval}'` },
      );
  }
  if (output === undefined || train === undefined) return undefined;
  const { loss } = train;
  const target = facts.target ?? {
    kind: loss === 'cross_entropy' ? 'classes' : 'values',
    count: output.shape[0] ?? 1,
  };
  const wanted = loss === 'cross_entropy' ? 'classes' : 'values';
  if (target.kind !== wanted) {
    const hint = `${target.kind === 'classes' ? 'cross_entropy' : 'mse'} fits this data`;
    return log.report(
      'QS3017',
      train.span,
      { loss, expected: wanted, data, found: target.kind },
      { related, hint },
    );
  }
  if (!sameShape(output.shape, [target.count])) {
    const expected = `${shapeText([target.count])}, one ${target.kind === 'classes' ? 'logit a class' : 'value a target'}`;
    return log.report('QS3008', output.span, { data, expected, found: shapeText(output.shape) }, { related });
  }
  return target;
}

/** Crops keep the size of the images, which is also what the model is tested on. */
function checkAugmentation(
  augmentation: Augmentation,
  item: DataItem,
  shape: Shape | undefined,
  log: Log,
): void {
  if (shape === undefined) return;
  const span = item.entries.find((entry) => entry.key.text === 'augment')?.value.span ?? item.span;
  const [, height, width] = shape;
  if (height === undefined || width === undefined) {
    log.report('QS3001', span, { layer: augmentation.kind, expected: 'images', found: shapeText(shape) });
  } else if (augmentation.kind === 'crop' && (augmentation.size !== height || augmentation.size !== width)) {
    log.report('QS3002', span, {
      name: `'size' of crop`,
      expected: `the size of the images, ${height}×${width}`,
      found: String(augmentation.size),
    });
  }
}
