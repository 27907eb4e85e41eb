/**
 * Lists of contacts, whose members are record ids.
 *
 * @since 0.1.0
 */
import type { Sandbox } from "@tributary/core"
import { fault, type Fields, invalid, isFields, isTexts } from "./answers.ts"

interface Stored {
  name: string
  readonly processingType: string
  readonly members: Set<string>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface List {
  readonly listId: string
  readonly name: string
  readonly members: ReadonlyArray<string>
}

const root = "/crm/lists/2026-09"

const shown = (listId: string, { members, name, processingType }: Stored): Fields => ({
  listId,
  name,
  listVersion: 1,
  objectTypeId: "0-1",
  processingType,
  processingStatus: "COMPLETE",
  size: members.size
})

const noList = (id: string) => fault(404, "OBJECT_NOT_FOUND", `List does not exist with ID ${id}.`)

/**
 * The lists of an account.
 *
 * @category models
 * @since 0.1.0
 */
export class Lists {
  readonly #byId = new Map<string, Stored>()
  readonly #exists: (recordId: string) => boolean
  readonly #next: () => number

  constructor(exists: (recordId: string) => boolean, next: () => number) {
    this.#exists = exists
    this.#next = next
  }

  readonly all = (): ReadonlyArray<List> =>
    [...this.#byId].map(([listId, { members, name }]) => ({
      listId,
      name,
      members: [...members].filter((id) => this.#exists(id)).toSorted()
    }))

  readonly #named = (name: string) => [...this.#byId].find(([, list]) => list.name.toLowerCase() === name.toLowerCase())

  readonly route = (method: string, path: string, query: URLSearchParams, body: unknown): Sandbox.SandboxResponse => {
    const name = /^\/crm\/lists\/2026-09\/object-type-id\/0-1\/name\/([^/]+)$/.exec(path)?.[1]
    if (method === "GET" && name !== undefined) {
      const found = this.#named(decodeURIComponent(name))
      return found === undefined ? noList(name) : { status: 200, body: { list: shown(...found) } }
    }
    if (method === "POST" && path === root) return this.#create(isFields(body) ? body : {})
    const [, id = "", tail = ""] = /^\/crm\/lists\/2026-09\/(\d+)(\/.*)?$/.exec(path) ?? []
    const list = this.#byId.get(id)
    if (list === undefined) return noList(id)
    switch (`${method} ${tail}`) {
      case "DELETE ":
        this.#byId.delete(id)
        return { status: 204 }
      case "PUT /update-list-name":
        list.name = query.get("listName") ?? list.name
        return { status: 200, body: { updatedList: shown(id, list) } }
      case "PUT /memberships/add":
        return this.#change(list, body, [])
      case "PUT /memberships/remove":
        return this.#change(list, [], body)
      case "PUT /memberships/add-and-remove":
        return isFields(body)
          ? this.#change(list, body["recordIdsToAdd"], body["recordIdsToRemove"])
          : invalid("Invalid input JSON")
      default:
        return fault(405, "METHOD_NOT_ALLOWED", "Method not allowed")
    }
  }

  readonly #create = ({ name, objectTypeId, processingType }: Fields): Sandbox.SandboxResponse => {
    const isKnown = ["MANUAL", "SNAPSHOT", "DYNAMIC"].includes(String(processingType))
    if (typeof name !== "string" || objectTypeId !== "0-1" || !isKnown) return invalid("Invalid list")
    if (this.#named(name) !== undefined) {
      return invalid(`A list with the name ${name} already exists`, { subCategory: "ILS.DUPLICATE_LIST_NAMES" })
    }
    const id = String(this.#next())
    const list: Stored = { name, processingType: String(processingType), members: new Set() }
    this.#byId.set(id, list)
    return { status: 200, body: { list: shown(id, list) } }
  }

  /** Who is on the list already, or is not, is no error; a record that does not exist is missing. */
  readonly #change = (list: Stored, toAdd: unknown, toRemove: unknown): Sandbox.SandboxResponse => {
    if (!isTexts(toAdd) || !isTexts(toRemove)) return invalid("Expected a list of record ids, as texts")
    if (list.processingType === "DYNAMIC") return invalid("The members of a DYNAMIC list follow from its filters")
    const added = toAdd.filter((id) => this.#exists(id) && !list.members.has(id))
    const removed = toRemove.filter((id) => this.#exists(id) && list.members.has(id))
    for (const id of added) list.members.add(id)
    for (const id of removed) list.members.delete(id)
    return {
      status: 200,
      body: {
        recordsIdsAdded: added,
        recordIdsRemoved: removed,
        recordIdsMissing: [...toAdd, ...toRemove].filter((id) => !this.#exists(id))
      }
    }
  }
}
