/** Words that are no identifiers in strict mode, or that a reader would take for something else. */
const RESERVED = [
  'abstract any arguments as asserts async await bigint boolean break case catch class const constructor continue debugger',
  'declare default delete do else enum eval export exports extends false finally for from function get global globalThis if',
  'implements import in infer Infinity instanceof interface is keyof let module namespace NaN never new null number object',
  'of out override package private process prototype protected public readonly require return satisfies set static string',
  'super switch symbol then this throw toJSON toString true try type typeof undefined unique unknown using valueOf var void',
  'while with yield hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString',
].flatMap((line) => line.split(' '));

/** Letters and digits of `text` in camel case: `stage1[0].c1.weights` is `stage1_0C1Weights`; empty where it has none. */
export function camelCase(text: string): string {
  return (text.match(/[A-Za-z0-9]+/g) ?? []).reduce((name, word) => {
    if (name === '') return lowerFirst(word);
    return /\d$/.test(name) && /^\d/.test(word) ? `${name}_${word}` : name + upperFirst(word);
  }, '');
}

function upperFirst(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function lowerFirst(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}

/** Hands out identifiers, each once. */
export class Names {
  readonly #taken: Set<string>;
  /** The number last appended to a stem, so that claiming the same stem often stays linear. */
  readonly #counts = new Map<string, number>();

  /** @param taken identifiers that stand in scope already */
  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set([...RESERVED, ...taken]);
  }

  /** An identifier like `text`, followed by a number where that one is taken. */
  claim(text: string): string {
    const camel = camelCase(text);
    const stem = /^[A-Za-z]/.test(camel) ? camel : `value${upperFirst(camel)}`;
    const separator = /\d$/.test(stem) ? '_' : '';
    let name = stem;
    let count = this.#counts.get(stem) ?? 1;
    while (this.#taken.has(name)) name = `${stem}${separator}${++count}`;
    this.#counts.set(stem, count);
    this.#taken.add(name);
    return name;
  }
}
