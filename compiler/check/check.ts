import { hasErrors, type Result } from '../diagnostics/diagnostic.ts';
import type { Source } from '../source/source.ts';
import type { Item, SpecFile } from '../syntax/ast.ts';
import type { CheckedSpec } from './checked-spec.ts';
import { checkData } from './data.ts';
import { checkEvaluation } from './evaluation.ts';
import { checkExperiments } from './experiment.ts';
import { checkExport } from './export.ts';
import { Log } from './log.ts';
import { checkModel, collectBlocks } from './model.ts';
import { checkPrecision } from './precision.ts';
import { checkTrain } from './train.ts';

/**
 * Gives a spec its meaning: names resolved, blocks inlined, shapes and types inferred, every tensor's format chosen or marked as to
 * be derived. The value is there only if there is no error.
 */
export function check(file: SpecFile, source: Source): Result<CheckedSpec> {
  const log = new Log();
  const sections = new Sections(file, log);
  const dataItem = sections.required('data');
  const modelItem = sections.required('model');
  const trainItem = sections.required('train');

  const blocks = collectBlocks(sections.all('block'), log);
  const model = modelItem && checkModel(modelItem, blocks, log);
  const train = trainItem && checkTrain(trainItem, model?.name, source, log);
  const data = dataItem && checkData(dataItem, model, train, log);
  const precision = checkPrecision(sections.optional('precision'), model, train?.optimizer.kind, log);
  const evaluation = checkEvaluation(sections.optional('eval'), log);
  const experiments = checkExperiments(sections.all('experiment'), log);
  const exported = checkExport(sections.optional('export'), log);

  const diagnostics = log.diagnostics.toSorted(
    (a, b) => a.span.start - b.span.start || a.span.end - b.span.end,
  );
  if (hasErrors(diagnostics)) return { value: undefined, diagnostics };
  if (
    data === undefined ||
    model?.model === undefined ||
    train === undefined ||
    evaluation === undefined ||
    exported === undefined
  ) {
    throw new Error('a section is missing though nothing is wrong with the spec');
  }
  const value = {
    source,
    name: file.name.text,
    data,
    model: model.model,
    train,
    precision,
    evaluation,
    experiments,
    exported,
  };
  return { value, diagnostics };
}

/** Items of a file by kind. */
class Sections {
  readonly #file: SpecFile;
  readonly #log: Log;

  constructor(file: SpecFile, log: Log) {
    this.#file = file;
    this.#log = log;
  }

  all<K extends Item['kind']>(kind: K): readonly Extract<Item, { kind: K }>[] {
    return this.#file.items.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind);
  }

  /** The one section of its kind; a second one is reported. */
  optional<K extends Item['kind']>(kind: K): Extract<Item, { kind: K }> | undefined {
    const [first, ...others] = this.all(kind);
    for (const { span } of others) {
      const keyword = { start: span.start, end: span.start + kind.length };
      this.#log.report(
        'QS2004',
        keyword,
        { section: kind },
        {
          related: first
            ? [
                {
                  span: { start: first.span.start, end: first.span.start + kind.length },
                  message: 'the first one',
                },
              ]
            : [],
        },
      );
    }
    return first;
  }

  required<K extends Item['kind']>(kind: K): Extract<Item, { kind: K }> | undefined {
    const item = this.optional(kind);
    return item ?? this.#log.report('QS2003', this.#file.name.span, { section: kind });
  }
}
