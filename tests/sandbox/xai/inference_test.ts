import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import OpenAI from "openai";
import type { Sandbox, SandboxQuirks } from "../../../src/sandbox/mod.ts";
import { type Json, testSandbox } from "../support.ts";
import {
  login,
  postResponses,
  PROXY_URL,
  refresh,
  responsesBody,
  SCOPE,
  WEATHER_TOOL,
} from "./support.ts";

const API = "https://api.x.ai/v1";
const PROXY_HEADERS = {
  "x-xai-token-auth": "xai-grok-cli",
  "x-grok-client-version": "0.2.120",
  "x-grok-client-identifier": "grok-shell",
  "user-agent": "grok-shell/0.2.120",
};

/** Asks for an answer and for the models; both are admitted or refused alike. */
async function admission(
  sandbox: Sandbox,
  headers: Record<string, string>,
  base: string = API,
): Promise<[number, Json]> {
  const asked = await sandbox.fetch(`${base}/responses`, {
    method: "POST",
    headers,
    body: JSON.stringify(responsesBody("hi")),
  });
  const models = await sandbox.fetch(`${base}/models`, { headers });
  assertEquals(models.status, asked.status);
  await models.body?.cancel();
  return [asked.status, await asked.json()];
}

const CALLERS: { name: string; headers: Record<string, string>; status: number }[] = [
  { name: "nothing", headers: {}, status: 401 },
  { name: "x-api-key", headers: { "x-api-key": "xai-sandbox-1" }, status: 401 },
  { name: "basic", headers: { authorization: "Basic eGFp" }, status: 401 },
  { name: "an unknown key", headers: { authorization: "Bearer xai-1" }, status: 401 },
  { name: "another vendor's key", headers: { authorization: "Bearer sandbox-1" }, status: 401 },
  { name: "a sandbox key", headers: { authorization: "Bearer xai-sandbox-1" }, status: 200 },
  { name: "a listed key", headers: { authorization: "Bearer listed" }, status: 200 },
];
for (const { name, headers, status } of CALLERS) {
  Deno.test(`xai inference with ${name} answers ${status}`, async () => {
    const [answered, body] = await admission(testSandbox({ apiKeys: ["listed"] }).sandbox, headers);
    assertEquals(answered, status);
    if (status === 401) assertEquals(body.code, "unauthenticated");
  });
}

Deno.test("xai inference with an access token: until it expires, is revoked or replaced", async () => {
  const { sandbox, clock } = testSandbox();
  const tokens = await login(sandbox);
  const status = async (token: string) =>
    (await admission(sandbox, { authorization: `Bearer ${token}` }))[0];
  assertEquals(await status(tokens.access_token), 200);
  clock.now += 900_000;
  assertEquals(await status(tokens.access_token), 401);
  const next = await (await refresh(sandbox, tokens.refresh_token)).json();
  assertEquals(await status(next.access_token), 200);
  await (await refresh(sandbox, tokens.refresh_token)).body?.cancel();
  assertEquals(await status(next.access_token), 401);
});

const STALE: { quirk: SandboxQuirks["staleToken"]; status: number; marker: string }[] = [
  { quirk: "401", status: 401, marker: "Invalid or expired credentials (auth_kind=bearer" },
  { quirk: "403_code", status: 403, marker: '"code":"unauthenticated:bad-credentials"' },
  { quirk: "403_text", status: 403, marker: "access token could not be validated" },
  { quirk: "403_tag", status: 403, marker: "[WKE=unauthenticated:" },
];
for (const { quirk, status, marker } of STALE) {
  Deno.test(`xai staleToken ${quirk}`, async () => {
    const { sandbox } = testSandbox({ quirks: { staleToken: quirk } });
    const tokens = await login(sandbox);
    sandbox.expireAccessTokens();
    const headers = { authorization: `Bearer ${tokens.access_token}` };
    const [answered, body] = await admission(sandbox, headers);
    assertEquals(answered, status);
    assertStringIncludes(JSON.stringify(body), marker);
  });
}

const ENTITLEMENTS = [
  { quirk: "none", code: "The caller does not have permission to execute the specified operation" },
  { quirk: "spending_limit", code: "personal-team-blocked:spending-limit" },
] as const;
for (const { quirk, code } of ENTITLEMENTS) {
  Deno.test(`xai entitlement ${quirk}: the API refuses tokens, not keys; the proxy neither`, async () => {
    const { sandbox } = testSandbox({ quirks: { entitlement: quirk } });
    const { access_token } = await login(sandbox);
    const headers = { authorization: `Bearer ${access_token}` };
    const [status, body] = await admission(sandbox, headers);
    assertEquals([status, body.code], [403, code]);
    assert(!JSON.stringify(body).includes("unauthenticated"));
    assertEquals((await admission(sandbox, { authorization: "Bearer xai-sandbox-1" }))[0], 200);
    const [proxied] = await admission(sandbox, { ...headers, ...PROXY_HEADERS }, PROXY_URL);
    assertEquals(proxied, 200);
  });
}

Deno.test("xai inference asks for the scope of its host", async () => {
  const { sandbox } = testSandbox();
  const bearer = async (scope: string) => ({
    authorization: `Bearer ${(await login(sandbox, { scope })).access_token}`,
  });
  const cliOnly = await bearer("openid offline_access grok-cli:access");
  assertEquals((await admission(sandbox, cliOnly))[0], 403);
  assertEquals((await admission(sandbox, { ...cliOnly, ...PROXY_HEADERS }, PROXY_URL))[0], 200);
  const apiOnly = await bearer("openid offline_access api:access");
  assertEquals((await admission(sandbox, { ...apiOnly, ...PROXY_HEADERS }, PROXY_URL))[0], 403);
  sandbox.setQuirks({ proxyScopes: "conversations" });
  const six = await bearer(SCOPE);
  assertEquals((await admission(sandbox, { ...six, ...PROXY_HEADERS }, PROXY_URL))[0], 403);
  const eight = await bearer(`${SCOPE} conversations:read conversations:write`);
  assertEquals((await admission(sandbox, { ...eight, ...PROXY_HEADERS }, PROXY_URL))[0], 200);
});

const PROXY_CASES: {
  name: string;
  headers: Record<string, string>;
  status: number;
  text?: string;
}[] = [
  { name: "all headers", headers: {}, status: 200 },
  {
    name: "no token header",
    headers: { "x-xai-token-auth": "" },
    status: 403,
    text: "Access to the chat endpoint is denied",
  },
  {
    name: "no version",
    headers: { "x-grok-client-version": "" },
    status: 426,
    text: "CLI version (none) is outdated",
  },
  { name: "an old version", headers: { "x-grok-client-version": "0.1.201" }, status: 426 },
  {
    name: "the oldest version",
    headers: { "x-grok-client-version": "0.1.202", "user-agent": "grok-shell/0.1.202" },
    status: 200,
  },
  { name: "no identifier", headers: { "x-grok-client-identifier": "" }, status: 403 },
  { name: "another user agent", headers: { "user-agent": "curl/8" }, status: 403 },
  { name: "an API key", headers: { authorization: "Bearer xai-sandbox-1" }, status: 401 },
];
for (const { name, headers, status, text = "" } of PROXY_CASES) {
  Deno.test(`xai command line proxy with ${name} answers ${status}`, async () => {
    const { sandbox } = testSandbox();
    const { access_token } = await login(sandbox);
    const [answered, body] = await admission(sandbox, {
      authorization: `Bearer ${access_token}`,
      ...PROXY_HEADERS,
      ...headers,
    }, PROXY_URL);
    assertEquals(answered, status);
    assertStringIncludes(JSON.stringify(body), text);
  });
}

Deno.test("xai command line proxy: no WebSocket, no compaction", async () => {
  const { sandbox } = testSandbox();
  assertEquals((await sandbox.fetch(`${PROXY_URL}/responses`)).status, 405);
  const compact = await sandbox.fetch(`${PROXY_URL}/responses/compact`, { method: "POST" });
  assertEquals(compact.status, 404);
  await compact.body?.cancel();
});

const ERRORS: [name: string, status: number, text: string][] = [
  ["401", 401, '"code":"unauthenticated"'],
  ["no_auth", 401, "no auth context"],
  ["stale_code", 403, "unauthenticated:bad-credentials"],
  ["stale_text", 403, "OAuth2 access token could not be validated"],
  ["stale_tag", 403, "[WKE=unauthenticated:bad-credentials]"],
  ["entitlement", 403, "do not have an active Grok subscription"],
  ["permission", 403, "permission-denied"],
  ["spending_limit", 403, "personal-team-blocked:spending-limit"],
  ["spending_limit_402", 402, "personal-team-blocked:spending-limit"],
  ["402", 402, "credits"],
  ["426", 426, "CLI version (none) is outdated"],
  ["free_usage", 429, "subscription:free-usage-exhausted"],
  ["429", 429, "rate_limit"],
  ["context", 400, "maximum prompt length"],
  ["schema", 400, "Invalid arguments passed to the model"],
  ["400", 400, "Argument not supported on this model: stop"],
  ["decrypt", 400, "Could not decrypt"],
  ["invalid_image", 400, '"code":"invalid_image"'],
  ["404", 404, "does not exist"],
  ["410", 410, "deprecated"],
  ["413", 413, "too large"],
  ["500", 500, "internal"],
  ["502", 502, "bad-gateway"],
  ["503", 503, "currently unavailable"],
  ["504", 504, "deadline-exceeded"],
  ["520", 520, "<html>"],
  ["525", 525, "<html>"],
  ["html_530", 530, "<html>"],
  ["bare", 503, '"The service is currently unavailable'],
  ["text", 503, '{"error":"The service'],
  ["200", 200, '"code":"The service is currently unavailable"'],
  ["frame", 200, "event: error\n"],
  ["nonsense", 400, "No error has that name"],
];
for (const [name, status, text] of ERRORS) {
  Deno.test(`xai answer to [error:${name}] is ${status}`, async () => {
    const { sandbox } = testSandbox();
    const body = responsesBody(`[error:${name}]`, { stream: true });
    const response = await postResponses(sandbox, body);
    assertEquals(response.status, status);
    assertEquals(response.headers.get("retry-after"), name === "429" ? "1" : null);
    const type = text === "<html>"
      ? "text/html"
      : name === "frame"
      ? "text/event-stream"
      : "application/json";
    assert(response.headers.get("content-type")?.startsWith(type));
    assertStringIncludes(await response.text(), text);
  });
}

Deno.test("xai inference fails and loses answers like any request", async () => {
  const { sandbox } = testSandbox({
    quirks: { failNext: 1, failOn: "messages", failWith: "html_520" },
  });
  const body = responsesBody("hi");
  assertEquals((await postResponses(sandbox, body)).status, 520);
  sandbox.setQuirks({ loseNext: 1, loseOn: "messages" });
  await assertRejects(() => postResponses(sandbox, body), TypeError);
  assertEquals((await postResponses(sandbox, body)).status, 200);
});

Deno.test("xai models: lists and single models, some for signed-in users alone", async () => {
  const { sandbox } = testSandbox();
  const { access_token } = await login(sandbox);
  const get = async (path: string, token: string): Promise<[number, Json]> => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await sandbox.fetch(`${API}/${path}`, { headers });
    return [response.status, await response.json()];
  };
  const ids = (models: Json[]) => models.map(({ id }) => id);
  const [, byKey] = await get("models", "xai-sandbox-1");
  const [, byUser] = await get("models", access_token);
  assertEquals(byKey.object, "list");
  assert(ids(byKey.data).includes("grok-4.3"));
  assert(!ids(byKey.data).includes("grok-composer-2.5-fast"));
  assert(ids(byUser.data).includes("grok-composer-2.5-fast"));
  const [, language] = await get("language-models", "xai-sandbox-1");
  assertEquals(ids(language.models), ids(byKey.data));
  const grok = language.models.find(({ id }: Json) => id === "grok-4.3");
  assertEquals(grok.prompt_text_token_price, 12_500);
  const [, one] = await get("models/grok-4.3", "xai-sandbox-1");
  assertEquals([one.id, one.object, one.owned_by], ["grok-4.3", "model", "xai"]);
  assertEquals((await get("models/grok-composer-2.5-fast", "xai-sandbox-1"))[0], 404);
  assertEquals((await get("models/gpt-5", access_token))[0], 404);
  const hidden = responsesBody("hi", { model: "grok-composer-2.5-fast" });
  assertEquals((await postResponses(sandbox, hidden)).status, 404);
});

Deno.test("the OpenAI SDK reads an answer, a stream and an error", async () => {
  const { sandbox } = testSandbox();
  const client = new OpenAI({
    baseURL: API,
    apiKey: "xai-sandbox-1",
    fetch: sandbox.fetch,
    maxRetries: 0,
  });
  const request = {
    model: "grok-4.3",
    input: "[thinking][tools:2] hi",
    include: ["reasoning.encrypted_content" as const],
    tools: [
      { ...WEATHER_TOOL, type: "function" as const, strict: true },
      { type: "web_search" as const },
    ],
  };
  const kinds = (output: readonly { type: string }[]) => output.map(({ type }) => type);
  const whole = await client.responses.create(request);
  assertEquals(kinds(whole.output), ["reasoning", "function_call", "function_call"]);
  const streamed = await client.responses.stream(request).finalResponse();
  assertEquals(kinds(streamed.output), kinds(whole.output));
  assertEquals(streamed.usage?.input_tokens, whole.usage?.input_tokens);

  const searched = client.responses.stream({ ...request, input: "[search][interleave] hi" });
  const seen = new Set<string>();
  for await (const event of searched) seen.add(event.type);
  assert(seen.has("response.web_search_call.searching"));
  const final = await searched.finalResponse();
  assertStringIncludes(final.output_text, "You wrote: “hi”");

  // What the answer held goes back as it came.
  const calls = whole.output.filter((item) => item.type === "function_call");
  const next = await client.responses.create({
    ...request,
    input: [
      { role: "user", content: "hi" },
      ...whole.output as OpenAI.Responses.ResponseInputItem[],
      ...calls.map(({ call_id }) => ({
        type: "function_call_output" as const,
        call_id,
        output: "sunny",
      })),
    ],
  });
  assertStringIncludes(next.output_text, "answered: “sunny”");
  await assertRejects(
    () => client.responses.create({ ...request, input: "[error:429]" }),
    OpenAI.RateLimitError,
  );
});
