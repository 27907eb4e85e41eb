/**
 * The demo: a shop, three vendors and two days, on this machine alone.
 *
 * It is Tributary as a new user would run it (an embedded store, a configuration, two syncs), with sandboxes in the
 * vendors' place. What the sandboxes hold in the end is compared with what the shop's tables say, so a demo that ends
 * well is also a proof.
 *
 * @since 0.1.0
 */
import { Clock, ConfigProvider, Duration, Effect, Layer, Schema, type Scope } from "effect"
import { SqlClient, type SqlError } from "effect/sql"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import { fileURLToPath } from "node:url"
import { type Ledger, type SandboxServer, Wording } from "@tributary/core/runtime"
import {
  type Ownership,
  type Mistakes,
  type Lock,
  Pglite,
  Receipts,
  Resolved,
  Space,
  sqlReason,
  Store,
  SyncOnce
} from "@tributary/runtime/engine"
import * as Random from "./Random.ts"
import { type Check, compare } from "./Comparison.ts"
import * as DemoClock from "./DemoClock.ts"
import * as Expected from "./Expected.ts"
import * as Narrator from "./Narrator.ts"
import * as Overnight from "./Overnight.ts"
import { type DemoReport, type DemoSync, listed, number } from "./Report.ts"
import * as Shop from "./Shop.ts"
import config from "./tributary.config.ts"
import * as Vendors from "./Vendors.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface DemoOptions {
  /** The same seed makes the same shop. */
  readonly seed: number
  /** People in the shop; at least 50, so that there is something to see. */
  readonly customers: number
  /** Whether the store's folder stays when the demo is over. */
  readonly keep: boolean
  /** Whether the report will be printed as JSON: then nothing else is printed. */
  readonly json: boolean
}

/**
 * A sandbox does not hold what the database says.
 *
 * @category errors
 * @since 0.1.0
 */
export class DemoDiffers extends Schema.TaggedError<DemoDiffers>()("DemoDiffers", {
  /** After which sync. */
  sync: Schema.String,
  seed: Schema.Finite,
  differences: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const count = this.differences.length
    const shown = this.differences.slice(0, 20).map((difference) => `  - ${difference}`)
    const rest = count > shown.length ? [`  and ${number(count - shown.length)} more`] : []
    return [
      `After "${this.sync}" the sandboxes differ from the database in ${Wording.plural(count, "place")}:`,
      ...shown,
      ...rest,
      `That is a mistake in Tributary: please report it with the seed, ${this.seed}. --keep leaves the store to look at.`
    ].join("\n")
  }
}

/**
 * The demo could not go on.
 *
 * @category errors
 * @since 0.1.0
 */
export class DemoStopped extends Schema.TaggedError<DemoStopped>()("DemoStopped", {
  step: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `The demo stopped at "${this.step}": ${this.reason}`
  }
}

/**
 * How a demo can fail.
 *
 * @category errors
 * @since 0.1.0
 */
export type DemoError =
  | DemoStopped
  | DemoDiffers
  | SandboxServer.CannotListen
  | Mistakes.BadConfig
  | Space.BadDestinations
  | Ownership.DestinationBusy
  | Lock.StoreLocked
  | Pglite.StoreUnavailable
  | Ledger.LedgerError
  | Ledger.Fenced

/**
 * Plays the demo.
 *
 * **Details**
 *
 * Progress is printed as it goes, unless `json`; the report is left to the caller (`render`). Other sandboxes may be
 * given in place of the usual ones.
 *
 * @category constructors
 * @since 0.1.0
 */
export const demo = Effect.fnUntraced(function* (
  options: DemoOptions,
  sandboxes = Vendors.sandboxes()
): Effect.fn.Return<DemoReport, DemoError, Scope.Scope> {
  if (!Number.isInteger(options.customers) || options.customers < 50) {
    return yield* new DemoStopped({
      step: "options",
      reason: `${options.customers} customers are too few to show anything. Ask for 50 or more.`
    })
  }
  const narrator = yield* Narrator.make(options.json)
  const time = yield* DemoClock.make(Shop.opening)
  const folder = yield* temporaryFolder(options.keep)
  narrator.plain(
    "Tributary keeps marketing tools in sync with what is known of people and accounts. Here it serves a made-up shop, " +
      "and three sandboxes that keep the vendors' rules. Nothing leaves this machine."
  )
  narrator.plain(`What is sent to whom: ${path.relative(process.cwd(), fileURLToPath(configuration))}`)
  narrator.heading("Tuesday")
  narrator.at(`An embedded PostgreSQL opens in ${folder}${options.keep ? "" : ", which goes with the demo"}.`)
  return yield* Effect.gen(function* () {
    const vendors = yield* Vendors.open(sandboxes)
    return yield* play({ options, folder, time, vendors, narrator }).pipe(
      Effect.provide(
        Space.layer.pipe(Layer.provideMerge(Store.layer({ _tag: "Folder", folder: path.join(folder, "store") })))
      ),
      Effect.provideService(ConfigProvider.ConfigProvider, vendors.environment)
    )
  }).pipe(Effect.provideService(Clock.Clock, time.clock))
}, Effect.scoped)

/** As its author wrote it, also where the demo runs from the built package. */
const configuration = new URL("../src/tributary.config.ts", import.meta.url)

const temporaryFolder = (keep: boolean) =>
  Effect.acquireRelease(
    Effect.try({
      try: () => fs.mkdtempSync(path.join(os.tmpdir(), "tributary-demo-")),
      catch: (cause) =>
        new DemoStopped({
          step: "temporary folder",
          reason: `${cause instanceof Error ? cause.message : String(cause)}. Set TMPDIR to a folder that can be written.`
        })
    }),
    (folder) => Effect.sync(() => (keep ? undefined : fs.rmSync(folder, { recursive: true, force: true })))
  )

interface Stage {
  readonly options: DemoOptions
  readonly folder: string
  readonly time: DemoClock.DemoClock
  readonly vendors: Vendors.Vendors
  readonly narrator: Narrator.Narrator
}

const silent = (narrator: Narrator.Narrator): Narrator.Narrator => ({ ...narrator, at: () => undefined })

const play = Effect.fnUntraced(
  function* ({ folder, narrator, options, time, vendors }: Stage) {
    const random = Random.make(options.seed)
    const resolved = yield* Effect.fromResult(Resolved.resolve(config))
    const titles = new Map(resolved.destinations.map(({ id, plugin }) => [id, plugin.title]))

    /** A sync in a space opened for it, as `tributary sync` would do. */
    const sync = Effect.fnUntraced(function* (title: string, sending: string, narrator: Narrator.Narrator) {
      const before = vendors.requests()
      const started = narrator.millis()
      const counts = new Map<string, number>()
      const open = Effect.flatMap(Space.open(resolved), (space) =>
        SyncOnce.syncOnce(space, {
          patience: 10,
          waitForPostponed: Duration.minutes(2),
          isStopping: () => false,
          folder,
          only: undefined,
          full: false,
          onStep: Narrator.steps(narrator, sending),
          onProgress: (activation) => {
            const destination = titles.get(activation.slice(0, activation.indexOf("/"))) ?? activation
            counts.set(destination, (counts.get(destination) ?? 0) + 1)
          }
        })
      )
      const report = yield* Effect.raceFirst(Effect.scoped(open), Narrator.ticking(narrator, counts))
      yield* mustSettle(title, report)
      const after = vendors.requests()
      const done: DemoSync = {
        title,
        millis: narrator.millis() - started,
        destinations: resolved.destinations.map(({ id, plugin }) => ({
          destination: id,
          title: plugin.title,
          requests: (after[id] ?? 0) - (before[id] ?? 0),
          activations: report.synced
            .filter((synced) => synced.destination === id)
            .map(({ activation, counts }) => ({ activation, counts }))
        }))
      }
      const requests = done.destinations.map((each) => `${each.title} ${number(each.requests)}`)
      narrator.at(`Sent, in so many requests: ${requests.join(", ")}.`)
      for (const { count, destination, reason } of yield* rejections(titles)) {
        narrator.at(`Not sent to ${destination}: ${number(count)}. ${reason}`)
      }
      return done
    })

    /** Compares the vendors with the tables, when Google has had its half hour and was asked what became of it. */
    const check = Effect.fnUntraced(function* (title: string, before: Expected.Expected) {
      yield* time.moveOn("1 hour")
      const open = Effect.flatMap(Space.open(resolved), ({ destinations }) =>
        Effect.forEach(destinations, Receipts.pollReceipts)
      )
      const unfinished = (yield* Effect.scoped(open)).reduce((sum, jobs) => sum + jobs, 0)
      if (unfinished > 0) {
        const reason = `${Wording.plural(unfinished, "upload is", "uploads are")} not finished after an hour`
        return yield* new DemoStopped({ step: title, reason })
      }
      const expected = yield* Expected.read(before)
      const checks = compare(expected, vendors.states(time.clock.currentTimeMillisUnsafe()))
      const differences = checks.flatMap((each) => each.differences)
      if (differences.length > 0) return yield* new DemoDiffers({ sync: title, seed: options.seed, differences })
      narrator.at(`Compared with the shop's own tables, an hour later: ${listed(checks.map(inWords))}. All agree.`)
      return { expected, checks }
    })

    const shop = yield* Shop.open(random, options.customers)
    const size = yield* Shop.size()
    narrator.at(
      `A shop: ${number(size.customers)} customers, ${number(size.addresses)} addresses, ` +
        `${number(size.accounts)} accounts, ${number(size.orders)} orders. ${number(size.severalAddresses)} people have ` +
        `several addresses, ${number(size.nameless)} have no name, and a few are in the books twice.`
    )
    const first = yield* sync("First sync", "Sending everything to the vendors, each within its limits.", narrator)
    const tuesday = yield* check(first.title, Expected.nothing)

    narrator.heading("Wednesday")
    yield* time.moveOn("23 hours")
    const happened = yield* Overnight.pass(random, shop)
    narrator.at(
      `A day has passed: ${number(happened.orders)} orders, ${number(happened.newCustomers)} new customers, ` +
        `${number(happened.otherAddresses)} other addresses, ${number(happened.namesFilledIn)} names filled in, ` +
        `${happened.merged} people merged who were in the books twice, ${happened.deleted} deleted.`
    )
    const second = yield* sync("A day later", "Sending what changed to the vendors, and nothing else.", narrator)
    const wednesday = yield* check(second.title, tuesday.expected)
    const third = yield* sync("Straight after", "", silent(narrator))
    const differences = third.destinations.flatMap(({ requests, title }) =>
      requests === 0 ? [] : [`${title} got ${Wording.plural(requests, "request")}, and there was nothing new to send`]
    )
    if (differences.length > 0) return yield* new DemoDiffers({ sync: third.title, seed: options.seed, differences })
    narrator.at("Synced once more: nothing has changed, and no request is sent.")
    const report: DemoReport = {
      seed: options.seed,
      millis: narrator.millis(),
      folder: options.keep ? folder : null,
      shop: size,
      happened,
      syncs: [first, second],
      rejections: yield* rejections(titles),
      agreed: wednesday.checks.map(({ expected, vendor, what }) => ({ vendor, what, count: expected }))
    }
    return report
  },
  Effect.catchTag("SqlError", (error: SqlError.SqlError) =>
    Effect.fail(new DemoStopped({ step: "the shop's tables", reason: sqlReason(error) }))
  )
)

const inWords = ({ expected, what }: Check): string => `${number(expected)} ${what}`

/** The demo goes on only where every vendor got everything. */
const mustSettle = (title: string, report: SyncOnce.SyncReport): Effect.Effect<void, DemoStopped> => {
  const problems = [
    ...report.failures.map((failure) => failure.message),
    ...report.synced.flatMap(({ activation, ending }) =>
      ending._tag === "Synced" || ending._tag === "NotDue" ? [] : [`${activation}: ${ending._tag}, ${ending.reason}`]
    )
  ]
  return problems.length === 0
    ? Effect.void
    : Effect.fail(new DemoStopped({ step: title, reason: problems.join("; ") }))
}

const rejections = Effect.fnUntraced(function* (titles: ReadonlyMap<string, string>) {
  const sql = yield* SqlClient.SqlClient
  const rows = yield* sql<{ destination: string; reason: string; count: number }>`
    select a.destination, r.reason, count(*)::int as count from tributary.rejection r
    join tributary.activation a on a.no = r.activation_no group by 1, 2 order by 3 desc`
  return rows.map((row) => ({ ...row, destination: titles.get(row.destination) ?? row.destination }))
})
