import { assertEquals } from "@std/assert";
import type { JsonObject } from "../../../src/core/http.ts";
import type { UpstreamContext } from "../../../src/protocols/codec.ts";
import type { StreamError } from "../../../src/protocols/event.ts";
import { decodeMessagesFailure } from "../../../src/protocols/messages/decode_failure.ts";
import { decodeMessagesBody } from "../../../src/protocols/messages/decode_response.ts";
import { CONTEXT } from "./support.ts";

const PLAIN: UpstreamContext = { origin: "anthropic" };

const anthropic = (type: string, message = "m"): JsonObject => ({
  type: "error",
  error: { type, message },
});

const ANSWERS: {
  name: string;
  status: number;
  body?: JsonObject;
  context?: UpstreamContext;
  error: StreamError;
}[] = [
  {
    name: "invalid_request_error",
    status: 400,
    body: anthropic("invalid_request_error"),
    error: {
      code: "invalid_request",
      message: "m",
      upstreamCode: "invalid_request_error",
      status: 400,
    },
  },
  {
    name: "an overlong prompt",
    status: 400,
    body: anthropic("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
    error: {
      code: "context_overflow",
      message: "prompt is too long: 210000 tokens > 200000 maximum",
      upstreamCode: "invalid_request_error",
      status: 400,
    },
  },
  {
    name: "authentication_error",
    status: 401,
    body: anthropic("authentication_error"),
    error: {
      code: "unauthorized",
      message: "m",
      upstreamCode: "authentication_error",
      status: 401,
    },
  },
  {
    name: "billing_error",
    status: 402,
    body: anthropic("billing_error"),
    error: { code: "quota_exhausted", message: "m", upstreamCode: "billing_error", status: 402 },
  },
  {
    name: "permission_error",
    status: 403,
    body: anthropic("permission_error"),
    error: { code: "not_entitled", message: "m", upstreamCode: "permission_error", status: 403 },
  },
  {
    name: "not_found_error",
    status: 404,
    body: anthropic("not_found_error"),
    error: { code: "not_found", message: "m", upstreamCode: "not_found_error", status: 404 },
  },
  {
    name: "request_too_large",
    status: 413,
    body: anthropic("request_too_large"),
    error: {
      code: "invalid_request",
      message: "m",
      upstreamCode: "request_too_large",
      status: 413,
    },
  },
  {
    name: "rate_limit_error",
    status: 429,
    body: anthropic("rate_limit_error"),
    error: { code: "rate_limited", message: "m", upstreamCode: "rate_limit_error", status: 429 },
  },
  {
    name: "api_error",
    status: 500,
    body: anthropic("api_error"),
    error: { code: "upstream", message: "m", upstreamCode: "api_error", status: 500 },
  },
  {
    name: "timeout_error",
    status: 504,
    body: anthropic("timeout_error"),
    error: { code: "timeout", message: "m", upstreamCode: "timeout_error", status: 504 },
  },
  {
    name: "overloaded_error",
    status: 529,
    body: anthropic("overloaded_error"),
    error: { code: "overloaded", message: "m", upstreamCode: "overloaded_error", status: 529 },
  },
  {
    name: "a type nobody knows",
    status: 418,
    body: anthropic("teapot_error"),
    error: { code: "invalid_request", message: "m", upstreamCode: "teapot_error", status: 418 },
  },
  {
    name: "a type named like a property",
    status: 500,
    body: anthropic("constructor"),
    error: { code: "upstream", message: "m", upstreamCode: "constructor", status: 500 },
  },
  {
    name: "no body",
    status: 503,
    error: { code: "overloaded", message: "HTTP status 503", status: 503 },
  },
  {
    name: "an error that is a string",
    status: 400,
    body: { error: "nope", code: 7 },
    error: { code: "invalid_request", message: "nope", upstreamCode: "7", status: 400 },
  },
  {
    name: "a bare message",
    status: 500,
    body: { message: "nope" },
    error: { code: "upstream", message: "nope", status: 500 },
  },
  {
    name: "nothing of use",
    status: 500,
    body: { error: null },
    error: { code: "upstream", message: "HTTP status 500", status: 500 },
  },
  {
    name: "MiniMax, with the code in the message",
    status: 400,
    body: {
      type: "error",
      error: { type: "bad_request_error", message: "invalid params (2013)", http_code: "400" },
      request_id: "r",
    },
    context: CONTEXT,
    error: {
      code: "invalid_request",
      message: "invalid params (2013)",
      upstreamCode: "bad_request_error",
      status: 400,
      requestId: "r",
    },
  },
  {
    name: "MiniMax, plan limit under 429",
    status: 429,
    body: {
      type: "error",
      error: { type: "rate_limit_error", message: "usage limit exceeded (2056)", http_code: "429" },
    },
    context: CONTEXT,
    error: {
      code: "quota_exhausted",
      message: "usage limit exceeded (2056)",
      upstreamCode: "rate_limit_error",
      status: 429,
    },
  },
  {
    name: "MiniMax, base_resp",
    status: 401,
    body: { base_resp: { status_code: 2049, status_msg: "invalid api key" } },
    context: CONTEXT,
    error: { code: "unauthorized", message: "invalid api key", upstreamCode: "2049", status: 401 },
  },
];
for (const { name, status, body, context = PLAIN, error } of ANSWERS) {
  Deno.test(`decodeMessagesFailure() reads ${name}`, () => {
    assertEquals(decodeMessagesFailure({ status, body }, context), error);
  });
}

Deno.test("decodeMessagesFailure() makes words safe to print, and cuts them", () => {
  const body = anthropic("api_error", `\u001b]8;;evil\u0007${"x".repeat(500)}`);
  const { message } = decodeMessagesFailure(
    { status: 500, body, requestId: "h", retryAfterMs: 9 },
    PLAIN,
  );
  assertEquals([message.length, message.slice(0, 8)], [200, "]8;;evil"]);
});

Deno.test("decodeMessagesFailure() prefers the body's request id to the header's", () => {
  const answer = {
    status: 500,
    body: { ...anthropic("api_error"), request_id: "b" },
    requestId: "h",
  };
  assertEquals(decodeMessagesFailure(answer, PLAIN).requestId, "b");
  assertEquals(decodeMessagesFailure({ ...answer, body: undefined }, PLAIN).requestId, "h");
});

const BODIES: { name: string; body: JsonObject; code: string | undefined }[] = [
  { name: "an error under HTTP 200", body: anthropic("overloaded_error"), code: "overloaded" },
  {
    name: "base_resp under HTTP 200",
    body: { base_resp: { status_code: 1008, status_msg: "x" } },
    code: "quota_exhausted",
  },
  {
    name: "base_resp beside a message",
    body: { content: [], base_resp: { status_code: 1027 } },
    code: "content_filter",
  },
  {
    name: "base_resp that says success",
    body: { content: [], base_resp: { status_code: 0 } },
    code: undefined,
  },
  { name: "no message", body: { ok: true }, code: "upstream" },
];
for (const { name, body, code } of BODIES) {
  Deno.test(`decodeMessagesBody() reads ${name}`, () => {
    const decoded = decodeMessagesBody(body, CONTEXT);
    assertEquals<string | undefined>(
      decoded.kind === "error" ? decoded.error.code : undefined,
      code,
    );
  });
}

Deno.test("decodeMessagesBody() reads an answer, and keeps what it does not name", () => {
  const decoded = decodeMessagesBody({
    id: "0695",
    type: "message",
    role: "assistant",
    model: "MiniMax-M2.7",
    content: [
      { type: "thinking", thinking: "hm", signature: "s" },
      { type: "text", text: "ok" },
      { type: "tool_use", id: "t", name: "f", input: null },
      { type: "image", source: { type: "url", url: "https://example.com/" } },
      null,
    ],
    stop_reason: "end_turn",
    stop_sequence: null,
    stop_details: { type: "x" },
    usage: { input_tokens: 1, cache_read_input_tokens: null },
    base_resp: { status_code: 0, status_msg: "" },
  }, CONTEXT);
  assertEquals(decoded, {
    kind: "response",
    response: {
      id: "0695",
      model: "MiniMax-M2.7",
      content: [
        {
          type: "thinking",
          text: "hm",
          signature: "s",
          provenance: { origin: "minimax", model: "MiniMax-M2.7" },
        },
        { type: "text", text: "ok" },
        { type: "tool_use", id: "t", name: "f", arguments: "{}" },
        {
          type: "opaque",
          dialect: "messages",
          kind: "image",
          value: { type: "image", source: { type: "url", url: "https://example.com/" } },
        },
      ],
      stopReason: "tool_use",
      usage: { inputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 0 },
      extensions: { dialect: "messages", fields: { stop_details: { type: "x" } } },
    },
  });
});
