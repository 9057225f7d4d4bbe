import {
  type ImportDeclarationStructure,
  IndentationText,
  NewLineKind,
  Project,
  QuoteKind,
  type SourceFileStructure,
  StructureKind,
  type WriterFunction,
} from 'ts-morph';
import type { Uses } from './context.ts';
import { WIDTH } from './document.ts';
import { propertyName } from './expression.ts';
import { commentText } from './text.ts';

/** A file of an emitted program before it is printed. */
export interface SourceFile {
  readonly name: string;
  readonly structure: SourceFileStructure;
}

/** Prints files, each created once from its structure. */
export function printFiles(files: readonly SourceFile[], header: string): Map<string, string> {
  const project = new Project({
    useInMemoryFileSystem: true,
    skipLoadingLibFiles: true,
    manipulationSettings: {
      indentationText: IndentationText.TwoSpaces,
      newLineKind: NewLineKind.LineFeed,
      quoteKind: QuoteKind.Single,
    },
  });
  return new Map(
    files.map(({ name, structure }) => [
      name,
      `${header}${header === '' ? '' : '\n\n'}${project.createSourceFile(name, structure).getFullText().trim()}\n`,
    ]),
  );
}

/** A file of imports and sections of code, a blank line between them. */
export function sourceFile(
  name: string,
  imports: readonly Import[],
  sections: readonly string[],
): SourceFile {
  const code = `\n${sections.join('\n\n')}`;
  return { name, structure: { kind: StructureKind.SourceFile, statements: [...imports, code] } };
}

export type Import = ImportDeclarationStructure;

/** tfjs under the name by which emitted code calls it. */
export const IMPORT_TFJS: Import = {
  kind: StructureKind.ImportDeclaration,
  namespaceImport: 'tf',
  moduleSpecifier: '@tensorflow/tfjs-core',
};

/** A name to import; `type` where it stands for a type alone. */
export interface Imported {
  readonly name: string;
  readonly alias?: string;
  readonly type?: boolean;
}

/** Named imports from a file beside this one; none where there are no names. */
export function importFrom(file: string, ...names: readonly (string | Imported)[]): Import[] {
  if (names.length === 0) return [];
  const imported = names.map((n): Imported => (typeof n === 'string' ? { name: n } : n));
  const onlyTypes = imported.every(({ type }) => type);
  const specifiers = imported
    .sort((a, b) => (a.name.toLowerCase() < b.name.toLowerCase() ? -1 : 1))
    .map(({ name, alias, type }) => {
      const renamed = alias === undefined ? name : `${name} as ${alias}`;
      return type && !onlyTypes ? `type ${renamed}` : renamed;
    });
  const line = `import type { ${specifiers.join(', ')} } from './${file}';`;
  const broken: WriterFunction = (writer) => {
    for (const specifier of specifiers) writer.newLine().write(`${specifier},`);
    writer.newLine();
  };
  return [
    {
      kind: StructureKind.ImportDeclaration,
      isTypeOnly: onlyTypes,
      namedImports: line.length <= WIDTH ? specifiers : broken,
      moduleSpecifier: `./${file}`,
    },
  ];
}

/** Imports of the support functions that a file uses, and of types by the file that exports them. */
export function supportImports(
  uses: Uses,
  types: Readonly<Record<string, readonly string[]>> = {},
): Import[] {
  return [...uses.support]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([file, names]) =>
      importFrom(`support/${file}`, ...names, ...(types[file] ?? []).map((name) => ({ name, type: true }))),
    );
}

export interface Property {
  readonly key: string;
  readonly type: string;
  readonly comment?: string;
}

/** An exported object type. An alias and no interface, for only an alias is one of tfjs's tensor containers. */
export function objectType(name: string, doc: string, properties: readonly Property[]): string {
  const lines = properties.map(({ key, type, comment }) => {
    const behind = comment === undefined || comment === key ? '' : ` // ${commentText(comment)}`;
    return `  readonly ${propertyName(key)}: ${type};${behind}\n`;
  });
  return `/** ${doc} */\nexport type ${name} = {\n${lines.join('')}};`;
}
