/** Numbers and tables as the command line prints them. */

export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(2)} MB`;
}

/** Four significant digits, without an exponent where that is readable. */
export function number(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 1e-4 && size < 1e6 ? `${Number(value.toPrecision(4))}` : value.toExponential(3);
}

export function seconds(count: number): string {
  if (count < 60) return `${count.toFixed(count < 10 ? 1 : 0)} s`;
  const whole = Math.round(count);
  const [minutes, rest] = [Math.floor(whole / 60), whole % 60];
  return minutes < 60 ? `${minutes} min ${rest} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Columns padded to their widest cell, two blanks apart; lines end without blanks. */
export function table(rows: readonly (readonly string[])[], indent = ''): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  }
  return rows.map((row) => (indent + row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')).trimEnd());
}

/** Items separated by commas, in lines of at most `width` columns. */
export function wrap(items: readonly string[], indent = '', width = 100): string[] {
  const lines: string[] = [];
  let line = '';
  items.forEach((item, i) => {
    const text = i === items.length - 1 ? item : `${item},`;
    if (line !== '' && indent.length + line.length + 1 + text.length > width) {
      lines.push(indent + line);
      line = text;
    } else line = line === '' ? text : `${line} ${text}`;
  });
  return line === '' ? lines : [...lines, indent + line];
}

/** A sentence or more, broken between words into lines of at most `width` columns. */
export function paragraph(text: string, indent = '', width = 100): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent.length + line.length + 1 + word.length > width) {
      lines.push(indent + line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, indent + line];
}
