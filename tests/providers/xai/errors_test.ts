import { assert, assertEquals } from "@std/assert";
import type { FailureFacts } from "../../../src/protocols/codec.ts";
import type { GenerateRequest } from "../../../src/protocols/event.ts";
import {
  classifyXaiError,
  explainXaiError,
  XAI_RECOVERIES,
} from "../../../src/providers/xai/errors.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const NO_PERMISSION = "The caller does not have permission to execute the specified operation";

/** Each row: a failure, and its class. */
const FAILURES: { facts: FailureFacts; verdict: unknown }[] = [
  { facts: { status: 401, message: "no auth context" }, verdict: "unauthorized" },
  {
    facts: { status: 401, message: "Invalid or expired credentials (auth_kind=bearer)" },
    verdict: "unauthorized",
  },
  {
    facts: { status: 403, code: "unauthenticated:bad-credentials", message: "x" },
    verdict: "unauthorized",
  },
  {
    facts: {
      status: 403,
      code: NO_PERMISSION,
      message: "The OAuth2 access token could not be validated",
    },
    verdict: "unauthorized",
  },
  {
    facts: { status: 403, code: NO_PERMISSION, message: "x", tag: "unauthenticated:expired" },
    verdict: "unauthorized",
  },
  { facts: { status: 403, code: NO_PERMISSION, message: "x" }, verdict: "not_entitled" },
  {
    facts: { status: 403, message: "You do not have an active Grok subscription" },
    verdict: "not_entitled",
  },
  {
    facts: { status: 403, message: "You are out of available resources for grok-4.3" },
    verdict: "not_entitled",
  },
  {
    facts: {
      status: 403,
      code: "permission-denied",
      message: "Access to the chat endpoint is denied",
    },
    verdict: "not_entitled",
  },
  { facts: { status: 403 }, verdict: "upstream" },
  {
    facts: { status: 403, code: NO_PERMISSION, message: "Content violates usage guidelines." },
    verdict: "content_filter",
  },
  {
    facts: { status: 402, code: "personal-team-blocked:spending-limit" },
    verdict: { code: "quota_exhausted", retryAfterMs: DAY_MS },
  },
  {
    facts: { status: 403, code: "personal-team-blocked:spending-limit" },
    verdict: { code: "quota_exhausted", retryAfterMs: DAY_MS },
  },
  { facts: { status: 402, message: "pay" }, verdict: "quota_exhausted" },
  {
    facts: { status: 403, message: "Your team has used all available credits" },
    verdict: "quota_exhausted",
  },
  {
    facts: { status: 429, code: "subscription:free-usage-exhausted" },
    verdict: { code: "quota_exhausted", retryAfterMs: DAY_MS },
  },
  {
    facts: { status: 429, message: "You have used the included free usage" },
    verdict: { code: "quota_exhausted", retryAfterMs: DAY_MS },
  },
  { facts: { status: 429, code: "rate_limit" }, verdict: "rate_limited" },
  { facts: { status: 429, code: "Some resource has been exhausted" }, verdict: "rate_limited" },
  {
    facts: { status: 400, message: "Incorrect API key provided: xa***1" },
    verdict: "unauthorized",
  },
  {
    facts: { status: 400, code: "Client specified an invalid argument", message: "x" },
    verdict: "invalid_request",
  },
  { facts: { status: 404, code: "not-found", message: "no model" }, verdict: "not_found" },
  // In a stream, and under HTTP 200, there is no status.
  { facts: { message: "Invalid arguments passed to the model: x" }, verdict: "invalid_request" },
  { facts: { message: "The service is currently unavailable" }, verdict: "overloaded" },
  { facts: { code: "The service is currently unavailable" }, verdict: "overloaded" },
  { facts: { code: "resource-exhausted:tokens" }, verdict: "rate_limited" },
  { facts: { status: 500, message: "odd" }, verdict: undefined },
];
for (const { facts, verdict } of FAILURES) {
  Deno.test(`classifyXaiError() judges ${JSON.stringify(facts)}`, () => {
    assertEquals<unknown>(classifyXaiError(facts), verdict);
  });
}

/** Each row: a failure, and words of the advice. */
const ADVICE: [Parameters<typeof explainXaiError>[0], RegExp | undefined][] = [
  [{ code: "not_entitled", message: "no", status: 403 }, /XAI_API_KEY.*provider xai/],
  [{ code: "not_entitled", message: "Access to the chat endpoint is denied" }, /upstream api/],
  [{ code: "invalid_request", message: "outdated", status: 426 }, /upstream api/],
  [
    { code: "quota_exhausted", message: "x", upstreamCode: "personal-team-blocked:spending-limit" },
    /upstream cli/,
  ],
  [
    { code: "quota_exhausted", message: "x", upstreamCode: "subscription:free-usage-exhausted" },
    /24 hours/,
  ],
  [{ code: "rate_limited", message: "slow" }, undefined],
];
for (const [error, words] of ADVICE) {
  Deno.test(`explainXaiError() on ${JSON.stringify(error)}`, () => {
    const advice = explainXaiError(error);
    if (words === undefined) assertEquals(advice, undefined);
    else assert(advice !== undefined && words.test(advice), advice);
    assert(!/not subscribed/i.test(advice ?? ""));
  });
}

const REQUEST: GenerateRequest = {
  model: "grok-4.3",
  messages: [{
    role: "assistant",
    content: [
      { type: "thinking", text: "seen", signature: "a" },
      { type: "thinking", text: "", signature: "b", redacted: true },
      { type: "text", text: "x" },
    ],
  }],
  tools: [{
    type: "function",
    name: "f",
    parameters: { type: "object", properties: { a: { type: "integer", minimum: 1 } } },
  }],
  toolChoice: { kind: "auto" },
  parallelToolCalls: true,
  temperature: 1,
  reasoning: { effort: "low" },
  serviceTier: "default",
  extensions: { dialect: "responses", fields: { max_turns: 3 } },
  stream: true,
};

/** Each row: what was said, and what the request is without. */
const REFUSALS: { message: string; changes: Partial<GenerateRequest> | undefined }[] = [
  ...[
    "Could not decrypt the provided encrypted_content. Ensure the value is the unmodified encrypted_content from a previous response.",
    "Could not decode the compaction blob",
  ].map((message) => ({
    message,
    changes: {
      messages: [{
        role: "assistant" as const,
        content: [{ type: "thinking" as const, text: "seen" }, {
          type: "text" as const,
          text: "x",
        }],
      }],
    },
  })),
  {
    message: "Invalid arguments passed to the model.",
    changes: {
      tools: [{
        type: "function",
        name: "f",
        parameters: { type: "object", properties: { a: { type: "integer" } } },
      }],
      outputFormat: undefined,
    },
  },
  {
    message: "A tool_choice was set on the request but no tools were specified",
    changes: { toolChoice: undefined, parallelToolCalls: undefined },
  },
  {
    message: "Model grok-4.3 does not support parameter reasoningEffort.",
    changes: { reasoning: undefined },
  },
  {
    message: "Argument not supported on this model: temperature",
    changes: { temperature: undefined },
  },
  {
    message: "Unsupported parameter: 'temperature' is not supported with this model.",
    changes: { temperature: undefined },
  },
  { message: "This model does not support service_tier", changes: { serviceTier: undefined } },
  {
    message: "Argument not supported on this model: max_turns",
    changes: { extensions: { dialect: "responses", fields: {} } },
  },
  { message: "Argument not supported on this model: stop", changes: undefined },
  { message: "Argument not supported on this model: top_p", changes: undefined },
  { message: "Messages must not be empty", changes: undefined },
];
for (const { message, changes } of REFUSALS) {
  Deno.test(`XAI_RECOVERIES on: ${message}`, () => {
    const before = JSON.stringify(REQUEST);
    let mended: GenerateRequest | undefined;
    for (const { pattern, mend } of XAI_RECOVERIES) {
      const match = pattern.exec(`Cannot get an answer from xAI: ${message}`);
      mended ??= match === null ? undefined : mend(REQUEST, match);
    }
    assertEquals(mended, changes && { ...REQUEST, ...changes });
    assertEquals(JSON.stringify(REQUEST), before, "the caller's own");
  });
}
