import type {
  BlockItem,
  Body,
  DataItem,
  ExperimentItem,
  Item,
  ModelItem,
  SpecFile,
  TrainItem,
  TypeExpr,
} from '../ast.ts';
import { type Doc, group, hardLine } from './doc.ts';
import { printArguments, printCommas, printExpr, printString } from './expression.ts';
import type { Layout } from './layout.ts';
import { printPrecision } from './precision.ts';
import { entryPart, type Part, printEntries, printSection } from './section.ts';

export function printFile(file: SpecFile, layout: Layout): Doc {
  const leading = layout.leading(file.name.span.start);
  layout.printed(file.name.span);
  const items = file.items.map((item) => {
    const gap = layout.itemGap(item.span.start);
    const doc = printItem(item, layout);
    layout.printed(item.span);
    return [gap, doc];
  });
  const { comments } = layout.dangling(Number.POSITIVE_INFINITY, '');
  return [leading, 'spec ', file.name.text, items, comments, hardLine];
}

function printItem(item: Item, layout: Layout): Doc {
  switch (item.kind) {
    case 'data':
      return printData(item, layout);
    case 'block':
      return printBlock(item, layout);
    case 'model':
      return printModel(item, layout);
    case 'train':
      return printTrain(item, layout);
    case 'precision':
      return printPrecision(item, layout);
    case 'eval':
      return ['eval ', printEntries(item.entries, item.span.end, layout)];
    case 'experiment':
      return printExperiment(item, layout);
    case 'export':
      return ['export ', item.target.text, ' ', printEntries(item.entries, item.span.end, layout)];
  }
}

function printData({ name, args, entries, span }: DataItem, layout: Layout): Doc {
  const head = ['data ', name.text];
  if (args.length === 0) return [head, ' ', printEntries(entries, span.end, layout)];
  const [first] = entries;
  const list = printArguments(args, first?.span.start ?? span.end, layout);
  return first === undefined ? [head, list] : [head, list, ' ', printEntries(entries, span.end, layout)];
}

function printBlock({ name, params, body }: BlockItem, layout: Layout): Doc {
  const parts = params.map((param) => ({ ...param, span: param.name.span }));
  const list = printCommas(parts, body.span.start, layout, ({ name: { text }, defaultValue }) =>
    defaultValue === undefined ? text : [text, ' = ', printExpr(defaultValue, layout)],
  );
  return ['block ', name.text, '(', list, ') ', printBody(body, layout)];
}

function printModel({ name, input, output, init, body }: ModelItem, layout: Layout): Doc {
  const type = printType(input.type, layout);
  const { range } = input;
  const within =
    range === undefined
      ? []
      : [' in [', printExpr(range.low, layout), ', ', printExpr(range.high, layout), ']'];
  const result = printType(output, layout);
  const from = init === undefined ? [] : [' init from ', printString(init.from.value)];
  const head = ['model ', name.text, '(', input.name.text, ': ', type, within, ') -> ', result, from, ' '];
  return [head, printBody(body, layout)];
}

function printType({ dtype, shape, span }: TypeExpr, layout: Layout): Doc {
  return [dtype.text, '[', printCommas(shape, span.end, layout, (size) => printExpr(size, layout)), ']'];
}

/** Where there are `let`s, the result says `return`. */
function printBody({ lets, result, span }: Body, layout: Layout): Doc {
  const parts: Part[] = lets.map((binding) => ({
    span: binding.span,
    print: () => ['let ', binding.name.text, ' = ', printExpr(binding.value, layout)],
  }));
  const word = lets.length === 0 ? '' : 'return ';
  parts.push({ span: result.span, print: () => [word, printExpr(result, layout)] });
  return printSection(parts, span.end, layout, true);
}

function printTrain({ definitions, entries, span }: TrainItem, layout: Layout): Doc {
  const parts: readonly Part[] = [
    ...definitions.map((definition) => ({
      span: definition.span,
      print: () => [definition.name.text, ' = ', printExpr(definition.value, layout)],
    })),
    ...entries.map((entry) => entryPart(entry, layout)),
  ];
  return ['train ', printSection(inSourceOrder(parts), span.end, layout, true)];
}

function printExperiment({ name, entries, budgets, span }: ExperimentItem, layout: Layout): Doc {
  const parts: readonly Part[] = [
    ...entries.map((entry) => entryPart(entry, layout)),
    ...budgets.map((budget) => ({
      span: budget.span,
      print: () =>
        group(['budget ', budget.name.text, ' ', printEntries(budget.entries, budget.span.end, layout)]),
    })),
  ];
  return ['experiment ', name.text, ' ', printSection(inSourceOrder(parts), span.end, layout, true)];
}

function inSourceOrder(parts: readonly Part[]): readonly Part[] {
  return parts.toSorted((a, b) => a.span.start - b.span.start);
}
