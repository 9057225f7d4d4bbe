import type { SitePattern } from '../syntax/ast.ts';
import { readAs } from './arguments.ts';
import type { SiteKind } from './checked-spec.ts';
import { constantScope, evaluate } from './constants.ts';
import type { Draft } from './draft.ts';
import type { Details, Log } from './log.ts';
import { whole } from './parameter-types.ts';
import type { SiteDraft } from './sites.ts';
import { suggestion } from './suggest.ts';

/** Classes of sites, which one annotation covers together. */
export const CLASSES: ReadonlyMap<string, readonly SiteKind[]> = new Map<string, readonly SiteKind[]>([
  ['weights', ['weights']],
  ['activations', ['in']],
  ['gradients', ['grad']],
  ['bias', ['bias']],
  ['weight gradients', ['weights.grad']],
  ['bias gradients', ['bias.grad']],
  ['stored weights', ['weights.stored']],
  ['stored bias', ['bias.stored']],
  ['optimizer state', ['weights.m', 'weights.v', 'bias.m', 'bias.v']],
]);

/** Names that patterns are compared with in all; a defence against specs made to exhaust the compiler. */
const MAX_WORK = 100_000_000;

/** How a pattern names sites; a higher rank is more specific and wins. Presets rank below all of them. */
export const RANK = { preset: 0, class: 1, wildcard: 2, exact: 3 } as const;

export interface Match {
  readonly rank: number;
  /** The pattern as it is written. */
  readonly text: string;
  readonly sites: readonly SiteDraft[];
}

/** Finds the sites that patterns name. */
export class SiteIndex {
  readonly #sites: readonly SiteDraft[];
  readonly #byKind = new Map<SiteKind, SiteDraft[]>();
  readonly #unknown: readonly string[];
  #names: ReadonlyMap<string, SiteDraft> | undefined;
  #work = 0;
  #exceeded = false;
  readonly #log: Log;

  /** @param exhausted whether layers are missing, so that a pattern without a match is no mistake */
  constructor(sites: readonly SiteDraft[], drafts: readonly Draft[], exhausted: boolean, log: Log) {
    this.#sites = sites;
    this.#log = log;
    this.#unknown = exhausted
      ? ['']
      : drafts.filter((draft) => draft.kind === undefined).map((draft) => draft.path);
    for (const site of sites) {
      const ofKind = this.#byKind.get(site.kind);
      if (ofKind === undefined) this.#byKind.set(site.kind, [site]);
      else ofKind.push(site);
    }
  }

  /** Sites by every name they have; made only for specs that name a site. */
  get #byName(): ReadonlyMap<string, SiteDraft> {
    if (this.#names === undefined) {
      const names = new Map<string, SiteDraft>();
      for (const site of this.#sites) {
        for (const name of [site.name, ...site.aliases]) if (!names.has(name)) names.set(name, site);
      }
      this.#names = names;
    }
    return this.#names;
  }

  /** The sites that a pattern names; undefined after reporting that there are none. */
  find(pattern: SitePattern): Match | undefined {
    if (this.#work > MAX_WORK) {
      if (this.#exceeded) return undefined;
      this.#exceeded = true;
      return this.#log.report('QS2010', pattern.span, {
        what: 'comparisons of annotations with sites',
        limit: MAX_WORK,
      });
    }
    const [first] = pattern.segments;
    const phrase = first?.words.map((word) => word.text).join(' ') ?? '';
    if (pattern.segments.length === 1 && first?.index === undefined) {
      const kinds = CLASSES.get(phrase);
      if (kinds !== undefined) {
        const sites = kinds.flatMap((kind) => this.#byKind.get(kind) ?? []);
        this.#work += sites.length;
        if (sites.length > 0 || this.#unknown.length > 0) return { rank: RANK.class, text: phrase, sites };
        return this.#log.report(
          'QS4001',
          pattern.span,
          { annotation: phrase },
          { hint: 'the model and its optimizer have no such tensors' },
        );
      }
    }
    const text = this.#text(pattern);
    if (text === undefined) return undefined;
    const sites = this.#named(text);
    if (sites.length > 0) return { rank: text.includes('[*]') ? RANK.wildcard : RANK.exact, text, sites };
    this.#work += this.#byName.size;
    if (this.#unknown.some((path) => isUnder(path, text))) return undefined;
    return this.#log.report('QS4001', pattern.span, { annotation: text }, this.#nearest(pattern, text));
  }

  #text(pattern: SitePattern): string | undefined {
    const parts: string[] = [];
    for (const { words, index } of pattern.segments) {
      const name = words.map((word) => word.text).join(' ');
      if (index === undefined) {
        parts.push(name);
      } else if (index === 'any') {
        parts.push(`${name}[*]`);
      } else {
        const value = evaluate(index, constantScope(this.#log));
        const number = value && readAs(whole(0), value, 'an index', this.#log);
        if (number === undefined) return undefined;
        parts.push(`${name}[${number}]`);
      }
    }
    return parts.join('.');
  }

  #named(text: string): readonly SiteDraft[] {
    if (!text.includes('[*]')) {
      const site = this.#byName.get(text);
      return site === undefined ? [] : [site];
    }
    const source = text
      .replaceAll(/[.[\]*]/g, (character) => `\\${character}`)
      .replaceAll('\\[\\*\\]', '\\[\\d+\\]');
    const regexp = new RegExp(`^${source}$`);
    this.#work += this.#byName.size;
    const found = new Set<SiteDraft>();
    for (const [name, site] of this.#byName) if (regexp.test(name)) found.add(site);
    return [...found];
  }

  /** The nearest name; else the sites of the layer that is meant, else how sites are named. */
  #nearest(pattern: SitePattern, text: string): Details {
    const real = this.#sites.filter((site) => !site.onDemand).map((site) => site.name);
    const near = suggestion(this.#log, text, pattern.span, [
      ...CLASSES.keys(),
      ...real,
      ...this.#byName.keys(),
    ]);
    if (near.fixes !== undefined) return near;
    const layer = pattern.segments[0]?.words[0]?.text ?? '';
    const own = [...this.#byName.keys()].filter(
      (name) => name.startsWith(`${layer}.`) || name.startsWith(`${layer}[`),
    );
    if (own.length > 0)
      return { hint: `sites of '${layer}': ${own.slice(0, 12).join(', ')}${own.length > 12 ? ', …' : ''}` };
    return {
      hint: `an annotation names a class (${[...CLASSES.keys()].join(', ')}) or a site such as ${real[0] ?? 'c1.weights'}`,
    };
  }
}

/** Whether a name is, or lies in, what a path stands for; the empty path stands for everything. */
function isUnder(path: string, name: string): boolean {
  return path === '' || name === path || name.startsWith(`${path}.`) || name.startsWith(`${path}[`);
}
