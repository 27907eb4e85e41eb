// One seed: a company changes while its process is killed again and again and its vendors fail; then all is calm, and
// every vendor must hold what the company's last state says.
import * as fs from "node:fs"
import * as path from "node:path"
import { differences } from "./Check.ts"
import { company, config } from "./Company.ts"
import { makeClock, proxy, type Proxy, run } from "./Process.ts"
import { random, type Random } from "./Random.ts"
import { type Boundary, openVendors, type Vendors } from "./Vendors.ts"

export interface Result {
  readonly seed: number
  readonly changes: number
  readonly requests: number
  readonly faults: ReadonlyMap<string, number>
  readonly kills: ReadonlyMap<string, number>
  readonly lost: ReadonlyArray<string>
  readonly again: number
  /** The most that may have been sent again: what a kill or a fault left unheard. */
  readonly bound: number
  readonly folder: string
  readonly seconds: number
}

export interface Options {
  readonly seed: number
  readonly folder: string
  /** The database of the store; absent for the embedded one, which is made from `template`. */
  readonly database: URL | undefined
  readonly template: string | undefined
}

const speed = 30
const rounds = 4
const vendorBoundaries: ReadonlyArray<Boundary> = ["arrived", "taken", "answered"]

export const torture = async ({ database, folder, seed, template }: Options): Promise<Result> => {
  const began = Date.now()
  const dice = random(seed)
  const clock = makeClock(speed)
  const append = (file: string, text: string) => fs.appendFileSync(path.join(folder, file), `${text}\n`)
  const log = (text: string) => append("torture.log", text)
  const vendors = await openVendors(dice, clock, dice.pick([0.05, 0.15, 0.3]), (line) => append("requests.log", line))
  const store = database === undefined ? undefined : await proxy(database.hostname, Number(database.port || 5432))
  const people = company(dice, 150)
  const kills = new Map<string, number>()
  fs.writeFileSync(path.join(folder, "package.json"), `{ "type": "module" }`)
  fs.writeFileSync(path.join(folder, "tributary.config.ts"), config)
  if (template !== undefined) fs.cpSync(template, path.join(folder, ".tributary"), { recursive: true })
  const base = () => ({ ...vendors.environment(), ...storeOf(database, store), ...clock.environment() })

  for (let round = 0; round < rounds; round++) {
    if (dice.chance(0.15)) vendors.deleteList()
    for (let attempt = dice.int(1, 3); attempt > 0; attempt--) {
      // Something changes before every life: what the last one left unheard may be wrong by now.
      for (let i = round === 0 && attempt > 1 ? 0 : dice.int(1, 25); i > 0; i--) people.change()
      people.write(folder)
      await once({ base, dice, folder, kills, log, store, vendors, people })
      if (dice.chance(0.4)) clock.jump(dice.int(1, 8))
    }
  }

  vendors.calm()
  store?.calm()
  people.newShopper()
  people.write(folder)
  let quiet = 0
  for (let i = 0; i < 15 && quiet < 2; i++) {
    clock.jump(7)
    const { code, output } = await run(folder, base(), ["sync", "--json"]).ended
    log(`calm sync: ${code}\n${output}`)
    vendors.heard(output)
    quiet = code === 0 && isQuiet(output) ? quiet + 1 : 0
  }
  clock.jump(7)
  const lost = [...(quiet < 2 ? ["it never came to rest"] : []), ...differences(people, vendors, clock.now())]
  await vendors.close()
  store?.close()
  const { faults } = vendors
  return {
    seed,
    changes: people.changes(),
    requests: vendors.requests(),
    faults,
    kills,
    lost,
    again: vendors.again(),
    bound: vendors.unheard(),
    folder,
    seconds: (Date.now() - began) / 1000
  }
}

const storeOf = (database: URL | undefined, store: Proxy | undefined): Readonly<Record<string, string>> => {
  if (database === undefined || store === undefined) return {}
  const url = new URL(database)
  url.hostname = "127.0.0.1"
  url.port = String(store.port)
  return { DATABASE_URL: url.toString() }
}

/** Whether a sync had nothing to tell. */
const isQuiet = (output: string): boolean => {
  const report: unknown = JSON.parse(output.slice(output.indexOf("{")))
  if (typeof report !== "object" || report === null || !("activations" in report)) return false
  const { activations } = report
  const words = ["identify", "track", "group", "add", "discard", "postponed"]
  return (
    Array.isArray(activations) &&
    activations.every((each: Readonly<Record<string, unknown>>) => words.every((word) => each[word] === 0))
  )
}

interface Scene {
  readonly base: () => Readonly<Record<string, string>>
  readonly dice: Random
  readonly folder: string
  readonly kills: Map<string, number>
  readonly log: (text: string) => void
  readonly store: Proxy | undefined
  readonly vendors: Vendors
  readonly people: ReturnType<typeof company>
}

/** One life of the process: to its end, or until it is killed. */
const once = async ({ base, dice, folder, kills, log, people, store, vendors }: Scene) => {
  const places = ["random", "store", ...vendorBoundaries] as const
  const place = dice.chance(0.85) ? dice.pick(places) : "none"
  const verb = dice.chance(0.3) ? "start" : "sync"
  const killAtWrite =
    place === "store" && store === undefined ? { TORTURE_KILL_AT_WRITE: String(dice.int(1, 400)) } : {}
  const { child, ended } = run(folder, { ...base(), ...killAtWrite }, [verb])
  let killedAt: string | undefined = "TORTURE_KILL_AT_WRITE" in killAtWrite ? "write" : undefined
  const killAt = (at: string) => () => {
    killedAt = at
    child.kill("SIGKILL")
  }
  const timers: Array<NodeJS.Timeout> = []
  if (place === "random") timers.push(setTimeout(killAt("random"), dice.int(300, 3_000)))
  else if (place === "store" && store !== undefined) {
    const boundary = dice.pick(["before commit", "after commit"] as const)
    store.killAt(boundary, dice.int(1, 40), killAt(boundary))
  } else if (place !== "none" && place !== "store") vendors.killAt(place, dice.int(1, 40), killAt(place))
  if (verb === "start") {
    // The company goes on while the process runs, and the process is stopped in the end, in peace or not.
    const goOn = setInterval(() => {
      for (let i = 0; i < 5; i++) people.change()
      people.write(folder)
    }, 250)
    timers.push(goOn)
    timers.push(setTimeout(() => child.kill("SIGTERM"), dice.int(1_500, 4_000)))
  }
  timers.push(setTimeout(killAt("too slow"), 20_000))
  const { code, output } = await ended
  vendors.heard(output)
  timers.forEach(clearTimeout)
  store?.calm()
  if (child.signalCode === "SIGKILL" && killedAt !== undefined) {
    kills.set(killedAt, (kills.get(killedAt) ?? 0) + 1)
    vendors.killed()
  }
  log(`${verb}: code ${code}, signal ${child.signalCode}, planned ${place}\n${output}`)
}
