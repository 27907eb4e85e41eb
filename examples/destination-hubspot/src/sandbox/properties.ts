/**
 * Properties of contacts: which there are, and which values they take.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { batch, fault, type Fields, invalid, isFields } from "./answers.ts"

/** As `Property` of the official document requires it, in the parts that the sandbox's rules need. */
interface Property extends Fields {
  readonly name: string
  readonly type: string
  readonly options: ReadonlyArray<Fields>
}

/**
 * Why a property does not take a value.
 *
 * @category models
 * @since 0.1.0
 */
export interface Misfit {
  readonly name: string
  readonly error: string
  readonly message: string
}

const standard = (name: string, label: string, fieldType = "text", type = "string", isReadOnly = false): Property => ({
  name,
  label,
  type,
  fieldType,
  groupName: "contactinformation",
  description: label,
  options: [],
  displayOrder: -1,
  hasUniqueValue: name === "email",
  hidden: false,
  hubspotDefined: true,
  formField: !isReadOnly,
  modificationMetadata: { archivable: false, readOnlyDefinition: true, readOnlyValue: isReadOnly }
})

/** Of the properties that every account has, those that tests are likely to write. */
const everywhere = [
  standard("email", "Email"),
  standard("firstname", "First Name"),
  standard("lastname", "Last Name"),
  standard("phone", "Phone Number", "phonenumber"),
  standard("mobilephone", "Mobile Phone Number", "phonenumber"),
  standard("company", "Company Name"),
  standard("jobtitle", "Job Title"),
  standard("city", "City"),
  standard("country", "Country/Region"),
  standard("website", "Website URL"),
  standard("hs_additional_emails", "Additional email addresses", "text", "string", true),
  standard("hs_object_id", "Record ID", "number", "number", true),
  standard("createdate", "Create Date", "date", "datetime", true),
  standard("lastmodifieddate", "Last Modified Date", "date", "datetime", true)
]

const types = new Set(["bool", "date", "datetime", "enumeration", "number", "phone_number", "string"])
const fieldTypes = new Set(
  ["booleancheckbox", "calculation_equation", "checkbox", "date", "file", "html", "number", "phonenumber"].concat(
    ["radio", "select", "text", "textarea"] // the enumeration of `PropertyCreate`
  )
)

const isOption = (option: unknown): boolean =>
  isFields(option) &&
  typeof option["label"] === "string" &&
  typeof option["value"] === "string" &&
  typeof option["displayOrder"] === "number" &&
  typeof option["hidden"] === "boolean"

const isDefinition = (input: Fields): boolean =>
  typeof input["label"] === "string" &&
  typeof input["groupName"] === "string" &&
  types.has(String(input["type"])) &&
  fieldTypes.has(String(input["fieldType"])) &&
  /^[a-z][a-z0-9_]{0,99}$/.test(String(input["name"])) &&
  (input["options"] === undefined || (Array.isArray(input["options"]) && input["options"].every(isOption)))

const optionsOf = (input: Fields): ReadonlyArray<Fields> =>
  Array.isArray(input["options"]) ? input["options"].filter(isFields) : []

const isTime = (value: string): boolean => /^-?\d+$/.test(value) || !Number.isNaN(Date.parse(value))

/** Why a type does not take a text; `undefined` where it does. */
const codeFor = ({ options, type }: Property, value: string): string | undefined => {
  if (value.length > 65_536) return "INVALID_LENGTH"
  switch (type) {
    case "number":
      return /^-?(\d+\.?\d*|\.\d+)$/.test(value) ? undefined : "INVALID_LONG"
    case "bool":
      return value === "true" || value === "false" ? undefined : "INVALID_OPTION"
    case "enumeration":
      return value.split(";").every((part) => part === "" || options.some((option) => option["value"] === part))
        ? undefined
        : "INVALID_OPTION"
    case "datetime":
      return isTime(value) ? undefined : "INVALID_DATE"
    case "date":
      // Epoch milliseconds of a date are midnight in UTC, exactly.
      return isTime(value) && (!/^-?\d+$/.test(value) || Number(value) % 86_400_000 === 0) ? undefined : "INVALID_DATE"
    default:
      return undefined
  }
}

/**
 * The properties of an account's contacts.
 *
 * @category models
 * @since 0.1.0
 */
export class Properties {
  readonly #byName = new Map<string, Property>(everywhere.map((property) => [property.name, property]))

  /** Why a contact does not take these values: one bad property refuses its whole input. */
  readonly misfit = (values: Fields): Misfit | undefined => {
    for (const [name, value] of Object.entries(values)) {
      const property = this.#byName.get(name)
      if (property === undefined) {
        return { name, error: "PROPERTY_DOESNT_EXIST", message: `Property "${name}" does not exist` }
      }
      const metadata = property["modificationMetadata"]
      if (isFields(metadata) && metadata["readOnlyValue"] === true) {
        return { name, error: "READ_ONLY_VALUE", message: `"${name}" is a read only property` }
      }
      const code = value === "" ? undefined : codeFor(property, String(value))
      if (code !== undefined) {
        return { name, error: code, message: `${String(value).slice(0, 100)} was not valid for ${name}: ${code}` }
      }
    }
    return undefined
  }

  readonly list = (): Sandbox.SandboxResponse => ({ status: 200, body: { results: [...this.#byName.values()] } })

  readonly create = (inputs: unknown, now: number): Sandbox.SandboxResponse => {
    const wanted = Array.isArray(inputs) ? inputs.filter(isFields) : []
    if (wanted.length === 0 || !wanted.every(isDefinition)) return invalid("Property input is not valid")
    const taken = wanted.find(({ name }) => this.#byName.has(String(name)))
    if (taken !== undefined) {
      return fault(409, "CONFLICT", `A property named '${String(taken["name"])}' already exists.`)
    }
    const created = wanted.map((input) => ({
      description: "",
      ...input,
      name: String(input["name"]),
      type: String(input["type"]),
      options: optionsOf(input)
    }))
    for (const property of created) this.#byName.set(property.name, property)
    return batch(created, [], now)
  }

  readonly types = (): Readonly<Record<string, string>> =>
    Object.fromEntries([...this.#byName].map(([name, { type }]) => [name, type]))
}
