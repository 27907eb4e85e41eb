import { assert, describe, it } from "@effect/vitest"
import * as Limits from "../src/limits.ts"

const hour = 3_600_000
const at = (iso: string) => Date.parse(iso)

describe("a used-up quota", () => {
  it("of a day lasts until midnight in California, in winter and in summer", () => {
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-01-15T07:59:59.250Z")), 750)
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-01-15T08:00:00Z")), 24 * hour)
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-07-15T00:00:00Z")), 7 * hour)
  })

  it("of a day lasts 23 hours when clocks go forward and 25 when they go back", () => {
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-03-08T08:00:00Z")), 23 * hour)
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-03-08T12:00:00Z")), 19 * hour)
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-11-01T07:00:00Z")), 25 * hour)
    assert.strictEqual(Limits.untilPacificMidnight(at("2026-11-01T12:30:00Z")), 19.5 * hour)
  })

  it("of a minute lasts as long as the answer asks, else a minute", () => {
    const now = at("2026-01-15T07:00:00Z")
    assert.strictEqual(Limits.waitMillis("IngestionMutateRequestsPerMinutePerProject", undefined, now), 60_000)
    assert.strictEqual(Limits.waitMillis("IngestionMutateRequestsPerMinutePerProject", 12_000, now), 12_000)
    assert.strictEqual(Limits.waitMillis(undefined, undefined, now), 60_000)
    assert.strictEqual(Limits.waitMillis("IngestionMutateRequestsPerDayPerProject", 12_000, now), hour)
  })
})
