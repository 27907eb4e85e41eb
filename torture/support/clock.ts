// Loaded into the process under test before anything else. Its clock runs many times as fast as the wall's and starts
// where it is told, so that a time-out of 30 seconds and a cadence of six hours come due in a run of seconds. And where
// it is told so, the process ends itself as `kill -9` would, at one of its writes to the files of the embedded store.
import fs from "node:fs"
import { syncBuiltinESMExports } from "node:module"

const number = (name: string) => Number(process.env[name] ?? "0")
const speed = number("TORTURE_SPEED")
const wallStart = number("TORTURE_WALL")
const start = number("TORTURE_NOW")
const killAtWrite = number("TORTURE_KILL_AT_WRITE")

if (speed > 0) {
  const WallDate = globalThis.Date
  const wallNow = WallDate.now.bind(WallDate)
  const now = () => Math.floor(start + (wallNow() - wallStart) * speed)
  globalThis.Date = new Proxy(WallDate, {
    construct: (target, args, self) => Reflect.construct(target, args.length === 0 ? [now()] : args, self),
    get: (target, key, self) => (key === "now" ? now : Reflect.get(target, key, self))
  })
  const wallPerformance = performance.now.bind(performance)
  performance.now = () => wallPerformance() * speed
  const wallTimeout = globalThis.setTimeout
  const wallInterval = globalThis.setInterval
  const faster = (timer: typeof wallTimeout) =>
    new Proxy(timer, {
      apply: (target, self, [run, delay, ...rest]) =>
        Reflect.apply(target, self, [run, Number(delay ?? 0) / speed, ...rest])
    })
  globalThis.setTimeout = faster(wallTimeout)
  globalThis.setInterval = new Proxy(wallInterval, {
    apply: (target, self, [run, delay, ...rest]) =>
      Reflect.apply(target, self, [run, Number(delay ?? 0) / speed, ...rest])
  })
}

if (killAtWrite > 0) {
  let writes = 0
  const original = fs.writeSync
  fs.writeSync = new Proxy(original, {
    apply: (target, self, args) => {
      if (++writes === killAtWrite) process.kill(process.pid, "SIGKILL")
      return Reflect.apply(target, self, args)
    }
  })
  syncBuiltinESMExports()
}
