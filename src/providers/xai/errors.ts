/**
 * What xAI's refusals mean, what to do about them, and which of them a changed request mends.
 *
 * @module
 */

import type { FailureFacts, FailureVerdict } from "../../protocols/codec.ts";
import type { GenerateRequest, StreamError, StreamErrorCode } from "../../protocols/event.ts";
import type { Recovery } from "../provider.ts";
import { guardSchema } from "./schema.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

/** Codes as slugs, and as the sentences that older answers have in their place. */
const CODES: Readonly<Record<string, StreamErrorCode>> = {
  "invalid-argument": "invalid_request",
  "client specified an invalid argument": "invalid_request",
  "out-of-range": "invalid_request",
  invalid_image: "invalid_request",
  unauthenticated: "unauthorized",
  "the request does not have valid authentication credentials for the operation": "unauthorized",
  "permission-denied": "not_entitled",
  permission_denied: "not_entitled",
  "the caller does not have permission to execute the specified operation": "not_entitled",
  "not-found": "not_found",
  "some requested entity was not found": "not_found",
  "resource-exhausted": "rate_limited",
  "some resource has been exhausted": "rate_limited",
  rate_limit: "rate_limited",
  unavailable: "overloaded",
  "the service is currently unavailable": "overloaded",
  "deadline-exceeded": "timeout",
  "the deadline expired before operation could complete": "timeout",
  internal: "upstream",
  "internal error": "upstream",
};

/**
 * Judges a failure by its words. The order counts: an expired token may come as a 403 with the same
 * code as a missing entitlement, and only a second mark tells them apart.
 */
export function classifyXaiError(facts: FailureFacts): FailureVerdict | undefined {
  const { status, tag = "", code = "", message = "" } = facts;
  const words = `${tag} ${code} ${message}`;
  if (
    /bad-credentials|access token could not be validated/i.test(words) ||
    tag.startsWith("unauthenticated:") || /incorrect api key/i.test(message)
  ) return "unauthorized";
  if (status === 401) return "unauthorized";
  // A limit of the plan: nothing changes for hours, and no header says so.
  if (/free-usage-exhausted|included free usage/i.test(words)) {
    return { code: "quota_exhausted", retryAfterMs: DAY_MS };
  }
  if (/spending-limit/i.test(words)) return { code: "quota_exhausted", retryAfterMs: DAY_MS };
  if (status === 402) return "quota_exhausted";
  if (/violates usage guidelines|safety_check|content moderation/i.test(words)) {
    return "content_filter";
  }
  if (status === 403) {
    if (/\bcredits\b/i.test(message)) return "quota_exhausted";
    // A page of the edge in front of the API, not a word of its own about the account.
    return words.trim() === "" ? "upstream" : "not_entitled";
  }
  if (isRefusedRequest(message)) return "invalid_request";
  if (/currently unavailable|at capacity|overloaded/i.test(message)) return "overloaded";
  // Where a status tells the class, a code tells it only better.
  return CODES[code.toLowerCase()] ?? CODES[tag.toLowerCase()] ??
    CODES[code.toLowerCase().split(":")[0]!];
}

/** The sign-in of the same account for another upstream, which replaces the stored one. */
function signInWith(upstream: string): string {
  return `grantway auth add xai-oauth --upstream ${upstream}`;
}

/** What to do about a failure. */
export function explainXaiError({ code, status, upstreamCode, message }: StreamError):
  | string
  | undefined {
  const words = `${upstreamCode ?? ""} ${message}`;
  if (status === 426) {
    return `This upstream asks for a newer client. Use the other one: ${signInWith("api")}`;
  }
  if (/spending-limit/i.test(words)) {
    return "This API does not serve the plan's included usage. Add credit, or use the other one: " +
      signInWith("cli");
  }
  if (/free-usage-exhausted|included free usage/i.test(words)) {
    return "The included usage comes back within 24 hours: https://grok.com/?_s=usage";
  }
  if (code === "not_entitled" && /chat endpoint/i.test(words)) {
    return "The login lacks what this upstream asks for, or the plan lacks the model. " +
      `Sign in again, or use the other one: ${signInWith("api")}`;
  }
  if (code === "not_entitled") {
    return "The server does not say why: the plan, a limit of it, the model, or how the account " +
      "was made. Look at https://grok.com/?_s=usage, or use an API key: XAI_API_KEY with provider xai";
  }
  return undefined;
}

/** What to do about a failure of a request for media. */
export function explainXaiMediaError(error: StreamError): string | undefined {
  return /spending-limit/i.test(`${error.upstreamCode ?? ""} ${error.message}`)
    ? "The plan's included usage does not cover this. Add credit, or use an API key: XAI_API_KEY " +
      "with provider xai"
    : explainXaiError(error);
}

const UNDECODABLE =
  /could not (?:decrypt|decode) the (?:provided encrypted_content|compaction blob)/i;
const INVALID_ARGUMENTS = /invalid arguments passed to the model/i;
const UNSUPPORTED =
  /(?:argument not supported on this model:|does not support(?: the)?(?: parameter)?|unsupported parameter:)\s*['"`]?([A-Za-z_.]+)/i;
const CHOICE_WITHOUT_TOOLS = /tool_choice was set on the request but no tools/i;

function isRefusedRequest(message: string): boolean {
  return [UNDECODABLE, INVALID_ARGUMENTS, UNSUPPORTED, CHOICE_WITHOUT_TOOLS]
    .some((pattern) => pattern.test(message));
}

/** Fields of the wire, in lower case and without underscores -> fields of a request. */
const FIELDS: Readonly<Record<string, keyof GenerateRequest>> = {
  reasoning: "reasoning",
  "reasoning.effort": "reasoning",
  reasoningeffort: "reasoning",
  temperature: "temperature",
  topp: "topP",
  maxoutputtokens: "maxOutputTokens",
  servicetier: "serviceTier",
  toolchoice: "toolChoice",
  paralleltoolcalls: "parallelToolCalls",
  promptcachekey: "promptCacheKey",
  user: "userId",
};

/** What mends a refused request. */
export const XAI_RECOVERIES: readonly Recovery[] = [
  { pattern: UNDECODABLE, mend: withoutSeals },
  { pattern: INVALID_ARGUMENTS, mend: withStrictSchemas },
  {
    pattern: CHOICE_WITHOUT_TOOLS,
    mend: (request) => without(without(request, "toolChoice"), "parallelToolCalls"),
  },
  {
    pattern: UNSUPPORTED,
    isLasting: true,
    mend: (request, match) => withoutField(request, match[1]!),
  },
];

function without(request: GenerateRequest, name: keyof GenerateRequest): GenerateRequest {
  return { ...request, [name]: undefined };
}

/** Without one field of the wire, by any of its spellings. */
function withoutField(request: GenerateRequest, wire: string): GenerateRequest | undefined {
  const name = FIELDS[wire.toLowerCase().replaceAll("_", "").replace(/\.$/, "")];
  if (name !== undefined) return request[name] === undefined ? undefined : without(request, name);
  const fields = request.extensions?.fields ?? {};
  if (request.extensions === undefined || !Object.hasOwn(fields, wire)) return undefined;
  const { [wire]: _refused, ...rest } = fields;
  return { ...request, extensions: { ...request.extensions, fields: rest } };
}

/** Without sealed reasoning; what can be read of it stays. */
function withoutSeals(request: GenerateRequest): GenerateRequest | undefined {
  let found = false;
  const messages = request.messages.map((message) => ({
    ...message,
    content: message.content.flatMap((block) => {
      if (block.type !== "thinking" || block.signature === undefined) return [block];
      found = true;
      const { signature: _signature, redacted: _redacted, ...rest } = block;
      return block.text === "" ? [] : [rest];
    }),
  }));
  return found ? { ...request, messages } : undefined;
}

/** With no more of each schema than is documented as supported. */
function withStrictSchemas(request: GenerateRequest): GenerateRequest | undefined {
  const tools = request.tools?.map((tool) =>
    tool.type === "function" && tool.parameters !== undefined
      ? { ...tool, parameters: guardSchema(tool.parameters, "strict") }
      : tool
  );
  const format = request.outputFormat;
  const outputFormat = format?.kind === "json_schema"
    ? { ...format, schema: guardSchema(format.schema, "strict") }
    : format;
  const isSame = JSON.stringify([tools, outputFormat]) ===
    JSON.stringify([request.tools, request.outputFormat]);
  return isSame ? undefined : { ...request, tools, outputFormat };
}
