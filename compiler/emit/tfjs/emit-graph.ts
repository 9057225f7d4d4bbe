import type { Graph, Phase, Role, Value } from '../../ir/graph.ts';
import { composeStep } from './compose-step.ts';
import { Uses } from './context.ts';
import { emitPhase, type PhaseScope } from './emit-phase.ts';
import { functionText, parameterOf } from './function-text.ts';
import { type PhasePart, splitPhases } from './phases.ts';
import type { Annotate } from './provenance.ts';
import {
  GROUPS,
  type InputField,
  type InputFields,
  inputFields,
  ROLES,
  type Signature,
  tensorComment,
} from './signature.ts';
import { IMPORT_TFJS, objectType, type SourceFile, sourceFile, supportImports } from './source-file.ts';

export interface GraphOptions {
  /** Name of the file. */
  readonly file: string;
  /** An identifier that function names begin with; a graph of one phase is a function of that very name. */
  readonly stem: string;
  /** Sentence about the whole graph. */
  readonly doc: string;
  readonly annotate: Annotate;
  /** Inputs of another graph, whose properties the inputs of the same role and name are to share. */
  readonly inputs?: InputFields;
  /** Outputs that the function of one phase returns and that of the whole graph does not. */
  readonly internal?: ReadonlySet<string>;
}

/** A graph as a TypeScript module. */
export interface GraphModule {
  readonly file: SourceFile;
  readonly uses: Uses;
  readonly signature: Signature;
}

/** One phase as a function. */
export interface PhaseFunction {
  readonly name: string;
  readonly parameters: readonly string[];
  /** The variable that holds what it returns, where it is called. */
  readonly field: string;
  /** The property of what it returns that holds an output, by the output's name. */
  readonly outputs: ReadonlyMap<string, string>;
  /** What it computes for later phases, as they name it. */
  readonly paths: ReadonlyMap<Value, string>;
  /** Declaration of the type that it returns. */
  readonly type: string;
  readonly text: string;
}

interface PhaseNaming {
  readonly suffix: string;
  readonly field: string;
  readonly type: string;
  readonly doc: string;
  readonly typeDoc: string;
}

const NAMING: Readonly<Record<Phase, PhaseNaming>> = {
  F: {
    suffix: 'Forward',
    field: 'cache',
    type: 'Cache',
    doc: 'F: from the parameters and a batch to the loss.',
    typeDoc: 'What F returns: its results, then what later phases read again.',
  },
  B: {
    suffix: 'Backward',
    field: 'gradients',
    type: 'Gradients',
    doc: 'B: from the loss back to the gradient of every parameter.',
    typeDoc: 'What B returns: the gradients, then what U reads besides.',
  },
  U: {
    suffix: 'Update',
    field: 'updated',
    type: 'Updated',
    doc: "U: from the gradients to the next parameters and the optimizer's next state.",
    typeDoc: 'What U returns.',
  },
};

/** Writes a graph as one function a phase, and one that composes them where there are several. */
export function emitGraph(graph: Graph, options: GraphOptions): GraphModule {
  const parts = splitPhases(graph);
  const single = parts.length === 1;
  const naming = single ? { ...NAMING, ...wholeNaming(parts, options.doc) } : NAMING;
  const inputs = inputFields(graph, options.inputs);
  const uses = new Uses();
  const stepName = `${options.stem}Step`;
  const declared = [stepName, ...parts.map(({ phase }) => options.stem + naming[phase].suffix)];
  const earlier = new Map<Value, string>();
  const phases = parts.map((part) => {
    const scope = { graph, inputs, earlier, declared, annotate: options.annotate, uses };
    const phase = emitPhaseFunction(part, options.stem, naming, scope);
    for (const [value, path] of phase.paths) earlier.set(value, path);
    return phase;
  });
  const [first] = phases;
  if (first === undefined) throw new Error('a graph has at least one phase');
  const step = single
    ? undefined
    : composeStep(stepName, options.doc, inputs, phases, options.internal ?? new Set());
  const noisy = parts.some((part) => part.noisy);
  if (noisy) uses.addFile('noise.ts');
  const imports = [IMPORT_TFJS, ...supportImports(uses, noisy ? { 'noise.ts': ['Noise'] } : {})];
  const sections = [
    ...ROLES.filter((role) => inputs[role].length > 0).map((role) => groupType(role, inputs[role])),
    ...phases.map(({ type }) => type),
    ...(step?.types ?? []),
    ...phases.map(({ text }) => text),
    ...(step === undefined ? [] : [step.text]),
  ];
  const signature = step?.signature ?? {
    functionName: first.name,
    parameters: first.parameters,
    inputs,
    outputs: new Map([...first.outputs].map(([output, key]) => [output, [key]])),
  };
  return { file: sourceFile(options.file, imports, sections), uses, signature };
}

/** Names for a graph of one phase, whatever that is. */
function wholeNaming(parts: readonly PhasePart[], doc: string): Partial<Record<Phase, PhaseNaming>> {
  const whole = { suffix: '', field: 'outputs', type: 'Outputs', doc, typeDoc: 'What is computed.' };
  return Object.fromEntries(parts.map(({ phase }) => [phase, whole]));
}

function emitPhaseFunction(
  part: PhasePart,
  stem: string,
  naming: Readonly<Record<Phase, PhaseNaming>>,
  scope: PhaseScope,
): PhaseFunction {
  const { suffix, field, type, doc, typeDoc } = naming[part.phase];
  const name = stem + suffix;
  const { statements, fields } = emitPhase(part, scope, 4);
  const parameters = [
    ...ROLES.filter((role) => part.roles.has(role)).map((role) => GROUPS[role].field),
    ...part.reads.map((phase) => naming[phase].field),
    ...(part.noisy ? ['noise'] : []),
  ];
  const properties = fields.map((f) => ({ key: f.key, type: 'tf.Tensor', comment: tensorComment(f.type) }));
  return {
    name,
    parameters,
    field,
    outputs: new Map(fields.flatMap(({ output, key }) => (output === undefined ? [] : [[output, key]]))),
    paths: new Map(fields.map(({ key, value }) => [value, `${field}.${key}`])),
    type: objectType(type, typeDoc, properties),
    text: functionText(name, doc, parameters.map(parameterOf), type, statements),
  };
}

function groupType(role: Role, fields: readonly InputField[]): string {
  const { type, doc } = GROUPS[role];
  const properties = fields.map(({ key, name, type }) =>
    role === 'hyper'
      ? { key, type: 'number', comment: name }
      : { key, type: 'tf.Tensor', comment: `${name} ${tensorComment(type)}` },
  );
  return objectType(type, doc, properties);
}
