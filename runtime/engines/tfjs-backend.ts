import { createRequire } from 'node:module';
import type * as TfjsCore from '@tensorflow/tfjs-core';

export type Tfjs = typeof TfjsCore;

/** tfjs with a backend chosen. */
export interface Backend {
  readonly tf: Tfjs;
  readonly name: 'tensorflow' | 'cpu';
  /** Library, version and backend, and where the fast one is absent, that it is. */
  readonly description: string;
}

let chosen: Promise<Backend> | undefined;

/** The fastest backend that loads: TensorFlow's, through the optional `@tensorflow/tfjs-node`, else tfjs's own. */
export function loadBackend(): Promise<Backend> {
  chosen ??= choose();
  return chosen;
}

async function choose(): Promise<Backend> {
  const require = createRequire(import.meta.url);
  const tf: Tfjs = require('@tensorflow/tfjs-core');
  // Keeps tfjs from recommending tfjs-node on stderr: the description says it.
  tf.env().set('PROD', true);
  if (loads(require, '@tensorflow/tfjs-node') && (await tf.setBackend('tensorflow'))) {
    return {
      tf,
      name: 'tensorflow',
      description: `tfjs ${tf.version_core}, TensorFlow backend of tfjs-node`,
    };
  }
  require('@tensorflow/tfjs-backend-cpu');
  await tf.setBackend('cpu');
  return {
    tf,
    name: 'cpu',
    description: `tfjs ${tf.version_core}, plain JavaScript backend (slow: @tensorflow/tfjs-node does not load)`,
  };
}

/** Whether an optional package is installed and its native library loads. */
function loads(require: NodeJS.Require, name: string): boolean {
  try {
    require(name);
    return true;
  } catch {
    return false;
  }
}
