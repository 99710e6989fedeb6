/**
 * The routes that ask a model: Messages, Chat Completions, Responses, and the two that count tokens.
 *
 * @module
 */

import { stableHash } from "../../core/hash.ts";
import { resolveRuntime, type Runtime } from "../../core/runtime.ts";
import { type ClientRequest, conversationOf } from "../../transports/client_request.ts";
import { createRouter, type Router } from "../../transports/router.ts";
import { readBody } from "../middleware/body.ts";
import { namingOf, requireScope, resolveModel } from "../model_names.ts";
import type { GatewayOptions } from "../options.ts";
import type { Visit } from "../visit.ts";

/** Headers in which clients name their conversation. */
const CONVERSATION_HEADERS = [
  "x-claude-code-session-id",
  "session_id",
  "session-id",
  "x-session-id",
] as const;
/** Of a conversation without a name, so much of its beginning tells it from others. */
const BEGINNING_LENGTH = 4_096;

/** Answers a request for a message, or for a count of its tokens. */
export type GenerateHandler = (
  request: Request,
  visit: Visit,
  what: "generate" | "countTokens",
) => Promise<Response>;

/** Creates the handler. */
export function createGenerateHandler(options: GatewayOptions): GenerateHandler {
  const runtime = resolveRuntime(options);
  return async (request, visit, what) => {
    const body = await readBody(request, visit.settings.limits.bodyBytes, runtime, visit.hold);
    const conversation = conversationHeader(request.headers);
    const router = routerFor(visit, conversation, options, runtime);
    visit.isCounted = what === "generate";
    const response = await untilLeft(request.signal, (signal) =>
      router[what]({
        dialect: visit.dialect,
        body,
        signal,
        left: request.signal,
        requestId: visit.id,
        conversation,
      }));
    visit.endsLater = visit.isCounted && response.ok;
    return response;
  };
}

/**
 * Runs until the answer begins, or its client leaves. From then on leaving cancels the answer's body: a
 * body that failed besides would be an error in the eyes of the runtime.
 */
async function untilLeft<T>(
  left: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  left.throwIfAborted();
  const controller = new AbortController();
  const leave = () => controller.abort(left.reason);
  left.addEventListener("abort", leave, { once: true });
  try {
    return await run(controller.signal);
  } finally {
    left.removeEventListener("abort", leave);
  }
}

function routerFor(
  visit: Visit,
  conversation: string | undefined,
  options: GatewayOptions,
  runtime: Runtime,
): Router {
  const { upstreams, heartbeatMs } = options;
  return createRouter({
    ...runtime,
    heartbeatMs,
    resolve: async (name, client) => {
      const named = await resolveModel(name, await namingOf(visit, options));
      const { model } = named;
      visit.provider = named.provider.id;
      visit.model = model;
      requireScope(visit.key!, named);
      const { limits } = visit.settings;
      const { provider, transport } = await upstreams.open(named.provider, {
        conversation: () => conversation ?? nameOf(client),
        timeouts: { idleMs: limits.idleTimeoutMs, totalMs: limits.totalTimeoutMs },
        onAccount: (id) => visit.accounts.push(id),
      });
      visit.provider = provider.id;
      return { provider, transport, model };
    },
    onUsage: ({ outcome, usage }) => visit.ends(outcome, usage),
  });
}

function conversationHeader(headers: Headers): string | undefined {
  for (const name of CONVERSATION_HEADERS) {
    const value = headers.get(name);
    if (value !== null && value !== "") return value.slice(0, 256);
  }
  return undefined;
}

/** A name for a conversation: its own, or one made of what stays the same from turn to turn. */
function nameOf(client: ClientRequest): string {
  const { promptCacheKey, system, messages } = client.request;
  const beginning = () => JSON.stringify([system, messages[0]]).slice(0, BEGINNING_LENGTH);
  return promptCacheKey ?? conversationOf(client) ?? stableHash(beginning());
}
