import { generateCstDts } from 'chevrotain';
import { expect, test } from 'vitest';
import { EXPECTATIONS } from '../../compiler/syntax/messages.ts';
import { QSpecParser } from '../../grammar/parser.ts';

test('the grammar is well-formed: no ambiguity, no left recursion, no unreachable alternative', () => {
  expect(() => new QSpecParser(EXPECTATIONS, { skipValidations: false, maxMistakes: 1 })).not.toThrow();
});

test('the types of the syntax tree are those of the grammar', async () => {
  const parser = new QSpecParser(EXPECTATIONS, { skipValidations: true, maxMistakes: 1 });
  const types = generateCstDts(parser.getGAstProductions(), { includeVisitorInterface: false });
  await expect(types.replace('CstNode, ICstVisitor, IToken', 'CstNode, IToken')).toMatchFileSnapshot(
    '../../grammar/cst.generated.ts',
  );
});
