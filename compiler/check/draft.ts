import type { Span } from '../source/source.ts';
import type { AnyLayer, LayerId, LayerKind } from './checked-spec.ts';

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
