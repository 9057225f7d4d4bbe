import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { qspec } from '../support/cli.ts';
import { specText } from '../support/compile.ts';
import { temporaryFolder } from '../support/temporary.ts';

const HOSTILE = `"><script>globalThis.pwned = 1</script><!--'`;

/** A small net in a file of a hostile name, with a warning in it. */
const TEXT = specText({
  model: 'x |> flatten |> dense(4) as f1 |> relu |> dense(10) as f2',
  train: 'U = adam(lr: 1e-3)\n  T = U ∘ B ∘ F',
  precision: 'weights: int8, activations: int8, gradients: int8 stochastic, optimizer state: bf16',
});

/** What Vega-Lite reports to. */
interface Logger {
  level(): Logger;
  error(...args: readonly unknown[]): Logger;
  warn(...args: readonly unknown[]): Logger;
  info(): Logger;
  debug(): Logger;
}

async function report(name: string): Promise<string> {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, name), TEXT);
  const { exitCode, stderr } = await qspec(['check', name, '--report', 'report.html'], { cwd });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: expect.stringContaining('wrote report.html') });
  return readFile(join(cwd, 'report.html'), 'utf8');
}

/** The page without its scripts. */
function textOf(page: string): string {
  return page.replace(/<script>[\s\S]*?<\/script>/g, '');
}

test('the report holds bounds, costs, contributors and every tensor, and is the same each time', async () => {
  const page = await report('s.qspec');
  const text = textOf(page);
  for (const part of [
    'Worst case of one training step',
    'QS4107',
    '<th scope="row">this spec</th>',
    '<th scope="row">2 bits</th>',
    '<th scope="row">32 bits</th>',
    'rounding of f1.weights',
    'L</th>',
    '<th scope="row">f1.in</th><td>4 × 784</td><td>uint8</td>',
    '<th scope="row">f2.weights.grad</th>',
    '<th scope="row">f1.weights.v</th>',
  ]) {
    expect(text).toContain(part);
  }
  expect(await report('s.qspec')).toBe(page);
});

test('the report needs nothing else, and runs no script but its own', async () => {
  const page = await report('s.qspec');
  expect(textOf(page)).not.toMatch(/<(script|link|img|iframe)[^>]*\b(src|href)=/);
  const policy = /Content-Security-Policy" content="([^"]*)"/.exec(page)?.[1] ?? '';
  expect(policy).toContain('default-src &#39;none&#39;');
  expect(policy).not.toContain('unsafe-eval');
  const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map((match) => match[1] ?? '');
  expect(scripts).toHaveLength(4);
  for (const script of scripts) {
    expect(policy).toContain(createHash('sha256').update(script, 'utf8').digest('base64'));
  }
});

test('what a spec says is text', async () => {
  const page = textOf(await report(`${HOSTILE.replaceAll('/', '')}.qspec`));
  expect(page).not.toContain('<script>globalThis');
  expect(page).toContain('&quot;&gt;&lt;script&gt;globalThis.pwned');
});

test('the charts compile without a warning', async () => {
  const { compile } = await import('vega-lite');
  const page = await report('s.qspec');
  const blocks = [...page.matchAll(/<script type="application\/json" id="([^"]+)">([\s\S]*?)<\/script>/g)];
  expect(blocks.map((block) => block[1])).toEqual([
    'data-tolerance',
    'data-contributors-logits',
    'data-contributors-loss',
    'data-contributors-gradient',
    'data-contributors-update',
  ]);
  const warnings: string[] = [];
  const keep = (...args: readonly unknown[]): Logger => {
    warnings.push(args.join(' '));
    return logger;
  };
  const logger: Logger = {
    level: () => logger,
    error: keep,
    warn: keep,
    info: () => logger,
    debug: () => logger,
  };
  for (const [, , json = ''] of blocks) {
    compile(JSON.parse(json), {
      logger: logger as NonNullable<Parameters<typeof compile>[1]>['logger'] & object,
    });
  }
  expect(warnings).toEqual([]);
});
