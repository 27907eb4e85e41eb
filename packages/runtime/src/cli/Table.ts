/**
 * Tables for a terminal: columns as wide as they need, numbers to the right. A wide character (CJK, emoji) takes two
 * cells, a combining one none.
 *
 * @since 0.1.0
 */

import stringWidth from "string-width"

/**
 * A column: its heading, and whether it holds numbers.
 *
 * @category models
 * @since 0.1.0
 */
export interface Column {
  readonly heading: string
  readonly numeric?: boolean
}

/**
 * Rows under headings, two blanks between columns.
 *
 * @category constructors
 * @since 0.1.0
 */
export const table = (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = columns.map((column, i) => widest([column.heading, ...rows.map((row) => row[i] ?? "")]))
  const line = (cells: ReadonlyArray<string>) =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? ""
        const width = widths[i] ?? 0
        const padding = " ".repeat(Math.max(0, width - stringWidth(cell)))
        return column.numeric === true ? padding + cell : cell + padding
      })
      .join("  ")
      .trimEnd()
  return [
    line(columns.map((column) => column.heading)),
    line(widths.map((width) => "-".repeat(width))),
    ...rows.map(line)
  ].join("\n")
}

const widest = (cells: ReadonlyArray<string>): number =>
  cells.reduce((width, cell) => Math.max(width, stringWidth(cell)), 0)

/**
 * A time as people read it: `2026-01-02 15:04`, in UTC.
 *
 * @category combinators
 * @since 0.1.0
 */
export const time = (at: Date | null | undefined): string =>
  at == null ? "never" : at.toISOString().slice(0, 16).replace("T", " ")

/**
 * Seconds as people read them: `2 h 13 min`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const span = (seconds: number): string => {
  if (seconds < 1) return "under a second"
  if (seconds < 60) return `${Math.ceil(seconds)} s`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
