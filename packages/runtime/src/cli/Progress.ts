/**
 * Progress: one line that changes on a terminal, a line per step elsewhere. It goes to standard error.
 *
 * @since 0.1.0
 */
import type { Output } from "./Surroundings.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Progress {
  readonly step: (step: string) => void
  readonly count: (activation: string, label: string) => void
  readonly end: () => void
}

const millisBetweenDraws = 100

/**
 * @category constructors
 * @since 0.1.0
 */
export const progressLine = (output: Output): Progress => {
  let current = ""
  let sent = 0
  let drawnAt = 0
  const isTerminal = output.isTTY === true
  const draw = () => {
    const line = sent === 0 ? current : `${sent.toLocaleString("en-US")} sent, now ${current}`
    output.write(`\r\u001b[2K${line.slice(0, Math.max(20, (output.columns ?? 80) - 1))}`)
  }
  return {
    step: (step) => {
      current = step
      if (isTerminal) draw()
      else output.write(`${step}\n`)
    },
    count: (activation, label) => {
      // Destinations go side by side: the line names the one that answered last, and not the one that began last.
      current = activation
      if (label !== "rejected" && label !== "postponed") sent++
      // Drawing costs more than telling: ten times a second is enough for an eye.
      if (!isTerminal || performance.now() - drawnAt < millisBetweenDraws) return
      drawnAt = performance.now()
      draw()
    },
    end: () => {
      if (isTerminal) output.write("\r\u001b[2K")
    }
  }
}
