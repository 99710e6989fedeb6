/**
 * What lies on the disk or in the environment, which people edit and other programs damage: it is
 * understood, or refused with an error of ours that quotes no value; and nothing unknown is lost.
 *
 * @module
 */

import fc from "fast-check";
import { parse as parseYaml } from "yaml";
import { assert, assertEquals } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { readConfig, SETTINGS } from "../../src/cli/config.ts";
import { parseEnvFile } from "../../src/cli/home.ts";
import { readSimpleYaml } from "../../src/cli/simple_yaml.ts";
import {
  parseCredential,
  parseCredentialKey,
  serializeCredential,
} from "../../src/credentials/credential.ts";
import {
  decodeSpare,
  deleteRecord,
  encodeDocument,
  getRecord,
  listRecords,
  parseDocument,
  putRecord,
} from "../../src/credentials/document.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { createPool, poolKey } from "../../src/credentials/pool.ts";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import { createSealedStore } from "../../src/credentials/sealed_store.ts";
import { createSealer, parseSealingKeys, sealingKeyId } from "../../src/credentials/sealing.ts";
import { damaged, hostileBody, hostileObject, hostileText, jsonText } from "./hostile.ts";
import { fuzz, type FuzzProperty } from "./property.ts";
import { assertPrintable } from "./terminal.ts";

const CANARY = "Zk92UHpXdGhLcUJtTnNKd1JjRXlB";
const SEALING_KEY = `${CANARY}AAAAAAAAAAAAAAA`;
const KEY = "credential/acme/one";
const json = (...values: unknown[]) =>
  fc.constantFrom(...values.map((value) => JSON.stringify(value)));

const credential = hostileObject({
  id: json("one"),
  provider: json("acme"),
  region: json("global"),
  label: json("me", "\x1b[2J"),
  source: json("login", "api_key"),
  status: json("active", "dead"),
  tokens: json(null, { accessToken: CANARY, refreshToken: CANARY }, CANARY),
  expiresAt: json(null, 1),
  issuedAt: json(1),
  generation: json(0, 7, 2 ** 53),
  owner: json({ host: "home", createdAt: 1 }),
  createdAt: json(1),
  intent: json({ generation: 7, attempt: 1, sentAt: 1, recentAt: [1] }),
  lastError: json({ code: "network", message: "no", at: 1 }),
});

const record = hostileObject({ value: json("v", CANARY), expiresAt: json(1, 2e12) });
const storedDocument = hostileObject({
  version: json(1, 2, 0, "1"),
  providers: fc.oneof(
    fc.array(credential, { maxLength: 3 }).map((list) => `{"acme":[${list.join()}]}`),
    hostileObject({ acme: fc.array(credential, { maxLength: 2 }).map((l) => `[${l.join()}]`) }),
  ),
  records: fc.tuple(hostileText, record).map(([key, value]) =>
    `{${JSON.stringify(key)}:${value},"__proto__":${value}}`
  ),
  digest: json("sha256-00-1"),
});

/** Ours, printable, and without anything of what was stored. */
function assertOurs(error: unknown): asserts error is GrantwayError {
  assert(error instanceof GrantwayError, `not ours: ${error}`);
  assertPrintable(error.message.replaceAll("\n", " "));
  assert(!`${error.message}${error.hint}`.includes(CANARY), error.message);
  assert(!Deno.inspect(error.cause).includes(CANARY), "the cause quotes the file");
}

function attempt<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    assertOurs(error);
    return undefined;
  }
}

async function attemptAsync<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run();
  } catch (error) {
    assertOurs(error);
    return undefined;
  }
}

const digest = async (bytes: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

const nonces = new Set<string>();
const sealer = createSealer(parseSealingKeys(`one:${"A".repeat(43)}`));

const yamlLine = fc.oneof(
  fc.tuple(
    fc.constantFrom("", "  ", "    ", "\t"),
    fc.oneof(fc.constantFrom("model", "provider", "default", "base_url", "__proto__"), hostileText),
    fc.constantFrom(":", ": ", " : ", ":  "),
    fc.oneof(
      fc.constantFrom("MiniMax-M2.7", "https://api.x.ai/v1", "null", "yes", "0x1F", "1e3", "~", ""),
      fc.constantFrom("&a [*a]", "*a", "!!js/function x", "|", ">", "{a: 1}", "[1", '"x', "'x'"),
      fc.constantFrom("a #b", "a#b", "#b", "a: b", "a:b", "- a", "2026-01-01", ".inf", "True"),
      hostileText,
    ),
  ).map((parts) => parts.join("")),
  fc.constantFrom("", "# note", "---", "...", "model:", "  default: MiniMax-M2.7", "%YAML 1.1"),
);

export const STORED: readonly FuzzProperty[] = [
  fuzz(
    "a stored document is understood, or refused unquoted; what is unknown survives (S, X60)",
    hostileBody(storedDocument),
    async (bytes) => {
      const document = attempt(() => parseDocument(bytes, "/home/auth.json"));
      if (document === undefined) return;
      const keys = listRecords(document, "", 1_000);
      for (const key of keys) {
        const text = getRecord(document, key, 1_000);
        assert(text !== null, key);
        if (parseCredentialKey(key) !== undefined) attempt(() => parseCredential(text, key));
      }
      const before = JSON.stringify(document);
      putRecord(document, "fuzz/new", "value");
      assertEquals(getRecord(document, "fuzz/new", 1_000), "value");
      const encoded = await encodeDocument(document, digest);
      assertEquals(JSON.stringify(await decodeSpare(encoded, digest)), JSON.stringify(document));
      deleteRecord(document, "fuzz/new");
      assertEquals(JSON.stringify(document), before);
    },
    { cost: 3 },
  ),
  fuzz(
    "a spare file counts only when it is whole",
    fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })),
    async ([place, flip]) => {
      const document = parseDocument(
        new TextEncoder().encode('{"providers":{"acme":[{"id":"one","generation":1}]}}'),
        "x",
      );
      const bytes = await encodeDocument(document, digest);
      const at = place % bytes.length;
      bytes[at] = bytes[at]! ^ flip;
      assertEquals(await decodeSpare(bytes, digest), undefined);
      assertEquals(await decodeSpare(bytes.slice(0, at), digest), undefined);
    },
    { cost: 2 },
  ),
  fuzz(
    "a stored credential is understood, or refused by the name of its field",
    fc.oneof(credential, damaged(credential)),
    (text) => {
      const parsed = attempt(() => parseCredential(text, KEY));
      if (parsed === undefined) return;
      const again = serializeCredential(parsed, text);
      assertEquals(JSON.parse(again), JSON.parse(JSON.stringify(parsed)));
    },
  ),
  fuzz(
    "a sealed record opens as what was sealed, or not at all (X35)",
    fc.record({
      text: fc.oneof(credential, hostileText),
      key: fc.constantFrom(KEY, "access/one"),
      place: fc.nat(),
      other: hostileText,
    }),
    async ({ text, key, place, other }) => {
      const below = createMemoryStore();
      const store = createSealedStore(below, { sealer, acceptsPlain: false });
      const isWhole = key !== KEY;
      let value = text;
      if (isWhole) value = text.toWellFormed();
      else {
        // Only a JSON object is a credential.
        const object = JSON.stringify({ ...JSON.parse(asObject(text)), generation: 3 });
        value = object;
      }
      await store.put(key, value);
      const opened = await store.get(key);
      if (isWhole) assertEquals(opened, value);
      else assertEquals(JSON.parse(opened!), JSON.parse(value));
      const raw = (await below.get(key))!;
      assert(!raw.includes(CANARY) || !isWhole);

      // Whatever is done to it, it is the same, an error, or unsealed text that is refused.
      const at = place % raw.length;
      const changed = raw.slice(0, at) + other + raw.slice(at + other.length);
      const damagedStore = createMemoryStore();
      await damagedStore.put(key, changed);
      const reader = createSealedStore(damagedStore, { sealer, acceptsPlain: false });
      const got = await attemptAsync(() => reader.get(key));
      if (isWhole && got !== undefined) assertEquals(got, value);
    },
    { cost: 4 },
  ),
  fuzz(
    "no nonce of a seal comes twice (X37)",
    fc.constantFrom("", "text"),
    async (text) => {
      const nonce = (await sealer.seal(text, KEY, 1)).split(".")[2]!;
      assertEquals(nonce.length, 16);
      assert(!nonces.has(nonce), "a nonce was used twice");
      nonces.add(nonce);
    },
  ),
  fuzz(
    "any text in the place of a sealed one is refused",
    fc.oneof(
      hostileText,
      fc.tuple(jsonText, fc.base64String(), fc.base64String()).map(([header, iv, text]) =>
        `${btoa(encodeURIComponent(header))}..${iv}.${text}.AAAAAAAAAAAAAAAAAAAAAA`
      ),
      fc.tuple(jsonText, fc.constantFrom("one", "two", "\x1b[2J")).map(([extra, kid]) => {
        const header = `{"alg":"dir","enc":"A256GCM","kid":${JSON.stringify(kid)},"x":${extra}}`;
        const encoded = btoa(String.fromCharCode(...new TextEncoder().encode(header)))
          .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
        return `${encoded}..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA`;
      }),
    ),
    async (text) => {
      assertPrintable(sealingKeyId(text) ?? "");
      assertEquals(await attemptAsync(() => sealer.open(text, KEY)), undefined);
    },
  ),
  fuzz(
    "GRANTWAY_KEYS is a ring, or refused, and printed in neither case",
    fc.oneof(
      hostileText,
      damaged(fc.constantFrom(`one:${SEALING_KEY}`, `a:${SEALING_KEY},b:${SEALING_KEY}`)),
      fc.array(fc.constantFrom("one", ":", ",", SEALING_KEY, "A", "=", " "), { maxLength: 8 })
        .map((parts) => parts.join("")),
    ),
    (text) => {
      const keys = attempt(() => parseSealingKeys(text));
      if (keys === undefined) return;
      assert(keys.length >= 1 && keys.length <= 2);
      assertPrintable(keys.map(({ id }) => id).join());
      assert(!`${Deno.inspect(keys)}${JSON.stringify(keys)}`.includes(SEALING_KEY.slice(0, 20)));
    },
  ),
  fuzz(
    "a pool record is advice, whatever it holds",
    fc.oneof(
      hostileObject({
        order: json(["one", "two"], [1, null], "one"),
        last: json("one", 7),
        coolDowns: jsonText.map((value) => `{"one":${value},"__proto__":{"until":9e15}}`),
      }),
      hostileText,
    ),
    async (text) => {
      const kv = createMemoryStore();
      await kv.put(poolKey("acme"), text);
      const pool = createPool({
        kv,
        credentials: createCredentialStore(kv),
        provider: "acme",
        now: () => 1_000,
      });
      assertEquals(await pool.members(), []);
      await pool.wake();
      await pool.move("one", 1);
    },
  ),
  fuzz(
    "config.yaml is understood, or refused; the quick reader never disagrees with the parser",
    fc.oneof(
      { arbitrary: fc.array(yamlLine, { maxLength: 8 }).map((l) => l.join("\n")), weight: 20 },
      fc.constantFrom(
        `a: ${"[".repeat(200)}`,
        Array.from({ length: 200 }, (_, i) => `k${i}: 1`).join("\n"),
      ),
      hostileText,
    ),
    async (text) => {
      const files = {
        read: () => Promise.resolve(text),
        write: () => Promise.resolve(),
        rename: () => Promise.resolve(),
      } as unknown as Parameters<typeof readConfig>[1];
      const quick = readSimpleYaml(text);
      if (quick !== undefined) {
        const full = parseYaml(text) ?? {};
        for (const [key, value] of quick) {
          const [section, name] = key.split(".") as [string, string];
          assertEquals(full[section]?.[name], value, key);
        }
      }
      const config = await attemptAsync(() => readConfig("/home/config.yaml", files));
      if (config === undefined) return;
      for (const { key } of SETTINGS) {
        const value = attempt(() => config.get(key));
        assert(value === undefined || typeof value === "string");
      }
      await attemptAsync(() => config.change({ "model.default": "MiniMax-M2.7" }));
      attempt(() => config.entries());
    },
    { cost: 5 },
  ),
  fuzz(
    ".env is read line by line, and takes nothing for code",
    fc.array(
      fc.oneof(
        hostileText,
        fc.tuple(fc.constantFrom("", "export "), hostileText, hostileText)
          .map(([prefix, name, value]) => `${prefix}${name}=${value}`),
        hostileText.map((value) => `XAI_API_KEY=${value}`),
        fc.constantFrom("A='b' # c", 'A="b', "A=b#c", "A = b", "__proto__=x", "A=$(id)"),
        fc.constant(`A=${" ".repeat(3_000)}x`),
      ),
      { maxLength: 6 },
    ).map((lines) => lines.join("\n")),
    (text) => {
      for (const [name, value] of parseEnvFile(text)) {
        assert(/^[A-Za-z_]\w*$/.test(name), name);
        assert(!/[\r\n]/.test(value) || !value.includes("\n"), value);
      }
    },
  ),
];

/** The text if it is a JSON object, else an object around it. */
function asObject(text: string): string {
  try {
    const value = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return text;
  } catch { /* no JSON */ }
  return JSON.stringify({ tokens: { accessToken: text } });
}
