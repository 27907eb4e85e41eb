// Bulk writes: refused until Zendesk Support has switched them on, then jobs that end at a time of their own.
import type { Account } from "./account.ts"
import { write } from "./users.ts"
import { type Answer, answer, type Attributes, invalidAttribute, isAttributes, notFound, text, titled } from "./wire.ts"

/** At most so many jobs are queued or running in one account. */
const openJobs = 30
const keptMillis = 86_400_000

interface Job {
  readonly id: string
  readonly users: ReadonlyArray<unknown>
  readonly createdAt: number
  readonly endsAt: number
  results: ReadonlyArray<unknown> | undefined
}

export interface JobRules {
  readonly bulkImport: boolean
  readonly jobMillis: number
}

export interface Jobs {
  readonly create: (body: Attributes, now: number) => Answer
  readonly show: (id: string, now: number) => Answer
  readonly showMany: (query: URLSearchParams, now: number) => Answer
  /** Applies what has ended by now. */
  readonly settle: (now: number) => void
}

export const makeJobs = (account: Account, rules: JobRules): Jobs => {
  const jobs = new Map<string, Job>()
  // In the order of their ends, which is the order of their beginnings.
  let running: ReadonlyArray<Job> = []
  let created = 0

  const settle = (now: number) => {
    if (running.length === 0) return
    const ended = running.filter((job) => job.endsAt <= now)
    if (ended.length === 0) return
    running = running.filter((job) => job.endsAt > now)
    for (const job of ended) job.results = job.users.map((user, index) => apply(account, user, index, job.endsAt))
  }

  const shown = (job: Job, now: number) => {
    const status = job.results !== undefined ? "completed" : isWorking(job, now) ? "working" : "queued"
    return {
      id: job.id,
      url: `/api/v2/job_statuses/${job.id}.json`,
      status,
      total: job.users.length,
      progress: job.results === undefined ? null : job.users.length,
      message: job.results === undefined ? null : `Completed`,
      results: job.results ?? null
    }
  }
  const isWorking = (job: Job, now: number) => now - job.createdAt >= rules.jobMillis / 2

  const find = (id: string, now: number): Job | undefined => {
    const job = jobs.get(id)
    return job === undefined || now - job.endsAt > keptMillis ? undefined : job
  }

  return {
    settle,
    create: (body, now) => {
      if (!rules.bulkImport) {
        return titled(403, "Forbidden", "Bulk user import is not enabled for this account. Contact Zendesk Support.")
      }
      const { users } = body
      if (!Array.isArray(users) || users.length === 0) return invalidAttribute("users", "must be an array of users")
      if (users.length > 100) return titled(400, "Bad Request", "At most 100 users are taken")
      // The name of the error is unverified.
      if (running.length >= openJobs) return answer(429, { error: "TooManyJobs", description: "Too many jobs" })
      const job: Job = {
        id: `job-${++created}`,
        users,
        createdAt: now,
        endsAt: now + rules.jobMillis,
        results: undefined
      }
      jobs.set(job.id, job)
      running = [...running, job]
      return answer(200, { job_status: shown(job, now) })
    },
    show: (id, now) => {
      const job = find(id, now)
      return job === undefined ? notFound : answer(200, { job_status: shown(job, now) })
    },
    showMany: (query, now) => {
      const found = (query.get("ids") ?? "").split(",").flatMap((id) => find(id, now) ?? [])
      return answer(200, { job_statuses: found.map((job) => shown(job, now)), count: found.length })
    }
  }
}

const apply = (account: Account, user: unknown, index: number, now: number): unknown => {
  if (!isAttributes(user)) return { index, status: "Failed", error: "UserUpdateError", details: "not an object" }
  // The limit on writes of one user is documented for the single call only.
  const written = write(account, user, { writesPerMinute: Number.POSITIVE_INFINITY }, now)
  if (written._tag === "Written") {
    return { index, id: written.user.id, status: written.created ? "Created" : "Updated" }
  }
  const email = text(user, "email")
  const externalId = text(user, "external_id")
  return {
    index,
    ...(email === undefined ? {} : { email }),
    ...(externalId === undefined ? {} : { external_id: externalId }),
    status: "Failed",
    error: "UserUpdateError",
    details: JSON.stringify(written.answer.body)
  }
}
