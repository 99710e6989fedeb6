// End to end against the sandbox's xAI: both flows, refresh, revocation. oauth.md 2-4, 6 rows 25-70,
// 8.5.2-8.5.4; faults L02-L04, L07, L10, L16, A19, A21-A23, X07, X08; design.md 6.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { GrantwayError, OAuthError } from "../../src/core/errors.ts";
import {
  createCredentialStore,
  createKeeper,
  createMemoryStore,
  createProviderRefresh,
  type Credential,
  login,
  type LoginEvent,
  type LoginOptions,
  revokeCredential,
  storeLogin,
} from "../../src/credentials/mod.ts";
import { misdeliveryKey } from "../../src/credentials/misdelivery.ts";
import { type EndpointOverrides, findProvider } from "../../src/providers/mod.ts";
import { createSandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import { manualClock, rejection } from "../oauth/support.ts";
import { answerConsent, createFakePort } from "../support/loopback_browser.ts";

const XAI = findProvider("xai-oauth")!;
const REGION = XAI.regions[0]!;
const OWNER = { host: "host", createdAt: 0 };
const CONSENT_ORIGIN = "https://accounts.x.ai";

interface Setup {
  quirks?: Partial<SandboxQuirks>;
  overrides?: EndpointOverrides;
  flow?: LoginOptions["flow"];
  /** Port that is free. */
  port?: number;
  /** Without a port, as on a server without sockets. */
  portless?: boolean;
  answer?: "approved" | "denied" | "nothing";
  /** What the user pastes, line by line, given the code that the page shows. */
  paste?: (shown: string, callback: string | undefined) => string[];
}

function setUp(
  { quirks = {}, overrides = {}, flow, port, portless, answer = "approved", paste }: Setup,
) {
  const { now, sleep: skip, waits } = manualClock();
  const sandbox = createSandbox({ now, quirks, accessTokenTtlMs: 1_800_000 });
  const loopback = createFakePort(port);
  const events: LoginEvent[] = [];
  const refusals: (string | undefined)[] = [];
  const fetch = sandbox.fetch as typeof globalThis.fetch;
  const pages: Promise<unknown>[] = [];
  let lines: Promise<string[]> | undefined;
  // A wait for the user ends only when he does not answer.
  const isAwaited = () => events.at(-1)?.type === "authorize" && answer !== "nothing";
  const runtime = {
    fetch,
    now,
    sleep: (ms: number, signal?: AbortSignal) =>
      isAwaited()
        ? new Promise<void>((_, reject) =>
          signal?.addEventListener("abort", () => reject(signal.reason))
        )
        : skip(ms),
  };
  const options: LoginOptions = {
    ...runtime,
    overrides,
    flow,
    ...(!portless && { bindLoopback: loopback.bind }),
    ...(paste && {
      readPaste: async ({ refusal }) => {
        refusals.push(refusal);
        return (await lines)?.shift();
      },
    }),
    onEvent: (event) => {
      events.push(event);
      if (answer === "nothing") return;
      if (event.type === "code") {
        if (answer === "approved") sandbox.approve(event.userCode);
        else sandbox.deny(event.userCode);
      }
      if (event.type === "authorize") {
        const page = answerConsent(fetch, event.url, answer);
        lines = page.then(({ shown, callback }) => paste?.(shown ?? "", callback) ?? []);
        pages.push(page.then(({ callback, isFetched }) => {
          if (callback === undefined || paste) return;
          return loopback.visit(callback, isFetched ? CONSENT_ORIGIN : undefined).text();
        }));
      }
    },
  };
  return {
    sandbox,
    loopback,
    events,
    refusals,
    waits,
    runtime,
    pages,
    login: () => login(XAI, REGION, options),
  };
}

async function stored(grant: Awaited<ReturnType<typeof login>>) {
  const kv = createMemoryStore();
  const store = createCredentialStore(kv, kv);
  return (await storeLogin(store, grant, { owner: OWNER })).credential;
}

const SIGNS_IN: (Setup & { name: string; via: "code" | "authorize"; waitsMs?: number[] })[] = [
  { name: "by device code, by default", via: "code", waitsMs: [5_000] },
  { name: "by device code, when asked to", flow: "device", via: "code" },
  { name: "by device code without a port", portless: true, via: "code" },
  { name: "through a sandbox URL", overrides: { sandbox: "http://127.0.0.1:8700" }, via: "code" },
  {
    name: "by loopback through a sandbox URL",
    overrides: { sandbox: "http://127.0.0.1:8700" },
    flow: "loopback",
    via: "authorize",
  },
  { name: "for the CLI's proxy", overrides: { upstream: "cli" }, via: "code" },
  { name: "without an interval", quirks: { interval: "missing" }, via: "code", waitsMs: [5_000] },
  {
    name: "with interval 0",
    quirks: { interval: "zero", deviceSlowDown: false },
    via: "code",
    waitsMs: [5_000],
  },
  {
    name: "after slow_down twice",
    quirks: { slowDownNext: 2 },
    via: "code",
    waitsMs: [5_000, 10_000, 15_000],
  },
  {
    name: "when the edge answers a poll",
    quirks: { failNext: 1, failOn: "poll", failWith: "html_502" },
    via: "code",
    waitsMs: [5_000, 10_000],
  },
  { name: "without a complete page", quirks: { verificationComplete: "missing" }, via: "code" },
  { name: "without a lifetime of the code", quirks: { deviceExpiresIn: "missing" }, via: "code" },
  { name: "with lifetime 0 of the code", quirks: { deviceExpiresIn: "zero" }, via: "code" },
  { name: "with a user agent", quirks: { userAgentRequired: true }, via: "code" },
  { name: "as a team", quirks: { principalType: "Team" }, via: "code" },
  { name: "without an id token, by device", quirks: { idToken: "missing" }, via: "code" },
  { name: "without a token type", quirks: { tokenType: "missing" }, via: "code" },
  {
    name: "by loopback where there is no device flow",
    quirks: { deviceFlow: "not_found" },
    via: "authorize",
  },
  {
    name: "by loopback where none is announced",
    quirks: { discovery: "no_device_endpoint" },
    via: "authorize",
  },
  { name: "by loopback, when asked to", flow: "loopback", via: "authorize" },
  { name: "by loopback on another port", flow: "loopback", port: 40_000, via: "authorize" },
  {
    name: "by loopback with a plan",
    flow: "loopback",
    quirks: { planRequired: true },
    via: "authorize",
  },
  {
    name: "by loopback with the challenge again",
    flow: "loopback",
    quirks: { challengeEcho: "required" },
    via: "authorize",
  },
  {
    name: "by loopback with an issuer",
    flow: "loopback",
    quirks: { issParameter: "on" },
    via: "authorize",
  },
  {
    name: "by loopback with an unannounced issuer",
    flow: "loopback",
    quirks: { issParameter: "unannounced" },
    via: "authorize",
  },
  {
    name: "by loopback with a fetch of the consent page",
    flow: "loopback",
    quirks: { delivery: "fetch" },
    via: "authorize",
  },
  {
    name: "by loopback with RS256",
    flow: "loopback",
    quirks: { signingAlg: "RS256" },
    via: "authorize",
  },
  {
    name: "by loopback as a team",
    flow: "loopback",
    quirks: { principalType: "Team" },
    via: "authorize",
  },
  ...[-7_200_000, 7_200_000].map((clockOffsetMs) => ({
    name: `by loopback with a server clock ${clockOffsetMs} ms ahead`,
    flow: "loopback" as const,
    quirks: { clockOffsetMs },
    via: "authorize" as const,
  })),
  {
    name: "by a pasted code",
    flow: "loopback",
    quirks: { delivery: "code" },
    paste: (code) => [` ${code}\n`],
    via: "authorize",
  },
  {
    name: "by a pasted address",
    flow: "loopback",
    paste: (_, callback) => [callback!],
    via: "authorize",
  },
  {
    name: "by a pasted query",
    flow: "loopback",
    paste: (_, callback) => [new URL(callback!).search],
    via: "authorize",
  },
];
for (const { name, via, waitsMs, ...setup } of SIGNS_IN) {
  Deno.test(`xAI: signs in ${name}`, async () => {
    const { login, events, waits, runtime, loopback, pages, sandbox } = setUp(setup);
    const grant = await login();
    await Promise.all(pages);
    assertEquals(events.map(({ type }) => type), [via]);
    if (waitsMs !== undefined) assertEquals(waits, waitsMs);
    assert(!loopback.isOpen(), "the port is still held");
    assertEquals(loopback.wanted, via === "authorize" ? [56121] : []);
    assertEquals(sandbox.counters.grants, 1);

    const isTeam = setup.quirks?.principalType === "Team";
    assert(grant.account);
    const isNamed = !isTeam && setup.quirks?.idToken !== "missing";
    assertEquals(grant.account.label.includes("@"), isNamed);
    const credential = await stored(grant);
    assertEquals(credential.label, grant.account.label);
    assertEquals(credential.account, grant.account);
    assertEquals(credential.upstream, setup.overrides?.upstream);
    assertEquals(credential.endpointsProfile, undefined);
    assert(Math.abs(credential.expiresAt! - grant.issuedAt - 1_800_000) < 1_000);

    const refresh = createProviderRefresh(XAI, { ...runtime, overrides: setup.overrides });
    const outcome = await refresh(credential);
    assert(outcome.kind === "granted");
    assert(outcome.tokenSet.refreshToken !== credential.tokens!.refreshToken);
  });
}

Deno.test("xAI: what is shown for a device code", async () => {
  const { login, events } = setUp({ quirks: { verificationComplete: "missing" } });
  await login();
  const [event] = events;
  assert(event?.type === "code" && event.isOpenable);
  assertEquals(
    event.verificationUrl,
    `https://accounts.x.ai/oauth2/device?user_code=${event.userCode}`,
  );
});

Deno.test("xAI: what is shown for a loopback sign-in; no secret is in it", async () => {
  const { login, events, pages } = setUp({ flow: "loopback", port: 40_000 });
  const { tokenSet } = await login();
  await Promise.all(pages);
  const [event] = events;
  assert(event?.type === "authorize" && event.isOpenable);
  assertEquals([event.port, event.redirectUri], [40_000, "http://127.0.0.1:40000/callback"]);
  const url = new URL(event.url);
  assertEquals(url.origin + url.pathname, "https://auth.x.ai/oauth2/authorize");
  const { state, nonce, code_challenge, ...fixed } = Object.fromEntries(url.searchParams);
  assertEquals(fixed, {
    plan: "generic",
    referrer: "grantway",
    response_type: "code",
    client_id: "b1a00492-073a-47ea-816f-4c329264a828",
    redirect_uri: "http://127.0.0.1:40000/callback",
    scope: "openid profile email offline_access grok-cli:access api:access",
    code_challenge_method: "S256",
  });
  assertEquals([state?.length, nonce?.length, code_challenge?.length], [22, 22, 43]);
  const shown = JSON.stringify(events);
  for (const secret of [tokenSet.accessToken, tokenSet.refreshToken!]) {
    assert(!shown.includes(secret));
  }
});

Deno.test("xAI: an account's name is printable, whatever the server says", async () => {
  const account = "\u001b]0;x\u0007\u202eevil@sandbox.example\u200b" + "x".repeat(300);
  const { label } = (await setUp({ quirks: { account } }).login()).account!;
  assertEquals(label, `]0;x evil@sandbox.example ${"x".repeat(37)}…`);
});

Deno.test("xAI: a login for the CLI's proxy asks for ten scopes", async () => {
  const { login } = setUp({ overrides: { upstream: "cli" } });
  assertEquals((await login()).tokenSet.scope?.split(" ").length, 10);
});

Deno.test("xAI: pasted lines that are of no use are refused with a reason, and asked for again", async () => {
  const { login, refusals } = setUp({
    flow: "loopback",
    quirks: { delivery: "code" },
    paste: (
      code,
    ) => ["", "https://accounts.x.ai/oauth2/consent?code=1", `code=${code}&state=x`, code],
  });
  await login();
  assertEquals(refusals.length, 4);
  assertEquals(refusals[0], undefined);
  assertStringIncludes(refusals[2]!, "another page");
  assertStringIncludes(refusals[3]!, "another sign-in");
});

const FAILS: (Setup & { name: string; code: string; hint?: string })[] = [
  { name: "it is denied, by device", answer: "denied", code: "access_denied" },
  {
    name: "it is denied with another word",
    answer: "denied",
    quirks: { deniedError: "authorization_denied" },
    code: "access_denied",
  },
  { name: "nobody approves the code", answer: "nothing", code: "expired_token" },
  { name: "it is denied, by loopback", flow: "loopback", answer: "denied", code: "access_denied" },
  {
    name: "it is denied, by a pasted address",
    flow: "loopback",
    answer: "denied",
    paste: (_, callback) => [callback!],
    code: "access_denied",
  },
  { name: "nobody comes back", flow: "loopback", answer: "nothing", code: "timeout" },
  {
    name: "the answer names another issuer",
    flow: "loopback",
    quirks: { issParameter: "wrong" },
    code: "invalid_response",
  },
  {
    name: "the answer lacks the announced issuer",
    flow: "loopback",
    quirks: { issParameter: "missing" },
    code: "invalid_response",
  },
  {
    name: "the plan is not let in",
    flow: "loopback",
    quirks: { tierGate: "exchange" },
    code: "not_entitled",
    hint: "XAI_API_KEY",
  },
  {
    name: "the refresh token is withheld, by device",
    quirks: { tokenMissing: "refresh_token" },
    code: "invalid_response",
    hint: "offline_access",
  },
  {
    name: "the refresh token is withheld, by loopback",
    flow: "loopback",
    quirks: { tokenMissing: "refresh_token" },
    code: "invalid_response",
    hint: "offline_access",
  },
  {
    name: "there is no access token",
    quirks: { tokenMissing: "access_token" },
    code: "invalid_response",
  },
  { name: "the tokens are mac tokens", quirks: { tokenType: "mac" }, code: "invalid_response" },
  {
    name: "the exchange is lost",
    flow: "loopback",
    quirks: { loseNext: 1, loseOn: "exchange" },
    code: "network",
  },
  {
    name: "the exchange answers 503",
    flow: "loopback",
    quirks: { failNext: 1, failOn: "exchange", failWith: "status_503" },
    code: "upstream",
  },
  {
    name: "the page is on a foreign host",
    quirks: { deviceHost: "foreign" },
    code: "invalid_response",
  },
  { name: "the page is not on https", quirks: { deviceHost: "http" }, code: "invalid_response" },
  {
    name: "the complete page is on a foreign host",
    quirks: { verificationComplete: "foreign" },
    code: "invalid_response",
  },
  { name: "the code holds escapes", quirks: { userCodeForm: "escapes" }, code: "invalid_response" },
  {
    name: "no flow can be had",
    portless: true,
    quirks: { deviceFlow: "not_found" },
    code: "unsupported",
  },
  {
    name: "only the device flow is wanted, and not there",
    flow: "device",
    quirks: { deviceFlow: "not_found" },
    code: "unsupported",
  },
  {
    name: "loopback is wanted without a port",
    flow: "loopback",
    portless: true,
    code: "unsupported",
  },
  { name: "the client is unknown", overrides: { clientId: "client-9" }, code: "invalid_client" },
  {
    name: "discovery fails",
    quirks: { failNext: 1, failOn: "discovery", failWith: "status_503" },
    code: "upstream",
  },
  ...([
    "foreign_token_endpoint",
    "foreign_authorization_endpoint",
    "foreign_device_endpoint",
    "http_token_endpoint",
    "other_issuer",
    "no_token_endpoint",
  ] as const).map((discovery) => ({
    name: `discovery is ${discovery}`,
    quirks: { discovery },
    code: "invalid_response",
  })),
  {
    name: "there are no keys",
    flow: "loopback",
    quirks: { discovery: "no_jwks" },
    code: "invalid_response",
  },
  ...([
    "bad_signature",
    "alg_none",
    "alg_hs256",
    "unknown_kid",
    "other_issuer",
    "other_audience",
    "other_nonce",
    "no_nonce",
    "expired",
    "garbage",
  ] as const).map((idToken) => ({
    name: `the id token is ${idToken}`,
    flow: "loopback" as const,
    quirks: { idToken },
    code: "invalid_response",
  })),
];
for (const { name, code, hint, ...setup } of FAILS) {
  Deno.test(`xAI: login fails when ${name}`, async () => {
    const { login, loopback, pages, sandbox } = setUp(setup);
    const error = await assertRejects(login, OAuthError);
    await Promise.all(pages);
    assertEquals(error.code, code as typeof error.code);
    if (hint !== undefined) assertStringIncludes(error.hint ?? "", hint);
    assert(!loopback.isOpen(), "the port is still held");
    const exchanges = sandbox.counters.requests["POST auth.x.ai/oauth2/token"] ?? 0;
    if (setup.flow === "loopback") assert(exchanges <= 1, "the code was presented again");
  });
}

for (const callbackState of ["missing", "other"] as const) {
  Deno.test(`xAI: an answer with state ${callbackState} is ignored, and the wait goes on`, async () => {
    const { login, sandbox, pages } = setUp({
      flow: "loopback",
      quirks: { callbackState },
      paste: (_, callback) => [callback!],
    });
    const error = await rejection(Promise.race([
      login(),
      Promise.resolve().then(async () => {
        while (pages.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        await Promise.all(pages);
        throw new Error("still waiting");
      }),
    ])) as Error;
    assertEquals(error.message, "still waiting");
    assertEquals(sandbox.counters.grants, 0);
  });
}

Deno.test("xAI: a stray answer before the right one changes nothing; a late one is answered", async () => {
  const { now } = manualClock();
  const sandbox = createSandbox({ now });
  const loopback = createFakePort();
  const fetch = sandbox.fetch as typeof globalThis.fetch;
  const statuses: number[] = [];
  await login(XAI, REGION, {
    fetch,
    now,
    sleep: () => new Promise(() => {}),
    flow: "loopback",
    bindLoopback: loopback.bind,
    onEvent: async (event) => {
      if (event.type !== "authorize") return;
      const { callback } = await answerConsent(fetch, event.url);
      const visit = (url: string) => statuses.push(loopback.visit(url).status);
      visit("http://127.0.0.1:56121/favicon.ico");
      visit("http://127.0.0.1:56121/callback");
      visit("http://127.0.0.1:56121/callback?error=access_denied");
      visit("http://127.0.0.1:56121/callback?code=evil&state=evil");
      visit(callback!);
      visit(callback!);
    },
  });
  assertEquals(statuses, [404, 400, 400, 400, 200, 200]);
  assertEquals(sandbox.counters.requests["POST auth.x.ai/oauth2/token"], 1);
});

Deno.test("xAI: a server that takes no S256 gets no challenge at all", async () => {
  const sandbox = createSandbox();
  const loopback = createFakePort();
  const error = await assertRejects(() =>
    login(XAI, REGION, {
      fetch: async (input, init) => {
        const response = await sandbox.fetch(input as URL, init);
        const document = await response.json();
        return Response.json({ ...document, code_challenge_methods_supported: ["plain"] });
      },
      flow: "loopback",
      bindLoopback: loopback.bind,
    }), OAuthError);
  assertEquals(error.code, "invalid_response");
  assertStringIncludes(error.message, "S256");
  assertEquals(loopback.wanted, []);
});

Deno.test("xAI: cancelling rethrows the reason and gives the port back", async () => {
  const sandbox = createSandbox();
  const loopback = createFakePort();
  const controller = new AbortController();
  const reason = new Error("stop");
  const error = await rejection(login(XAI, REGION, {
    fetch: sandbox.fetch as typeof fetch,
    flow: "loopback",
    bindLoopback: loopback.bind,
    readPaste: ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    signal: controller.signal,
    onEvent: () => controller.abort(reason),
  }));
  assertEquals(error, reason);
  assert(!loopback.isOpen());
  assertEquals(sandbox.counters.grants, 0);
});

Deno.test("login() knows which provider has which flow", async () => {
  const minimax = findProvider("minimax-oauth")!;
  const error = await assertRejects(
    () => login(minimax, minimax.regions[0]!, { flow: "loopback" }),
    OAuthError,
  );
  assertEquals(error.code, "unsupported");
  const keyOnly = findProvider("xai")!;
  await assertRejects(() => login(keyOnly, keyOnly.regions[0]!), TypeError);
});

const REFRESHES: {
  name: string;
  quirks: Partial<SandboxQuirks>;
  kind: string;
  code?: string;
  twice?: boolean;
}[] = [
  { name: "rotates", quirks: {}, kind: "granted" },
  { name: "gives no new refresh token", quirks: { rotation: "omit" }, kind: "granted" },
  { name: "sees a spent token", quirks: {}, twice: true, kind: "dead", code: "invalid_grant" },
  {
    name: "sees a spent token, with 401",
    quirks: { refreshRefusal: "rfc6749_401" },
    twice: true,
    kind: "dead",
  },
  {
    name: "says so in a nested error",
    quirks: { refreshRefusal: "nested" },
    twice: true,
    kind: "ambiguous",
  },
  { name: "says so in prose", quirks: { refreshRefusal: "flat" }, twice: true, kind: "ambiguous" },
  { name: "says nothing", quirks: { refreshRefusal: "empty" }, twice: true, kind: "ambiguous" },
  {
    name: "refuses the plan",
    quirks: { tierGate: "refresh" },
    kind: "refused",
    code: "not_entitled",
  },
  {
    name: "challenges at the edge",
    quirks: { failNext: 1, failOn: "refresh", failWith: "html_502" },
    kind: "ambiguous",
  },
  {
    name: "answers 429",
    quirks: { failNext: 1, failOn: "refresh", failWith: "status_429" },
    kind: "refused",
  },
  { name: "loses the answer", quirks: { loseNext: 1, loseOn: "refresh" }, kind: "ambiguous" },
  {
    name: "does not answer discovery",
    quirks: { failNext: 1, failOn: "discovery", failWith: "status_503" },
    kind: "not_sent",
  },
  {
    name: "loses discovery",
    quirks: { failNext: 1, failOn: "discovery", failWith: "connection_lost" },
    kind: "not_sent",
  },
  {
    name: "names a foreign endpoint",
    quirks: { discovery: "foreign_token_endpoint" },
    kind: "not_sent",
    code: "invalid_response",
  },
  {
    name: "names an endpoint over http",
    quirks: { discovery: "http_token_endpoint" },
    kind: "not_sent",
  },
  { name: "names another issuer", quirks: { discovery: "other_issuer" }, kind: "not_sent" },
  {
    name: "names the retired endpoint for good",
    quirks: { discovery: "retired_token_endpoint" },
    kind: "ambiguous",
  },
];
for (const { name, quirks, kind, code, twice } of REFRESHES) {
  Deno.test(`xAI: a refresh is ${kind} where the server ${name}`, async () => {
    const { login, sandbox, runtime } = setUp({});
    const credential = await stored(await login());
    sandbox.setQuirks(quirks);
    const refresh = createProviderRefresh(XAI, runtime);
    if (twice) assertEquals((await refresh(credential)).kind, "granted");
    const outcome = await refresh(credential);
    assertEquals(outcome.kind, kind as typeof outcome.kind);
    if (code !== undefined) {
      assert(outcome.kind !== "granted");
      assertEquals(outcome.error.code, code as typeof outcome.error.code);
    }
  });
}

Deno.test("xAI: a refresh finds the endpoint anew when it is gone, and discovers once an hour", async () => {
  const { login, sandbox, runtime } = setUp({});
  const credential = await stored(await login());
  const count = (path: string) => sandbox.counters.requests[path] ?? 0;
  const discovery = "GET auth.x.ai/.well-known/openid-configuration";
  const before = count(discovery);
  sandbox.setQuirks({ discovery: "retired_token_endpoint" });
  const refresh = createProviderRefresh(XAI, runtime);
  assertEquals((await refresh(credential)).kind, "ambiguous");
  // What is remembered names the retired endpoint still; its 403 is a reason to look again.
  sandbox.setQuirks({ discovery: "good" });
  const outcome = await refresh(credential);
  assert(outcome.kind === "granted");
  assertEquals(count(discovery) - before, 3);
  const tokens = { ...credential.tokens!, ...outcome.tokenSet };
  assertEquals((await refresh({ ...credential, tokens })).kind, "granted");
  assertEquals(count(discovery) - before, 3);
});

Deno.test("xAI: a refresh that is aborted while it discovers has sent nothing", async () => {
  const { login } = setUp({});
  const credential = await stored(await login());
  const controller = new AbortController();
  const refresh = createProviderRefresh(XAI, {
    fetch: (_, init) => {
      controller.abort(new Error("stop"));
      return Promise.reject(init!.signal!.reason);
    },
  });
  assertEquals((await refresh(credential, controller.signal)).kind, "not_sent");
  assertEquals(
    await rejection(refresh(credential, controller.signal)),
    controller.signal.reason,
  );
});

Deno.test("A27: an answer for another account is set aside, and the login stays what it was", async () => {
  const { login, runtime } = setUp({});
  const kv = createMemoryStore({ now: runtime.now });
  const credentials = createCredentialStore(kv, kv);
  const { credential } = await storeLogin(credentials, await login(), { owner: OWNER });
  const theirs = { accessToken: "", refreshToken: "" };
  const payload = (claims: unknown) =>
    btoa(JSON.stringify(claims)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const warnings: string[] = [];
  const patience = new AbortController();
  const swap: typeof fetch = async (input, init) => {
    const response = await runtime.fetch(input, init);
    if (init?.method !== "POST") return response;
    const body = await response.json();
    theirs.accessToken = `e30.${payload({ sub: "somebody-else", email: "eve@acme.example" })}.c2ln`;
    theirs.refreshToken = body.refresh_token;
    return Response.json({ ...body, access_token: theirs.accessToken });
  };
  const keeper = createKeeper(XAI, credential, {
    ...runtime,
    fetch: swap,
    store: kv,
    lease: kv,
    monotonicNow: runtime.now,
    // Nobody waits for the next try.
    sleep: (_, signal) =>
      new Promise((_, reject) => {
        if (signal?.aborted) reject(signal.reason);
        signal?.addEventListener("abort", () => reject(signal.reason));
      }),
    onWarning: (message) => {
      warnings.push(message);
      patience.abort();
    },
  });
  await assertRejects(() => keeper.refresh({ signal: patience.signal }), DOMException);
  await keeper.settled();
  assertEquals((await keeper.get()).value, credential.tokens!.accessToken);

  const after = (await credentials.get(XAI.id, credential.id))!;
  assertEquals([after.tokens, after.generation, after.status], [
    credential.tokens,
    credential.generation,
    "active",
  ]);
  assertEquals(after.account, credential.account);
  assertEquals(after.intent?.attempt, 1);
  const kept = JSON.parse((await kv.get(misdeliveryKey(credential)))!);
  assertEquals(kept.account, { id: "somebody-else", label: "eve@acme.example" });
  assertEquals(kept.tokens.refreshToken, theirs.refreshToken);
  const said =
    "the answer was for another account, eve@acme.example, and is not used; it is kept " +
    `for 7 days as ${misdeliveryKey(credential)}`;
  assertStringIncludes(warnings.join(), said);
  assertStringIncludes(after.lastError!.message, "another account");
  for (const text of [...warnings, after.lastError!.message]) {
    assert(!text.includes(theirs.accessToken) && !text.includes(theirs.refreshToken));
  }
});

const REVOCATIONS: {
  name: string;
  quirks: Partial<SandboxQuirks>;
  change?: Partial<Credential>;
  kind: string;
  dead: boolean;
}[] = [
  { name: "a login", quirks: {}, kind: "revoked", dead: true },
  {
    name: "a login at a server that offers none",
    quirks: { revocation: "absent" },
    kind: "unsupported",
    dead: false,
  },
  {
    name: "a login while the server is down",
    quirks: { failNext: 1, failOn: "revoke", failWith: "status_503" },
    kind: "failed",
    dead: false,
  },
  {
    name: "a login while discovery is down",
    quirks: { failNext: 1, failOn: "discovery", failWith: "connection_lost" },
    kind: "failed",
    dead: false,
  },
  {
    name: "a login of which nothing is left",
    quirks: {},
    change: { tokens: null },
    kind: "unsupported",
    dead: false,
  },
  {
    name: "an API key",
    quirks: {},
    change: { source: "api_key" },
    kind: "unsupported",
    dead: false,
  },
];
for (const { name, quirks, change, kind, dead } of REVOCATIONS) {
  Deno.test(`revokeCredential() of ${name}: ${kind}`, async () => {
    const { login, sandbox, runtime } = setUp({});
    const credential = await stored(await login());
    sandbox.setQuirks(quirks);
    const outcome = await revokeCredential(XAI, { ...credential, ...change }, runtime);
    assertEquals(outcome.kind, kind as typeof outcome.kind);
    sandbox.setQuirks({ failNext: 0 });
    const refreshed = await createProviderRefresh(XAI, runtime)(credential);
    assertEquals(refreshed.kind, dead ? "dead" : "granted");
  });
}

Deno.test("revokeCredential() of MiniMax: unsupported, and nothing is sent", async () => {
  const minimax = findProvider("minimax-oauth")!;
  const credential = await stored(await setUp({}).login());
  const outcome = await revokeCredential(minimax, credential, {
    fetch: () => Promise.reject(new Error("sent")),
  });
  assertEquals(outcome, { kind: "unsupported" });
});

Deno.test("revokeCredential() rethrows a cancellation", async () => {
  const credential = await stored(await setUp({}).login());
  const reason = new Error("stop");
  const signal = AbortSignal.abort(reason);
  assertEquals(await rejection(revokeCredential(XAI, credential, { signal })), reason);
});

Deno.test("storeLogin(): the same account in place, another beside it", async () => {
  const kv = createMemoryStore();
  const store = createCredentialStore(kv, kv);
  const { login, sandbox } = setUp({});
  const first = await storeLogin(store, await login(), { owner: OWNER });
  const again = await storeLogin(store, await login(), { owner: OWNER });
  assertEquals([again.isReplacement, again.credential.id], [true, first.credential.id]);
  assertEquals(again.credential.generation, 2);

  sandbox.setQuirks({ account: "other@sandbox.example" });
  const other = await storeLogin(store, await login(), { owner: OWNER });
  assertEquals([other.isReplacement, other.credential.label], [false, "other@sandbox.example"]);

  // A name of the user's own stays; the account is told by its id.
  const named = await storeLogin(store, await login(), { owner: OWNER, label: "work" });
  assertEquals([named.isReplacement, named.credential.id], [true, other.credential.id]);
  const kept = await storeLogin(store, await login(), { owner: OWNER });
  assertEquals([kept.credential.id, kept.credential.label], [other.credential.id, "work"]);
  assertEquals((await store.list("xai-oauth")).length, 2);
});

Deno.test("storeLogin(): a dead login of another account gives up its place and its name", async () => {
  const kv = createMemoryStore();
  const store = createCredentialStore(kv, kv);
  const { login, sandbox } = setUp({});
  const { credential } = await storeLogin(store, await login(), { owner: OWNER });
  await store.put({ ...credential, status: "dead", tokens: null });
  sandbox.setQuirks({ account: "other@sandbox.example" });
  const other = await storeLogin(store, await login(), { owner: OWNER });
  assertEquals([other.isReplacement, other.credential.id], [true, credential.id]);
  assertEquals(other.credential.label, "other@sandbox.example");
});

Deno.test("login(): an override that is not allowed is refused before anything is sent", async () => {
  const fetch = () => Promise.reject(new Error("sent"));
  for (const oauthUrl of ["https://evil.example", "http://127.0.0.1:1"]) {
    const error = await assertRejects(
      () => login(XAI, REGION, { fetch, overrides: { oauthUrl } }),
      GrantwayError,
    );
    assertEquals(error.code, "invalid_configuration");
  }
});
