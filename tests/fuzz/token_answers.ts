/**
 * Answers to a refresh, through the grant and the keeper: nothing that a token endpoint can say loses
 * a login, except the provider's definitive word; and nothing that it grants is dropped.
 *
 * @module
 */

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { createAccessTokenSource } from "../../src/credentials/access_token_source.ts";
import { type Credential, parseCredential } from "../../src/credentials/credential.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { createProviderRefresh } from "../../src/credentials/provider_refresh.ts";
import { findProvider } from "../../src/providers/catalog.ts";
import { VirtualClock } from "../support/virtual_clock.ts";
import { type HostileAnswer, hostileAnswer, hostileObject, jsonText, respond } from "./hostile.ts";
import { fuzz, type FuzzProperty } from "./property.ts";
import { assertPrintable } from "./terminal.ts";

/** What each provider's tokens may be sent to, and what of an answer speaks in its own words. */
const WORLDS = [
  {
    provider: findProvider("minimax-oauth")!,
    hosts: /(^|\.)minimax\.io$/,
    deadWords: ["invalid_grant", "refresh_token_reused", "invalid_refresh_token"],
    marks: true,
  },
  {
    provider: findProvider("xai-oauth")!,
    hosts: /(^|\.)x\.ai$/,
    deadWords: ["invalid_grant"],
    marks: false,
  },
];
type ProviderWorld = (typeof WORLDS)[number];
const providerIds = fc.constantFrom(...WORLDS.map(({ provider }) => provider.id));

const DISCOVERY = {
  issuer: "https://auth.x.ai",
  token_endpoint: "https://auth.x.ai/oauth2/token",
};
const OLD = {
  accessToken: "at-bTk3QmxSc1Z4Y0FnZEhqV3BLbk1v",
  refreshToken: "rt-Zk92UHpXdGhLcUJtTnNKd1JjRXlB",
};
const NEW = { accessToken: "at-new.1", refreshToken: "rt-new.1" };
const DEAD_WORDS = WORLDS[0]!.deadWords;

const word = (...words: string[]) => fc.constantFrom(...words.map((word) => JSON.stringify(word)));

const tokenAnswer = hostileObject({
  access_token: word(NEW.accessToken),
  refresh_token: word(NEW.refreshToken),
  token_type: word("Bearer", "bearer", "mac", "DPoP"),
  expires_in: fc.constantFrom("3600", '"3600"', "0", "-1"),
  expired_in: fc.constantFrom("900000", "1800000000", "1800000900000"),
  scope: word("a b"),
  error: word(
    ...DEAD_WORDS,
    "invalid_client",
    "server_error",
    "slow_down",
    "authorization_pending",
  ),
  error_description: word(
    "no",
    OLD.refreshToken,
    `it is: ${OLD.refreshToken}`,
    "\x1b]52;c;AAAA\x07",
  ),
  status: word("success", "pending", "error", "other"),
  base_resp: fc.tuple(fc.constantFrom("0", "1004", "2049", '"x"'), word(...DEAD_WORDS, "no"))
    .map(([code, message]) => `{"status_code":${code},"status_msg":${message}}`),
  id_token: word("e30.e30.", "a.b.c", ".."),
  resource_url: jsonText,
});

/** The body as a reader without any of our code sees it. */
function parse({ body }: HostileAnswer): Record<string, unknown> | undefined {
  if (body.length > 64 * 1024) return undefined;
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return typeof value === "object" && !Array.isArray(value) ? value ?? undefined : undefined;
  } catch {
    return undefined;
  }
}

/** Whether an answer may end a login: a JSON object that says so under a status for errors. */
function provesDeath(answer: HostileAnswer, { deadWords, marks }: ProviderWorld): boolean {
  const value = parse(answer);
  const type = new Headers(answer.headers).get("content-type") ?? "";
  if (value === undefined || answer.breaks !== "never" || /html|utf-16/.test(type)) return false;
  const envelope = value["base_resp"] as { status_code?: unknown; status_msg?: unknown } | null;
  const isMarked = marks && (value["status"] === "error" ||
    (typeof envelope?.status_code === "number" && envelope.status_code !== 0));
  const isError = (answer.status >= 400 && answer.status <= 499) ||
    (answer.status >= 200 && answer.status <= 299 && isMarked);
  const said = [value["error"], isMarked ? envelope?.status_msg : undefined];
  return isError && said.some((text) => deadWords.includes(text as string));
}

/** Whether an answer plainly grants new tokens and says nothing else. */
function plainlyGrants(answer: HostileAnswer): boolean {
  const value = parse(answer);
  const type = new Headers(answer.headers).get("content-type") ?? "";
  return value !== undefined && !/utf-16/.test(type) && answer.breaks === "never" &&
    answer.status === 200 &&
    value["access_token"] === NEW.accessToken && value["error"] === undefined &&
    value["status"] === undefined && value["base_resp"] === undefined;
}

function assertSafeError(error: unknown): asserts error is GrantwayError {
  assert(error instanceof GrantwayError, `not ours: ${error}`);
  for (let e: unknown = error; e instanceof GrantwayError; e = e.cause) {
    assertPrintable(e.message);
    for (const secret of Object.values(OLD)) {
      for (let at = 0; at + 8 <= secret.length; at++) {
        assert(!`${e.message}${e.hint}`.includes(secret.slice(at, at + 8)), e.message);
      }
    }
  }
}

async function check(
  { answer, providerId }: { answer: HostileAnswer; providerId: string },
): Promise<void> {
  const world = WORLDS.find(({ provider }) => provider.id === providerId)!;
  const { provider, hosts } = world;
  const key = `credential/${provider.id}/one`;
  const clock = new VirtualClock();
  const store = createMemoryStore({ now: clock.now, sleep: clock.sleep });
  const before: Credential = {
    id: "one",
    provider: provider.id,
    region: "global",
    label: "me",
    source: "login",
    status: "active",
    tokens: OLD,
    expiresAt: clock.now() - 1,
    issuedAt: clock.now() - 900_000,
    generation: 7,
    owner: { host: "home", createdAt: 0 },
    createdAt: 0,
  };
  await store.put(key, JSON.stringify(before));
  let respondNow: () => Response = () => respond(answer);
  const presented: string[] = [];
  const keeper = createAccessTokenSource({
    store,
    lease: store,
    provider: provider.id,
    id: "one",
    name: "Provider",
    loginHint: "Sign in again",
    refresh: createProviderRefresh(provider, {
      // deno-lint-ignore require-await -- a broken connection rejects
      fetch: async (input, init) => {
        const { hostname, pathname } = new URL(String(input));
        if (pathname === "/.well-known/openid-configuration") return Response.json(DISCOVERY);
        assert(hosts.test(hostname), `the token went to ${hostname}`);
        presented.push(new URLSearchParams(String(init?.body)).get("refresh_token")!);
        return respondNow();
      },
      now: clock.now,
      sleep: clock.sleep,
      startTimer: () => () => {},
    }),
    now: clock.now,
    monotonicNow: clock.monotonicNow,
    sleep: clock.sleep,
    random: () => 0,
    digest: (bytes) => Promise.resolve(new Uint8Array(32).fill(bytes.length)),
    onWarning: () => {},
  });

  let failure: unknown;
  try {
    await clock.run(keeper.get());
  } catch (error) {
    failure = error;
    assertSafeError(error);
  }
  const after = parseCredential((await store.get(key))!, key);
  assertEquals([after.id, after.label, after.region], ["one", "me", "global"]);
  if (after.status === "dead") {
    assert(provesDeath(answer, world), "a login was ended without proof");
    assert(failure !== undefined);
    return;
  }
  if (plainlyGrants(answer)) assertEquals(after.generation, 8, "granted tokens were dropped");
  if (after.generation > 7) {
    const value = parse(answer)!;
    const granted = value["refresh_token"];
    assertEquals(after.tokens!.accessToken, value["access_token"] as string);
    const expected = typeof granted === "string" && granted !== "" ? granted : OLD.refreshToken;
    assertEquals(after.tokens!.refreshToken, expected);
    assert(after.expiresAt! > clock.now() - 60_000 && Number.isSafeInteger(after.expiresAt));
  } else {
    assert(failure !== undefined, "a token came from nowhere");
    assertEquals(after.tokens, OLD);
    assertEquals(new Set(presented), new Set([OLD.refreshToken]));
  }

  // Whatever it was, the login is still good for the next refresh.
  clock.mono += 7_200_000;
  respondNow = () => Response.json({ ...GOOD, status: "success" });
  const refreshed = await clock.run(keeper.refresh());
  assertEquals(refreshed.tokens!.accessToken, GOOD.access_token);
  // A form has no lone surrogates.
  assertEquals(presented.at(-1), after.tokens!.refreshToken!.toWellFormed());
}

const GOOD = { access_token: "at-good", refresh_token: "rt-good", expired_in: 900 };

export const TOKEN_ANSWERS: readonly FuzzProperty[] = [
  fuzz(
    "no token answer loses a login (A01–A18)",
    fc.record({ answer: hostileAnswer(tokenAnswer), providerId: providerIds }),
    check,
    {
      cost: 5,
    },
  ),
];
