import type { Span } from '../source/source.ts';
import type { AnyLayer, LayerId, LayerKind } from './checked-spec.ts';
import type { Log } from './log.ts';
import type { TensorValue } from './values.ts';

/**
 * A layer on its way into the model. Where a mistake stands in the way it keeps its name and kind, so that annotations
 * of it are still checked and nothing is reported twice.
 */
export interface Draft {
  /** Undefined where the callee is unknown. */
  readonly kind: LayerKind | undefined;
  readonly path: string;
  readonly inputs: readonly LayerId[];
  /** Whether it has a bias, as far as known. */
  readonly bias: boolean;
  /** Undefined where a mistake has been reported. */
  readonly layer: AnyLayer | undefined;
  readonly span: Span;
}

export const MAX_LAYERS = 100_000;
/** Calls that are followed in all, since blocks may call blocks that make no layer. */
const MAX_CALLS = 300_000;

/** The layers found so far, within limits: past them nothing is added, and one diagnostic says so. */
export class DraftList {
  readonly items: Draft[] = [];
  readonly #log: Log;
  #calls = 0;
  #exhausted = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether a limit cut the model short, so that layers are missing. */
  get exhausted(): boolean {
    return this.#exhausted;
  }

  /** The layer behind a value, if both are known. */
  layerOf(value: TensorValue): AnyLayer | undefined {
    return value.layer === undefined ? undefined : this.items[value.layer]?.layer;
  }

  push(draft: Draft): TensorValue {
    if (this.items.length > MAX_LAYERS) {
      this.#exhaust('layers', MAX_LAYERS, draft.span);
      return unknownTensor(draft.span);
    }
    const layer: LayerId = this.items.push(draft) - 1;
    return { kind: 'tensor', layer, span: draft.span };
  }

  /** Stands for layers that a mistake keeps from being made: whatever an annotation names under the path may be right. */
  pushUnknown(path: string, span: Span): TensorValue {
    return this.push({ kind: undefined, path, inputs: [], bias: true, layer: undefined, span });
  }

  /** Counts a call; false once there have been too many. */
  spend(span: Span): boolean {
    if (++this.#calls > MAX_CALLS) this.#exhaust('calls', MAX_CALLS, span);
    return !this.#exhausted;
  }

  #exhaust(what: string, limit: number, span: Span): void {
    if (!this.#exhausted) this.#log.report('QS2010', span, { what, limit });
    this.#exhausted = true;
  }
}

/** The value of an expression that a reported mistake leaves without one. */
export function unknownTensor(span: Span): TensorValue {
  return { kind: 'tensor', layer: undefined, span };
}
