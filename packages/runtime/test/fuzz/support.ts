// How much to try: FUZZ_RUNS multiplies the runs, FUZZ_SEED repeats one.
import * as fc from "fast-check"

const scale = Number(process.env["FUZZ_RUNS"] ?? 1)
const seed = process.env["FUZZ_SEED"]

export const parameters = (numRuns: number): fc.Parameters<unknown> => ({
  numRuns: Math.ceil(numRuns * scale),
  ...(seed === undefined ? {} : { seed: Number(seed) })
})

/** Text that breaks things: controls, quotes, unpaired surrogates, right-to-left marks, SQL, markup, very long. */
export const nastyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    " ",
    "\u0000",
    "a\u0000b",
    "\ud800",
    "\udfff\ud800",
    "\ufeff",
    "\u202e",
    "null",
    "true",
    "NaN",
    "'; drop table tributary.profile; --",
    '"},{"id":"x"',
    "<script>",
    "\r\nX-Injected: 1",
    "__proto__",
    "constructor",
    "😀".repeat(50),
    "x".repeat(5_000)
  )
)

export const nastyJson: fc.Arbitrary<unknown> = fc.oneof(
  nastyText,
  fc.constantFrom(null, true, false, 0, -0, 1e308, -1e308, 5e-324, 2 ** 53, 0.1 + 0.2, [], {}),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.array(nastyText, { maxLength: 3 }),
  fc.dictionary(nastyText, fc.oneof(nastyText, fc.integer()), { maxKeys: 3, noNullPrototype: true })
)
