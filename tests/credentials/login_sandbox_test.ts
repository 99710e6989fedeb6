// End to end against the sandbox: login, store, refresh, with its quirks as a table (oauth.md 8.5.1).

import { assert, assertEquals, assertRejects } from "@std/assert";
import { OAuthError } from "../../src/core/errors.ts";
import {
  createCredentialStore,
  createMemoryStore,
  createProviderRefresh,
  login as signIn,
  type LoginEvent,
  storeLogin,
} from "../../src/credentials/mod.ts";
import { type EndpointOverrides, findProvider, findRegion } from "../../src/providers/mod.ts";
import { createSandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import { manualClock } from "../oauth/support.ts";

const MINIMAX = findProvider("minimax-oauth")!;
const OWNER = { host: "host", createdAt: 0 };

interface Setup {
  quirks?: Partial<SandboxQuirks>;
  region?: string;
  overrides?: EndpointOverrides;
  /** What the user does when the code appears; `approve` without a word. */
  answer?: "approve" | "deny" | "nothing";
}

function setUp({ quirks = {}, region = "global", overrides = {}, answer = "approve" }: Setup) {
  const { now, sleep, waits } = manualClock();
  const sandbox = createSandbox({ now, quirks, accessTokenTtlMs: 1_800_000 });
  const runtime = { fetch: sandbox.fetch as typeof fetch, now, sleep };
  const events: LoginEvent[] = [];
  const login = () =>
    signIn(MINIMAX, findRegion(MINIMAX, region)!, {
      ...runtime,
      overrides,
      onEvent: (event) => {
        events.push(event);
        if (event.type !== "code") return;
        if (answer === "approve") sandbox.approve(event.userCode);
        if (answer === "deny") sandbox.deny(event.userCode);
      },
    });
  return { sandbox, login, events, waits, runtime, overrides };
}

const SIGNS_IN:
  (Setup & { name: string; profile?: string; waitsMs?: number[]; openable?: boolean })[] = [
    { name: "as it is", waitsMs: [3_000], openable: true },
    { name: "in China", region: "cn" },
    {
      name: "through a sandbox URL",
      overrides: { sandbox: "http://127.0.0.1:8700" },
      openable: true,
    },
    { name: "on legacy paths that redirect", overrides: { profile: "legacy" }, profile: "legacy" },
    {
      name: "on legacy paths that redirect with 308",
      overrides: { profile: "legacy" },
      quirks: { redirectStatus: 308 },
      profile: "legacy",
    },
    {
      name: "on legacy paths when the account's are gone",
      quirks: { accountPaths: "not_found", legacyPaths: "serve" },
      profile: "legacy",
    },
    {
      name: "on legacy paths when the account's take no POST",
      quirks: { accountPaths: "method_not_allowed", legacyPaths: "serve" },
      profile: "legacy",
    },
    {
      name: "on legacy paths when the account's do not know the client",
      quirks: { unknownClientOn: "account", legacyPaths: "serve" },
      profile: "legacy",
    },
    ...(["absolute_ms", "absolute_s", "ttl_s", "string", "missing", "null", "past"] as const).map((
      form,
    ) => ({
      name: `with expiries as ${form}`,
      quirks: { codeExpiredIn: form, tokenExpiredIn: form },
    })),
    ...([-7_200_000, 7_200_000] as const).map((clockOffsetMs) => ({
      name: `with a server clock ${clockOffsetMs} ms ahead`,
      quirks: { clockOffsetMs },
      waitsMs: [3_000],
    })),
    { name: "without an interval", quirks: { interval: "missing" }, waitsMs: [2_000] },
    { name: "with a huge interval", quirks: { interval: "huge" }, waitsMs: [60_000] },
    { name: "with interval 0", quirks: { interval: "zero" }, waitsMs: [2_000] },
    { name: "after slow_down twice", quirks: { slowDownNext: 2 }, waitsMs: [3_000, 8_000, 13_000] },
    ...([
      "status_500",
      "html_502",
      "status_503",
      "status_429",
      "status_408",
      "empty",
      "html",
      "not_json",
      "truncated_json",
      "oversized",
      "oversized_500",
      "connection_lost",
    ] as const).map((failWith) => ({
      name: `when a poll meets ${failWith}`,
      quirks: { failNext: 1, failOn: "poll" as const, failWith },
      waitsMs: [3_000, 6_000],
    })),
    { name: "with RFC 8628 answers", quirks: { pollAnswers: "rfc8628" } },
    { name: "without a token status", quirks: { tokenStatus: "missing" } },
    { name: "with an unknown token status", quirks: { tokenStatus: "unknown" } },
    { name: "without token_type", quirks: { tokenType: "missing" } },
    { name: "without a refresh token", quirks: { tokenMissing: "refresh_token" } },
    { name: "with the marketing page", quirks: { verificationHost: "www" }, openable: true },
    { name: "with a foreign page", quirks: { verificationHost: "foreign" }, openable: false },
  ];
for (const { name, profile = "account", waitsMs, openable, ...setup } of SIGNS_IN) {
  Deno.test(`sandbox: signs in ${name}`, async () => {
    const { login, events, waits, runtime, overrides } = setUp(setup);
    const grant = await login();
    assertEquals([grant.region, grant.endpointsProfile], [setup.region ?? "global", profile]);
    if (waitsMs !== undefined) assertEquals(waits, waitsMs);
    assert(events[0]?.type === "code");
    if (openable !== undefined) assertEquals(events[0].isOpenable, openable);
    assert(!events[0].verificationUrl.includes("www."));

    const kv = createMemoryStore();
    const store = createCredentialStore(kv, kv);
    const { credential } = await storeLogin(store, grant, { owner: OWNER });
    const isUnsaid = ["missing", "null", "past"].includes(setup.quirks?.tokenExpiredIn ?? "");
    const lifetimeMs = credential.expiresAt! - grant.issuedAt;
    // The Date header, and an expiry in seconds, are that coarse.
    assert(Math.abs(lifetimeMs - (isUnsaid ? 900_000 : 1_800_000)) < 1_000, `${lifetimeMs}`);
    if (credential.tokens?.refreshToken === undefined) return;
    const refresh = createProviderRefresh(MINIMAX, { ...runtime, overrides });
    const outcome = await refresh(credential);
    assert(outcome.kind === "granted");
    assert(outcome.tokenSet.refreshToken !== credential.tokens.refreshToken);
  });
}

const FAILS: (Setup & { name: string; code: string })[] = [
  { name: "denied", answer: "deny", code: "access_denied" },
  {
    name: "denied, by status alone",
    answer: "deny",
    quirks: { pollAnswers: "status_only" },
    code: "access_denied",
  },
  {
    name: "denied, as RFC 8628",
    answer: "deny",
    quirks: { pollAnswers: "rfc8628" },
    code: "access_denied",
  },
  { name: "nobody answers", answer: "nothing", code: "expired_token" },
  {
    name: "nobody answers, as RFC 8628",
    answer: "nothing",
    quirks: { pollAnswers: "rfc8628" },
    code: "expired_token",
  },
  { name: "the state is missing", quirks: { stateEcho: "missing" }, code: "state_mismatch" },
  { name: "the state is another", quirks: { stateEcho: "other" }, code: "state_mismatch" },
  {
    name: "the client is unknown everywhere",
    quirks: { unknownClientOn: "both" },
    code: "invalid_client",
  },
  { name: "the tokens are mac tokens", quirks: { tokenType: "mac" }, code: "invalid_response" },
  {
    name: "there is no access token",
    quirks: { tokenMissing: "access_token" },
    code: "invalid_response",
  },
  {
    name: "polls answer 403",
    quirks: { failNext: 1, failOn: "poll", failWith: "status_403" },
    code: "invalid_response",
  },
  {
    name: "the code request answers 503",
    quirks: { failNext: 1, failOn: "code", failWith: "status_503" },
    code: "upstream",
  },
  {
    name: "the code request is lost",
    quirks: { failNext: 1, failOn: "code", failWith: "connection_lost" },
    code: "network",
  },
  ...([301, 302, 303] as const).map((redirectStatus) => ({
    name: `legacy paths redirect with ${redirectStatus}`,
    overrides: { profile: "legacy" },
    quirks: { redirectStatus },
    code: "invalid_response",
  })),
  {
    name: "legacy paths redirect elsewhere",
    overrides: { profile: "legacy" },
    quirks: { redirectHost: "evil.example" },
    code: "invalid_response",
  },
  {
    name: "legacy paths redirect in a loop",
    overrides: { profile: "legacy" },
    quirks: { redirectHost: "api.minimax.io" },
    code: "invalid_response",
  },
];
for (const { name, code, ...setup } of FAILS) {
  Deno.test(`sandbox: login fails when ${name}`, async () => {
    const { login } = setUp(setup);
    const error = await assertRejects(login, OAuthError);
    assertEquals(error.code, code as typeof error.code);
  });
}

const REFRESHES: { name: string; quirks: Partial<SandboxQuirks>; kind: string; twice?: boolean }[] =
  [
    { name: "rotates", quirks: {}, kind: "granted" },
    { name: "gives no new refresh token", quirks: { rotation: "omit" }, kind: "granted" },
    { name: "repeats the refresh token", quirks: { rotation: "repeat" }, kind: "granted" },
    { name: "sees a spent token", quirks: {}, twice: true, kind: "dead" },
    {
      name: "sees a spent token, as status",
      quirks: { deadShape: "status" },
      twice: true,
      kind: "dead",
    },
    {
      name: "sees a spent token, as base_resp",
      quirks: { deadShape: "base_resp" },
      twice: true,
      kind: "dead",
    },
    {
      name: "says invalid_refresh_token",
      quirks: { deadError: "invalid_refresh_token" },
      twice: true,
      kind: "dead",
    },
    {
      name: "says invalid_grant",
      quirks: { deadError: "invalid_grant" },
      twice: true,
      kind: "dead",
    },
    { name: "does not know the client", quirks: { unknownClientOn: "both" }, kind: "refused" },
    ...(["status_429"] as const).map((failWith) => ({
      name: `fails: ${failWith}`,
      quirks: { failNext: 1, failWith },
      kind: "refused",
    })),
    ...([
      "status_500",
      "html_502",
      "status_503",
      "status_408",
      "status_403",
      "empty",
      "html",
      "not_json",
      "truncated_json",
      "oversized",
      "oversized_500",
      "connection_lost",
    ] as const).map((failWith) => ({
      name: `fails: ${failWith}`,
      quirks: { failNext: 1, failWith },
      kind: "ambiguous",
    })),
  ];
for (const { name, quirks, kind, twice } of REFRESHES) {
  Deno.test(`sandbox: a refresh is ${kind} where the server ${name}`, async () => {
    const { login, sandbox, runtime } = setUp({});
    const store = createCredentialStore(createMemoryStore());
    const { credential } = await storeLogin(store, await login(), { owner: OWNER });
    sandbox.setQuirks(quirks);
    const refresh = createProviderRefresh(MINIMAX, runtime);
    if (twice) assertEquals((await refresh(credential)).kind, "granted");
    assertEquals((await refresh(credential)).kind, kind as "granted");
  });
}

Deno.test("sandbox: a notification is shown once", async () => {
  const { login, events } = setUp({ quirks: { notificationMessage: "Welcome" } });
  await login();
  assertEquals(events.filter(({ type }) => type === "notification"), [
    { type: "notification", message: "Welcome" },
  ]);
});

Deno.test("sandbox: a global login is unknown in China", async () => {
  const { login, runtime } = setUp({});
  const store = createCredentialStore(createMemoryStore());
  const { credential } = await storeLogin(store, await login(), { owner: OWNER });
  const refresh = createProviderRefresh(MINIMAX, runtime);
  assertEquals((await refresh({ ...credential, region: "cn" })).kind, "dead");
});
