/**
 * Tables for a terminal.
 *
 * @module
 */

/** One column. */
export interface Column {
  /** Its title. */
  title: string;
  /** Whether it holds numbers. */
  isNumber?: boolean;
}

/** The lines of a table, its header first. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string[] {
  const cells = [columns.map(({ title }) => title), ...rows];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => [...row[i]!].length)));
  return cells.map((row) =>
    row.map((cell, i) => {
      const space = " ".repeat(widths[i]! - [...cell].length);
      return columns[i]!.isNumber ? space + cell : cell + space;
    }).join("  ").trimEnd()
  );
}
