/**
 * Phone numbers in E.164, by `libphonenumber-js`: Google matches the hash of `+`, country code and number.
 *
 * @since 0.1.0
 */
import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  Metadata,
  parsePhoneNumberFromString
} from "libphonenumber-js/max"
import { type Unusable, unlessHash, unusable } from "./hashes.ts"

/** Digits of any script behind at most one `+`, with what people write between them. */
const dialled = /^\+?[\p{Nd}\s().\-/\u2010-\u2015\uff0d]+$/u
/** What a spreadsheet makes of a number: `41555501320.0`. */
const decimal = /^\+?\d{5,}\.\d{1,2}$/
/** Marks of writing direction and the like, which copying leaves behind. */
const invisible = /\p{Cf}/gu

const noDigits = unusable("A phone number has digits and separators only, no letters and no extension.")
const fraction = unusable("A number with a decimal fraction is not a phone number. Store phone numbers as text.")
const noCountry = unusable(
  "The phone number has no country code. Write it with + and the country code (+44…), or set defaultCountry."
)
const wrongLength = unusable("The phone number has too few or too many digits for its country code.")
const wrongCode = unusable("No country has the phone number's country code.")

/**
 * Whether a country is one that phone numbers are known of: ISO 3166-1 alpha-2, such as `GB`.
 *
 * @category guards
 * @since 0.1.0
 */
export const isCountry = (value: string): value is CountryCode => isSupportedCountry(value)

/**
 * The normal form of a phone number: E.164, `+` with country code and number.
 *
 * **Details**
 *
 * A number with `+` needs the length that its country's numbers have. One without is read as a number of
 * `defaultCountry`, where it must exist: the country is an assumption, and a number that cannot be right would be
 * somebody else's. Without `defaultCountry` it has no normal form, since nobody but its owner knows the country.
 *
 * @category combinators
 * @since 0.1.0
 */
export const phone = (value: string, defaultCountry: string | undefined): string | Unusable => {
  if (isNormal(value)) return value
  const text = value.replace(invisible, "").trim()
  if (!dialled.test(text)) return unlessHash(text, noDigits)
  if (decimal.test(text)) return fraction
  if (text.startsWith("+")) return international(text)
  if (defaultCountry === undefined || !isCountry(defaultCountry)) return noCountry
  const number = parsePhoneNumberFromString(text, { defaultCountry, extract: false })
  return number?.isValid() === true && international(number.number) === number.number
    ? number.number
    : unusable(
        `No phone number of ${defaultCountry} (defaultCountry) is like this. Write it with + and its country code.`
      )
}

const international = (text: string): string | Unusable => {
  const number = parsePhoneNumberFromString(text, { extract: false })
  if (number === undefined) return wrongCode
  if (!number.isPossible()) return wrongLength
  // The normal form is its own normal form: +49 (0) 0… would lose one 0 more each time.
  return number.number === text || international(number.number) === number.number ? number.number : wrongLength
}

/** What a number of a country code is normal by, whichever of the code's countries it is of. */
interface Plan {
  readonly lengths: ReadonlySet<number>
  /** What may be dialled before a number inside its country, and has no place in its normal form. */
  readonly prefix: RegExp
}

let plans: ReadonlyMap<string, Plan> | undefined

/**
 * Whether a number is its own normal form. `false` leaves that to the library, which takes 14 µs a number where this
 * takes a fraction of one (bench: `list`, whose members have a phone number each).
 */
const isNormal = (value: string): boolean => {
  if (!/^\+[1-9]\d{6,14}$/.test(value)) return false
  plans ??= readPlans()
  for (let end = 2; end <= 4; end++) {
    const plan = plans.get(value.slice(1, end))
    if (plan === undefined) continue
    const national = value.slice(end)
    return plan.lengths.has(national.length) && !plan.prefix.test(national)
  }
  return false
}

const readPlans = (): ReadonlyMap<string, Plan> => {
  const metadata = new Metadata()
  const found = new Map<string, { lengths: Set<number>; readonly prefixes: Set<string> }>()
  for (const country of getCountries()) {
    metadata.selectNumberingPlan(country)
    const lengths = new Set(metadata.numberingPlan?.possibleLengths())
    const prefix = prefixOf(metadata.numberingPlan)
    const code = getCountryCallingCode(country)
    const plan = found.get(code)
    if (plan === undefined) found.set(code, { lengths, prefixes: new Set([prefix]) })
    else {
      plan.lengths = new Set([...plan.lengths].filter((length) => lengths.has(length)))
      plan.prefixes.add(prefix)
    }
  }
  return new Map(
    [...found].map(([code, { lengths, prefixes }]) => [
      code,
      { lengths, prefix: new RegExp(`^(?:${[...prefixes].join("|")})`) }
    ])
  )
}

/** The library has it and does not declare it. Where it is not to be had, every number is left to the library. */
const prefixOf = (plan: unknown): string => {
  if (typeof plan !== "object" || plan === null || !("nationalPrefixForParsing" in plan)) return ""
  const { nationalPrefixForParsing } = plan
  if (typeof nationalPrefixForParsing !== "function") return ""
  const prefix: unknown = nationalPrefixForParsing.call(plan)
  return typeof prefix === "string" ? prefix : "(?!)"
}
