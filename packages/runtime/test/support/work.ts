// What is under way in a world: queries, transactions and requests. They take real time, and as much more of it as the
// machine is busy, so virtual time stands still until they are through.
import { Context, Effect, Layer, Tracer } from "effect"
import { HttpClient } from "effect/http"
import { SqlClient, type SqlConnection } from "effect/sql"

/** Counts what is under way. */
export class Work {
  readonly underWay = { queries: 0, requests: 0 }
  /** How often something has begun or ended. */
  changes = 0
  private readonly listeners = new Set<() => void>()

  begin(what: keyof Work["underWay"]) {
    this.underWay[what]++
    this.changed()
  }

  end(what: keyof Work["underWay"]) {
    this.underWay[what]--
    this.changed()
  }

  /** Resolves with the next change, or after a time without one. */
  nextChange(patienceMillis: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.listeners.delete(done)
        resolve()
      }
      const timer = setTimeout(done, patienceMillis)
      this.listeners.add(done)
    })
  }

  private changed() {
    this.changes++
    for (const listener of this.listeners) listener()
  }
}

class CountedSpan extends Tracer.NativeSpan {
  private readonly work: Work

  constructor(options: ConstructorParameters<typeof Tracer.NativeSpan>[0], work: Work) {
    super(options)
    this.work = work
    work.begin("queries")
  }

  override end(...ended: Parameters<Tracer.NativeSpan["end"]>) {
    super.end(...ended)
    this.work.end("queries")
  }
}

/** The work of the world that a test is in. */
export const Current = Context.Reference<Work>("tributary/test/Work", { defaultValue: () => new Work() })

/** Every statement and every transaction has a span from its beginning to its end. */
const isQuery = ({ kind, name }: { readonly kind: Tracer.SpanKind; readonly name: string }) =>
  name === "sql.transaction" || (kind === "client" && !name.startsWith("http."))

const counting = (work: Work): Tracer.Tracer =>
  Tracer.make({
    span: (options) => (isQuery(options) ? new CountedSpan(options, work) : new Tracer.NativeSpan(options))
  })

/** Counts the queries of what runs in it. */
export const counted = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const work = new Work()
    return effect.pipe(Effect.provideService(Current, work), Effect.provideService(Tracer.Tracer, counting(work)))
  })

const during =
  (work: Work, what: keyof Work["underWay"]) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.sync(() => work.begin(what)),
      () => effect,
      () => Effect.sync(() => work.end(what))
    )

/** Counts what a session of its own is asked, and the wait for it: neither has a span. */
export const countSessions: Layer.Layer<SqlClient.SqlClient, never, SqlClient.SqlClient> = Layer.effect(
  SqlClient.SqlClient,
  Effect.gen(function* () {
    const query = during(yield* Current, "queries")
    const sql = yield* SqlClient.SqlClient
    const session = (connection: SqlConnection.Connection): SqlConnection.Connection => ({
      execute: (...of) => query(connection.execute(...of)),
      executeRaw: (...of) => query(connection.executeRaw(...of)),
      executeStream: (...of) => connection.executeStream(...of),
      executeValues: (...of) => query(connection.executeValues(...of)),
      executeValuesUnprepared: (...of) => query(connection.executeValuesUnprepared(...of)),
      executeUnprepared: (...of) => query(connection.executeUnprepared(...of))
    })
    const reserve = Effect.map(query(sql.reserve), session)
    return new Proxy(sql, {
      get: (client, property) => (property === "reserve" ? reserve : Reflect.get(client, property))
    })
  })
)

/** Counts the requests of a client. */
export const countRequests: Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function* () {
    const request = during(yield* Current, "requests")
    return HttpClient.transform(yield* HttpClient.HttpClient, (response) => request(response))
  })
)

const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Turns of the event loop without a change, after which whoever could go on has gone on. */
const quietTurns = 10

/**
 * How long something may be under way with nothing changing. A vendor that never answers waits for virtual time, and
 * answers come from this very process; a query that waits for virtual time is a mistake, and a slow one is none.
 */
const patienceMillis = { queries: 20_000, requests: 500 }

/** The state in which work was given up on: until something changes, it is not waited for again. */
const stalled = new WeakMap<Work, number>()

/** Waits until nothing is under way but what waits for virtual time. */
export const quiet: Effect.Effect<void> = Effect.flatMap(Current, (work) =>
  Effect.promise(async () => {
    let changes = work.changes
    for (let turns = 0; turns < quietTurns; turns++) {
      const { queries, requests } = work.underWay
      if (queries + requests > 0 && stalled.get(work) !== work.changes) {
        const before = work.changes
        await work.nextChange(patienceMillis[queries > 0 ? "queries" : "requests"])
        if (work.changes === before) stalled.set(work, before)
      }
      await nextTurn()
      if (work.changes !== changes) {
        changes = work.changes
        turns = 0
      }
    }
  })
)
