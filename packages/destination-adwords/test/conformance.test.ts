import { conformance } from "@tributary/core/testing"
import { describe } from "vitest"
import { Adwords } from "../src/index.ts"
import * as Sandbox from "../src/sandbox/index.ts"

const properties = {
  address: (no: number) => ({
    givenName: `Ada ${no}`,
    familyName: "Lovelace",
    regionCode: "GB",
    postalCode: "SW1A 1AA"
  })
}

describe("lists of contacts", () =>
  conformance(Adwords, {
    sandbox: () => Sandbox.make(),
    holds: ({ lists }) => lists,
    identifierTypes: ["email", "phone"],
    properties
  }))

describe("lists of devices", () =>
  conformance(Adwords, {
    sandbox: () => Sandbox.make(),
    settings: (baseUrl) => ({
      ...Sandbox.make().settings(baseUrl),
      uploadKeyType: "MOBILE_ID",
      keySpace: "IOS",
      appId: "com.example.shop"
    }),
    holds: ({ lists }) => lists,
    identifierTypes: ["ios.idfa"],
    properties,
    except: { required: "a list of devices holds no postal addresses, and the plugin needs none" }
  }))
