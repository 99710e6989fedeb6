import { inspect } from "node:util";
import { assert, assertEquals } from "@std/assert";
import { fingerprint } from "../../src/core/redact.ts";
import { conceal, Secret } from "../../src/core/secret.ts";
import { sha256 } from "../../src/core/sha256.ts";

Deno.test("sha256() agrees with Web Crypto at every length around the block's", async () => {
  for (let length = 0; length <= 260; length++) {
    const bytes = Uint8Array.from({ length }, (_, i) => i * 7 + length);
    assertEquals(sha256(bytes), new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
  }
});

const TEXT = "at-canary-0123456789";
const PRINTERS: { name: string; print: (secret: Secret) => string }[] = [
  { name: "String()", print: String },
  { name: "a template", print: (secret) => `${secret}` },
  { name: "+", print: (secret) => "" + secret },
  { name: "JSON.stringify", print: (secret) => JSON.stringify({ secret }) },
  { name: "Deno.inspect", print: (secret) => Deno.inspect({ secret }, { showHidden: true }) },
  { name: "node:util inspect", print: (secret) => inspect({ secret }, { showHidden: true }) },
  { name: "an error message", print: (secret) => new Error(`no: ${secret}`).stack! },
  { name: "an array", print: (secret) => [secret].join() },
];
for (const { name, print } of PRINTERS) {
  Deno.test(`Secret prints its fingerprint in ${name}`, async () => {
    const text = print(new Secret(TEXT));
    assert(text.includes(`[secret ${await fingerprint(TEXT)}]`), text);
    assert(!text.includes(TEXT), text);
  });
}

Deno.test("Secret has no field that a copy or a log could take", () => {
  const secret = new Secret(TEXT);
  assertEquals(secret.expose(), TEXT);
  assertEquals(Reflect.ownKeys(secret), []);
  assertEquals({ ...secret }, {});
  assertEquals(Object.entries(secret), []);
});

const PRINTS: { name: string; print: (object: unknown) => string }[] = [
  { name: "JSON.stringify", print: (object) => JSON.stringify({ object }) },
  { name: "Deno.inspect", print: (object) => Deno.inspect({ object }) },
  { name: "node:util inspect", print: (object) => inspect({ object }) },
];
for (const { name, print } of PRINTS) {
  Deno.test(`conceal() hides the named fields from ${name}`, async () => {
    const object = conceal(
      { token: TEXT, extra: { id: TEXT }, none: undefined, label: "me" },
      ...[
        "token",
        "extra",
        "none",
      ] as const,
    );
    const text = print(object);
    assert(!text.includes(TEXT), text);
    assert(text.includes(`[secret ${await fingerprint(TEXT)}]`) && text.includes("me"), text);
  });
}

Deno.test("conceal() changes nothing for who reads or copies", () => {
  const object = conceal({ token: TEXT, label: "me" }, "token");
  assertEquals(object, { token: TEXT, label: "me" });
  assertEquals({ ...object }, { token: TEXT, label: "me" });
  assertEquals(Object.keys(object), ["token", "label"]);
  assertEquals(structuredClone(object), { token: TEXT, label: "me" });
});
