// What a benchmark is: a name, and a run that answers rows. A row is a figure beside a reference that was measured in
// the same run, because machines differ and are shared: the ratio is what counts.
export interface Row {
  readonly what: string
  readonly figure: number
  readonly unit: string
  /** What people would use instead, or a ceiling, measured in the same run. */
  readonly reference?: { readonly what: string; readonly figure: number }
  /** What is asked of the ratio or the figure, in words, and whether it holds. */
  readonly goal?: { readonly words: string; readonly isReached: boolean }
  readonly parameters?: string
}

export interface Case {
  readonly name: string
  readonly title: string
  /** `scale` is 1 for the full size; 0.01 for a run of seconds. */
  readonly run: (options: {
    readonly scale: number
    readonly note: (text: string) => void
  }) => Promise<ReadonlyArray<Row>>
}

/** The median of several runs of a measurement, the first of which are for warming up. */
export const median = async (runs: number, warm: number, measure: () => Promise<number>): Promise<number> => {
  const figures: Array<number> = []
  for (let i = 0; i < runs + warm; i++) {
    const figure = await measure()
    if (i >= warm) figures.push(figure)
  }
  return figures.toSorted((a, b) => a - b)[figures.length >> 1] ?? Number.NaN
}
