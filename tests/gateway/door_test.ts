/** Who gets in: host names, origins, client keys, what they are for, and how much they may ask. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ClientKey } from "../../src/gateway/mod.ts";
import { ask, createWorld, KEY, messageOf, type WorldOptions } from "./support.ts";

const ROUTES: [method: string, path: string][] = [
  ["POST", "/v1/messages"],
  ["POST", "/v1/messages/count_tokens"],
  ["POST", "/v1/chat/completions"],
  ["POST", "/v1/responses"],
  ["POST", "/v1/responses/input_tokens"],
  ["GET", "/v1/models"],
  ["GET", "/v1/models/grok-4.3"],
  ["GET", "/v1/usage"],
  ["GET", "/nope"],
  ["OPTIONS", "/v1/messages"],
];

const HOSTS: { host: string | undefined; authority?: string; status: number }[] = [
  { host: "localhost:8645", status: 200 },
  { host: "localhost", status: 200 },
  { host: "LOCALHOST:8645", status: 200 },
  { host: "127.0.0.1:9", status: 200 },
  { host: "[::1]:8645", status: 200 },
  { host: "gateway.example", status: 200 },
  { host: undefined, status: 400 },
  { host: "", status: 400 },
  { host: "evil.example", status: 403 },
  { host: "localhost.evil.example", status: 403 },
  { host: "evil.localhost", status: 403 },
  { host: "localhost.", status: 403 },
  { host: "127.0.0.2", status: 403 },
  { host: "127.1", status: 403 },
  { host: "0x7f.0.0.1", status: 403 },
  { host: "0.0.0.0:8645", status: 403 },
  { host: "192.168.0.7:8645", status: 403 },
  { host: "[::ffff:127.0.0.1]", status: 403 },
  { host: "user@localhost", status: 403 },
  { host: "localhost:8645@evil.example", status: 403 },
  { host: "localhost:", status: 403 },
  { host: "localhost:port", status: 403 },
  { host: "localhost, evil.example", status: 403 },
  { host: "localhost:8645", authority: "evil.example", status: 403 },
  { host: "evil.example", authority: "localhost:8645", status: 403 },
  { host: "localhost:8645", authority: "u:p@localhost:8645", status: 403 },
];
for (const { host, authority, status } of HOSTS) {
  const name = `${host}${authority === undefined ? "" : ` in the header, ${authority} in the URL`}`;
  Deno.test(`the door answers ${status} to host ${name}`, async () => {
    const { gateway } = await createWorld({
      signedIn: [],
      settings: { hosts: ["gateway.example"] },
    });
    const request = new Request("http://localhost/healthz", {
      headers: host === undefined ? {} : { host },
    });
    Object.defineProperty(request, "url", { value: `http://${authority ?? host}/healthz` });
    const response = await gateway.fetch(request);
    assertEquals(response.status, status);
    await response.body?.cancel();
  });
}

Deno.test("the door takes addresses where others of the network may come, but no other name", async () => {
  const { send } = await createWorld({ signedIn: [], gateway: { reach: "network" } });
  const statusFor = async (host: string) => {
    const { status, body } = await send("/healthz", {
      headers: { host },
      origin: `http://${host}`,
    });
    await body?.cancel();
    return status;
  };
  assertEquals(await statusFor("192.168.0.7:8645"), 200);
  assertEquals(await statusFor("[fe80::1]:8645"), 200);
  assertEquals(await statusFor("evil.example"), 403);
});

for (const keys of [{}, { "": {} }] as NonNullable<WorldOptions["keys"]>[]) {
  const isConfigured = Object.keys(keys).length > 0;
  for (const presented of [undefined, "", " ", "undefined", "null", "Bearer", KEY]) {
    Deno.test(`the door is shut on every route, ${isConfigured ? "for an empty key" : "without a key"}, to ${JSON.stringify(presented)}`, async () => {
      const { send, sent } = await createWorld({ keys });
      for (const [method, path] of ROUTES) {
        const headers: Record<string, string> = presented === undefined
          ? {}
          : { "x-api-key": presented, authorization: `Bearer ${presented}` };
        const response = await send(path, { method, headers });
        assertEquals(response.status, isConfigured ? 401 : 503, `${method} ${path}`);
        const body = await response.json();
        if (!isConfigured) assertStringIncludes(messageOf(body), "grantway gateway keys create");
      }
      assertEquals(sent.length, 0);
    });
  }
}

const PRESENTED: { name: string; headers: Record<string, string>; status: number }[] = [
  { name: "a bearer", headers: { authorization: `Bearer ${KEY}` }, status: 200 },
  { name: "x-api-key", headers: { "x-api-key": KEY }, status: 200 },
  { name: "any case of the scheme", headers: { authorization: `bearer  ${KEY}` }, status: 200 },
  {
    name: "a wrong bearer and a right x-api-key",
    headers: { authorization: "Bearer sk-other-key", "x-api-key": KEY },
    status: 200,
  },
  {
    name: "a right bearer and a wrong x-api-key",
    headers: { authorization: `Bearer ${KEY}`, "x-api-key": "sk-other-key" },
    status: 200,
  },
  { name: "none", headers: {}, status: 401 },
  { name: "another scheme", headers: { authorization: `Basic ${KEY}` }, status: 401 },
  { name: "upper case", headers: { "x-api-key": KEY.toUpperCase() }, status: 401 },
  { name: "padding", headers: { "x-api-key": `${KEY}=` }, status: 401 },
  { name: "a cut key", headers: { "x-api-key": KEY.slice(0, -1) }, status: 401 },
  { name: "two keys in one header", headers: { "x-api-key": `${KEY}, ${KEY}` }, status: 401 },
  { name: "a look-alike", headers: { "x-api-key": KEY.replace("o", "\u00f6") }, status: 401 },
  { name: "10 KB", headers: { "x-api-key": "k".repeat(10_000) }, status: 401 },
  { name: "__proto__", headers: { "x-api-key": "__proto__" }, status: 401 },
  {
    name: "a JWT that says alg none",
    headers: { authorization: `Bearer ${btoa('{"alg":"none"}')}.${btoa('{"sub":"key_0"}')}.` },
    status: 401,
  },
];
for (const { name, headers, status } of PRESENTED) {
  Deno.test(`the door answers ${status} to ${name}`, async () => {
    const { send } = await createWorld({ signedIn: [] });
    const response = await send("/v1/models", { headers });
    assertEquals(response.status, status);
    if (status === 401) {
      assertEquals(response.headers.get("www-authenticate"), "Bearer");
      assertEquals(response.headers.get("x-should-retry"), "false");
    }
    assert(!(await response.text()).includes(KEY));
  });
}

for (const name of ["key", "api_key", "api-key", "apikey", "x-api-key", "token", "access_token"]) {
  Deno.test(`the door refuses a key in the query as ${name}, a good one too, and says what to do`, async () => {
    const { send } = await createWorld({ signedIn: [] });
    for (const path of [`/v1/models?${name}=${KEY}`, `/v1/models?limit=1&${name}=x`]) {
      const response = await send(path);
      assertEquals(response.status, 400);
      assertStringIncludes(messageOf(await response.json()), "x-api-key");
    }
  });
}

Deno.test("the door refuses a key of its own in the query under any name", async () => {
  const { send } = await createWorld({ signedIn: [] });
  assertEquals((await send(`/v1/models?after_id=${KEY}`)).status, 400);
  assertEquals((await send("/v1/models?after_id=grok-4.3&beta=true")).status, 200);
});

Deno.test("the door lets a key in only where it is for, and names it", async () => {
  const { send, sent } = await createWorld({
    keys: { [KEY]: { name: "laptop", scope: { routes: ["models"] } } },
  });
  assertEquals((await send("/v1/models")).status, 200);
  const response = await send("/v1/messages", { body: ask("messages", "grok-4.3", "hi") });
  assertEquals(response.status, 403);
  assertStringIncludes(messageOf(await response.json()), "laptop");
  assertEquals(sent.length, 0);
});

const SCOPES: { scope: ClientKey["scope"]; model: string; status: number }[] = [
  { scope: { providers: ["xai-oauth"] }, model: "grok-4.3", status: 200 },
  { scope: { providers: ["xai-oauth"] }, model: "MiniMax-M2.7", status: 403 },
  { scope: { providers: ["xai-oauth"] }, model: "claude-opus", status: 403 },
  { scope: { models: ["grok-*"] }, model: "xai-oauth/grok-4.3", status: 200 },
  { scope: { models: ["grok-4.3"] }, model: "xai-oauth/grok-4.3", status: 200 },
  { scope: { models: ["xai-oauth/*"] }, model: "grok-4.3", status: 200 },
  { scope: { models: ["xai-oauth/*"] }, model: "minimax-oauth/grok-4.3", status: 403 },
  { scope: { models: ["MiniMax-M2.7"] }, model: "MiniMax-M2.7-highspeed", status: 403 },
  { scope: { models: [] }, model: "grok-4.3", status: 403 },
  { scope: { providers: ["xai-oauth"], models: ["MiniMax-M2.7"] }, model: "grok-4.3", status: 403 },
];
for (const { scope, model, status } of SCOPES) {
  Deno.test(`a key for ${JSON.stringify(scope)} gets ${status} for ${model}`, async () => {
    const { ask, sent } = await createWorld({ keys: { [KEY]: { scope } } });
    const response = await ask("messages", model, "hi");
    assertEquals(response.status, status);
    assertEquals(sent.length, status === 200 ? 1 : 0);
    await response.body?.cancel();
  });
}

Deno.test("GET /v1/models lists what a key may use", async () => {
  const { send } = await createWorld({ keys: { [KEY]: { scope: { models: ["grok-4.3"] } } } });
  const { data } = await (await send("/v1/models")).json();
  assertEquals(data.map(({ id }: { id: string }) => id), ["grok-4.3"]);
  assertEquals((await send("/v1/models/grok-4.3")).status, 200);
  assertEquals((await send("/v1/models/MiniMax-M2.7")).status, 404);
});

Deno.test("a key makes its requests of a minute and no more, and another key is not concerned", async () => {
  const other = "gw_another-key";
  const { send, clock, settings } = await createWorld({
    signedIn: [],
    keys: { [KEY]: {}, [other]: {} },
    limits: { requestsPerMinute: 3 },
  });
  const status = async (
    key: string,
  ) => (await send("/v1/models", { headers: { "x-api-key": key } }));
  for (let i = 0; i < 3; i++) assertEquals((await status(KEY)).status, 200);
  clock.now += 20_000;
  const refused = await status(KEY);
  assertEquals([refused.status, refused.headers.get("retry-after")], [429, "40"]);
  assertEquals((await refused.json()).error.type, "rate_limit_error");
  assertEquals((await status(other)).status, 200);
  clock.now += 40_000;
  assertEquals((await status(KEY)).status, 200);
  settings.limits.requestsPerMinute = undefined;
  for (let i = 0; i < 9; i++) assertEquals((await status(KEY)).status, 200);
});

Deno.test("a key has its requests at once and no more, until one ends or is left", async () => {
  const other = "gw_another-key";
  const { send } = await createWorld({
    keys: { [KEY]: { limits: { concurrent: 2 } }, [other]: {} },
  });
  const start = (key: string) =>
    send("/v1/messages", {
      headers: { "x-api-key": key },
      body: ask("messages", "MiniMax-M2.7", "[long:50]", true),
    });
  const [first, second] = [await start(KEY), await start(KEY)];
  const refused = await start(KEY);
  assertEquals([refused.status, refused.headers.get("retry-after")], [429, "1"]);
  await refused.body?.cancel();
  const another = await start(other);
  assertEquals(another.status, 200);
  await another.body?.cancel();
  await first.text();
  const third = await start(KEY);
  assertEquals(third.status, 200);
  await second.body?.cancel();
  await third.body?.cancel();
  const fourth = await start(KEY);
  assertEquals(fourth.status, 200);
  await fourth.body?.cancel();
});

Deno.test("unknown keys are slowed down, and a good one is not", async () => {
  const { send, clock } = await createWorld({ signedIn: [] });
  const statusOf = async (key: string) => {
    const { status, body } = await send("/v1/models", { headers: { "x-api-key": key } });
    await body?.cancel();
    return status;
  };
  const counts: Record<number, number> = {};
  for (let i = 0; i < 1_000; i++) {
    const status = await statusOf(`gw_guess-number-${i}`);
    counts[status] = (counts[status] ?? 0) + 1;
    if (i % 100 === 0) assertEquals(await statusOf(KEY), 200);
  }
  assertEquals(counts, { 401: 120, 429: 880 });
  clock.now += 60_000;
  assertEquals(await statusOf("gw_guess-again"), 401);
});

const ORIGINS = ["https://app.example", "http://localhost:3000"];
const PAGES: { origin: string; allowed: boolean }[] = [
  { origin: "https://app.example", allowed: true },
  { origin: "http://localhost:3000", allowed: true },
  { origin: "null", allowed: false },
  { origin: "https://app.example.evil.example", allowed: false },
  { origin: "https://evil-app.example", allowed: false },
  { origin: "http://app.example", allowed: false },
  { origin: "https://app.example:8443", allowed: false },
  { origin: "https://APP.example", allowed: false },
  { origin: "http://localhost", allowed: false },
  { origin: "*", allowed: false },
];
for (const { origin, allowed } of PAGES) {
  Deno.test(`a page of ${origin} ${allowed ? "may" : "may not"} read answers`, async () => {
    const { send } = await createWorld({ signedIn: [], settings: { origins: ORIGINS } });
    const preflight = await send("/v1/messages", {
      method: "OPTIONS",
      headers: { origin, "access-control-request-method": "POST" },
    });
    const granted = allowed ? origin : null;
    assertEquals(preflight.status, allowed ? 204 : 403);
    assertEquals(preflight.headers.get("access-control-allow-origin"), granted);
    await preflight.body?.cancel();
    const answer = await send("/v1/models", { headers: { origin, "x-api-key": KEY } });
    assertEquals(answer.headers.get("access-control-allow-origin"), granted);
    assertEquals(answer.headers.get("access-control-allow-credentials"), null);
    await answer.body?.cancel();
  });
}

Deno.test("what a page can send without asking does nothing: it has no key", async () => {
  const { send, sent } = await createWorld({ settings: { origins: ["https://app.example"] } });
  for (const origin of ["https://evil.example", "https://app.example"]) {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const response = await send("/v1/messages", {
        headers: { origin, "content-type": type, "sec-fetch-mode": "no-cors" },
        body: ask("messages", "grok-4.3", "hi"),
      });
      assertEquals(response.status, 401);
      await response.body?.cancel();
    }
  }
  const upgrade = await send("/v1/responses", {
    headers: { upgrade: "websocket", connection: "upgrade", origin: "https://evil.example" },
  });
  assertEquals(upgrade.status, 401);
  await upgrade.body?.cancel();
  assertEquals(sent.length, 0);
});
