/** The keywords of JSON Schema that the certificate's schema uses. */
export interface Schema {
  readonly $schema?: string;
  readonly $id?: string;
  readonly title?: string;
  readonly description?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly $ref?: string;
  readonly oneOf?: readonly Schema[];
  readonly type?: 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean';
  readonly const?: string | number;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: false | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
}

const ref = (name: string): Schema => ({ $ref: `#/$defs/${name}` });

/** An object that has these members and no others; those whose name ends in `?` may be absent. */
function object(members: Readonly<Record<string, Schema>>): Schema {
  const entries = Object.entries(members);
  const required = entries.flatMap(([name]) => (name.endsWith('?') ? [] : [name]));
  const properties = Object.fromEntries(
    entries.map(([name, schema]) => [name.replace(/\?$/, ''), schema] as const),
  );
  return { type: 'object', properties, required, additionalProperties: false };
}

const record = (values: Schema): Schema => ({ type: 'object', additionalProperties: values });
const array = (items: Schema): Schema => ({ type: 'array', items });
const oneOf = (...schemas: readonly Schema[]): Schema => ({ oneOf: schemas });
const text: Schema = { type: 'string' };
const words = (...names: readonly string[]): Schema => ({ type: 'string', enum: names });
const finite: Schema = { type: 'number' };
const notNegative: Schema = { type: 'number', minimum: 0 };
const count: Schema = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER };
const positive: Schema = { type: 'number', exclusiveMinimum: 0 };

const reference = words('real', 'quantized_point');
const curve = {
  exponent: { type: 'integer', minimum: -12, maximum: 11 },
  low: notNegative,
  high: notNegative,
} as const;

const DEFINITIONS: Readonly<Record<string, Schema>> = {
  sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
  decimal: {
    description: 'A bound, rounded up. It may lie beyond the range of double precision.',
    type: 'string',
    pattern: '^(unbounded|(0|[1-9][0-9]{0,39})(\\.[0-9]{1,39})?(e[+-][0-9]{1,16})?)$',
  },
  norms: object({ inf: ref('decimal'), two: ref('decimal') }),
  parameters: oneOf(
    object({ kind: { const: 'initial' }, seed: count }),
    object({ kind: { const: 'any_initial' } }),
    object({ kind: { const: 'checkpoint' }, sha256: ref('sha256'), step: count }),
  ),
  requirement: object({
    quantity: words('gradient', 'each gradient', 'logits', 'loss', 'update'),
    norm: words('l2', 'linf'),
    reference,
    relative_to: oneOf(words('norm', 'noise_floor'), positive),
    tolerance: notNegative,
    'probability?': { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    mode: words('worst_case', 'probability'),
    'denominators?': record(positive),
  }),
  worst_case: object({
    domain: { const: 'meet' },
    ranges: record(ref('norms')),
    coefficients: object({
      quantizers: record(object({ relative: ref('decimal'), absolute: ref('decimal') })),
      weights: record(
        object({
          inf: ref('decimal'),
          two: ref('decimal'),
          two_to_inf: ref('decimal'),
          one: ref('decimal'),
        }),
      ),
      products: record(object({ terms: count, gamma: ref('decimal') })),
    }),
    bounds: object({ 'real?': record(ref('bound')), 'quantized_point?': record(ref('bound')) }),
  }),
  bound: object({ error: ref('norms'), range: ref('norms') }),
  curve: object(curve),
  growth: object({ ...curve, measured: notNegative }),
  probability: object({
    reference,
    probability: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    nearest: words('uniform', 'error'),
    passes: count,
    seed: count,
    batches: { ...array(ref('model')), minItems: 1 },
    noise_floor: record(notNegative),
    'confirmation?': object({ steps: count, first_step: count, batches: array(ref('observed')) }),
  }),
  model: object({
    batch: text,
    kinks: array(
      object({ name: text, measured: notNegative, sites: record(notNegative), ratio: notNegative }),
    ),
    quantities: record(
      object({
        norm: notNegative,
        sites: record(notNegative),
        switches: array(ref('curve')),
        bias: object({
          products: array(array(finite)),
          forward: array(ref('growth')),
          backward: array(ref('growth')),
        }),
        'of_gradient?': ref('growth'),
        quantile_factor: notNegative,
        rms: notNegative,
        quantile: notNegative,
      }),
    ),
  }),
  observed: object({
    batch: text,
    quantities: record(
      object({
        norm: notNegative,
        rms: notNegative,
        quantile: notNegative,
        'errors?': array(notNegative),
      }),
    ),
  }),
};

/** The JSON Schema of certificates, published as `docs/certificate.schema.json`. */
export const CERTIFICATE_SCHEMA: Schema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:qspec:certificate:1',
  title: 'QSpec certificate',
  $defs: DEFINITIONS,
  ...object({
    kind: { const: 'qspec certificate' },
    version: { const: 1 },
    tool: text,
    spec: object({ name: text, sha256: ref('sha256') }),
    plan: ref('sha256'),
    parameters: ref('parameters'),
    formats: record(text),
    requirements: array(ref('requirement')),
    'worst_case?': ref('worst_case'),
    'probability?': array(ref('probability')),
    digest: ref('sha256'),
  }),
};
