/**
 * The files around the plugin.
 *
 * @since 0.1.0
 */
import { type Auth, type Choices, exportOf, titleOf, versions } from "../Choices.ts"

/**
 * @category templates
 * @since 0.1.0
 */
export const manifest = ({ name, packageName }: Choices): string =>
  `${JSON.stringify(
    {
      name: packageName,
      version: "0.1.0",
      description: `Tributary destination: ${titleOf(name)}`,
      license: "MIT",
      keywords: ["tributary-destination"],
      type: "module",
      sideEffects: false,
      files: ["dist", "src"],
      exports: {
        ".": { types: "./dist/index.d.ts", default: "./dist/index.js" },
        "./sandbox": { types: "./dist/sandbox/index.d.ts", default: "./dist/sandbox/index.js" },
        "./package.json": "./package.json"
      },
      scripts: {
        build: "tsc",
        test: "tsc --noEmit && vitest run",
        sandbox: `tributary sandbox ${packageName} --port 4010`,
        prepublishOnly: "npm run build && npm test"
      },
      peerDependencies: { "@tributary/core": `^${versions.tributary}`, effect: versions.effect },
      devDependencies: {
        "@tributary/core": `^${versions.tributary}`,
        "@tributary/runtime": `^${versions.tributary}`,
        "@types/node": versions.nodeTypes,
        effect: versions.effect,
        typescript: versions.typescript,
        vitest: versions.vitest
      },
      engines: { node: ">=22.18" }
    },
    null,
    2
  )}\n`

/**
 * @category templates
 * @since 0.1.0
 */
export const compilerOptions = `${JSON.stringify(
  {
    compilerOptions: {
      target: "ES2024",
      module: "NodeNext",
      moduleResolution: "NodeNext",
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
      declaration: true,
      sourceMap: true,
      skipLibCheck: true,
      rootDir: "src",
      outDir: "dist"
    },
    include: ["src"]
  },
  null,
  2
)}\n`

/**
 * @category templates
 * @since 0.1.0
 */
export const test = ({ name }: Choices): string => `import { conformance } from "@tributary/core/testing"
import { ${exportOf(name)} } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

// Every law that a plugin keeps, each a test. A law that cannot hold for this vendor is excepted by its name:
// conformance(…, { …, except: { "stranger-discarded": "the vendor refuses to remove who is not there" } })
conformance(${exportOf(name)}, {
  sandbox: () => Sandbox.make(),
  refused: { type: "email", value: "no address" }
})
`

const variableOf = (name: string): string => name.toUpperCase().replaceAll("-", "_")

const secretsOf: { readonly [A in Auth]: ReadonlyArray<readonly [string, string, boolean]> } = {
  bearer: [["token", "sandbox-token", true]],
  header: [["apiKey", "sandbox-key", true]],
  basic: [
    ["username", "sandbox-user", false],
    ["password", "sandbox-password", true]
  ],
  oauth: [
    ["clientId", "sandbox-client", false],
    ["clientSecret", "sandbox-secret", true],
    ["refreshToken", "sandbox-refresh", true]
  ],
  none: []
}

const screaming = (key: string): string => key.replace(/([a-z])([A-Z])/g, "$1_$2").toUpperCase()

/**
 * @category templates
 * @since 0.1.0
 */
export const config = ({ auth, form, name, packageName }: Choices): string => {
  const variable = variableOf(name)
  const settings = [
    `baseUrl: Config.String("${variable}_URL")`,
    ...secretsOf[auth].map(
      ([key, , isSecret]) => `${key}: Config.${isSecret ? "Redacted" : "String"}("${variable}_${screaming(key)}")`
    )
  ]
  const activations = [
    ...(form === "list" ? [] : ["Activation.events(bigSpenders, destination)"]),
    ...(form === "event" ? [] : ["Activation.list(bigSpenders, destination)"])
  ]
  return `// Sends an audience to the sandbox: npx tributary sync --config example/tributary.config.ts
import { Activation, Audience, Config, defineConfig, Source } from "@tributary/runtime"
import { ${exportOf(name)} } from "${packageName}"

const users = Source.csv("customers.csv").users({
  id: "id",
  identifiers: { user_id: "id", email: "email" },
  traits: ["first_name"]
})

const bigSpenders = Audience.make("Big spenders", { of: users, file: Source.csv("big_spenders.csv"), id: "id" })

const destination = ${exportOf(name)}.destination("${name}", {
  ${settings.join(",\n  ")}
})

export default defineConfig({
  space: "example",
  activations: [
    ${activations.join(",\n    ")}
  ]
})
`
}

/**
 * @category templates
 * @since 0.1.0
 */
export const environment = ({ auth, name }: Choices): string =>
  [
    `${variableOf(name)}_URL=http://127.0.0.1:4010`,
    ...secretsOf[auth].map(([key, value]) => `${variableOf(name)}_${screaming(key)}=${value}`),
    ""
  ].join("\n")

/**
 * @category templates
 * @since 0.1.0
 */
export const readme = ({ name, packageName }: Choices): string => `# ${titleOf(name)}

A destination for [Tributary](https://www.npmjs.com/package/@tributary/runtime).

\`\`\`sh
npm install ${packageName}
\`\`\`

\`\`\`ts
import { ${exportOf(name)} } from "${packageName}"
\`\`\`

Its settings, identifiers, limits and an example configuration: \`npx tributary plugins ${packageName}\`.

## Work on it

| | |
|---|---|
| \`npm test\` | compiles, and tries every law of the plugin contract against \`src/sandbox/index.ts\` |
| \`npm run build\` | \`dist\`, which is what is published |
| \`npm run sandbox\` | the fake vendor on http://127.0.0.1:4010 (after a build) |
| \`npx tributary sync --config example/tributary.config.ts\` | sends it an audience |
| \`npm publish --access public\` | builds, tests and publishes |
`
