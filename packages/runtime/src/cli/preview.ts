/**
 * `tributary preview`.
 *
 * @since 0.1.0
 */
import { Wording } from "@tributary/core/runtime"
import { Console, Effect } from "effect"
import { preview as run, type Previewed } from "../engine/Preview.ts"
import { exitCode, WrongUse, type Run } from "./Exit.ts"
import { type SessionFlags, withScratchSession } from "./Session.ts"
import { span } from "./Table.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface PreviewFlags extends SessionFlags {
  readonly activation: string
  readonly sample: number
  readonly json: boolean
}

/**
 * @category commands
 * @since 0.1.0
 */
export const preview = (flags: PreviewFlags): Run =>
  withScratchSession(flags, ({ folder, resolved }) =>
    Effect.scoped(
      Effect.gen(function* () {
        const activation = resolved.activations.find(({ id }) => id === flags.activation)
        if (activation === undefined) {
          const known = resolved.activations.map(({ id }) => id).join(", ")
          return yield* new WrongUse({
            reason: `There is no activation "${flags.activation}". The configuration has: ${known}.`
          })
        }
        const previewed = yield* run(resolved, activation, { folder, sample: flags.sample })
        yield* Console.log(flags.json ? JSON.stringify(previewed, null, 2) : render(previewed))
        return exitCode.done
      })
    )
  )

const words = { identify: "identify", track: "track", group: "group", add: "add", discard: "remove" } as const

const render = (previewed: Previewed): string => {
  const { activation, batches, counts, held, isBaseline, requests, seconds, unsendable } = previewed
  const sent = Object.entries(words).flatMap(([label, verb]) => {
    const number = Object.entries(counts).find(([key]) => key === label)?.[1] ?? 0
    return number === 0 ? [] : [`${Wording.count(number)} ${verb}`]
  })
  const lines = [
    sent.length === 0
      ? `A sync of ${activation} would send nothing: the destination is up to date.`
      : `A sync of ${activation} would send ${sent.join(", ")} in ${Wording.plural(batches, "batch", "batches")}, in ${span(seconds)} at the limits.`
  ]
  if (isBaseline) lines.push("It would send nothing: everything is taken as sent (historical: false, or baseline).")
  if (held !== undefined) lines.push(`It would be held: ${held}.`)
  for (const { count: number, reason } of unsendable) lines.push(`Rejected: ${Wording.count(number)} × ${reason}`)
  if (requests.length > 0) lines.push("", `The first requests, exactly as they would be sent (secrets redacted):`)
  for (const request of requests) {
    lines.push("", `${request.method} ${request.url}`)
    for (const [name, value] of Object.entries(request.headers)) lines.push(`${name}: ${value}`)
    if (request.body !== null) {
      lines.push("", typeof request.body === "string" ? request.body : JSON.stringify(request.body, null, 2))
    }
  }
  lines.push("", "Nothing was sent, and nothing was written.")
  return lines.join("\n")
}
