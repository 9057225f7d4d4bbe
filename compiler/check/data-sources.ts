import type { CallExpr, Name } from '../syntax/ast.ts';
import {
  type ArgumentsOf,
  bind,
  evaluateAll,
  type Given,
  MISMATCH,
  type Owner,
  optional,
  type Parameters,
  type ParameterType,
  required,
} from './arguments.ts';
import type { CheckedData, DataSource } from './checked-spec.ts';
import { constantScope } from './constants.ts';
import { folderPath } from './folder-path.ts';
import type { Shape } from './layers/signature.ts';
import type { Log } from './log.ts';
import { FLAG, real, TEXT, whole } from './parameter-types.ts';
import { reportUnknown } from './suggest.ts';

/** What is known of a data set before any of it is read; undefined where the model or the file tells. */
export interface SourceFacts {
  readonly source: DataSource;
  readonly sampleShape: Shape | undefined;
  readonly target: CheckedData['target'] | undefined;
  /** Samples of the training set. */
  readonly samples: number | undefined;
  /** Limits of every element. */
  readonly range: readonly [number, number] | undefined;
}

interface SourceSignature {
  readonly bind: (owner: Owner, given: readonly Given[], log: Log) => SourceFacts | undefined;
}

function source<P extends Parameters>(
  parameters: P,
  facts: (args: ArgumentsOf<P>) => SourceFacts,
): SourceSignature {
  return {
    bind: (owner, given, log) => {
      const args = bind(owner, given, parameters, log);
      return args && facts(args);
    },
  };
}

function images(
  kind: 'mnist' | 'fashion_mnist' | 'cifar10',
  sampleShape: Shape,
  samples: number,
): SourceSignature {
  return source({}, () => ({ source: { kind }, sampleShape, target: TEN_CLASSES, samples, range: [0, 1] }));
}

const TEN_CLASSES = { kind: 'classes', count: 10 } as const;
/** Data that are made up are held in memory, so a spec may not ask for any number of them. */
const SAMPLES = whole(1, 100_000);

const DATA_PATH: ParameterType<string> = {
  expected: 'a path in quotes',
  read: (value, log) =>
    value.kind === 'text'
      ? folderPath({ value: value.text, span: value.span }, 'the data folder', log)
      : MISMATCH,
};

const SEED = whole(0, 2 ** 32 - 1);

const SOURCES: ReadonlyMap<string, SourceSignature> = new Map([
  ['mnist', images('mnist', [1, 28, 28], 60_000)],
  ['fashion_mnist', images('fashion_mnist', [1, 28, 28], 60_000)],
  ['cifar10', images('cifar10', [3, 32, 32], 50_000)],
  [
    'glyphs',
    source(
      {
        samples: optional(SAMPLES, 6000),
        test: optional(SAMPLES, 2000),
        seed: optional(SEED, 0),
      },
      ({ samples, test, seed }) => ({
        source: { kind: 'glyphs', samples, testSamples: test, seed },
        sampleShape: [1, 28, 28],
        target: TEN_CLASSES,
        samples,
        range: [0, 1],
      }),
    ),
  ],
  [
    'regression',
    source(
      {
        samples: optional(SAMPLES, 1000),
        features: optional(whole(1, 1000), 10),
        noise: optional(real({ min: 0 }), 0.1),
        seed: optional(SEED, 0),
      },
      ({ samples, features, noise, seed }) => ({
        source: { kind: 'regression', samples, features, noise, seed },
        sampleShape: [features],
        target: { kind: 'values', count: 1 },
        samples,
        range: undefined,
      }),
    ),
  ],
  [
    'csv',
    source(
      { path: required(DATA_PATH), target: required(TEXT), header: optional(FLAG, true) },
      ({ path, target, header }) => ({
        source: { kind: 'csv', path, target, header },
        sampleShape: undefined,
        target: undefined,
        samples: undefined,
        range: undefined,
      }),
    ),
  ],
]);

export function isSource(name: string): boolean {
  return SOURCES.has(name);
}

/** The data set that `name(args)` means. */
export function checkSource(name: Name, args: CallExpr['args'], log: Log): SourceFacts | undefined {
  const found = SOURCES.get(name.text);
  if (found === undefined) return reportUnknown(log, 'data source', name, SOURCES.keys());
  const span =
    args.length === 0 ? name.span : { start: name.span.start, end: args.at(-1)?.span.end ?? name.span.end };
  return found.bind({ name: name.text, span }, evaluateAll(args, constantScope(log)), log);
}
