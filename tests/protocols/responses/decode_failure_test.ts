import { assertEquals } from "@std/assert";
import type { FailureFacts } from "../../../src/protocols/codec.ts";
import { decodeResponsesFailure } from "../../../src/protocols/responses/decode_failure.ts";

/** Each row: the body of a failed answer, and what is read from it. */
const BODIES: { name: string; body: unknown; facts: FailureFacts }[] = [
  {
    name: "code and error side by side",
    body: { code: "invalid-argument", error: "Bad model" },
    facts: { code: "invalid-argument", message: "Bad model" },
  },
  {
    name: "a code that is a sentence, and nothing else",
    body: { code: "The service is currently unavailable", error: "" },
    facts: {
      code: "The service is currently unavailable",
      message: "The service is currently unavailable",
    },
  },
  {
    name: "a code that is a number",
    body: { code: 7, error: "x" },
    facts: { code: "7", message: "x" },
  },
  {
    name: "a nested error",
    body: { error: { message: "m", type: "invalid_request_error", param: null, code: "c" } },
    facts: { type: "invalid_request_error", code: "c", message: "m" },
  },
  {
    name: "an error one level deeper",
    body: { body: { error: { message: "m", code: "c" } } },
    facts: { code: "c", message: "m" },
  },
  { name: "error as text", body: { error: "text" }, facts: { message: "text" } },
  { name: "a bare string", body: "text", facts: { message: "text" } },
  {
    name: "a message alone",
    body: { message: "m", code: "c" },
    facts: { code: "c", message: "m" },
  },
  { name: "a detail alone", body: { detail: "d" }, facts: { message: "d" } },
  { name: "no JSON", body: undefined, facts: {} },
  {
    name: "a mark within the words",
    body: { code: "sentence", error: "Expired. [WKE=unauthenticated:bad-credentials]" },
    facts: { code: "sentence", message: "Expired.", tag: "unauthenticated:bad-credentials" },
  },
  {
    name: "a mark behind many words",
    body: { error: `${"long ".repeat(100)}[WKE=a:b]` },
    facts: { message: `${"long ".repeat(39)}long…`, tag: "a:b" },
  },
  {
    name: "words that would write to a terminal",
    body: { error: "a\u001b[2Jb" },
    facts: { message: "a [2Jb" },
  },
];
for (const { name, body, facts } of BODIES) {
  Deno.test(`decodeResponsesFailure() reads ${name}`, () => {
    let seen: FailureFacts | undefined;
    decodeResponsesFailure({ status: 418, body: body as string | undefined }, {
      origin: "xai",
      classify: (facts) => {
        seen = facts;
        return undefined;
      },
    });
    assertEquals(seen, { ...facts, status: 418 });
  });
}

/** Each row: a status and a body without any words of a vendor's, and the class. */
const CLASSES: [status: number, body: Record<string, unknown> | undefined, code: string][] = [
  [400, undefined, "invalid_request"],
  [400, { error: "This model's maximum prompt length is 131072" }, "context_overflow"],
  [400, { error: { code: "context_length_exceeded" } }, "context_overflow"],
  [401, undefined, "unauthorized"],
  [402, undefined, "quota_exhausted"],
  [403, undefined, "not_entitled"],
  [404, undefined, "not_found"],
  [408, undefined, "timeout"],
  [410, undefined, "invalid_request"],
  [413, undefined, "invalid_request"],
  [429, undefined, "rate_limited"],
  [429, { error: { code: "insufficient_quota" } }, "quota_exhausted"],
  [500, undefined, "upstream"],
  [503, undefined, "overloaded"],
  [504, undefined, "timeout"],
  [520, undefined, "upstream"],
];
for (const [status, body, code] of CLASSES) {
  Deno.test(`decodeResponsesFailure() judges ${status} ${JSON.stringify(body) ?? ""}`, () => {
    assertEquals(decodeResponsesFailure({ status, body }, { origin: "xai" }).code, code);
  });
}

Deno.test("decodeResponsesFailure() keeps what the headers said", () => {
  assertEquals(
    decodeResponsesFailure(
      { status: 429, body: { error: "slow" }, retryAfterMs: 3000, requestId: "req" },
      { origin: "xai" },
    ),
    { code: "rate_limited", message: "slow", status: 429, retryAfterMs: 3000, requestId: "req" },
  );
});

Deno.test("decodeResponsesFailure() takes a vendor's word for the class and for how long it lasts", () => {
  const answer = { status: 429, body: { error: "used up" } };
  const context = {
    origin: "xai",
    classify: () => ({ code: "quota_exhausted" as const, retryAfterMs: 60_000 }),
  };
  const { code, retryAfterMs } = decodeResponsesFailure(answer, context);
  assertEquals([code, retryAfterMs], ["quota_exhausted", 60_000]);
  assertEquals(decodeResponsesFailure({ ...answer, retryAfterMs: 5 }, context).retryAfterMs, 5);
});
