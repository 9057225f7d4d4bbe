import type { Graph, Role, TensorType } from '../../ir/graph.ts';
import { Names } from './names.ts';

/** The objects that hold a graph's inputs in emitted code, by role. */
export const GROUPS = {
  parameter: { field: 'params', type: 'Params', doc: 'What is trained.' },
  buffer: {
    field: 'buffers',
    type: 'Buffers',
    doc: 'What F keeps from step to step, such as running statistics.',
  },
  state: { field: 'optimizer', type: 'Optimizer', doc: "The optimizer's state." },
  batch: { field: 'batch', type: 'Batch', doc: 'What one call reads of the data.' },
  hyper: { field: 'hyper', type: 'Hyper', doc: 'Numbers that change from step to step.' },
} as const satisfies Record<Role, { readonly field: string; readonly type: string; readonly doc: string }>;

export const ROLES = ['parameter', 'buffer', 'state', 'batch', 'hyper'] as const satisfies readonly Role[];

/** The roles whose tensors live from step to step. */
export const LASTING = ['parameter', 'buffer', 'state'] as const satisfies readonly Role[];

export interface InputField {
  /** Name of the graph's input. */
  readonly name: string;
  /** Property of its group. */
  readonly key: string;
  readonly type: TensorType;
}

/** The inputs of a graph as properties of one object a role. */
export type InputFields = Readonly<Record<Role, readonly InputField[]>>;

/** @param known fields whose properties the inputs of the same role and name share */
export function inputFields(graph: Graph, known?: InputFields): InputFields {
  const of = (role: Role): readonly InputField[] => {
    const shared = new Map(known?.[role].map(({ name, key }) => [name, key]));
    const names = new Names(shared.values());
    return graph.nodes.flatMap((node) =>
      node.kind === 'input' && node.role === role
        ? [{ name: node.input, key: shared.get(node.input) ?? names.claim(node.input), type: node.type }]
        : [],
    );
  };
  return {
    parameter: of('parameter'),
    buffer: of('buffer'),
    state: of('state'),
    batch: of('batch'),
    hyper: of('hyper'),
  };
}

/** `f32[64, 10]` */
export function tensorComment({ dtype, shape }: TensorType): string {
  return `${dtype}[${shape.join(', ')}]`;
}

/** How to call the function that evaluates a whole graph. */
export interface Signature {
  readonly functionName: string;
  /** Its parameters in order: `tensors` (an object of groups), the field of a group, or `noise`. */
  readonly parameters: readonly string[];
  readonly inputs: InputFields;
  /** The path of each output in what it returns. */
  readonly outputs: ReadonlyMap<string, readonly string[]>;
}
