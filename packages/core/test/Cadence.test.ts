import { assert, describe, it } from "@effect/vitest"
import { DateTime, Option, Result } from "effect"
import * as Cadence from "../src/scheduling/Cadence.ts"

const at = (iso: string) => DateTime.makeUnsafe(iso) as DateTime.Utc

describe("R16 a list is told by its cadence", () => {
  const adwords = Cadence.every("6 hours")

  it("is due at once when it was never synced", () => {
    assert.deepStrictEqual(
      Cadence.nextDue(adwords, Option.none(), at("2026-01-01T00:00:00Z")),
      at("2026-01-01T00:00:00Z")
    )
  })

  it("leaves one sync due after a night of downtime", () => {
    const due = Cadence.nextDue(adwords, Option.some(at("2026-01-01T18:00:00Z")), at("2026-01-02T09:00:00Z"))
    assert.deepStrictEqual(due, at("2026-01-02T00:00:00Z"))
  })

  it("refuses an operator who asks for more than the vendor takes, and says what to write instead", () => {
    const refused = Result.getFailure(Cadence.notFasterThan(Cadence.hourly, adwords, "ads"))
    assert.strictEqual(
      Option.getOrThrow(refused).message,
      'ads accepts list changes at most once every 6 hours, but "every" asks for 1 hour. Set "every" to 6 hours or more, or leave it out.'
    )
  })
})
