// design.md 5 (auth add), 6 (MiniMax), 9 (overrides); oauth.md 1.1, 1.3-1.5, 1.8, 1.10,
// 6 rows 1-4, 9-11, 23; faults A15, L14, L19, X10, X12.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { GrantwayError, OAuthError } from "../../src/core/errors.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import { createCredentialStore } from "../../src/credentials/credential_store.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import { login as signIn } from "../../src/credentials/login.ts";
import type { LoginEvent, LoginGrant } from "../../src/credentials/login_options.ts";
import { storeLogin } from "../../src/credentials/store_login.ts";
import { type EndpointOverrides, findProvider, findRegion } from "../../src/providers/mod.ts";
import { html, manualClock, rejection, type Scripted, scriptFetch } from "../oauth/support.ts";

const NOW = 1_778_006_674_711;
const MINIMAX = findProvider("minimax-oauth")!;
const PAGE = "https://platform.minimax.io/oauth-authorize?user_code=LRAR-BW2A&client=OpenClaw";
const TOKEN = {
  status: "success",
  access_token: "at-canary",
  refresh_token: "rt-canary",
  expired_in: NOW + 900_000,
  resource_url: "https://api.minimax.io",
};

/** The answer with a code, echoing the state that was sent. */
function code(change: object = {}): Scripted {
  return ({ body }) =>
    Response.json({
      user_code: "LRAR-BW2A",
      verification_uri: PAGE,
      expired_in: NOW + 600_000,
      interval: 3_000,
      state: new URLSearchParams(String(body)).get("state"),
      ...change,
    });
}

function token(change: object = {}): Response {
  return Response.json({ ...TOKEN, ...change });
}

function login(
  script: Scripted[],
  { region = "global", ...overrides }: EndpointOverrides & { region?: string } = {},
) {
  const { fetch, seen } = scriptFetch(...script);
  const { now, sleep } = manualClock();
  const events: LoginEvent[] = [];
  const grant = signIn(MINIMAX, findRegion(MINIMAX, region)!, {
    fetch,
    now,
    sleep,
    overrides,
    onEvent: (event) => events.push(event),
  });
  return { grant, events, seen, urls: () => seen.map(({ url }) => url) };
}

Deno.test("login() signs in under the account profile", async () => {
  const { grant, events, seen, urls } = login([
    code(),
    Response.json({ status: "pending" }),
    token(),
  ]);
  const { tokenSet, ...metadata } = await grant;
  assertEquals(metadata, {
    provider: "minimax-oauth",
    region: "global",
    issuedAt: NOW + 6_000,
    clientId: "78257093-7e40-4613-99e0-527b14b39113",
    endpointsProfile: "account",
    resourceUrl: "https://api.minimax.io",
  });
  assertEquals(tokenSet.refreshToken, "rt-canary");
  assertEquals(events, [{
    type: "code",
    userCode: "LRAR-BW2A",
    verificationUrl: PAGE,
    isOpenable: true,
    expiresAt: NOW + 600_000,
    intervalMs: 3_000,
  }]);
  assertEquals(urls(), [
    "https://account.minimax.io/oauth2/device/code",
    "https://account.minimax.io/oauth2/token",
    "https://account.minimax.io/oauth2/token",
  ]);
  assertEquals(seen[0]!.fields["scope"], "group_id profile model.completion");
  assertEquals(seen[1]!.fields["grant_type"], "urn:ietf:params:oauth:grant-type:user_code");
});

Deno.test("login() keeps to the region's hosts", async () => {
  const { grant, urls } = login([code(), token()], { region: "cn" });
  assertEquals((await grant).region, "cn");
  assertEquals(urls(), [
    "https://account.minimaxi.com/oauth2/device/code",
    "https://account.minimaxi.com/oauth2/token",
  ]);
});

Deno.test("login() draws verifier and state anew for each attempt", async () => {
  const fields = new Set<string>();
  for (let i = 0; i < 3; i++) {
    const { grant, seen } = login([html(404), code(), token()]);
    await grant;
    for (const name of ["state", "code_challenge"]) {
      for (const request of seen.slice(0, 2)) fields.add(request.fields[name]!);
    }
  }
  assertEquals(fields.size, 12);
});

const unknownClient = () => Response.json({ error: "invalid_client" }, { status: 401 });
const LEGACY = ["https://api.minimax.io/oauth/code", "https://api.minimax.io/oauth/token"];
const ACCOUNT = [
  "https://account.minimax.io/oauth2/device/code",
  "https://account.minimax.io/oauth2/token",
];

const PROFILES: {
  name: string;
  script: Scripted[];
  urls: string[];
  profile?: string;
  overrides?: EndpointOverrides;
  error?: string;
  status?: number;
}[] = [
  ...[
    { name: "404", answer: () => html(404) },
    { name: "405", answer: () => new Response(null, { status: 405 }) },
    { name: "404 in JSON", answer: () => Response.json({ error: "not_found" }, { status: 404 }) },
    { name: "an unknown client", answer: unknownClient },
    {
      name: "an unknown client under 200",
      answer: () => Response.json({ status: "error", error: "invalid_client" }),
    },
  ].map(({ name, answer }) => ({
    name: `tries legacy after ${name}`,
    script: [answer(), code(), token()],
    urls: [ACCOUNT[0]!, ...LEGACY],
    profile: "legacy",
  })),
  {
    name: "starts again under legacy when the account's polls are unknown",
    script: [code(), html(404), code(), token()],
    urls: [...ACCOUNT, ...LEGACY],
    profile: "legacy",
  },
  ...[400, 403, 500, 503].map((status) => ({
    name: `stays with account after ${status}`,
    script: [html(status)],
    urls: [ACCOUNT[0]!],
    error: status < 500 ? "invalid_response" : "upstream",
    status,
  })),
  {
    name: "reports an unknown client rather than a missing path",
    script: [html(404), unknownClient()],
    urls: [ACCOUNT[0]!, LEGACY[0]!],
    error: "invalid_client",
    status: 401,
  },
  {
    name: "reports the first of two missing paths",
    script: [html(404), html(405)],
    urls: [ACCOUNT[0]!, LEGACY[0]!],
    error: "invalid_response",
    status: 404,
  },
  {
    name: "uses the profile that is named",
    script: [code(), token()],
    urls: LEGACY,
    profile: "legacy",
    overrides: { profile: "legacy" },
  },
  {
    name: "uses no profile but the one that is named",
    script: [html(404)],
    urls: [LEGACY[0]!],
    error: "invalid_response",
    overrides: { profile: "legacy" },
  },
  {
    name: "stops when denied",
    script: [code(), Response.json({ status: "error", error: "access_denied" })],
    urls: ACCOUNT,
    error: "access_denied",
  },
  {
    name: "stops on another state",
    script: [code({ state: "other" })],
    urls: [ACCOUNT[0]!],
    error: "state_mismatch",
  },
  {
    name: "refuses tokens that are no bearer tokens",
    script: [code(), token({ token_type: "mac" })],
    urls: ACCOUNT,
    error: "invalid_response",
  },
];
for (const { name, script, urls, profile, overrides, error, status } of PROFILES) {
  Deno.test(`login() ${name}`, async () => {
    const run = login(script, overrides);
    if (error === undefined) {
      assertEquals((await run.grant).endpointsProfile, profile!);
    } else {
      const thrown = await assertRejects(() => run.grant, OAuthError);
      assertEquals(thrown.code, error as typeof thrown.code);
      if (status !== undefined) assertEquals(thrown.status, status);
      assertStringIncludes(thrown.message, "MiniMax OAuth");
    }
    assertEquals(run.urls(), urls);
  });
}

Deno.test("login() follows the old paths to the new host, body and all", async () => {
  const redirect = new Response(null, {
    status: 307,
    headers: { location: "https://account.minimax.io/oauth2/device/code" },
  });
  const { grant, seen, urls } = login([redirect, code(), token()], { profile: "legacy" });
  assertEquals((await grant).endpointsProfile, "legacy");
  assertEquals(urls().slice(0, 2), [LEGACY[0]!, ACCOUNT[0]!]);
  assertEquals(seen[1]!.body, seen[0]!.body);
});

Deno.test("login() refuses a profile or a provider that cannot be", async () => {
  const { grant, seen } = login([], { profile: "mcode" });
  const error = await assertRejects(() => grant, GrantwayError);
  assertEquals(error.code, "invalid_configuration");
  assertStringIncludes(error.message, "account, legacy");
  assertEquals(seen, []);
  const keyOnly = findProvider("minimax")!;
  await assertRejects(() => signIn(keyOnly, keyOnly.regions[0]!), TypeError);
});

Deno.test("login() uses a configured client id, and keeps it", async () => {
  const { grant, seen } = login([code(), token()], { clientId: "my-client" });
  assertEquals((await grant).clientId, "my-client");
  assertEquals(seen.map(({ fields }) => fields["client_id"]), ["my-client", "my-client"]);
});

const SANDBOX = "http://127.0.0.1:8700";
const PAGES: { uri: string; url?: string; isOpenable: boolean; overrides?: EndpointOverrides }[] = [
  { uri: PAGE, isOpenable: true },
  {
    uri: "https://www.minimax.io/oauth-authorize?user_code=A&client=OpenClaw",
    url: "https://platform.minimax.io/oauth-authorize?user_code=A&client=OpenClaw",
    isOpenable: true,
  },
  { uri: "http://platform.minimax.io/oauth-authorize", isOpenable: false },
  { uri: "https://platform.minimax.io:8443/oauth-authorize", isOpenable: false },
  { uri: "https://user:pw@platform.minimax.io/oauth-authorize", isOpenable: false },
  { uri: "https://minimax.io.example/oauth-authorize", isOpenable: false },
  { uri: "https://platform.minimaxi.com/oauth-authorize", isOpenable: false },
  {
    uri: "https://platform.minimaх.io/oauth-authorize",
    url: "https://platform.xn--minima-gsf.io/oauth-authorize",
    isOpenable: false,
  },
  { uri: `${SANDBOX}/platform.minimax.io/oauth-authorize`, isOpenable: false },
  {
    uri: `${SANDBOX}/platform.minimax.io/oauth-authorize`,
    isOpenable: true,
    overrides: { sandbox: SANDBOX },
  },
  {
    uri: "http://127.0.0.1:8701/oauth-authorize",
    isOpenable: false,
    overrides: { sandbox: SANDBOX },
  },
  { uri: PAGE, isOpenable: false, overrides: { sandbox: SANDBOX } },
];
for (const { uri, url = uri, isOpenable, overrides } of PAGES) {
  Deno.test(`login() ${isOpenable ? "may open" : "only shows"} ${uri}`, async () => {
    const { grant, events } = login([code({ verification_uri: uri }), token()], overrides);
    await grant;
    assert(events[0]?.type === "code");
    assertEquals([events[0].verificationUrl, events[0].isOpenable], [url, isOpenable]);
  });
}

Deno.test("login() opens no page out of 500 hostile ones", async () => {
  const schemes = ["file:", "javascript:", "data:", "ms-settings:", "vbscript:", "-flag:", "http:"];
  const tails = [
    "//x/&calc",
    "//$(id)/",
    "//`id`/",
    " //a b/",
    "//x\n/",
    "//x'\"/",
    "//пример/",
    "//[::1]/",
  ];
  let shown = 0;
  for (let i = 0; i < 500; i++) {
    const uri = `${schemes[i % schemes.length]}${tails[i % tails.length]}${"x".repeat(i)}`;
    const { grant, events } = login([code({ verification_uri: uri }), token()]);
    await grant.catch(() => {});
    for (const event of events) {
      assert(event.type === "code" && !event.isOpenable, uri);
      assert(/^http:\/\/[\x21-\x7e]+$/.test(event.verificationUrl), event.verificationUrl);
      shown++;
    }
  }
  assert(shown > 0 && shown < 100);
});

Deno.test("login() prefers the page with the code filled in", async () => {
  const complete = "https://platform.minimax.io/oauth-authorize?user_code=X";
  const { grant, events } = login([code({ verification_uri_complete: complete }), token()]);
  await grant;
  assert(events[0]?.type === "code");
  assertEquals(events[0].verificationUrl, complete);
});

Deno.test("login() shows a notification once, made safe", async () => {
  const notification_message = `\u001b]0;owned\u0007Welcome\u202e ${"x".repeat(900)}`;
  const { grant, events } = login([code(), token({ notification_message })]);
  await grant;
  assertEquals(events.map(({ type }) => type), ["code", "notification"]);
  const [, event] = events;
  assert(event?.type === "notification");
  assert(/^[\x20-\x7e…]{1,500}$/.test(event.message), JSON.stringify(event.message));
  assertStringIncludes(event.message, "Welcome");
});

for (const resource_url of [undefined, null, 7, {}, "x".repeat(3_000)]) {
  Deno.test(`login() ignores the resource_url ${typeof resource_url}`, async () => {
    assertEquals((await login([code(), token({ resource_url })]).grant).resourceUrl, undefined);
  });
}

Deno.test("login() tells no secret in events and errors", async () => {
  const good = login([code(), token()]);
  await good.grant;
  const bad = login([
    code(),
    ({ body }) => Response.json({ status: "error", error: "x", error_description: String(body) }),
  ]);
  const { message } = await assertRejects(() => bad.grant, OAuthError);
  const verifiers = [good, bad].map(({ seen }) => seen[1]!.fields["code_verifier"]!);
  const text = JSON.stringify([good.events, bad.events, message]);
  for (const secret of [...verifiers, "at-canary", "rt-canary"]) {
    assert(!text.includes(secret), text);
  }
});

Deno.test("login() rethrows a cancellation unchanged", async () => {
  const controller = new AbortController();
  const reason = new Error("Ctrl-C");
  const promise = signIn(MINIMAX, MINIMAX.regions[0]!, {
    fetch: scriptFetch(code()).fetch,
    now: () => NOW,
    onEvent: () => controller.abort(reason),
    signal: controller.signal,
  });
  assertEquals(await rejection(promise), reason);
});

// Storing.

const GRANT: LoginGrant = {
  provider: "minimax-oauth",
  region: "global",
  tokenSet: {
    accessToken: "at2",
    refreshToken: "rt2",
    tokenType: "Bearer",
    expiryRaw: 900,
    expiresAt: NOW + 900_000,
    extra: {},
  },
  issuedAt: NOW,
  clientId: "client-2",
  endpointsProfile: "legacy",
  resourceUrl: "https://api.minimax.io",
};
const OWNER = { host: "host-2", createdAt: NOW };

function stored(change: Partial<Credential>): Credential {
  return {
    id: "aaaaaaaa",
    provider: "minimax-oauth",
    region: "global",
    label: "work",
    source: "login",
    status: "active",
    tokens: { accessToken: "at1", refreshToken: "rt1" },
    expiresAt: NOW - 1,
    issuedAt: 0,
    generation: 7,
    clientId: "client-1",
    endpointsProfile: "account",
    owner: { host: "host-1", createdAt: 1 },
    createdAt: 1,
    ...change,
  };
}

const DEAD = {
  status: "dead" as const,
  tokens: null,
  lastError: { code: "invalid_grant", message: "gone", at: 2 },
};

const PLACES: {
  name: string;
  before: Partial<Credential>[];
  label?: string;
  /** Id that is replaced; `undefined` for a new one. */
  replaces?: string;
  labelAfter: string;
}[] = [
  { name: "appends to nothing", before: [], labelAfter: "minimax-oauth-1" },
  { name: "appends under the user's label", before: [], label: "home", labelAfter: "home" },
  { name: "appends beside a live one", before: [{}], labelAfter: "minimax-oauth-1" },
  {
    name: "appends beside a live one of another label",
    before: [{}],
    label: "home",
    labelAfter: "home",
  },
  {
    name: "finds a label that is free",
    before: [{ label: "minimax-oauth-1" }, { id: "bbbbbbbb", label: "minimax-oauth-3" }],
    labelAfter: "minimax-oauth-2",
  },
  {
    name: "replaces the same label",
    before: [{}],
    label: "work",
    replaces: "aaaaaaaa",
    labelAfter: "work",
  },
  { name: "replaces a dead one", before: [DEAD], replaces: "aaaaaaaa", labelAfter: "work" },
  {
    name: "replaces a dead one, renamed",
    before: [DEAD],
    label: "home",
    replaces: "aaaaaaaa",
    labelAfter: "home",
  },
  {
    name: "replaces one that has expired and cannot be refreshed",
    before: [{ tokens: { accessToken: "at1" } }],
    replaces: "aaaaaaaa",
    labelAfter: "work",
  },
  {
    name: "keeps one that cannot be refreshed but has not expired",
    before: [{ tokens: { accessToken: "at1" }, expiresAt: NOW + 1 }],
    labelAfter: "minimax-oauth-1",
  },
  {
    name: "prefers the same label to a dead one",
    before: [DEAD, { id: "bbbbbbbb", label: "home" }],
    label: "home",
    replaces: "bbbbbbbb",
    labelAfter: "home",
  },
  {
    name: "leaves the other region alone",
    before: [{ ...DEAD, region: "cn" }],
    labelAfter: "minimax-oauth-1",
  },
  {
    name: "leaves the other region alone, same label",
    before: [{ region: "cn" }],
    label: "work",
    labelAfter: "work",
  },
  {
    name: "leaves API keys alone",
    before: [{ source: "api_key", tokens: { accessToken: "key" }, expiresAt: null }],
    label: "work",
    labelAfter: "work",
  },
  {
    name: "leaves other providers alone",
    before: [{ ...DEAD, provider: "minimax-cn" }],
    labelAfter: "minimax-oauth-1",
  },
];
for (const { name, before, label, replaces, labelAfter } of PLACES) {
  Deno.test(`storeLogin() ${name}`, async () => {
    const kv = createMemoryStore();
    const store = createCredentialStore(kv, kv);
    const earlier = before.map(stored);
    for (const credential of earlier) await store.put(credential);
    const result = await storeLogin(store, GRANT, { label, owner: OWNER });

    const { credential, isReplacement } = result;
    const replaced = earlier.find(({ id }) => id === replaces);
    assertEquals(isReplacement, replaced !== undefined);
    if (replaced === undefined) assert(/^[a-z0-9]{8}$/.test(credential.id));
    const after = await store.list();
    assertEquals(after.length, earlier.length + (replaced ? 0 : 1));
    for (const other of earlier) {
      if (other !== replaced) assertEquals(after.find(({ id }) => id === other.id), other);
    }
    assertEquals(after.find(({ id }) => id === credential.id), {
      id: replaced?.id ?? credential.id,
      provider: "minimax-oauth",
      region: "global",
      label: labelAfter,
      source: "login",
      status: "active",
      tokens: { accessToken: "at2", refreshToken: "rt2", tokenType: "Bearer", expiryRaw: 900 },
      expiresAt: NOW + 900_000,
      issuedAt: NOW,
      generation: replaced ? 8 : 1,
      clientId: "client-2",
      endpointsProfile: "legacy",
      resourceUrl: "https://api.minimax.io",
      owner: OWNER,
      createdAt: replaced ? 1 : NOW,
    });
  });
}

for (const expiresAt of [undefined, NOW - 3_600_000, NOW]) {
  Deno.test(`storeLogin() gives 15 minutes to a token that expires at ${expiresAt}`, async () => {
    const store = createCredentialStore(createMemoryStore());
    const grant = { ...GRANT, tokenSet: { ...GRANT.tokenSet, expiresAt } };
    const { credential } = await storeLogin(store, grant, { owner: OWNER });
    assertEquals(credential.expiresAt, NOW + 900_000);
  });
}

Deno.test("storeLogin() keeps fields that it does not know", async () => {
  const kv = createMemoryStore();
  const key = "credential/minimax-oauth/aaaaaaaa";
  await kv.put(key, JSON.stringify({ ...stored(DEAD), note: "mine" }));
  await storeLogin(createCredentialStore(kv, kv), GRANT, { owner: OWNER });
  const after = JSON.parse((await kv.get(key))!);
  assertEquals([after.note, after.lastError, after.status], ["mine", undefined, "active"]);
});

Deno.test("storeLogin() waits for a refresh in flight, and goes elsewhere if that mended it", async () => {
  const kv = createMemoryStore();
  const store = createCredentialStore(kv, kv);
  await store.put(stored(DEAD));
  const holds = Promise.withResolvers<void>();
  const mended = Promise.withResolvers<void>();
  const key = "credential/minimax-oauth/aaaaaaaa";
  const sibling = kv.withLease(key, async () => {
    holds.resolve();
    await mended.promise;
    await kv.put(key, JSON.stringify(stored({ generation: 8 })));
  });
  await holds.promise;
  const promise = storeLogin(store, GRANT, { owner: OWNER });
  mended.resolve();
  await sibling;
  assertEquals((await promise).isReplacement, false);
  assertEquals((await store.list()).length, 2);
  assertEquals((await store.get("minimax-oauth", "aaaaaaaa"))?.generation, 8);
});

Deno.test("storeLogin() appends when what it would replace is removed meanwhile", async () => {
  const kv = createMemoryStore();
  const store = createCredentialStore(kv, kv);
  await store.put(stored(DEAD));
  const removing = store.remove("minimax-oauth", "aaaaaaaa");
  const promise = storeLogin(store, GRANT, { owner: OWNER });
  await removing;
  await promise;
  const after = await store.list();
  assertEquals(after.map(({ generation }) => generation), [1]);
});

Deno.test("storeLogin(): of logins at once, one replaces and the others append", async () => {
  const kv = createMemoryStore();
  const store = createCredentialStore(kv, kv);
  await store.put(stored(DEAD));
  const results = await Promise.all(
    Array.from({ length: 8 }, () => storeLogin(store, GRANT, { owner: OWNER })),
  );
  assertEquals(results.filter(({ isReplacement }) => isReplacement).length, 1);
  assertEquals((await store.list()).length, 8);
});

Deno.test("storeLogin(): logins at once get labels of their own, in whichever process", async () => {
  const kv = createMemoryStore();
  // Reads take their time, as those of files do.
  const slow = {
    ...kv,
    get: async (key: string) => (await new Promise((go) => setTimeout(go)), await kv.get(key)),
  };
  await Promise.all(
    Array.from(
      { length: 8 },
      () => storeLogin(createCredentialStore(slow, slow), GRANT, { owner: OWNER }),
    ),
  );
  const labels = (await createCredentialStore(kv, kv).list()).map(({ label }) => label);
  assertEquals(labels.sort(), [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `minimax-oauth-${n}`));
});
