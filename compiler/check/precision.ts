import type { Span } from '../source/source.ts';
import type { CostStatement, PrecisionItem, PrecisionStatement } from '../syntax/ast.ts';
import { collectAnnotations, defaultScale } from './annotations.ts';
import { evaluateAll, readAs } from './arguments.ts';
import type { CheckedPrecision, Optimizer, Site } from './checked-spec.ts';
import { AnnotatedChoices, choose } from './choices.ts';
import { constantScope, evaluate } from './constants.ts';
import type { Draft } from './draft.ts';
import { checkLevels } from './levels.ts';
import type { Log } from './log.ts';
import type { Elaboration } from './model.ts';
import { POSITIVE, word } from './parameter-types.ts';
import { PRESETS } from './presets.ts';
import { checkRequirement } from './requirements.ts';
import { checkSchedule } from './schedule.ts';
import { SiteIndex } from './site-patterns.ts';
import { collectSites, isProduct } from './sites.ts';
import { reportUnknown } from './suggest.ts';

/** Statements of a section by kind, in the order written. */
function ofKind<K extends PrecisionStatement['kind']>(
  statements: readonly PrecisionStatement[],
  kind: K,
): readonly Extract<PrecisionStatement, { kind: K }>[] {
  return statements.filter(
    (statement): statement is Extract<PrecisionStatement, { kind: K }> => statement.kind === kind,
  );
}

/** Gives every site of the model a format or the task of deriving one. Without a section everything is f32, and says so. */
export function checkPrecision(
  item: PrecisionItem | undefined,
  model: Elaboration | undefined,
  optimizer: Optimizer['kind'] | undefined,
  log: Log,
): CheckedPrecision {
  const statements = item?.statements ?? [];
  const drafts = model?.drafts ?? [];
  const siteDrafts = collectSites(drafts, optimizer);
  const index = model && new SiteIndex(siteDrafts, drafts, model.exhausted, log);

  const annotationStatements = ofKind(statements, 'annotation');
  const annotations = collectAnnotations(annotationStatements, index, log);
  const presetStatement = single(ofKind(statements, 'preset'), 'preset', log);
  const preset = presetStatement && PRESETS.get(presetStatement.name.text);
  if (presetStatement !== undefined && preset === undefined)
    reportUnknown(log, 'preset', presetStatement.name, PRESETS.keys());

  const levelsStatement = single(ofKind(statements, 'levels'), 'levels', log);
  const levels = levelsStatement
    ? checkLevels(levelsStatement, { log, defaultScale: defaultScale(annotationStatements, log) })
    : [];
  const requireStatements = ofKind(statements, 'require');
  const requirements = requireStatements.flatMap((statement) => checkRequirement(statement, log) ?? []);
  const scheduleStatements = ofKind(statements, 'schedule');
  const schedules = scheduleStatements.flatMap((statement) => checkSchedule(statement, log) ?? []);
  reportRepeatedSchedules(scheduleStatements, log);

  // A requirement, preset or schedule with a mistake in it still says what `auto` is derived from: no second report.
  const unsettled =
    requirements.length < requireStatements.length || (presetStatement !== undefined && preset === undefined);
  const influences = {
    annotations,
    annotated: new AnnotatedChoices(),
    preset: presetStatement && preset && { name: presetStatement.name.text, preset },
    requirements,
    scheduled: scheduleStatements.length > 0 || unsettled,
    written: item !== undefined,
    isEdge: edges(drafts),
  };
  const named = new Set([...annotations.formats.keys(), ...annotations.bounds.keys()]);
  const sites = siteDrafts.flatMap((site): Site[] => {
    if (site.onDemand && !named.has(site)) return [];
    const choice = choose(site, influences, log);
    const { name, kind, layer, alsoReadBy } = site;
    return choice === undefined ? [] : [{ name, kind, layer, alsoReadBy, choice }];
  });
  return {
    sites,
    levels,
    ties: index ? checkTies(ofKind(statements, 'tie'), index, log) : [],
    requirements,
    cost: checkCost(single(ofKind(statements, 'cost'), 'cost', log), drafts, log),
    schedules,
  };
}

/** The first of the statements; any other is reported. */
function single<S extends { readonly span: Span }>(
  statements: readonly S[],
  name: string,
  log: Log,
): S | undefined {
  const [first, ...others] = statements;
  for (const other of others)
    log.report(
      'QS2006',
      other.span,
      { name },
      { related: first ? [{ span: first.span, message: 'first given here' }] : [] },
    );
  return first;
}

function reportRepeatedSchedules(
  statements: readonly Extract<PrecisionStatement, { kind: 'schedule' }>[],
  log: Log,
): void {
  const seen = new Map<string, Span>();
  for (const { name } of statements) {
    const earlier = seen.get(name.text);
    if (earlier !== undefined)
      log.report(
        'QS2002',
        name.span,
        { kind: 'schedule', name: name.text },
        { related: [{ span: earlier, message: 'first declared here' }] },
      );
    seen.set(name.text, name.span);
  }
}

/** Whether a site belongs to the first or last product, which presets keep wider. */
function edges(drafts: readonly Draft[]): (site: { readonly layer: number }) => boolean {
  const first = drafts.findIndex(isProduct);
  const last = drafts.findLastIndex(isProduct);
  return ({ layer }) => layer === first || layer === last;
}

function checkTies(
  statements: readonly Extract<PrecisionStatement, { kind: 'tie' }>[],
  index: SiteIndex,
  log: Log,
): CheckedPrecision['ties'] {
  return statements.map(({ targets, span }) => {
    const matches = targets.flatMap((target) => {
      const match = index.find(target);
      return match ? [{ target, sites: match.sites }] : [];
    });
    const [first] = matches.flatMap((match) => match.sites);
    for (const { target, sites } of matches) {
      const other = sites.find((site) => first !== undefined && site.kind !== first.kind);
      if (first !== undefined && other !== undefined)
        log.report('QS5005', target.span, { first: first.name, second: other.name });
    }
    return { sites: [...new Set(matches.flatMap((match) => match.sites.map((site) => site.name)))], span };
  });
}

const COSTS = word(['bit_operations', 'bops', 'bytes']);

function checkCost(
  statement: CostStatement | undefined,
  drafts: readonly Draft[],
  log: Log,
): CheckedPrecision['cost'] {
  if (statement === undefined) return { kind: 'bit_operations' };
  const scope = constantScope(log);
  if ('kind' in statement.value) {
    const value = evaluate(statement.value, scope);
    return { kind: (value && readAs(COSTS, value, `'cost'`, log)) ?? 'bit_operations' };
  }
  const products = drafts
    .filter((draft) => isProduct(draft) || draft.kind === undefined)
    .map((draft) => draft.path);
  const known = new Set(products);
  const costs = new Map<string, number>();
  for (const { key, value, span } of evaluateAll(statement.value, scope)) {
    if (key === undefined) continue;
    const cost = value && readAs(POSITIVE, value, `the cost of '${key.text}'`, log);
    if (drafts.length > 0 && !known.has(key.text)) reportUnknown(log, 'layer', key, products);
    else if (costs.has(key.text)) log.report('QS2006', span, { name: key.text });
    else if (cost !== undefined) costs.set(key.text, cost);
  }
  return { kind: 'per_layer', costs };
}
