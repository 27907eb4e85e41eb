/**
 * Laws about what may not be said.
 *
 * @since 0.1.0
 */
import { Effect } from "effect"
import { drafts, inWords, type Lab, type Seen, type Way } from "../Lab.ts"
import { answerOf, everyWay, expect, type Law } from "../Law.ts"

/** A vendor that repeats all it was sent, as some do in their errors. */
const echo = ({ body, headers, url }: Seen): string =>
  JSON.stringify({ error: "refused", request: { url, headers, body } })

/** Success, refusal and failure, with everything that was sent repeated in the answer. */
const provoke = Effect.fnUntraced(function* (way: Way, lab: Lab) {
  const heard: Array<string> = []
  for (const status of [undefined, 400, 401, 500]) {
    yield* lab.pass("61 seconds")
    lab.interfere((request) => (status === undefined ? undefined : { status, body: echo(request) }))
    heard.push(inWords(yield* answerOf(way, drafts(Math.min(2, way.batch.items)))))
  }
  return heard
})

/**
 * @category laws
 * @since 0.1.0
 */
export const secrecy: ReadonlyArray<Law> = [
  everyWay(
    "secrets",
    "No secret stands in an outcome, an error, a log or a span.",
    Effect.fnUntraced(function* (way, lab) {
      const heard = [...(yield* provoke(way, lab)), ...lab.said.logs, ...lab.said.spans]
      for (const secret of lab.secrets) {
        const place = heard.find((text) => text.includes(secret))
        yield* expect(
          place === undefined,
          () => `A secret stands in: ${place?.replaceAll(secret, "<the secret>").slice(0, 300)}`
        )
      }
    })
  ),
  everyWay(
    "secret-places",
    "No secret stands in a request's address, where logs of others would keep it.",
    Effect.fnUntraced(function* (way, lab) {
      yield* answerOf(way, drafts(1))
      const led = lab.seen.find(({ url }) => lab.secrets.some((secret) => url.includes(encodeURIComponent(secret))))
      yield* expect(led === undefined, () => `${led?.method} ${led?.path} carries a secret in its query.`)
    })
  ),
  everyWay(
    "masked",
    "No identifier stands in a log.",
    Effect.fnUntraced(function* (way, lab) {
      yield* provoke(way, lab)
      const values = ["user-0", "person0@example.com", "+12062000000", "account-0", "anonymous-0"]
      const place = lab.said.logs.find((text) => values.some((value) => text.includes(value)))
      yield* expect(place === undefined, () => `A log says: ${place?.slice(0, 300)}`)
    })
  )
]
