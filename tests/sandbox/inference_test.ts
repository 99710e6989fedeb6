import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  type Json,
  login,
  MESSAGES_URL,
  messagesBody,
  postMessages,
  refresh,
  streamEvents,
  testSandbox,
  WEATHER_TOOL,
} from "./support.ts";

const COUNT_URL = `${MESSAGES_URL}/count_tokens`;
const MODELS_URL = "https://api.minimax.io/anthropic/v1/models";

async function ask(text: string, fields: Record<string, unknown> = {}): Promise<Json> {
  const response = await postMessages(testSandbox().sandbox, messagesBody(text, fields));
  return await response.json();
}

Deno.test("messages: the answer echoes the question, after a short thought", async () => {
  const body = await ask("What is <b>this</b>?");
  assertMatch(body.id, /^[0-9a-f]{32}$/);
  assertEquals(body.base_resp, { status_code: 0, status_msg: "" });
  assertEquals([body.type, body.role, body.model], ["message", "assistant", "MiniMax-M2.7"]);
  assertEquals(body.content.map((block: Json) => block.type), ["thinking", "text"]);
  assertMatch(body.content[0].signature, /^[0-9a-f]{64}$/);
  assertStringIncludes(body.content[1].text, "You wrote: “What is <b>this</b>?”");
  assertEquals([body.stop_reason, body.stop_sequence], ["end_turn", null]);
  assert(body.usage.input_tokens > 0 && body.usage.output_tokens > 0);
});

Deno.test("messages: the same request has the same answer, ids apart", async () => {
  const [first, second] = [await ask("hello"), await ask("hello")];
  assert(first.id !== second.id);
  assertEquals({ ...first, id: "" }, { ...second, id: "" });
});

const AUTH = [
  { name: "nothing", headers: {}, status: 401, code: "(1004)" },
  { name: "x-api-key", headers: { "x-api-key": "sandbox-key" }, status: 401, code: "(1004)" },
  { name: "basic", headers: { authorization: "Basic c2FuZGJveC0=" }, status: 401, code: "(1004)" },
  {
    name: "an unknown key",
    headers: { authorization: "Bearer sk-1" },
    status: 401,
    code: "(2049)",
  },
  {
    name: "an unknown access token",
    headers: { authorization: "Bearer sbx_at_x" },
    status: 401,
    code: "(1004)",
  },
  { name: "a sandbox key", headers: { authorization: "Bearer sandbox-1" }, status: 200 },
  { name: "a listed key", headers: { authorization: "Bearer listed" }, status: 200 },
];
for (const { name, headers, status, code } of AUTH) {
  Deno.test(`inference with ${name} answers ${status}`, async () => {
    const { sandbox } = testSandbox({ apiKeys: ["listed"] });
    const body = JSON.stringify(messagesBody("hi"));
    const requests: [string, RequestInit][] = [
      [MESSAGES_URL, { method: "POST", body, headers }],
      [COUNT_URL, { method: "POST", body, headers }],
      [MODELS_URL, { headers }],
    ];
    for (const [url, init] of requests) {
      const response = await sandbox.fetch(url, init);
      assertEquals(response.status, status);
      const answer = await response.json();
      if (code === undefined) continue;
      assertEquals(answer.type, "error");
      assertEquals(answer.error.http_code, "401");
      assert(answer.error.message.endsWith(code), answer.error.message);
      assertEquals(answer.request_id, response.headers.get("request-id"));
    }
  });
}

Deno.test("inference takes an access token until it expires, in its own region", async () => {
  const { sandbox, clock } = testSandbox({ accessTokenTtlMs: 60_000 });
  const headers = { authorization: `Bearer ${(await login(sandbox)).access_token}` };
  const status = async (url?: string) => {
    const response = await postMessages(sandbox, messagesBody("hi"), headers, url);
    await response.body?.cancel();
    return response.status;
  };
  assertEquals(await status(), 200);
  assertEquals(await status("https://api.minimaxi.com/anthropic/v1/messages"), 401);
  clock.now += 60_000;
  assertEquals(await status(), 401);
  const renewed = await login(sandbox);
  headers.authorization = `Bearer ${renewed.access_token}`;
  assertEquals(await status(), 200);
  sandbox.expireAccessTokens();
  assertEquals(await status(), 401);
});

Deno.test("inference: a revoked family's access token is refused", async () => {
  const { sandbox } = testSandbox();
  const first = await login(sandbox);
  const second = await (await refresh(sandbox, first.refresh_token)).json();
  await (await refresh(sandbox, first.refresh_token)).body?.cancel();
  const response = await postMessages(sandbox, messagesBody("hi"), {
    authorization: `Bearer ${second.access_token}`,
  });
  assertEquals(response.status, 401);
  await response.body?.cancel();
});

for (const rotationEndsAccess of [false, true]) {
  Deno.test(`inference with rotationEndsAccess ${rotationEndsAccess}`, async () => {
    const { sandbox } = testSandbox({ quirks: { rotationEndsAccess } });
    const first = await login(sandbox);
    await (await refresh(sandbox, first.refresh_token)).body?.cancel();
    const response = await postMessages(sandbox, messagesBody("hi"), {
      authorization: `Bearer ${first.access_token}`,
    });
    assertEquals(response.status, rotationEndsAccess ? 401 : 200);
    await response.body?.cancel();
  });
}

Deno.test("tools: [tool] calls the first one with what its schema asks for", async () => {
  const tool = {
    name: "book",
    input_schema: {
      type: "object",
      properties: {
        seat: { enum: ["aisle", "window"] },
        count: { type: "integer", minimum: 2 },
        tags: { type: "array", minItems: 1, items: { type: "string" } },
        deep: { type: "object", properties: { on: { type: "boolean" } }, required: ["on"] },
        kind: { const: "x" },
        price: { type: ["number", "null"] },
        none: { type: "null" },
        list: { type: "array" },
        level: { type: "string", default: "low" },
        optional: { type: "string" },
      },
      required: ["seat", "count", "tags", "deep", "kind", "price", "none", "list", "level"],
    },
  };
  const body = await ask("please [tool]", { tools: [tool, WEATHER_TOOL] });
  assertEquals(body.stop_reason, "tool_use");
  const call = body.content.at(-1);
  assertMatch(call.id, /^call_function_[0-9a-f]{12}_1$/);
  assertEquals(call.name, "book");
  assertEquals(call.input, {
    seat: "aisle",
    count: 2,
    tags: ["sandbox"],
    deep: { on: true },
    kind: "x",
    price: 1,
    none: null,
    list: [],
    level: "low",
  });
});

const OTHER_TOOL = { ...WEATHER_TOOL, name: "get_time" };
const CALLS = [
  { text: "[tools:3]", fields: {}, names: ["get_weather", "get_time", "get_weather"] },
  { text: "[tools:0]", fields: {}, names: [] },
  { text: "[tool:get_time]", fields: {}, names: ["get_time"] },
  { text: "[tool:absent]", fields: {}, names: [] },
  { text: "hello", fields: {}, names: [] },
  { text: "hello", fields: { tool_choice: { type: "any" } }, names: ["get_weather"] },
  {
    text: "hello",
    fields: { tool_choice: { type: "tool", name: "get_time" } },
    names: ["get_time"],
  },
  { text: "[tool]", fields: { tool_choice: { type: "none" } }, names: [] },
  { text: "[tool]", fields: { tools: [] }, names: [] },
];
for (const { text, fields, names } of CALLS) {
  Deno.test(`tools: ${text} with ${JSON.stringify(fields)}`, async () => {
    const body = await ask(text, { tools: [WEATHER_TOOL, OTHER_TOOL], ...fields });
    const calls = body.content.filter((block: Json) => block.type === "tool_use");
    assertEquals(calls.map((call: Json) => call.name), names);
    assertEquals(new Set(calls.map((call: Json) => call.id)).size, names.length);
    assertEquals(body.stop_reason, names.length > 0 ? "tool_use" : "end_turn");
  });
}

Deno.test("tools: input can be dictated", async () => {
  const body = await ask('run [tool:get_weather {"place": "Ü]", "deep": {"a": [1]}}] now', {
    tools: [WEATHER_TOOL],
  });
  assertEquals(body.content.at(-1).input, { place: "Ü]", deep: { a: [1] } });
});

Deno.test("tools: results are used in the next answer", async () => {
  const call = { type: "tool_use", id: "call_function_a_1", name: "get_weather", input: {} };
  const failed = { ...call, id: "call_function_a_2" };
  const body = await ask("", {
    tools: [WEATHER_TOOL],
    messages: [
      { role: "user", content: "[tools:2]" },
      { role: "assistant", content: [call, failed] },
      {
        role: "user",
        content: [
          {
            type: "tool_result",
            tool_use_id: call.id,
            content: [{ type: "text", text: "12 degrees" }],
          },
          { type: "tool_result", tool_use_id: failed.id, content: "no such place", is_error: true },
        ],
      },
    ],
  });
  assertEquals(body.stop_reason, "end_turn");
  assertEquals(
    body.content.at(-1).text,
    "The tool get_weather answered: “12 degrees” The tool get_weather failed and said: “no such place”",
  );
});

const THINKING = [
  { model: "MiniMax-M2.7", fields: {}, text: "hi", thinks: true },
  { model: "MiniMax-M2.7", fields: { thinking: { type: "disabled" } }, text: "hi", thinks: true },
  { model: "MiniMax-M3", fields: {}, text: "hi", thinks: false },
  { model: "MiniMax-M3", fields: { thinking: { type: "adaptive" } }, text: "hi", thinks: true },
  { model: "MiniMax-M3", fields: { thinking: { type: "disabled" } }, text: "hi", thinks: false },
  { model: "MiniMax-M3", fields: {}, text: "[thinking]", thinks: true },
];
for (const { model, fields, text, thinks } of THINKING) {
  Deno.test(`thinking of ${model} with ${JSON.stringify(fields)}, ${text}`, async () => {
    const body = await ask(text, { model, ...fields });
    assertEquals(body.content[0].type, thinks ? "thinking" : "text");
  });
}

Deno.test("thinking: [thinking] thinks at length; alwaysThinks false not at all", async () => {
  const short = (await ask("hi")).content[0].thinking;
  assert((await ask("[thinking]")).content[0].thinking.length > 2 * short.length);
  const { sandbox } = testSandbox({ quirks: { alwaysThinks: false } });
  const body = await (await postMessages(sandbox, messagesBody("hi"))).json();
  assertEquals(body.content.map((block: Json) => block.type), ["text"]);
});

Deno.test("limits: [long:N], max_tokens, [max_tokens] and [refusal]", async () => {
  const words = (body: Json) => body.content.at(-1).text.split(" ").length;
  assertEquals(words(await ask("[long:37]")), 37);
  const limited = await ask("[long:37]", { max_tokens: 5 });
  assertEquals([words(limited), limited.stop_reason], [5, "max_tokens"]);
  const broken = await ask("[long:10][max_tokens]");
  assertEquals([words(broken), broken.stop_reason], [5, "max_tokens"]);
  const refused = await ask("[refusal]");
  assertEquals([refused.content, refused.stop_reason], [[], "refusal"]);
  assertEquals(refused.stop_details.type, "refusal");
});

Deno.test("images: M3 takes them and says so", async () => {
  const image = { type: "image", source: { type: "url", url: "https://example.com/a.png" } };
  const content = [image, { type: "text", text: "look" }];
  const body = await ask("", { model: "MiniMax-M3", messages: [{ role: "user", content }] });
  assertStringIncludes(body.content.at(-1).text, "With it came 1 image.");
});

const ERRORS = [
  { code: 1000, status: 500, type: "api_error" },
  { code: 1001, status: 504, type: "timeout_error" },
  { code: 1002, status: 429, type: "rate_limit_error", retryAfter: "1" },
  { code: 1004, status: 401, type: "authorized_error" },
  { code: 1008, status: 402, type: "insufficient_balance_error" },
  { code: 1013, status: 500, type: "api_error" },
  { code: 1024, status: 500, type: "api_error" },
  { code: 1026, status: 400, type: "bad_request_error" },
  { code: 1027, status: 400, type: "bad_request_error" },
  { code: 1033, status: 500, type: "api_error" },
  { code: 1039, status: 429, type: "rate_limit_error", retryAfter: "1" },
  { code: 1041, status: 429, type: "rate_limit_error", retryAfter: "1" },
  { code: 1042, status: 400, type: "bad_request_error" },
  { code: 2013, status: 400, type: "bad_request_error" },
  { code: 2045, status: 429, type: "rate_limit_error", retryAfter: "1" },
  { code: 2049, status: 401, type: "authentication_error" },
  { code: 2056, status: 429, type: "rate_limit_error" },
  { code: 2061, status: 403, type: "permission_error" },
  { code: 400, status: 400, type: "invalid_request_error" },
  { code: 413, status: 413, type: "request_too_large" },
  { code: 429, status: 429, type: "rate_limit_error", retryAfter: "1" },
  { code: 529, status: 529, type: "overloaded_error" },
];
for (const { code, status, type, retryAfter } of ERRORS) {
  Deno.test(`[error:${code}] answers ${status} ${type}, or HTTP 200 with base_resp`, async () => {
    const { sandbox } = testSandbox();
    const response = await postMessages(sandbox, messagesBody(`[error:${code}]`, { stream: true }));
    assertEquals(response.status, status);
    assertEquals(response.headers.get("retry-after"), retryAfter ?? null);
    const { error, ...rest } = await response.json();
    assertEquals([rest.type, error.type, error.http_code], ["error", type, String(status)]);
    assertEquals(error.message.endsWith(` (${code})`), code >= 1000);

    const ok = await postMessages(sandbox, messagesBody(`[error:${code},200]`));
    assertEquals(ok.status, 200);
    assertEquals((await ok.json()).base_resp.status_code, code);
  });
}

Deno.test("inferenceErrors base_resp: every error comes under HTTP 200", async () => {
  const { sandbox } = testSandbox({ quirks: { inferenceErrors: "base_resp" } });
  const codeOf = async (response: Response) => [
    response.status,
    (await response.json()).base_resp.status_code,
  ];
  assertEquals(await codeOf(await postMessages(sandbox, messagesBody("[error:1008]"))), [
    200,
    1008,
  ]);
  assertEquals(await codeOf(await postMessages(sandbox, {})), [200, 2013]);
  const stranger = { authorization: "Bearer x" };
  assertEquals(await codeOf(await postMessages(sandbox, messagesBody("hi"), stranger)), [
    200,
    2049,
  ]);
});

Deno.test("[error] with a code that is none is no directive", async () => {
  assertEquals((await ask("[error:200] [error:1234]")).type, "message");
});

Deno.test("endings of an answer that is not streamed", async () => {
  const { sandbox } = testSandbox();
  const broken = await postMessages(sandbox, messagesBody("[cut]"));
  assertEquals(broken.status, 200);
  const text = await broken.text();
  assert(text.startsWith("{") && !text.endsWith("}"));
  const failed = await postMessages(sandbox, messagesBody("[midstream-error:1033]"));
  assertEquals(failed.status, 500);
  await failed.body?.cancel();
});

Deno.test("models: the list, one of them, an unknown one", async () => {
  const { sandbox } = testSandbox();
  const get = (path: string) =>
    sandbox.fetch(`${MODELS_URL}${path}`, { headers: { authorization: "Bearer sandbox-key" } });
  const list = await (await get("?limit=1000")).json();
  const ids = list.data.map((model: Json) => model.id);
  assert(ids.includes("MiniMax-M2.7") && ids.includes("MiniMax-M2.7-highspeed"));
  assertEquals([list.has_more, list.first_id, list.last_id], [false, ids[0], ids.at(-1)]);
  assertEquals((await (await get("/MiniMax-M2.7")).json()).max_input_tokens, 204_800);
  const unknown = await get("/minimax-m2.7");
  assertEquals([unknown.status, (await unknown.json()).error.type], [404, "not_found_error"]);
});

Deno.test("count_tokens counts system, tools and messages, and needs no max_tokens", async () => {
  const { sandbox } = testSandbox();
  const count = async (fields: Record<string, unknown>) => {
    const { max_tokens: _, ...body } = messagesBody("x".repeat(400), fields);
    return (await (await postMessages(sandbox, body, {}, COUNT_URL)).json()).input_tokens;
  };
  const plain = await count({});
  assert(plain >= 100 && plain < 200);
  assert(await count({ system: "s".repeat(400) }) >= plain + 100);
  assert(await count({ tools: [WEATHER_TOOL] }) > plain + 20);
});

Deno.test("plan usage is told to whoever is signed in", async () => {
  const { sandbox } = testSandbox();
  const url = "https://api.minimax.io/v1/api/openplatform/coding_plan/remains";
  const authorization = `Bearer ${(await login(sandbox)).access_token}`;
  const body = await (await sandbox.fetch(url, { headers: { authorization } })).json();
  assertEquals(body.model_remains[0].current_interval_remaining_percent, 100);
  assertEquals((await sandbox.fetch(url)).status, 401);
});

Deno.test("faults of inference: failOn messages", async () => {
  const { sandbox } = testSandbox({
    quirks: { failNext: 1, failOn: "messages", failWith: "html_502" },
  });
  const response = await postMessages(sandbox, messagesBody("hi"));
  assertEquals(response.status, 502);
  await response.body?.cancel();
  assertEquals((await streamEvents(sandbox, "hi")).at(-1).type, "message_stop");
});
