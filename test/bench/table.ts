/** Tables that read well as text and as Markdown. */

/** @param texts - The columns that are text; the others are numbers. */
export function table(rows: readonly (readonly string[])[], texts: readonly number[] = [0]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0), 3));
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, column) => (texts.includes(column) ? (cells[column] ?? "").padEnd(width) : (cells[column] ?? "").padStart(width))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    texts.includes(column) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(head), `| ${rule.join(" | ")} |`, ...rows.slice(1).map(line)].join("\n");
}

/** Three digits that count, and no more of them than the number has before its point. */
export function shown(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.abs(value) >= 10 ? 1 : 2 });
}
