import type { Schema } from './schema.ts';

/** Where JSON departs from a schema, as a JSON pointer, and how. */
export interface Departure {
  readonly at: string;
  readonly problem: string;
}

/** The first departure from a schema; undefined where there is none. Nothing is thrown, whatever the JSON is. */
export function departureFrom(root: Schema, json: unknown): Departure | undefined {
  const definition = (ref: string): Schema => {
    const found = root.$defs?.[ref.replace('#/$defs/', '')];
    if (found === undefined) throw new Error(`the schema has no ${ref}`);
    return found;
  };

  const check = (schema: Schema, value: unknown, at: string): Departure | undefined => {
    if (schema.$ref !== undefined) return check(definition(schema.$ref), value, at);
    if (schema.oneOf !== undefined) return checkOneOf(schema.oneOf, value, at);
    if (schema.const !== undefined)
      return value === schema.const ? undefined : { at, problem: `must be ${JSON.stringify(schema.const)}` };
    switch (schema.type) {
      case undefined:
        return undefined;
      case 'boolean':
        return typeof value === 'boolean' ? undefined : { at, problem: 'must be true or false' };
      case 'string':
        return checkText(schema, value, at);
      case 'number':
      case 'integer':
        return checkNumber(schema, value, at);
      case 'array':
        return checkArray(schema, value, at);
      case 'object':
        return checkObject(schema, value, at);
    }
  };

  /** The departure from the alternative that the value resembles most. */
  const checkOneOf = (schemas: readonly Schema[], value: unknown, at: string): Departure | undefined => {
    const departures = schemas.map((schema) => check(schema, value, at));
    if (departures.includes(undefined)) return undefined;
    const depth = (d: Departure | undefined): number => (d?.at.endsWith('/kind') ? -1 : (d?.at.length ?? 0));
    return departures.reduce((a, b) => (depth(b) > depth(a) ? b : a));
  };

  const checkArray = (schema: Schema, value: unknown, at: string): Departure | undefined => {
    if (!Array.isArray(value)) return { at, problem: 'must be an array' };
    if (value.length < (schema.minItems ?? 0)) return { at, problem: 'must not be empty' };
    const { items } = schema;
    return items && first(value.keys(), (i) => check(items, value[i], `${at}/${i}`));
  };

  const checkObject = (schema: Schema, value: unknown, at: string): Departure | undefined => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { at, problem: 'must be an object' };
    const members = new Map<string, unknown>(Object.entries(value));
    const missing = schema.required?.find((name) => !members.has(name));
    if (missing !== undefined) return { at: `${at}/${missing}`, problem: 'is missing' };
    return first(members, ([name, member]) => {
      const inside = `${at}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
      const { properties = {}, additionalProperties } = schema;
      const known = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
      if (known === undefined) return undefined;
      return known === false ? { at: inside, problem: 'is unknown' } : check(known, member, inside);
    });
  };

  return check(root, json, '');
}

function first<T>(items: Iterable<T>, check: (item: T) => Departure | undefined): Departure | undefined {
  for (const item of items) {
    const departure = check(item);
    if (departure !== undefined) return departure;
  }
  return undefined;
}

function checkText(schema: Schema, value: unknown, at: string): Departure | undefined {
  if (typeof value !== 'string') return { at, problem: 'must be a string' };
  if (schema.enum !== undefined && !schema.enum.includes(value))
    return { at, problem: `must be one of ${schema.enum.join(', ')}` };
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, 'u').test(value))
    return { at, problem: `does not match ${schema.pattern}` };
  return undefined;
}

function checkNumber(schema: Schema, value: unknown, at: string): Departure | undefined {
  if (typeof value !== 'number' || !Number.isFinite(value)) return { at, problem: 'must be a finite number' };
  if (schema.type === 'integer' && !Number.isInteger(value)) return { at, problem: 'must be a whole number' };
  if (schema.minimum !== undefined && value < schema.minimum)
    return { at, problem: `must be at least ${schema.minimum}` };
  if (schema.maximum !== undefined && value > schema.maximum)
    return { at, problem: `must be at most ${schema.maximum}` };
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum)
    return { at, problem: `must be above ${schema.exclusiveMinimum}` };
  return undefined;
}
