import { defineConfig } from "vitest/config"

const all = ["packages/*/test/**/*.test.ts", "examples/*/test/**/*.test.ts"]

/** Their virtual time goes by real time's leave: beside others, hours pass before a query is answered. */
const alone = ["packages/runtime/test/start.test.ts"]

export default defineConfig({
  resolve: { conditions: ["source"] },
  ssr: { resolve: { conditions: ["source"] } },
  test: {
    globalSetup: ["packages/runtime/test/support/globalSetup.ts"],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        // On all cores: by default one is left idle, which on two is half of them.
        extends: true,
        test: { name: "together", include: all, exclude: alone, maxWorkers: "100%", sequence: { groupOrder: 0 } }
      },
      { extends: true, test: { name: "alone", include: alone, maxWorkers: 1, sequence: { groupOrder: 1 } } }
    ]
  }
})
