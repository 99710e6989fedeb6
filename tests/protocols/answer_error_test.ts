import { assert, assertEquals } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import type { JsonObject } from "../../src/core/http.ts";
import { chatClientCodec } from "../../src/protocols/chat/codec.ts";
import { messagesClientCodec } from "../../src/protocols/messages/client_codec.ts";

type Row = [
  code: ErrorCode,
  messages: [status: number, type: string],
  chat: [status: number, type: string, code: string],
];
const ROWS: Row[] = [
  ["invalid_request", [400, "invalid_request_error"], [
    400,
    "invalid_request_error",
    "invalid_request",
  ]],
  ["unsupported", [400, "invalid_request_error"], [
    400,
    "invalid_request_error",
    "invalid_request",
  ]],
  ["context_overflow", [400, "invalid_request_error"], [
    400,
    "invalid_request_error",
    "context_length_exceeded",
  ]],
  ["content_filter", [400, "invalid_request_error"], [
    400,
    "invalid_request_error",
    "content_filter",
  ]],
  ["login_required", [401, "authentication_error"], [
    401,
    "authentication_error",
    "invalid_api_key",
  ]],
  ["unauthorized", [401, "authentication_error"], [401, "authentication_error", "invalid_api_key"]],
  ["not_entitled", [403, "permission_error"], [403, "permission_error", "permission_denied"]],
  ["quota_exhausted", [402, "billing_error"], [429, "insufficient_quota", "insufficient_quota"]],
  ["not_found", [404, "not_found_error"], [404, "invalid_request_error", "model_not_found"]],
  ["rate_limited", [429, "rate_limit_error"], [429, "rate_limit_error", "rate_limit_exceeded"]],
  ["overloaded", [529, "overloaded_error"], [503, "server_error", "server_is_overloaded"]],
  // Not the client's key that is wrong: it must not log its user out.
  ["refresh_uncertain", [529, "overloaded_error"], [503, "server_error", "server_is_overloaded"]],
  ["timeout", [504, "timeout_error"], [504, "server_error", "timeout"]],
  ["upstream", [500, "api_error"], [502, "server_error", "server_error"]],
  ["stream_interrupted", [500, "api_error"], [502, "server_error", "server_error"]],
  ["storage_read", [500, "api_error"], [500, "server_error", "server_error"]],
];
for (const [code, [status, type], chat] of ROWS) {
  Deno.test(`encodeError() tells ${code} in each dialect`, () => {
    const error = new GrantwayError(code, "Cannot get an answer: why", { requestId: "r" });
    const message = code === "context_overflow"
      ? "prompt is too long: Cannot get an answer: why"
      : "Cannot get an answer: why";
    assertEquals(messagesClientCodec.encodeError(error), {
      status,
      headers: { "request-id": "r" },
      body: { type: "error", error: { type, message }, request_id: "r" },
    });
    const [chatStatus, chatType, chatCode] = chat;
    assertEquals(chatClientCodec.encodeError(error), {
      status: chatStatus,
      headers: { "x-request-id": "r" },
      body: {
        error: {
          message: "Cannot get an answer: why",
          type: chatType,
          param: null,
          code: chatCode,
        },
      },
    });
  });
}

for (const { dialect, encodeError } of [messagesClientCodec, chatClientCodec]) {
  Deno.test(`encodeError() of ${dialect} passes on how long to wait`, () => {
    const { headers } = encodeError({ code: "rate_limited", message: "m", retryAfterMs: 1_500 });
    assertEquals(headers, { "retry-after": "2", "retry-after-ms": "1500" });
  });

  Deno.test(`encodeError() of ${dialect} tells a body that is too large by its status`, () => {
    const { status, body } = encodeError({ code: "invalid_request", message: "m" }, 413);
    assertEquals(status, 413);
    const { type, code } = body["error"] as JsonObject;
    assert([type, code].includes("request_too_large"));
  });
}

Deno.test("encodeError() does not say twice that a prompt is too long", () => {
  const message = "prompt is too long: 9 tokens > 8 maximum";
  const { body } = messagesClientCodec.encodeError({ code: "context_overflow", message });
  assertEquals((body["error"] as JsonObject)["message"], message);
});
