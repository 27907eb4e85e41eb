import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["source"] },
  // The set-up below is loaded in an environment of vitest's own, in a clone that was never built too.
  environments: { __vitest__: { resolve: { conditions: ["source"] } } },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    // For what Node resolves by itself, as the command does with plugins.
    execArgv: ["--conditions=source"],
    include: ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts"],
    globalSetup: ["packages/runtime/test/support/globalSetup.ts"],
    // Modules and idle stores are shared by the files of a worker: loading them for each costs more than most files do.
    isolate: false,
    // Much of the time is waiting, for a database or a process: two at a time on two cores, too.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // For what hangs, not for what is slow: a machine may be busy with something else.
    testTimeout: 300_000,
    hookTimeout: 300_000
  }
})
