import type {
  ConfirmationStatement,
  CurveStatement,
  GrowthStatement,
  KinkStatement,
  ModelledQuantity,
  ModelStatement,
  ProbabilityStatement,
} from '../../certificate/certificate.ts';
import { type LevelAssignment, modelErrors, type SensitivityTable } from '../probability/index.ts';
import { CURVE } from '../probability/table.ts';

type BatchTable = SensitivityTable['batches'][number];
type QuantityTable = BatchTable['quantities'][string];

export interface ProbabilityOptions {
  /** Quantities to state, `gradient`, `gradient:c1.weights`, `update`; all of the table's by default. */
  readonly quantities?: readonly string[];
  readonly confirmation?: ConfirmationStatement;
}

/**
 * What a sensitivity table predicts for one assignment, with the coefficients that it is predicted from: of each curve the two points around
 * the ratio at which it is read.
 */
export function probabilityStatement(
  table: SensitivityTable,
  assignment: LevelAssignment,
  { quantities, confirmation }: ProbabilityOptions = {},
): ProbabilityStatement {
  const columns = table.sites.flatMap(({ site, levels }, row) => {
    const level = assignment.get(site);
    if (level === undefined || level === 'f32') return [];
    const column = levels.indexOf(level);
    if (column < 0) throw new Error(`'${level}' of ${site} was not measured: ${levels.join(', ')}`);
    return [{ site, row, column }];
  });
  /** A column of a table of sites by levels. */
  const chosen = (rows: readonly (readonly number[])[]): Readonly<Record<string, number>> =>
    Object.fromEntries(columns.map(({ site, row, column }) => [site, rows[row]?.[column] ?? 0]));
  const asked = quantities ?? Object.keys(table.batches[0]?.quantities ?? {});
  // An update is predicted from the gradient.
  const names = [...new Set([...asked, ...(asked.includes('update') ? ['gradient'] : [])])];
  const planned = new Map(table.sites.map(({ site, planned: level }) => [site, level]));
  const gradients = (levels: LevelAssignment): readonly number[] =>
    names.includes('gradient') ? modelErrors(table, 'gradient', levels).map(({ expected }) => expected) : [];
  const [gradientMeasured, gradientHere] = [gradients(planned), gradients(assignment)];
  const batches = table.batches.map((batch, i): ModelStatement => {
    const kinks = batch.forward.map(({ reference, sites }, k): KinkStatement => {
      const shares = chosen(sites);
      const sum = Object.values(shares).reduce((a, b) => a + b, 0);
      const ratio = reference > 0 ? Math.sqrt(sum / reference) : 0;
      return { name: table.kinks[k] ?? `${k}`, measured: reference, sites: shares, ratio };
    });
    const ratios = kinks.map(({ ratio }) => ratio);
    const stated = names.map((name) => {
      const entry = quantityOf(batch, name);
      const error = modelErrors(table, name, assignment)[i];
      if (error === undefined) throw new Error(`the table has no batch ${batch.batch}`);
      const { rms, quantile } = error;
      const ofGradient = entry.ofGradient && {
        ...around(entry.ofGradient, Math.sqrt((gradientHere[i] ?? 0) / (gradientMeasured[i] || 1))),
        measured: gradientMeasured[i] ?? 0,
      };
      const model = modelOf(entry, ratios, chosen);
      return [name, { ...model, ...(ofGradient && { of_gradient: ofGradient }), rms, quantile }] as const;
    });
    return { batch: batch.batch, kinks, quantities: Object.fromEntries(stated) };
  });
  const { reference, probability, nearest, passes, seed } = table;
  return {
    reference,
    probability,
    nearest,
    passes,
    seed,
    batches,
    noise_floor: Object.fromEntries(
      names.flatMap((name) => {
        const floor = table.noiseFloor[name];
        return floor === undefined ? [] : [[name, floor]];
      }),
    ),
    ...(confirmation === undefined ? {} : { confirmation }),
  };
}

function quantityOf({ batch, quantities }: BatchTable, name: string): QuantityTable {
  const entry = quantities[name];
  if (entry === undefined) throw new Error(`the table has no quantity '${name}' on ${batch}`);
  return entry;
}

function modelOf(
  entry: QuantityTable,
  ratios: readonly number[],
  chosen: (rows: readonly (readonly number[])[]) => Readonly<Record<string, number>>,
): Omit<ModelledQuantity, 'rms' | 'quantile'> {
  const growth = (curve: readonly number[], k: number): GrowthStatement => ({
    ...around(curve, ratios[k] ?? 0),
    measured: at(curve, 0),
  });
  return {
    norm: entry.norm,
    sites: chosen(entry.sites),
    switches: entry.switches.map((curve, k) => around(curve, ratios[k] ?? 0)),
    bias: {
      products: entry.bias,
      forward: entry.forward.map(growth),
      backward: entry.backward.map(growth),
    },
    quantile_factor: entry.quantileFactor,
  };
}

/** The points of a curve over log₂ r between which r lies, or the end beyond which it does. */
function around(curve: readonly number[], ratio: number): CurveStatement {
  const [first = 0] = CURVE;
  const last = first + curve.length - 2;
  const exponent = ratio > 0 ? Math.max(first, Math.min(last, Math.floor(Math.log2(ratio)))) : first;
  return { exponent, low: at(curve, exponent), high: at(curve, exponent + 1) };
}

/** The value of a curve at r = 2^k. */
function at(curve: readonly number[], k: number): number {
  return curve[k - (CURVE[0] ?? 0)] ?? 0;
}
