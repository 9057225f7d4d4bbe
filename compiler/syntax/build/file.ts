import type {
  BlockCstNode,
  BodyCstNode,
  DataCstNode,
  ExperimentCstNode,
  ItemCstNode,
  ModelCstNode,
  SpecCstNode,
  TrainCstNode,
  TypeCstNode,
} from '../../../grammar/cst.generated.ts';
import type {
  BlockItem,
  Body,
  Comment,
  DataItem,
  ExperimentItem,
  Item,
  ModelItem,
  SpecFile,
  TrainItem,
  TypeExpr,
} from '../ast.ts';
import { textValue } from '../lex.ts';
import { first, nameOf, spanOf } from './common.ts';
import { buildArgs, buildElements, buildEntries, buildEntry, buildExpr } from './expression.ts';
import { buildPrecision } from './precision.ts';

/** Turns a syntax tree without errors into the abstract one. */
export function buildFile(node: SpecCstNode, comments: readonly Comment[]): SpecFile {
  const { Word, item } = node.children;
  return {
    kind: 'spec',
    name: nameOf(first(Word)),
    items: (item ?? []).map(buildItem),
    comments,
    span: spanOf(node),
  };
}

function buildItem(node: ItemCstNode): Item {
  const { data, block, model, train, precision, evaluation, experiment, exported } = node.children;
  const span = spanOf(node);
  if (data !== undefined) return buildData(first(data));
  if (block !== undefined) return buildBlock(first(block));
  if (model !== undefined) return buildModel(first(model));
  if (train !== undefined) return buildTrain(first(train));
  if (precision !== undefined) return buildPrecision(first(precision));
  if (evaluation !== undefined) {
    return { kind: 'eval', entries: buildEntries(first(first(evaluation).children.entries)), span };
  }
  if (experiment !== undefined) return buildExperiment(first(experiment));
  const { Word, entries } = first(exported).children;
  return { kind: 'export', target: nameOf(first(Word)), entries: buildEntries(first(entries)), span };
}

function buildData(node: DataCstNode): DataItem {
  const { Word, args, entries } = node.children;
  return {
    kind: 'data',
    name: nameOf(first(Word)),
    args: args === undefined ? [] : buildArgs(first(args)),
    entries: entries === undefined ? [] : buildEntries(first(entries)),
    span: spanOf(node),
  };
}

function buildBlock(node: BlockCstNode): BlockItem {
  const { Word, param, body } = node.children;
  const params = (param ?? []).map(({ children }) => ({
    name: nameOf(first(children.Word)),
    ...(children.expr === undefined ? {} : { defaultValue: buildExpr(first(children.expr)) }),
  }));
  return {
    kind: 'block',
    name: nameOf(first(Word)),
    params,
    body: buildBody(first(body)),
    span: spanOf(node),
  };
}

function buildModel(node: ModelCstNode): ModelItem {
  const { Word, type, interval, Text, body } = node.children;
  const [inputType, outputType] = type.map(buildType);
  const [low, high] = interval === undefined ? [] : first(interval).children.expr.map(buildExpr);
  const range =
    interval === undefined || low === undefined || high === undefined
      ? {}
      : { range: { low, high, span: spanOf(first(interval)) } };
  const text = Text?.[0];
  const init =
    text === undefined
      ? {}
      : { init: { from: { kind: 'string' as const, value: textValue(text), span: spanOf(text) } } };
  return {
    kind: 'model',
    name: nameOf(first(Word)),
    input: { name: nameOf(first(Word.slice(1))), type: first(inputType && [inputType]), ...range },
    output: first(outputType && [outputType]),
    ...init,
    body: buildBody(first(body)),
    span: spanOf(node),
  };
}

function buildType(node: TypeCstNode): TypeExpr {
  const { Word, elements } = node.children;
  return { dtype: nameOf(first(Word)), shape: buildElements(first(elements)), span: spanOf(node) };
}

function buildBody(node: BodyCstNode): Body {
  const lets = (node.children.binding ?? []).map((binding) => ({
    name: nameOf(first(binding.children.Word)),
    value: buildExpr(first(binding.children.expr)),
    span: spanOf(binding),
  }));
  return { lets, result: buildExpr(first(node.children.expr)), span: spanOf(node) };
}

function buildTrain(node: TrainCstNode): TrainItem {
  const definitions = (node.children.definition ?? []).map(({ children, ...definition }) => ({
    name: nameOf(first(children.Word)),
    value: buildExpr(first(children.expr)),
    span: spanOf({ children: {}, ...definition }),
  }));
  return {
    kind: 'train',
    definitions,
    entries: (node.children.entry ?? []).map(buildEntry),
    span: spanOf(node),
  };
}

function buildExperiment(node: ExperimentCstNode): ExperimentItem {
  const budgets = (node.children.budget ?? []).map((budget) => ({
    name: nameOf(first(budget.children.Word)),
    entries: buildEntries(first(budget.children.entries)),
    span: spanOf(budget),
  }));
  return {
    kind: 'experiment',
    name: nameOf(first(node.children.Word)),
    entries: (node.children.entry ?? []).map(buildEntry),
    budgets,
    span: spanOf(node),
  };
}
