import { describe, expect, test } from 'vitest';
import { describeTfjsNode } from '../../runtime/cli/commands/doctor.ts';
import { qspec } from '../support/cli.ts';

function failing(message: string): () => string {
  return () => {
    throw new Error(message);
  };
}

describe('tfjs-node', () => {
  test('that loads needs no advice', () => {
    expect(describeTfjsNode(() => '4.22.0')).toEqual({
      text: "4.22.0, on TensorFlow's native library",
      advice: [],
    });
  });

  test.each([
    ["Cannot find module '@tensorflow/tfjs-node'\nRequire stack:\n- a", /^not installed: npm install/],
    [
      'The Node.js native addon module (tfjs_binding.node) can not be found at path: somewhere. \nPlease run',
      /^installed without its native library$/,
    ],
    [
      'libtensorflow.so.2: cannot open shared object file\nstack',
      /^does not load: libtensorflow\.so\.2: cannot open shared object file$/,
    ],
  ])('that fails with %j is explained with how to build it', (message, text) => {
    const { text: said, advice } = describeTfjsNode(failing(message));
    expect(said).toMatch(text);
    expect(advice.join('\n')).toContain('npm run build:tfjs-node');
    expect(said + advice.join('\n')).not.toContain('somewhere');
  });

  test('has a line in what doctor prints', async () => {
    const { stdout } = await qspec(['doctor']);
    expect(stdout).toMatch(/^tfjs-node +\S/m);
  });
});
