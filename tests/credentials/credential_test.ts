import { assert, assertEquals, assertThrows } from "@std/assert";
import { CredentialError } from "../../src/core/errors.ts";
import {
  type Credential,
  credentialKey,
  parseCredential,
  parseCredentialKey,
  serializeCredential,
} from "../../src/credentials/credential.ts";

const LOGIN: Credential = {
  id: "abcd2345",
  provider: "minimax-oauth",
  region: "global",
  label: "work",
  source: "login",
  status: "active",
  tokens: { accessToken: "at", refreshToken: "rt", expiryRaw: 1778010274711 },
  expiresAt: 2,
  issuedAt: 1,
  generation: 1,
  owner: { host: "h", createdAt: 1 },
  createdAt: 1,
};
const KEY = credentialKey("minimax-oauth", "abcd2345");

const VALID: { name: string; change: Record<string, unknown> }[] = [
  { name: "a login", change: {} },
  { name: "a dead login", change: { status: "dead", tokens: null } },
  {
    name: "an API key",
    change: { source: "api_key", expiresAt: null, tokens: { accessToken: "k" } },
  },
  { name: "unknown fields", change: { later: { version: 2 } } },
  {
    name: "an intent",
    change: { intent: { generation: 1, attempt: 1, sentAt: 1, recentAt: [1, 2], retryAt: 3 } },
  },
  { name: "an account", change: { upstream: "cli", account: { id: "user-1", label: "me" } } },
  { name: "a text expiry", change: { tokens: { accessToken: "a", expiryRaw: "3600" } } },
];

for (const { name, change } of VALID) {
  Deno.test(`parseCredential() takes ${name}`, () => {
    const stored = { ...LOGIN, ...change };
    assertEquals(parseCredential(JSON.stringify(stored), KEY) as unknown, stored);
  });
}

const INVALID: { name: string; text: string; field: string }[] = [
  { name: "no JSON", text: "{", field: "not JSON" },
  { name: "an array", text: "[]", field: "not an object" },
  { name: "null", text: "null", field: "not an object" },
  ...Object.entries({
    id: ["../x", "", 7, "other234"],
    provider: ["MiniMax", null, "minimax"],
    region: [1],
    label: [undefined],
    source: ["stolen"],
    status: ["ok"],
    tokens: [undefined, {}, { accessToken: "" }, { accessToken: "a", refreshToken: 1 }],
    expiresAt: ["soon", undefined],
    issuedAt: [null],
    generation: [-1, 1.5, "1", 2 ** 60],
    intent: [{}, { generation: 1, attempt: 1, sentAt: 1, recentAt: ["x"] }],
    clientId: [1],
    upstream: [1],
    account: ["me", { id: "user-1" }, { id: 1, label: "me" }],
    owner: [{}, "me"],
    createdAt: [undefined],
    lastError: [{ code: "x" }],
  }).flatMap(([field, values]) =>
    values.map((value) => ({
      name: `${field} = ${JSON.stringify(value)}`,
      text: JSON.stringify({ ...LOGIN, [field]: value }),
      field: `field "${field}"`,
    }))
  ),
];

for (const { name, text, field } of INVALID) {
  Deno.test(`parseCredential() refuses ${name}, and names no value`, () => {
    const error = assertThrows(() => parseCredential(text, KEY), CredentialError, field);
    assertEquals(error.code, "storage_corrupt");
    assert(!error.message.includes("rt"));
  });
}

Deno.test("serializeCredential() keeps the fields it does not know, and drops the known it has not", () => {
  const previous = JSON.stringify({
    ...LOGIN,
    later: [1],
    lastError: { code: "x", message: "y", at: 1 },
  });
  const text = serializeCredential({ ...LOGIN, generation: 2 }, previous);
  assertEquals(JSON.parse(text), { ...LOGIN, generation: 2, later: [1] });
});

Deno.test("serializeCredential() pollutes no prototype", () => {
  const text = serializeCredential(LOGIN, '{"__proto__":{"polluted":true},"constructor":1}');
  assertEquals(({} as Record<string, unknown>)["polluted"], undefined);
  assertEquals(parseCredential(text, KEY).id, LOGIN.id);
});

Deno.test("parseCredentialKey() undoes credentialKey(), and refuses paths", () => {
  assertEquals(parseCredentialKey(KEY), { provider: "minimax-oauth", id: "abcd2345" });
  for (
    const key of [
      "credential/../x",
      "credential/a/b/c",
      "home/id",
      "credential/A/b",
      "credential/a/",
    ]
  ) {
    assertEquals(parseCredentialKey(key), undefined);
  }
});
