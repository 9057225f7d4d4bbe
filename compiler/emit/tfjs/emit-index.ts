import { largestStream, type NoiseStream } from '../../ir/noise.ts';
import { poolSize } from '../../numeric/random.ts';
import { Uses } from './context.ts';
import { GROUPS, LASTING, type Signature } from './signature.ts';
import {
  IMPORT_TFJS,
  type Imported,
  importFrom,
  type SourceFile,
  sourceFile,
  supportImports,
} from './source-file.ts';

/** `index.ts`: what a user of the folder calls. */
export function emitIndex(
  step: Signature,
  evaluation: Signature | undefined,
  streams: readonly NoiseStream[],
): { readonly file: SourceFile; readonly uses: Uses } {
  const uses = new Uses();
  uses.add('release');
  if (step.parameters.includes('noise')) uses.add('noiseAt');
  uses.addFile('schedule.ts');
  const imports = [
    IMPORT_TFJS,
    ...(evaluation === undefined
      ? []
      : importFrom(
          'evaluate.ts',
          evaluation.functionName,
          type('Batch', 'EvaluationBatch'),
          type('Outputs', 'Evaluation'),
        )),
    ...(step.parameters.includes('hyper') ? importFrom('schedule.ts', 'hyperAt') : []),
    ...importFrom('state.ts', 'initialTensors', type('State')),
    ...importFrom('step.ts', step.functionName, type('Batch')),
    ...supportImports(uses, { 'schedule.ts': ['Progress'] }),
  ];
  const sections = [
    `export type { Batch${evaluation === undefined ? '' : ', EvaluationBatch, Evaluation'}, State };`,
    ...(step.parameters.includes('noise') ? [poolsText(streams)] : []),
    STATE_FUNCTIONS,
    trainStepText(step),
    ...(evaluation === undefined ? [] : [predictText(evaluation)]),
  ];
  return { file: sourceFile('index.ts', imports, sections), uses };
}

function type(name: string, alias?: string): Imported {
  return alias === undefined ? { name, type: true } : { name, alias, type: true };
}

function poolsText(streams: readonly NoiseStream[]): string {
  const size = (d: NoiseStream['distribution']) => `${d}: ${poolSize(largestStream(streams, d))}`;
  return `/** Sizes of the pools that noise is cut from. */\nconst POOLS = { ${size('uniform')}, ${size('normal')} };`;
}

const STATE_FUNCTIONS = `/** The state before the first step, a function of the seed. */
export function createState(seed: number): State {
  return { seed, step: 0, tensors: initialTensors(seed) };
}

/** Frees a state that is no longer needed. */
export function disposeState(state: State): void {
  release(state.tensors);
}`;

function trainStepText({ functionName, parameters, outputs }: Signature): string {
  const [loss] = outputs.get('loss') ?? [];
  if (loss === undefined || !parameters.includes('tensors'))
    throw new Error('a training step has tensors and a loss');
  const scheduled = parameters.includes('hyper');
  const args: Readonly<Record<string, string>> = {
    tensors: 'state.tensors',
    batch: 'batch',
    hyper: 'hyperAt({ ...run, step: state.step })',
    noise: 'noiseAt(state.seed, state.step, POOLS)',
  };
  return `/** How long training lasts; schedules depend on it. */
export type Run = Omit<Progress, 'step'>;

/** One training step. Frees the tensors of the state that it is given: go on with the one that it returns. */
export async function trainStep(
  state: State,
  batch: Batch,
  ${scheduled ? 'run' : '_run'}: Run,
): Promise<{ state: State; loss: number }> {
  const { next, ...outputs } = ${functionName}(
${parameters.map((p) => `    ${args[p]},\n`).join('')}  );
  release(state.tensors, next);
  const [loss = Number.NaN] = await outputs.${loss}.data();
  tf.dispose(outputs);
  return { state: { ...state, step: state.step + 1, tensors: next }, loss };
}`;
}

function predictText({ functionName, parameters }: Signature): string {
  const groups = new Set<string>(LASTING.map((role) => GROUPS[role].field));
  const args = parameters.map((p) => {
    if (groups.has(p)) return `state.tensors.${p}`;
    if (p !== 'batch') throw new Error(`evaluation reads '${p}'`);
    return p;
  });
  return `/** Evaluates a batch of exactly the stated size. */
export function predict(state: State, batch: EvaluationBatch): Evaluation {
  return ${functionName}(${args.join(', ')});
}`;
}
