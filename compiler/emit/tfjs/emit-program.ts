import type { Graph } from '../../ir/graph.ts';
import type { TrainingProgram } from '../../lower/program.ts';
import { emitGraph } from './emit-graph.ts';
import { emitIndex } from './emit-index.ts';
import { emitReadme } from './emit-readme.ts';
import { emitSchedule } from './emit-schedule.ts';
import { emitState } from './emit-state.ts';
import { Names } from './names.ts';
import { annotator, type Provenance, provenanceComment } from './provenance.ts';
import type { Signature } from './signature.ts';
import { printFiles } from './source-file.ts';
import { SUPPORT_NAMES, supportFiles } from './support-files.ts';

/** What a training program is emitted with. */
export interface ProgramInfo extends Provenance {
  /** The trained model outside training: inputs are `x` and lasting tensors of the program under their own names. */
  readonly evaluation?: Graph;
}

/**
 * A training program as a folder of TypeScript that imports nothing but `@tensorflow/tfjs-core` and files beside it.
 *
 * @returns the text of each file by its path in the folder, sorted
 */
export function emitTfjsProgram(program: TrainingProgram, info: ProgramInfo): Map<string, string> {
  const annotate = annotator(info.source, program.plan);
  const stem = functionStem(program.name);
  const returned = new Set(program.step.outputs.map(({ name }) => name));
  const gradients = program.stepWithGradients.outputs.filter(({ name }) => !returned.has(name));
  const step = emitGraph(program.stepWithGradients, {
    file: 'step.ts',
    stem,
    doc: 'T = U ∘ B ∘ F: one training step.',
    annotate,
    internal: new Set(gradients.map(({ name }) => name)),
  });
  const { signature } = step;
  const evaluation =
    info.evaluation &&
    emitGraph(info.evaluation, {
      file: 'evaluate.ts',
      stem: `${stem}Evaluate`,
      doc: 'The model outside training.',
      annotate,
      inputs: signature.inputs,
    });
  const parts = [
    step,
    ...(evaluation === undefined ? [] : [evaluation]),
    emitState(program.tensors, signature.inputs),
    ...(signature.parameters.includes('hyper') ? [emitSchedule(program.hyper, signature.inputs)] : []),
    emitIndex(signature, evaluation?.signature, program.streams),
  ];
  const header = provenanceComment(info);
  const files = printFiles(
    parts.map((part) => part.file),
    header,
  );
  for (const [name, text] of supportFiles(parts.flatMap(({ uses }) => [...uses.support.keys()]))) {
    files.set(`support/${name}`, `${header}\n\n${text}`);
  }
  files.set('README.md', emitReadme(program, info));
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What functions of a spec or graph are named by, nothing that an emitted file imports or declares otherwise. */
function functionStem(name: string): string {
  return new Names(['tf', 'train', ...SUPPORT_NAMES]).claim(name);
}

/** One graph as a module of its own, with the support files that it imports. */
export interface EmittedModule {
  /** Text of each file by path. */
  readonly files: ReadonlyMap<string, string>;
  /** The file that holds the function of the signature. */
  readonly main: string;
  readonly signature: Signature;
}

/** Any graph, such as an evaluation graph, as a module. @param provenance where lines say which text they stand for */
export function emitGraphModule(graph: Graph, provenance?: Provenance): EmittedModule {
  const stem = functionStem(graph.name);
  const module = emitGraph(graph, {
    file: 'graph.ts',
    stem,
    doc: 'Evaluates the whole graph.',
    annotate: provenance === undefined ? () => undefined : annotator(provenance.source, undefined),
  });
  const header = provenance === undefined ? '' : provenanceComment(provenance);
  const files = printFiles([module.file], header);
  for (const [name, text] of supportFiles(module.uses.support.keys())) files.set(`support/${name}`, text);
  return { files, main: 'graph.ts', signature: module.signature };
}
