// Mutation operators on the syntax tree of a rule's source.
import ts from 'typescript';

/** Names that stand for one another. */
const SWAPS = {
  min: ['max'],
  max: ['min'],
  add: ['multiply', 'max'],
  multiply: ['add', 'min'],
  divide: ['multiply'],
  ZERO: ['ONE'],
  ONE: ['ZERO'],
  UNBOUNDED: ['ONE'],
  U32: ['ZERO'],
  UNDERFLOW: ['ZERO'],
  RESCALING: ['ZERO'],
};

/** Members that stand for one another. */
const MEMBERS = {
  inf: ['two'],
  two: ['inf'],
  pos: ['neg'],
  neg: ['pos'],
  twoToInf: ['inf'],
  sum: ['max'],
  product: ['sum'],
  away: ['cap'],
  ceil: ['floor'],
  min: ['max'],
  max: ['min'],
};

/** Calls of which only one argument is left. */
const UNWRAPPED = new Map([
  ['sqrt', 0],
  ['sqrtDown', 0],
  ['shrunk', 0],
  ['shrunkProduct', 0],
  ['roundedCap', 0],
  ['roundedProductCap', 0],
  ['summedCap', 0],
  ['times', 0],
  ['algebra.scale', 1],
  ['algebra.sqrt', 0],
  ['gained', 1],
]);

const OPERATORS = new Map([
  [ts.SyntaxKind.PlusToken, '-'],
  [ts.SyntaxKind.MinusToken, '+'],
  [ts.SyntaxKind.AsteriskToken, '/'],
  [ts.SyntaxKind.SlashToken, '*'],
  [ts.SyntaxKind.AmpersandAmpersandToken, '||'],
  [ts.SyntaxKind.BarBarToken, '&&'],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, '!=='],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, '==='],
  [ts.SyntaxKind.LessThanToken, '>='],
  [ts.SyntaxKind.GreaterThanToken, '<='],
  [ts.SyntaxKind.LessThanEqualsToken, '>'],
  [ts.SyntaxKind.GreaterThanEqualsToken, '<'],
]);

/** Facts of an operand by its position. */
const BY_OPERAND = new Set(['range', 'error', 'known', 'rounding']);

const IGNORED = new Set([
  ts.SyntaxKind.ImportDeclaration,
  ts.SyntaxKind.InterfaceDeclaration,
  ts.SyntaxKind.TypeAliasDeclaration,
  ts.SyntaxKind.ThrowStatement,
]);

/** Names that a source imports or declares at its top: another one would not even run. */
function boundNames(file) {
  const names = new Set();
  file.forEachChild((node) => {
    if (ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      if (bindings && ts.isNamedImports(bindings))
        for (const { name } of bindings.elements) names.add(name.text);
    } else if (ts.isVariableStatement(node)) {
      for (const { name } of node.declarationList.declarations) names.add(name.getText());
    }
  });
  return names;
}

/** Every mutant of a source text: an id that names its place by function and occurrence, what was there, and the whole changed text. */
export function mutantsOf(text, name) {
  const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2023, true);
  const bound = boundNames(file);
  const edits = [];
  const edit = (node, after, operator) =>
    edits.push({ start: node.getStart(), end: node.getEnd(), after, operator });
  visit(file, edit, bound);
  const seen = new Map();
  return edits
    .sort((a, b) => a.start - b.start || a.end - b.end)
    .map(({ start, end, after, operator }) => {
      const place = `${name} ${ownerAt(file, start)} ${operator} ${short(text.slice(start, end))} to ${short(after)}`;
      const occurrence = (seen.get(place) ?? 0) + 1;
      seen.set(place, occurrence);
      return {
        id: occurrence === 1 ? place : `${place} #${occurrence}`,
        before: short(lineAt(text, start)),
        after: short(after) || 'nothing',
        text: text.slice(0, start) + after + text.slice(end),
      };
    });
}

/** `1 ± 2 ** −n` with n ≥ 30 rounds outward what float64 computes: no test in float64 sees whether it is there. */
const OUTWARD = /^\(?1 [+-] 2 \*\* -([3-9]\d)\)?$/;

function visit(node, edit, bound) {
  if (IGNORED.has(node.kind) || ts.isTypeNode(node)) return;
  if (OUTWARD.test(node.getText())) return;
  // Slopes are no part of ranges and errors.
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'slopes') return;
  if (ts.isBinaryExpression(node) && OUTWARD.test(node.right.getText())) {
    visit(node.left, edit, bound);
    return;
  }
  // What stands in for an element that an index cannot miss is never read.
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken) {
    visit(node.left, edit, bound);
    if (!ts.isLiteralExpression(node.right)) visit(node.right, edit, bound);
    return;
  }
  if (ts.isBindingElement(node) && node.initializer !== undefined && ts.isLiteralExpression(node.initializer))
    return;
  if (ts.isArrayLiteralExpression(node) && node.elements.length > 1) {
    node.elements.forEach((_element, i) => {
      const rest = node.elements.filter((_, k) => k !== i).map((e) => e.getText());
      edit(node, `[${rest.join(', ')}]`, `drop ${i} of`);
    });
  }
  if (ts.isNumericLiteral(node) && !isPosition(node)) {
    const value = Number(node.text);
    if (value !== 0) edit(node, `${value / 2}`, 'halve');
    edit(node, value === 0 ? '1' : `${value * 2}`, 'double');
  }
  if (ts.isCallExpression(node)) visitCall(node, edit, bound);
  if (ts.isIdentifier(node) && isValue(node)) {
    for (const other of SWAPS[node.text] ?? []) if (bound.has(other)) edit(node, other, 'swap');
  }
  if (ts.isPropertyAccessExpression(node)) {
    for (const other of MEMBERS[node.name.text] ?? []) edit(node.name, other, 'member');
  }
  if (ts.isConditionalExpression(node)) {
    edit(node, `(${node.whenTrue.getText()})`, 'always');
    edit(node, `(${node.whenFalse.getText()})`, 'never');
  }
  if (ts.isIfStatement(node)) {
    edit(node.expression, 'true', 'condition');
    edit(node.expression, 'false', 'condition');
  }
  if (ts.isBinaryExpression(node) && OPERATORS.has(node.operatorToken.kind)) {
    edit(node.operatorToken, OPERATORS.get(node.operatorToken.kind), 'operator');
  }
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.ExclamationToken) {
    edit(node, node.operand.getText(), 'unnegated');
  }
  if (node.kind === ts.SyntaxKind.TrueKeyword) edit(node, 'false', 'flip');
  if (node.kind === ts.SyntaxKind.FalseKeyword) edit(node, 'true', 'flip');
  node.forEachChild((child) => visit(child, edit, bound));
}

function visitCall(node, edit) {
  const callee = node.expression.getText();
  const short = callee.split('.').at(-1);
  const [first] = node.arguments;
  if (BY_OPERAND.has(short) && first !== undefined && ts.isNumericLiteral(first)) {
    edit(first, first.text === '0' ? '1' : '0', 'operand');
  }
  const kept = UNWRAPPED.get(callee);
  const argument = kept === undefined ? undefined : node.arguments[kept];
  if (argument !== undefined) edit(node, argument.getText(), 'unwrap');
}

/** Whether a number is the position of an operand or an element: another operator's. */
function isPosition(node) {
  const { parent } = node;
  if (ts.isElementAccessExpression(parent)) return true;
  return ts.isCallExpression(parent) && BY_OPERAND.has(parent.expression.getText().split('.').at(-1));
}

/** Whether an identifier stands for a value here, not for a member, a declaration or a key. */
function isValue({ parent, text }) {
  if (ts.isPropertyAccessExpression(parent)) return parent.expression.getText() === text;
  if (ts.isPropertyAssignment(parent)) return parent.initializer.getText() === text;
  return !ts.isVariableDeclaration(parent) || parent.name.getText() !== text;
}

/** The declaration around a place. */
function ownerAt(file, position) {
  let owner = 'file';
  const find = (node) => {
    if (position < node.getStart() || position >= node.getEnd()) return;
    if (ts.isFunctionDeclaration(node) || ts.isVariableDeclaration(node))
      owner = node.name?.getText() ?? owner;
    if (ts.isPropertyAssignment(node) && ['range', 'error', 'known'].includes(node.name.getText())) {
      owner = `${owner.split('.')[0]}.${node.name.getText()}`;
      return;
    }
    node.forEachChild(find);
  };
  file.forEachChild(find);
  return owner;
}

function short(text) {
  const flat = text.replace(/\s+/g, ' ').trim();
  return flat.length <= 60 ? flat : `${flat.slice(0, 57)}...`;
}

function lineAt(text, position) {
  const start = text.lastIndexOf('\n', position) + 1;
  const end = text.indexOf('\n', position);
  return text.slice(start, end === -1 ? undefined : end);
}
