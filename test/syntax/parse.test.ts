import { describe, expect, test } from 'vitest';
import { renderDiagnostics } from '../../compiler/diagnostics/render.ts';
import type { Expr, Item } from '../../compiler/syntax/ast.ts';
import { lex, tokenSpan } from '../../compiler/syntax/lex.ts';
import { parse } from '../../compiler/syntax/parse.ts';
import { SKETCH } from './sketch.ts';

function source(text: string): { readonly path: string; readonly text: string } {
  return { path: 'a.qspec', text };
}

/** The only item of a spec, without spans. */
function item(text: string): unknown {
  const { value, diagnostics } = parse(source(`spec t\n${text}`));
  expect(diagnostics).toEqual([]);
  return plain(value?.items[0]);
}

function plain(node: Item | Expr | undefined): unknown {
  return JSON.parse(JSON.stringify(node, (k, v: unknown) => (k === 'span' ? undefined : v)));
}

/** An expression in a short notation with every grouping in parentheses. */
function shape(e: Expr): string {
  switch (e.kind) {
    case 'number':
      return e.text;
    case 'string':
      return JSON.stringify(e.value);
    case 'name':
      return e.name;
    case 'list':
      return `[${e.items.map(shape).join(' ')}]`;
    case 'call': {
      const args = e.args
        .map((a) => `${a.key === undefined ? '' : `${a.key.text}=`}${shape(a.value)}`)
        .join(' ');
      return `${e.callee.text}${e.parentheses ? `(${args})` : ''}${e.label === undefined ? '' : `@${e.label.text}`}`;
    }
    case 'pipe':
      return `(${[e.head, ...e.stages].map(shape).join(' |> ')})`;
    case 'repeat':
      return `repeat(${shape(e.count)}: ${e.stages.map(shape).join(' |> ')})${e.label === undefined ? '' : `@${e.label.text}`}`;
    case 'compose':
      return `(${e.parts.map(shape).join(' . ')})`;
    case 'binary':
      return `(${shape(e.left)} ${e.operator} ${shape(e.right)})`;
    case 'negate':
      return `(-${shape(e.operand)})`;
    case 'range':
      return `(${shape(e.from)}..${shape(e.to)})`;
    case 'quantity':
      return `<${shape(e.value)} ${e.unit}${e.at === undefined ? '' : ` @ ${shape(e.at)}`}>`;
  }
}

/** The shape of an expression as the value of an entry. */
function expression(text: string): string {
  const { value, diagnostics } = parse(source(`spec t\neval { key: ${text} }`));
  expect(diagnostics).toEqual([]);
  const [first] = value?.items ?? [];
  const entry = first?.kind === 'eval' ? first.entries[0] : undefined;
  if (entry === undefined) throw new Error('no entry');
  return shape(entry.value);
}

/** What a user sees. */
function shown(text: string): string {
  return `\n${renderDiagnostics(parse(source(text)).diagnostics, source(text), { reporter: 'pretty', color: false })}`;
}

function codes(text: string): readonly string[] {
  return parse(source(text)).diagnostics.map((d) => d.code);
}

describe('constructs', () => {
  test('the sketch of the language', () => {
    const { value, diagnostics } = parse(source(SKETCH));
    expect(diagnostics).toEqual([]);
    expect(value?.items.map((i) => i.kind)).toEqual([
      'data',
      'model',
      'train',
      'precision',
      'experiment',
      'export',
    ]);
  });

  test('data: entries, arguments, both', () => {
    expect(item('data mnist { source: mnist, batch: all }')).toMatchInlineSnapshot(`
      {
        "args": [],
        "entries": [
          {
            "key": {
              "text": "source",
            },
            "value": {
              "kind": "name",
              "name": "mnist",
            },
          },
          {
            "key": {
              "text": "batch",
            },
            "value": {
              "kind": "name",
              "name": "all",
            },
          },
        ],
        "kind": "data",
        "name": {
          "text": "mnist",
        },
      }
    `);
    expect(item('data regression(samples: 1000) { batch: all }')).toMatchInlineSnapshot(`
      {
        "args": [
          {
            "key": {
              "text": "samples",
            },
            "value": {
              "kind": "number",
              "text": "1000",
            },
          },
        ],
        "entries": [
          {
            "key": {
              "text": "batch",
            },
            "value": {
              "kind": "name",
              "name": "all",
            },
          },
        ],
        "kind": "data",
        "name": {
          "text": "regression",
        },
      }
    `);
  });

  test('model', () => {
    expect(
      item('model M(x: f32[1, 28] in [-1, 1]) -> f32[10] init from "w.safetensors" { x |> dense(10) }'),
    ).toMatchInlineSnapshot(`
      {
        "body": {
          "lets": [],
          "result": {
            "head": {
              "kind": "name",
              "name": "x",
            },
            "kind": "pipe",
            "stages": [
              {
                "args": [
                  {
                    "value": {
                      "kind": "number",
                      "text": "10",
                    },
                  },
                ],
                "callee": {
                  "text": "dense",
                },
                "kind": "call",
                "parentheses": true,
              },
            ],
          },
        },
        "init": {
          "from": {
            "kind": "string",
            "value": "w.safetensors",
          },
        },
        "input": {
          "name": {
            "text": "x",
          },
          "range": {
            "high": {
              "kind": "number",
              "text": "1",
            },
            "low": {
              "kind": "negate",
              "operand": {
                "kind": "number",
                "text": "1",
              },
            },
          },
          "type": {
            "dtype": {
              "text": "f32",
            },
            "shape": [
              {
                "kind": "number",
                "text": "1",
              },
              {
                "kind": "number",
                "text": "28",
              },
            ],
          },
        },
        "kind": "model",
        "name": {
          "text": "M",
        },
        "output": {
          "dtype": {
            "text": "f32",
          },
          "shape": [
            {
              "kind": "number",
              "text": "10",
            },
          ],
        },
      }
    `);
  });

  test('block: parameters with defaults, let with new lines or semicolons, return', () => {
    const once = item('block b(x, ch, stride = 1) {\n let y = f(x); let z = y\n return relu(y + z);\n}');
    expect(once).toEqual(item('block b(x, ch, stride = 1) { let y = f(x)\n let z = y; return relu(y + z) }'));
    expect(once).toMatchInlineSnapshot(`
      {
        "body": {
          "lets": [
            {
              "name": {
                "text": "y",
              },
              "value": {
                "args": [
                  {
                    "value": {
                      "kind": "name",
                      "name": "x",
                    },
                  },
                ],
                "callee": {
                  "text": "f",
                },
                "kind": "call",
                "parentheses": true,
              },
            },
            {
              "name": {
                "text": "z",
              },
              "value": {
                "kind": "name",
                "name": "y",
              },
            },
          ],
          "result": {
            "args": [
              {
                "value": {
                  "kind": "binary",
                  "left": {
                    "kind": "name",
                    "name": "y",
                  },
                  "operator": "+",
                  "right": {
                    "kind": "name",
                    "name": "z",
                  },
                },
              },
            ],
            "callee": {
              "text": "relu",
            },
            "kind": "call",
            "parentheses": true,
          },
        },
        "kind": "block",
        "name": {
          "text": "b",
        },
        "params": [
          {
            "name": {
              "text": "x",
            },
          },
          {
            "name": {
              "text": "ch",
            },
          },
          {
            "defaultValue": {
              "kind": "number",
              "text": "1",
            },
            "name": {
              "text": "stride",
            },
          },
        ],
      }
    `);
  });

  test('train: definitions and entries', () => {
    expect(
      item('train {\n F = forward(M) |> mse\n T = U ∘ B ∘ F\n stop after: 3 epochs\n}'),
    ).toMatchInlineSnapshot(`
      {
        "definitions": [
          {
            "name": {
              "text": "F",
            },
            "value": {
              "head": {
                "args": [
                  {
                    "value": {
                      "kind": "name",
                      "name": "M",
                    },
                  },
                ],
                "callee": {
                  "text": "forward",
                },
                "kind": "call",
                "parentheses": true,
              },
              "kind": "pipe",
              "stages": [
                {
                  "args": [],
                  "callee": {
                    "text": "mse",
                  },
                  "kind": "call",
                  "parentheses": false,
                },
              ],
            },
          },
          {
            "name": {
              "text": "T",
            },
            "value": {
              "kind": "compose",
              "parts": [
                {
                  "kind": "name",
                  "name": "U",
                },
                {
                  "kind": "name",
                  "name": "B",
                },
                {
                  "kind": "name",
                  "name": "F",
                },
              ],
            },
          },
        ],
        "entries": [
          {
            "key": {
              "text": "stop after",
            },
            "value": {
              "kind": "quantity",
              "unit": "epochs",
              "value": {
                "kind": "number",
                "text": "3",
              },
            },
          },
        ],
        "kind": "train",
      }
    `);
  });

  test('precision: every statement', () => {
    const precision = item(`precision {
      preset: w4a4g8
      levels { 4: { weights: int4, activations: uint4 }, 2 to 7: int }
      stored weights: int4 per group(32) scale(moving_average(0.9)) stochastic full
      stage1[0].c1.in: float(3, 0)
      stage1[*].c1.weights: >= 8 bits
      tie c1.weights, c2.weights, bias
      weights: auto
      require error(each gradient, relative to: noise_floor) <= 10% with probability 0.99
      cost: bops
      cost { c1: 2.5, stage1[0].c1: 3 }
      schedule s { warmup: 2% at 32 }
    }`);
    expect(precision).toMatchSnapshot();
  });

  test('a modifier at the end of a line is no site, whatever the next line begins with', () => {
    const { value, diagnostics } = parse(
      source('spec a\nprecision { levels { 4: int4 full\n [2, 3]: int2 full } }'),
    );
    expect(diagnostics).toEqual([]);
    expect(value).toMatchObject({
      items: [
        {
          statements: [
            { levels: [{ format: { modifiers: [{ kind: 'range' }] } }, { bits: { kind: 'list' } }] },
          ],
        },
      ],
    });
  });

  test('experiment, eval, export', () => {
    expect(
      item('experiment e { seeds: 0 to 4, budget small { epochs: 1 }, budget: 3 }'),
    ).toMatchInlineSnapshot(`
      {
        "budgets": [
          {
            "entries": [
              {
                "key": {
                  "text": "epochs",
                },
                "value": {
                  "kind": "number",
                  "text": "1",
                },
              },
            ],
            "name": {
              "text": "small",
            },
          },
        ],
        "entries": [
          {
            "key": {
              "text": "seeds",
            },
            "value": {
              "from": {
                "kind": "number",
                "text": "0",
              },
              "kind": "range",
              "to": {
                "kind": "number",
                "text": "4",
              },
            },
          },
          {
            "key": {
              "text": "budget",
            },
            "value": {
              "kind": "number",
              "text": "3",
            },
          },
        ],
        "kind": "experiment",
        "name": {
          "text": "e",
        },
      }
    `);
    expect(item('export onnx { opset: 21 }')).toMatchInlineSnapshot(`
      {
        "entries": [
          {
            "key": {
              "text": "opset",
            },
            "value": {
              "kind": "number",
              "text": "21",
            },
          },
        ],
        "kind": "export",
        "target": {
          "text": "onnx",
        },
      }
    `);
  });

  test('keywords are names wherever they cannot be taken for anything else', () => {
    expect(
      codes(
        'spec spec data data { data: model } model model(model: f32[1]) -> f32[1] { model |> train as eval }',
      ),
    ).toEqual([]);
    expect(
      codes('spec a precision { cost.weights: int8\n tie.in: int4\n full.bias: int2\n cost: x }'),
    ).toEqual([]);
    expect(codes('spec a train { seed: 3\n epochs: 5\n steps: 2 at: 3 }')).toEqual(['QS1001']);
  });

  test('comments are kept with their places', () => {
    const text = '# one\nspec a # two \r\n#\n';
    const comments = parse(source(text)).value?.comments ?? [];
    expect(comments.map((c) => [c.text, text.slice(c.span.start, c.span.end)])).toEqual([
      ['# one', '# one'],
      ['# two', '# two'],
      ['#', '#'],
    ]);
  });

  test('a byte order mark, carriage returns and a missing last new line', () => {
    expect(codes('\uFEFFspec a\r\ndata b {\r\n x: 1\r\n y: 2\r\n}')).toEqual([]);
  });
});

describe('expressions', () => {
  test.each([
    ['1 + 2 * 3 - 4', '((1 + (2 * 3)) - 4)'],
    ['-a * -b', '((-a) * (-b))'],
    ['a - - b', '(a - (-b))'],
    ['(1 + 2) * 3', '((1 + 2) * 3)'],
    ['U ∘ B << F', '(U . B . F)'],
    ['(U ∘ B) ∘ F', '((U . B) . F)'],
    ['U ∘ B ∘ F ∘ noise(xi * 80000)', '(U . B . F . noise((xi * 80000)))'],
    ['0 to n - 1', '(0..(n - 1))'],
    ['2% at 32', '<2 % @ 32>'],
    ['1 epoch', '<1 epochs>'],
    ['-(3 + x) steps', '(-<(3 + x) steps>)'],
    ['a + b |> f |> g(1) as h', '((a + b) |> f |> g(1)@h)'],
    ['x |> repeat 3 { f(1) |> g } as s |> h', '(x |> repeat(3: f(1) |> g)@s |> h)'],
    ['[a, [], f(), "x\\"\\\\\\n",]', '[a [] f() "x\\"\\\\\\n"]'],
    ['lsq(weights: 4, a b: c d)', 'FAIL'],
    ['error(each gradient, relative to: noise_floor)', 'error(each gradient relative to=noise_floor)'],
    ['f(3 epochs, n to m)', 'f(<3 epochs> (n..m))'],
  ])('%s', (text, expected) => {
    if (expected === 'FAIL') expect(codes(`spec t eval { key: ${text} }`)).not.toEqual([]);
    else expect(expression(text)).toBe(expected);
  });

  test('spans hold what they name', () => {
    const text = 'spec t eval { key: (a + b) * c |> f(x) as g }';
    const [first] = parse(source(text)).value?.items ?? [];
    const value = first?.kind === 'eval' ? first.entries[0]?.value : undefined;
    if (value?.kind !== 'pipe' || value.head.kind !== 'binary') throw new Error('not a pipe');
    const at = (e: { span: { start: number; end: number } }): string => text.slice(e.span.start, e.span.end);
    expect([at(value), at(value.head), at(value.head.left), ...value.stages.map(at)]).toEqual([
      '(a + b) * c |> f(x) as g',
      '(a + b) * c',
      '(a + b)',
      'f(x) as g',
    ]);
  });

  test('the parenthesis of a call stands on the line of its name', () => {
    const text = 'spec t\nblock b(x) {\n let y = x\n (x + y) |> relu\n}';
    expect(codes(text)).toEqual([]);
  });
});

describe('diagnostics', () => {
  test('five mistakes give five diagnostics', () => {
    const text = `spec five

data d { source mnist, batch: 64 }

model M(x: f32[1, 28, 28] in [0, 1]) -> f32[10] {
  x |> conv(16 kernel: 3) as c1 |> relu
    |> dense(10
}

train {
  F = forward(M) |> cross_entropy
  B = = backward(F)
  U = adam(lr: 1.2.3)
  T = U ∘ B ∘ F
}
`;
    expect(shown(text)).toMatchInlineSnapshot(`
      "
      error[QS1001]: expected ':' and a value after 'source', found 'mnist'
       --> a.qspec:3:17
        |
      3 | data d { source mnist, batch: 64 }
        |                 ^^^^^
        = fix: add ':'

      error[QS1001]: expected ',', found 'kernel'
       --> a.qspec:6:16
        |
      6 |   x |> conv(16 kernel: 3) as c1 |> relu
        |                ^^^^^^
        = fix: add ','

      error[QS1005]: '(' is never closed
       --> a.qspec:7:13
        |
      7 |     |> dense(10
        |             ^
       --> a.qspec:7:16
        |
      7 |     |> dense(10
        |                - ')' is missing here at the latest
        = fix: add ')'

      error[QS1001]: expected an expression, found '='
        --> a.qspec:12:7
         |
      12 |   B = = backward(F)
         |       ^

      error[QS1004]: '1.2.3' is not a number: it has two decimal points
        --> a.qspec:13:16
         |
      13 |   U = adam(lr: 1.2.3)
         |                ^^^^^

      "
    `);
  });

  test('what is left out is told with its fix', () => {
    const text = `spec left_out
data d { batch 64 }
model M(x: f32[1]) f32[1] {
  let y = f(x) let z = y
  return z
}
precision {
  activations >= 8 bits
}
`;
    expect(shown(text)).toMatchInlineSnapshot(`
      "
      error[QS1001]: expected ':', found '64'
       --> a.qspec:2:16
        |
      2 | data d { batch 64 }
        |                ^^
        = fix: add ':'

      error[QS1001]: expected '->' and the type of the output, found 'f32'
       --> a.qspec:3:20
        |
      3 | model M(x: f32[1]) f32[1] {
        |                    ^^^
        = fix: add '->'

      error[QS1001]: expected ';' or a new line, found 'let'
       --> a.qspec:4:16
        |
      4 |   let y = f(x) let z = y
        |                ^^^
        = fix: add ';'

      error[QS1001]: expected ':', found '>='
       --> a.qspec:8:15
        |
      8 |   activations >= 8 bits
        |               ^^
        = fix: add ':'

      "
    `);
    expect(parse(source(text)).value).toBeDefined();
  });

  test('what other languages write', () => {
    const text = `spec habits
data d { batch = 64, name: 'x' }
model M(x: f32[1]): f32[1] { x | relu |> conv(3, kernel=3) }
train { T = U . B . F
  lr: .5
  seeds: 0..4
  warm: 3steps
  big: 80_000
  bad: NaN
}
`;
    expect(shown(text)).toMatchInlineSnapshot(`
      "
      error[QS1013]: '=' where ':' belongs
       --> a.qspec:2:16
        |
      2 | data d { batch = 64, name: 'x' }
        |                ^
        = fix: write ':'

      error[QS1003]: ''' cannot stand here
       --> a.qspec:2:28
        |
      2 | data d { batch = 64, name: 'x' }
        |                            ^
        = hint: strings stand in double quotes

      error[QS1003]: ''' cannot stand here
       --> a.qspec:2:30
        |
      2 | data d { batch = 64, name: 'x' }
        |                              ^
        = hint: strings stand in double quotes

      error[QS1013]: ':' where '->' belongs
       --> a.qspec:3:19
        |
      3 | model M(x: f32[1]): f32[1] { x | relu |> conv(3, kernel=3) }
        |                   ^
        = fix: write '->'

      error[QS1003]: '|' cannot stand here
       --> a.qspec:3:32
        |
      3 | model M(x: f32[1]): f32[1] { x | relu |> conv(3, kernel=3) }
        |                                ^
        = hint: a pipe is written '|>'

      error[QS1001]: expected a definition 'name = expression', an entry 'key: value' or '}', found '.'
       --> a.qspec:4:15
        |
      4 | train { T = U . B . F
        |               ^
        = hint: composition is written '∘' or '<<'; a point stands in numbers and between the names of a site

      error[QS1004]: '.5' is not a number: a digit stands before the point
       --> a.qspec:5:7
        |
      5 |   lr: .5
        |       ^^
        = fix: write '0.5'

      error[QS1004]: '0..4' is not a number: a range is written with 'to'
       --> a.qspec:6:10
        |
      6 |   seeds: 0..4
        |          ^^^^
        = fix: write '0 to 4'

      error[QS1004]: '3steps' is not a number: a unit stands apart from its number
       --> a.qspec:7:9
        |
      7 |   warm: 3steps
        |         ^^^^^^
        = fix: write '3 steps'

      error[QS1004]: '80_000' is not a number: digits are not grouped
       --> a.qspec:8:8
        |
      8 |   big: 80_000
        |        ^^^^^^
        = fix: write '80000'

      error[QS1004]: 'NaN' is not a number: every value is finite
       --> a.qspec:9:8
        |
      9 |   bad: NaN
        |        ^^^

      "
    `);
  });

  test('brackets', () => {
    const text = `spec brackets
model M(x: f32[1, 28) -> f32[1] {
  x |> conv(16, kernel: 3 |> relu
    |> maxpool(2)) |> flatten
}
train {
  U = adam(lr: cosine(3e-3, 0)
  T = U
precision {
  weights: int8
}
`;
    expect(shown(text)).toMatchInlineSnapshot(`
      "
      error[QS1005]: '[' is never closed
       --> a.qspec:2:15
        |
      2 | model M(x: f32[1, 28) -> f32[1] {
        |               ^
       --> a.qspec:2:21
        |
      2 | model M(x: f32[1, 28) -> f32[1] {
        |                     - ']' is missing here at the latest
        = fix: add ']'

      error[QS1005]: '{' is never closed
       --> a.qspec:6:7
        |
      6 | train {
        |       ^
       --> a.qspec:8:8
        |
      8 |   T = U
        |        - '}' is missing here at the latest
        = fix: add '}'

      error[QS1005]: '(' is never closed
       --> a.qspec:7:11
        |
      7 |   U = adam(lr: cosine(3e-3, 0)
        |           ^
       --> a.qspec:7:31
        |
      7 |   U = adam(lr: cosine(3e-3, 0)
        |                               - ')' is missing here at the latest
        = fix: add ')'

      "
    `);
  });

  test('strings', () => {
    expect(shown('spec strings\ndata d { a: "x\\qy", b: "open\n c: 3 }\n')).toMatchInlineSnapshot(`
      "
      error[QS1010]: '\\q' is no escape of a string
       --> a.qspec:2:15
        |
      2 | data d { a: "x\\qy", b: "open
        |               ^^
        = hint: the escapes are \\" and \\\\ and \\n

      error[QS1002]: this string has no closing quote on its line
       --> a.qspec:2:24
        |
      2 | data d { a: "x\\qy", b: "open
        |                        ^^^^^
        = fix: add the closing '"'

      "
    `);
  });

  test('words without meaning', () => {
    expect(
      shown(
        'spec stray\nprecision {\n weights: int8 stochastik\n stored weights: int8\n bias\n activations int8\n}\n',
      ),
    ).toMatchInlineSnapshot(`
      "
      error[QS1011]: 'stochastik' has no meaning here
       --> a.qspec:3:16
        |
      3 |  weights: int8 stochastik
        |                ^^^^^^^^^^
        = fix: remove it

      error[QS1001]: expected ':' and a value after 'bias', found 'activations'
       --> a.qspec:6:2
        |
      6 |  activations int8
        |  ^^^^^^^^^^^

      error[QS1001]: expected ':' and a value after 'activations', found 'int8'
       --> a.qspec:6:14
        |
      6 |  activations int8
        |              ^^^^
        = fix: add ':'

      "
    `);
  });

  test('no header, and nothing at all', () => {
    expect(shown('data d { }')).toMatchInlineSnapshot(`
      "
      error[QS1007]: a file starts with 'spec' and a name
       --> a.qspec:1:1
        |
      1 | data d { }
        | ^^^^
        = fix: name the spec

      "
    `);
    expect(codes('')).toEqual(['QS1007']);
    expect(codes('spec')).toEqual(['QS1001']);
  });

  test('parts that are no parts', () => {
    expect(
      shown('spec parts\nmodle M(x: f32[1]) -> f32[1] { x }\n\ndata d {}\n|> relu\n'),
    ).toMatchInlineSnapshot(`
      "
      error[QS1001]: expected 'data', 'block', 'model', 'train', 'precision', 'eval', 'experiment' or 'export', found 'modle'
       --> a.qspec:2:1
        |
      2 | modle M(x: f32[1]) -> f32[1] { x }
        | ^^^^^

      error[QS1001]: expected 'data', 'block', 'model', 'train', 'precision', 'eval', 'experiment' or 'export', found '|>'
       --> a.qspec:5:1
        |
      5 | |> relu
        | ^^

      "
    `);
  });

  test('at most a hundred are shown', () => {
    const all = parse(source(`spec a\ndata d {\n${'x 1\n'.repeat(1000)}}`)).diagnostics;
    expect(all).toHaveLength(101);
    expect(all.at(-1)?.code).toBe('QS1012');
  });

  test('every fix removes its diagnostic', () => {
    const broken = [
      'spec a data d { batch = 64 }',
      'spec a data d { batch 64 }',
      'spec a data d { source mnist, batch: 64 }',
      'spec a data d { x: 1 y: 2 }',
      'spec a eval { x: f(1 2) }',
      'spec a eval { x: .5 }',
      'spec a eval { x: 3epochs }',
      'spec a eval { x: 1..3 }',
      'spec a eval { x: "open\n }',
      'spec a eval { x: f(1] }',
      'spec a eval { x: 1 }}',
      'spec a eval { x: f(1 }',
      'spec a model M(x: f32[1]) f32[1] { x }',
      'spec a precision { weights: int8 foo\n bias: int8 }',
      'eval {}',
    ];
    for (const text of broken) {
      const [first, ...others] = parse(source(text)).diagnostics;
      const fix = first?.fixes[0];
      expect([others, fix], text).toEqual([[], expect.anything()]);
      if (fix === undefined) continue;
      const fixed = text.slice(0, fix.span.start) + fix.replacement + text.slice(fix.span.end);
      expect(parse(source(fixed)).diagnostics, fixed).toEqual([]);
    }
  });

  test('one token left out or put in is one mistake, nearly always', () => {
    const edits: readonly ((token: string) => string)[] = [
      () => '',
      (token) => `${token} ${token}`,
      () => ' |> ',
      () => '@',
    ];
    for (const edit of edits) {
      let wrong = 0;
      let one = 0;
      for (const token of lex(SKETCH).tokens) {
        const { start, end } = tokenSpan(token);
        const { length } = codes(SKETCH.slice(0, start) + edit(token.image) + SKETCH.slice(end));
        if (length > 0) wrong++;
        if (length === 1) one++;
      }
      expect(one / wrong).toBeGreaterThan(0.8);
    }
  });
});

describe('limits', () => {
  test.each([
    ['parentheses', (n: number) => `eval { x: ${'('.repeat(n)}1${')'.repeat(n)} }`],
    ['open parentheses', (n: number) => `eval { x: ${'('.repeat(n)}`],
    ['lists', (n: number) => `eval { x: ${'['.repeat(n)}${']'.repeat(n)} }`],
    ['calls', (n: number) => `eval { x: ${'f('.repeat(n)}${')'.repeat(n)} }`],
    [
      'blocks',
      (n: number) => `model M(x: f32[1]) -> f32[1] { x ${'|> repeat 2 { f '.repeat(n)}${'}'.repeat(n)} }`,
    ],
    ['braces', (n: number) => '{'.repeat(n)],
    ['signs', (n: number) => `eval { x: ${'-'.repeat(n)}1 }`],
    ['sums', (n: number) => `eval { x: 1${' + 1'.repeat(n)} }`],
    ['compositions', (n: number) => `eval { x: f${' ∘ f'.repeat(n)} }`],
  ])('10,000 nested %s are one diagnostic', (_, text) => {
    expect(codes(`spec a\n${text(10_000)}`)).toEqual(['QS1008']);
  });

  test('what the limits allow is read', () => {
    const depth = 60;
    expect(codes(`spec a\neval { x: ${'('.repeat(depth)}1${')'.repeat(depth)} }`)).toEqual([]);
    expect(codes(`spec a\neval { x: 1${' + 1'.repeat(200)} }`)).toEqual([]);
    expect(codes(`spec a\neval { x: [${'1, '.repeat(5000)}] }`)).toEqual([]);
  });

  test('a number has a bounded exponent and length', () => {
    expect(codes('spec a eval { x: 1e400 }')).toEqual([]);
    expect(codes('spec a eval { x: 1e401 }')).toEqual(['QS1004']);
    expect(codes(`spec a eval { x: ${'9'.repeat(201)} }`)).toEqual(['QS1004']);
  });

  test('a file of 10 MB is one diagnostic', () => {
    expect(codes('x'.repeat(10_000_000))).toEqual(['QS1009']);
  });

  test.each([
    ['words', 'x '],
    ['characters that are none', '$ a '],
    ['closers', ')'],
    ['openers that are closed', '()'],
    ['quotes', '"'],
    ['points', '1.'],
    ['entries', 'x: 1, '],
    ['keys', 'x: '],
    ['comments', '#\n'],
    ['open calls on lines', 'f(\n'],
  ])('200,000 characters of %s do not hang the parser', { timeout: 20_000 }, (_, unit) => {
    expect(parse(source(`spec a\neval { ${unit.repeat(200_000 / unit.length)}`)).diagnostics).not.toEqual([]);
  });
});

test('a slip before a missing part gives diagnostics and no tree', () => {
  const { value, diagnostics } = parse(source('spec t\nmodel M(x: f32[1] ) in [0, 1] -> f32[10] '));
  expect(value).toBeUndefined();
  expect(diagnostics.length).toBeGreaterThan(0);
});
