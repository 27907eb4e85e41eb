// What a machine's processors did for a case: this process, the vendor that it started, and PostgreSQL.
import * as fs from "node:fs"

type Who = "this process" | "the vendor" | "PostgreSQL"

const whose = (pid: string, parent: string): Who | undefined => {
  if (pid === String(process.pid)) return "this process"
  if (parent === String(process.pid)) return "the vendor"
  return fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("postgres") ? "PostgreSQL" : undefined
}

/** Milliseconds so far, to ten; nothing where the system does not say. */
const used = (): ReadonlyMap<Who, number> => {
  const millis = new Map<Who, number>()
  if (!fs.existsSync("/proc/self/stat")) return millis
  for (const pid of fs.readdirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    try {
      // Fields follow the command's name, which may hold spaces: state, parent, …, user and system time in ticks of 10 ms.
      const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? []
      const who = whose(pid, fields[1] ?? "")
      if (who !== undefined) millis.set(who, (millis.get(who) ?? 0) + (Number(fields[11]) + Number(fields[12])) * 10)
    } catch {
      // It has ended meanwhile.
    }
  }
  return millis
}

/** From now on: microseconds of processor time for each of `count` items, by process, in words. */
export const watched = () => {
  const before = used()
  return (count: number): string =>
    [...used()]
      .map(([who, millis]) => `${who} ${(((millis - (before.get(who) ?? 0)) / count) * 1000).toFixed(1)} µs`)
      .join(", ")
}
