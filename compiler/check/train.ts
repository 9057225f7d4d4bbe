import type { Source } from '../source/source.ts';
import type { TrainItem } from '../syntax/ast.ts';
import { bind, evaluateAll, optional, required } from './arguments.ts';
import type { CheckedTrain } from './checked-spec.ts';
import { Composer } from './composition.ts';
import { constantScope } from './constants.ts';
import type { Log } from './log.ts';
import { findStage, gradientOf, type Morphism, typeText } from './morphisms.ts';
import { whole } from './parameter-types.ts';

type Definition = TrainItem['definitions'][number];

const SETTINGS = { epochs: required(whole(1)), seed: optional(whole(0), 0) };

/** Checks the train section: its settings, and that its definitions compose to one step Params → Params × State. */
export function checkTrain(
  item: TrainItem,
  model: string | undefined,
  source: Source,
  log: Log,
): CheckedTrain | undefined {
  const header = { start: item.span.start, end: item.span.start + 'train'.length };
  const settings = bind(
    { name: 'train', span: header, noun: 'setting' },
    evaluateAll(item.entries, constantScope(log)),
    SETTINGS,
    log,
  );
  const definitions = collect(item, log);
  const composer = new Composer(definitions, model, source, log);
  const morphisms = new Map(
    [...definitions.values()].map((definition) => [definition, composer.definition(definition)]),
  );
  if (definitions.size === 0)
    return log.report(
      'QS2005',
      header,
      { owner: 'train', what: 'a training step T' },
      { hint: 'such as T = U ∘ B ∘ F' },
    );

  const step = findStep(morphisms, composer);
  if (step === undefined) return undefined;
  const [definition, morphism] = step;
  const sound = [...morphisms.values()].every((m) => m !== undefined);
  if (sound) {
    for (const other of morphisms.keys()) {
      const name = other.name.text;
      if (other !== definition && !composer.used.has(name))
        log.report('QS2011', other.name.span, { kind: 'definition', name });
    }
  }
  if (morphism.from !== 'Params' || morphism.to !== 'Params × State') {
    const hint = 'a step is composed of a forward pass, its backward pass and an optimizer: T = U ∘ B ∘ F';
    return log.report(
      'QS3011',
      definition.name.span,
      { name: definition.name.text, found: typeText(morphism) },
      { hint },
    );
  }
  const gradient = gradientOf(morphism.stages);
  const forward = findStage(morphism.stages, 'forward');
  const backward = findStage(morphism.stages, 'backward');
  const update = findStage(morphism.stages, 'optimizer');
  if (
    gradient === undefined ||
    forward?.loss === undefined ||
    backward === undefined ||
    update === undefined
  ) {
    throw new Error('a step of type Params → Params × State lacks a stage');
  }
  if (settings === undefined) return undefined;
  return {
    loss: forward.loss,
    gradient,
    optimizer: update.optimizer,
    epochs: settings.epochs,
    seed: settings.seed,
    span: item.span,
    spans: { F: forward.definition, B: backward.definition, U: update.definition, T: definition.span },
  };
}

function collect(item: TrainItem, log: Log): ReadonlyMap<string, Definition> {
  const definitions = new Map<string, Definition>();
  for (const definition of item.definitions) {
    const { text, span } = definition.name;
    const earlier = definitions.get(text);
    if (earlier === undefined) definitions.set(text, definition);
    else
      log.report(
        'QS2002',
        span,
        { kind: 'definition', name: text },
        { related: [{ span: earlier.name.span, message: 'first declared here' }] },
      );
  }
  return definitions;
}

/** The step is what no other definition uses: `T` among several such, else the one of the right type, else the last. */
function findStep(
  morphisms: ReadonlyMap<Definition, Morphism | undefined>,
  composer: Composer,
): readonly [Definition, Morphism] | undefined {
  const roots = [...morphisms].filter(([definition]) => !composer.used.has(definition.name.text));
  const named = roots.find(([definition]) => definition.name.text === 'T');
  const typed = roots.find(([, morphism]) => morphism?.from === 'Params' && morphism.to === 'Params × State');
  const step = named ?? typed ?? roots.at(-1);
  return step?.[1] === undefined ? undefined : [step[0], step[1]];
}
