/** HTML as text: everything that comes from a spec passes through here. */

/** Text that is safe as the content of an element and as a quoted attribute. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (c) =>
      c === '\n' ? c : `\\u{${c.codePointAt(0)?.toString(16)}}`,
    );
}

/** JSON that no element around it can end, in a data block that scripts read. */
export function jsonBlock(id: string, data: unknown): string {
  const json = JSON.stringify(data)
    .replaceAll('<', '\\u003c')
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
  return `<script type="application/json" id="${id}">${json}</script>`;
}

/** A cell: text, or a number that is aligned to the right. */
export type Cell = string | { readonly number: string };

export function table(header: readonly Cell[], rows: readonly (readonly Cell[])[], label: string): string {
  const head = header
    .map((cell) => `<th scope="col"${align(cell)}>${escapeHtml(textOf(cell))}</th>`)
    .join('');
  const body = rows.map((row) => {
    const [first, ...rest] = row;
    const cells = rest.map((cell) => `<td${align(cell)}>${escapeHtml(textOf(cell))}</td>`).join('');
    return `<tr><th scope="row">${escapeHtml(textOf(first ?? ''))}</th>${cells}</tr>`;
  });
  return `<div class="wide"><table aria-label="${escapeHtml(label)}"><thead><tr>${head}</tr></thead><tbody>\n${body.join('\n')}\n</tbody></table></div>`;
}

export function paragraphs(texts: readonly string[], kind = ''): string {
  const attribute = kind === '' ? '' : ` class="${kind}"`;
  return texts.map((text) => `<p${attribute}>${escapeHtml(text)}</p>`).join('\n');
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell.number;
}

function align(cell: Cell): string {
  return typeof cell === 'string' ? '' : ' class="number"';
}
