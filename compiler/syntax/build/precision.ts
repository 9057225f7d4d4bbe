import type {
  AnnotationCstNode,
  BoundCstNode,
  FormatCstNode,
  IndexCstNode,
  LayerCostCstNode,
  LevelCstNode,
  ModifierCstNode,
  PrecisionCstNode,
  RequireCstNode,
  SitePatternCstNode,
  StatementCstNode,
} from '../../../grammar/cst.generated.ts';
import type {
  AnnotationStatement,
  BitsBound,
  Entry,
  FormatExpr,
  FormatModifier,
  LevelsStatement,
  PrecisionItem,
  PrecisionStatement,
  RequireStatement,
  SitePattern,
} from '../ast.ts';
import { first, nameOf, spanOf } from './common.ts';
import {
  buildArgs,
  buildElements,
  buildEntries,
  buildExpr,
  buildOperation,
  buildPrimary,
} from './expression.ts';

export function buildPrecision(node: PrecisionCstNode): PrecisionItem {
  return {
    kind: 'precision',
    statements: (node.children.statement ?? []).map(buildStatement),
    span: spanOf(node),
  };
}

function buildStatement(node: StatementCstNode): PrecisionStatement {
  const { preset, levels, tie, require, cost, schedule, annotation } = node.children;
  const span = spanOf(node);
  if (preset !== undefined) return { kind: 'preset', name: nameOf(first(first(preset).children.Word)), span };
  if (levels !== undefined) {
    return { kind: 'levels', levels: (first(levels).children.level ?? []).map(buildLevel), span };
  }
  if (tie !== undefined)
    return { kind: 'tie', targets: first(tie).children.sitePattern.map(buildSitePattern), span };
  if (require !== undefined) return buildRequire(first(require));
  if (cost !== undefined) {
    const { expr, layerCost } = first(cost).children;
    const value = expr === undefined ? (layerCost ?? []).map(buildLayerCost) : buildExpr(first(expr));
    return { kind: 'cost', value, span };
  }
  if (schedule !== undefined) {
    const { Word, entries } = first(schedule).children;
    return { kind: 'schedule', name: nameOf(first(Word)), entries: buildEntries(first(entries)), span };
  }
  return buildAnnotation(first(annotation));
}

/** The key is the path of the layer as one writes it, without blanks. */
function buildLayerCost(node: LayerCostCstNode): Entry {
  const layer = first(node.children.layer);
  const names = layer.children.layerName.map(({ children: { Word, Numeral } }) => {
    const name = first(Word).image;
    return Numeral === undefined ? name : `${name}[${first(Numeral).image}]`;
  });
  const key = { text: names.join('.'), span: spanOf(layer) };
  return { key, value: buildExpr(first(node.children.expr)), span: spanOf(node) };
}

function buildLevel(node: LevelCstNode): LevelsStatement['levels'][number] {
  const { operation, levelFormat, format } = node.children;
  return {
    bits: buildOperation(first(operation)),
    format:
      format === undefined
        ? (levelFormat ?? []).map((entry) => ({
            target: buildSitePattern(first(entry.children.sitePattern)),
            format: buildFormat(first(entry.children.format)),
            span: spanOf(entry),
          }))
        : buildFormat(first(format)),
    span: spanOf(node),
  };
}

function buildRequire(node: RequireCstNode): RequireStatement {
  const { Word, args, operation } = node.children;
  const callee = nameOf(first(Word));
  const list = first(args);
  const probability = operation[1];
  return {
    kind: 'require',
    quantity: {
      kind: 'call',
      callee,
      args: buildArgs(list),
      parentheses: true,
      span: { start: callee.span.start, end: spanOf(list).end },
    },
    bound: buildOperation(first(operation)),
    ...(probability === undefined ? {} : { probability: buildOperation(probability) }),
    span: spanOf(node),
  };
}

function buildAnnotation(node: AnnotationCstNode): AnnotationStatement {
  const { sitePattern, bound, format } = node.children;
  const target = buildSitePattern(first(sitePattern));
  const value = bound === undefined ? buildFormat(first(format)) : buildBound(first(bound));
  return { kind: 'annotation', target, value, span: { start: target.span.start, end: value.span.end } };
}

function buildBound(node: BoundCstNode): BitsBound {
  const { AtLeast, AtMost, primary } = node.children;
  const relation = AtLeast !== undefined ? '>=' : AtMost !== undefined ? '<=' : '=';
  return { kind: 'bits', relation, bits: buildPrimary(first(primary)), span: spanOf(node) };
}

function buildFormat(node: FormatCstNode): FormatExpr {
  const { Word, expressions, modifier } = node.children;
  return {
    kind: 'format',
    element: nameOf(first(Word)),
    args: expressions === undefined ? [] : buildElements(first(first(expressions).children.elements)),
    modifiers: (modifier ?? []).map(buildModifier),
    span: spanOf(node),
  };
}

function buildModifier(node: ModifierCstNode): FormatModifier {
  const { Per, Word, expr, Scale, expressions, Stochastic, Nearest, Full, Narrow } = node.children;
  const span = spanOf(node);
  if (Per !== undefined) {
    const size = expr === undefined ? {} : { size: buildExpr(first(expr)) };
    return { kind: 'granularity', name: nameOf(first(Word)), ...size, span };
  }
  if (Scale !== undefined) {
    const args = expressions === undefined ? [] : buildElements(first(first(expressions).children.elements));
    return { kind: 'scale', name: nameOf(first(Word)), args, span };
  }
  const rounding = Stochastic ?? Nearest;
  if (rounding !== undefined) return { kind: 'rounding', name: nameOf(first(rounding)), span };
  return { kind: 'range', name: nameOf(first(Full ?? Narrow)), span };
}

function buildSitePattern(node: SitePatternCstNode): SitePattern {
  const words = node.children.Word.map(nameOf);
  const segments = [
    { words, ...buildIndex(node.children.index) },
    ...(node.children.member ?? []).map(({ children }) => ({
      words: [nameOf(first(children.Word))],
      ...buildIndex(children.index),
    })),
  ];
  return { segments, span: { start: first(words).span.start, end: spanOf(node).end } };
}

function buildIndex(
  nodes: readonly IndexCstNode[] | undefined,
): Pick<SitePattern['segments'][number], 'index'> {
  if (nodes === undefined) return {};
  const { operation } = first(nodes).children;
  return { index: operation === undefined ? 'any' : buildOperation(first(operation)) };
}
