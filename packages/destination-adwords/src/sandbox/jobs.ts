/**
 * Requests that were taken and are still being processed: the vendor answers at once, works for a long time, and then
 * tells counts, never whose they are.
 *
 * Source: google/ads/datamanager/v1/request_status_per_destination.proto and processing_errors.proto.
 *
 * @since 0.1.0
 */
import type { Upload } from "./audience.ts"
import type { UserList } from "./lists.ts"

/**
 * One taken request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job {
  readonly operation: "ingest" | "remove" | "removeAll"
  /** As they stood in the request. */
  readonly destinations: ReadonlyArray<{ readonly body: unknown; readonly list: string }>
  readonly upload: Upload | undefined
  /** Members last added before this time are dropped by a `removeAll`. */
  readonly asOf: number
  readonly takenAt: number
  readonly finishesAt: number
  /** The reason for which it fails as a whole. */
  readonly failure: string | undefined
  /** Records that fail alone, by their place in the request, with the reason. */
  readonly failures: ReadonlyMap<number, string>
  /** Whether the status says how many records failed and why: the vendor does not promise it. */
  readonly counts: boolean
}

const statusField: Readonly<Record<string, { readonly name: string; readonly count: string }>> = {
  userData: { name: "userData", count: "userIdentifierCount" },
  mobileData: { name: "mobileData", count: "mobileIdCount" },
  userIdData: { name: "userIdData", count: "userIdCount" }
}

/**
 * The jobs of a project, in the order in which they were taken.
 *
 * @category models
 * @since 0.1.0
 */
export class Jobs {
  private readonly byId = new Map<string, Job>()
  private waiting: Array<Job> = []
  private next = 0
  private readonly listOf: (id: string) => UserList | undefined

  constructor(listOf: (id: string) => UserList | undefined) {
    this.listOf = listOf
  }

  take(requestId: string, job: Job): void {
    // The status needs no keys; they are let go when the job is done, so memory holds each member once.
    this.byId.set(requestId, job.upload === undefined ? job : { ...job, upload: { ...job.upload, keys: [], ends: [] } })
    // In the order in which they finish: the vendor promises none, and a later request may be processed first.
    let place = this.waiting.length
    while (place > this.next && (this.waiting[place - 1]?.finishesAt ?? 0) > job.finishesAt) place--
    this.waiting.splice(place, 0, job)
  }

  /** Applies what is due, in the order in which it finished. */
  settle(now: number): void {
    while (true) {
      const job = this.waiting[this.next]
      if (job === undefined || job.finishesAt > now) break
      this.next++
      if (job.failure === undefined) for (const { list } of job.destinations) apply(job, this.listOf(list))
    }
    if (this.next > 64) {
      this.waiting = this.waiting.slice(this.next)
      this.next = 0
    }
  }

  processing(): number {
    return this.waiting.length - this.next
  }

  /** `undefined` for a request that was never taken, or was for validation only. */
  status(requestId: string, now: number): unknown {
    const job = this.byId.get(requestId)
    return job === undefined
      ? undefined
      : {
          requestStatusPerDestination: job.destinations.map(({ body }) => ({
            destination: body,
            ...progress(job, now)
          }))
        }
  }
}

const apply = (job: Job, list: UserList | undefined) => {
  if (list === undefined) return
  if (job.operation === "removeAll") {
    for (const [member, addedAt] of list.members) if (addedAt < job.asOf) list.members.delete(member)
    return
  }
  const keys = job.failures.size === 0 ? (job.upload?.keys ?? []) : keysWithout(job)
  if (job.operation === "ingest") for (let i = 0; i < keys.length; i++) list.members.set(keys[i] ?? "", job.takenAt)
  else for (let i = 0; i < keys.length; i++) list.members.delete(keys[i] ?? "")
}

/** The keys of the records that do not fail. */
const keysWithout = ({ failures, upload }: Job): ReadonlyArray<string> => {
  const { ends = [], keys = [] } = upload ?? {}
  return ends.flatMap((end, record) => (failures.has(record) ? [] : keys.slice(ends[record - 1] ?? 0, end)))
}

/** How many records failed, by reason. */
const failuresOf = ({ failure, failures }: Job, { denied, records }: Upload): ReadonlyMap<string, number> => {
  if (failure !== undefined) return new Map([[failure, records]])
  const counts = new Map<string, number>()
  if (denied > 0) counts.set("PROCESSING_ERROR_REASON_DENIED_CONSENT", denied)
  for (const reason of failures.values()) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return counts
}

const progress = (job: Job, now: number) => {
  if (now < job.finishesAt) return { requestStatus: "PROCESSING" }
  const { upload } = job
  if (upload === undefined) return { requestStatus: "SUCCESS", removeAllAudienceMembersStatus: {} }
  const reasons = [...failuresOf(job, upload)]
  const failed = Math.min(
    upload.records,
    reasons.reduce((sum, [, count]) => sum + count, 0)
  )
  const errorCounts = reasons.map(([reason, count]) => ({ recordCount: String(count), reason }))
  const field = statusField[upload.kind] ?? { name: upload.kind, count: "recordCount" }
  const counts = { recordCount: String(upload.records), [field.count]: String(upload.identifiers) }
  return {
    requestStatus: failed === 0 ? "SUCCESS" : failed === upload.records ? "FAILED" : "PARTIAL_SUCCESS",
    ...(failed === 0 || !job.counts ? {} : { errorInfo: { errorCounts } }),
    ...(job.operation === "ingest"
      ? { audienceMembersIngestionStatus: { [`${field.name}IngestionStatus`]: counts } }
      : { audienceMembersRemovalStatus: { [`${field.name}RemovalStatus`]: counts } })
  }
}
