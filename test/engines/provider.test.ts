import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EngineUnavailable } from '../../runtime/engines/engine.ts';
import { createOnnxEngine } from '../../runtime/engines/onnx.ts';
import { PROVIDERS } from '../../runtime/engines/onnx-provider.ts';
import { qspec } from '../support/cli.ts';
import { specText } from '../support/compile.ts';
import { temporaryFolder } from '../support/temporary.ts';

test.each(PROVIDERS)(
  '%s is opened and named, or refused by name before anything is loaded',
  async (provider) => {
    const opened = await createOnnxEngine({ threads: 1, provider }).catch((failure: unknown) => failure);
    if (opened instanceof EngineUnavailable) {
      expect(provider).not.toBe('cpu');
      expect(opened.message).toContain(
        `the onnx engine needs the ${provider} provider of onnxruntime-node, which does not load: `,
      );
    } else {
      expect(opened).toMatchObject({ description: expect.stringContaining(`, ${provider}, `) });
    }
  },
);

test('a provider that onnxruntime does not know is refused like one that is not there', async () => {
  const unknown = createOnnxEngine({ provider: 'abacus' as 'cuda' });
  await expect(unknown).rejects.toThrow(/needs the abacus provider of onnxruntime-node, which does not load/);
});

test('other engines have none', async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, 'a.qspec'), specText({ model: 'x |> flatten |> dense(10)' }));
  const argv = ['train', 'a.qspec', '--engine', 'reference', '--provider', 'cuda'];
  const { exitCode, stderr } = await qspec(argv, { cwd });
  expect(exitCode).toBe(2);
  expect(stderr).toContain('--provider is of the onnx engine: the reference engine has none');
});
