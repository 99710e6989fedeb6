/**
 * The way to the server and back, as the production code's `fetch`.
 *
 * Answers are plain objects in the shape of a `Response`: what the parser reads of one, and no more,
 * since a real one takes as long as ten steps.
 *
 * @module
 */

import { osError } from "./disk.ts";
import type { SentRequest } from "./checks.ts";
import type { Process } from "./process.ts";
import { EPOCH, type Presented } from "./server.ts";

/** What the server answers instead of what it should. */
export type Misbehaviour =
  | "5xx"
  | "html"
  | "truncated"
  | "empty"
  | "portal"
  | "redirect"
  | "no tokens"
  | "huge"
  | "429"
  | "invalid_client"
  | "invalid_request"
  | "html invalid_grant";

/** What becomes of one request. */
export interface NetworkPlan {
  /** Never leaves, and its sender knows. */
  isUnsent?: boolean;
  /** To the server, and its work, ms. */
  transitMs: number;
  /** Back, ms. */
  answerMs: number;
  lost?: "request" | "answer" | undefined;
  /** The connection breaks instead of staying silent. */
  isReset?: boolean;
  isDuplicated?: boolean;
  /** After this many ms the server sees it again. */
  duplicateMs?: number;
  misbehaviour?: Misbehaviour | undefined;
  /** Whether it misbehaves before or after it looked at the token. */
  isAfter?: boolean;
  /** The body breaks off. */
  isCut?: boolean;
  /** No new refresh token. */
  keepsToken?: boolean;
  expiry?: "lifetime" | "instant" | "none" | "nonsense";
}

interface Answer {
  status: number;
  body: string;
  type?: string;
  retryAfter?: string;
  location?: string;
}

/** The `fetch` of one process. */
export function createFetch(process: Process): typeof fetch {
  const { world } = process;
  return async (_input, init) => {
    const value = /refresh_token=([^&]*)/.exec(init!.body as string)![1]!;
    const token = world.server.tokens.get(value)!;
    const { signal } = init!;
    const plan = world.isCalm ? { transitMs: 10, answerMs: 10 } : world.director.network(process);
    const request = await process.call("send", `send ${value}`, () => {
      signal?.throwIfAborted();
      if (plan.isUnsent) throw osError("ECONNREFUSED");
      process.hot = 16;
      return world.checks.onSend(process, token);
    });
    const response = await new Promise<Response>((resolve, reject) => {
      const onAbort = () => {
        world.checks.onEnd(request, "given up");
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      travel(process, request, plan, (answer) => {
        if (!process.isAlive || signal?.aborted) return;
        process.hot = 16;
        if (answer === undefined) {
          world.checks.onEnd(request, "lost");
          reject(osError("ECONNRESET"));
        } else {
          resolve(createResponse(process, request, plan, answer, signal ?? undefined));
        }
      });
    });
    return response;
  };
}

/** Takes a request there and, where the plan says so, an answer back. */
function travel(
  process: Process,
  request: SentRequest,
  plan: NetworkPlan,
  deliver: (answer: Answer | undefined) => void,
): void {
  const { world } = process;
  const isBefore = plan.misbehaviour !== undefined && !plan.isAfter;
  const arrive = (isFirst: boolean) => () => {
    if (isBefore) {
      if (isFirst) world.later("answer", plan.answerMs, () => deliver(misbehave(plan, "")));
      return;
    }
    const { token } = request;
    const { family } = token;
    const wasRevoked = family.isRevoked;
    const presented = world.server.present(token.value, !plan.keepsToken);
    world.log(`-- server: ${token.value} ${presented.kind}`);
    if (presented.kind === "rejected" && presented.isReuse) {
      if (!isFirst) {
        if (family.isRevoked && !wasRevoked) family.excuse ??= "duplicated";
      } else world.checks.onReuse(request);
    }
    if (!isFirst) return;
    request.isRenewal = presented.kind === "granted" && !presented.isRotation;
    if (presented.kind === "granted" && presented.isRotation) {
      request.rotation = presented.token;
      if (request.endedAt !== undefined) request.token.excuse ??= "sender gone";
    }
    if (plan.lost === "answer") {
      request.token.excuse ??= "answer lost";
      if (plan.isReset) world.later("reset", plan.answerMs, () => deliver(undefined));
      return;
    }
    const answer = presented.kind === "rejected"
      ? { status: 400, body: `{"error":"invalid_grant"}` }
      : grant(process, presented, plan);
    world.later("answer", plan.answerMs, () => {
      deliver(plan.misbehaviour === undefined ? answer : misbehave(plan, answer.body));
    });
  };
  if (plan.lost === "request") {
    if (plan.isReset) world.later("reset", plan.transitMs, () => deliver(undefined));
    return;
  }
  world.later(`process ${request.token.value}`, plan.transitMs, () => {
    arrive(true)();
    if (!plan.isDuplicated) return;
    world.later(`process ${request.token.value} again`, plan.duplicateMs ?? 0, arrive(false));
  });
}

function grant(
  { world }: Process,
  presented: Presented & { kind: "granted" },
  plan: NetworkPlan,
): Answer {
  const { token } = presented;
  const lifetimeS = world.server.lifetimeMs / 1000;
  const expiry = plan.expiry ?? "lifetime";
  return {
    status: 200,
    body: JSON.stringify({
      access_token: token.accessToken,
      ...(presented.isRotation ? { refresh_token: token.value } : {}),
      token_type: "Bearer",
      ...(expiry === "lifetime"
        ? { expires_in: lifetimeS }
        : expiry === "instant"
        ? { expired_in: EPOCH + token.expiresAt }
        : expiry === "nonsense"
        ? { expires_in: "soon" }
        : {}),
    }),
  };
}

const HTML = "<!doctype html><title>502</title>";

function misbehave({ misbehaviour }: NetworkPlan, body: string): Answer {
  switch (misbehaviour!) {
    case "5xx":
      return { status: 503, body: `{"error":"temporarily_unavailable"}` };
    case "html":
      return { status: 502, body: HTML, type: "text/html" };
    case "portal":
      return { status: 200, body: HTML, type: "text/html" };
    case "truncated":
      return { status: 200, body: body.slice(0, body.length >> 1) };
    case "empty":
      return { status: 200, body: "" };
    case "redirect":
      return { status: 302, body: "", location: "https://elsewhere.example/" };
    case "no tokens":
      return { status: 200, body: "{}" };
    case "huge":
      return { status: 200, body: `{"x":"${"x".repeat(66_000)}"}` };
    case "429":
      return { status: 429, body: "{}", retryAfter: "70" };
    case "invalid_client":
      return { status: 401, body: `{"error":"invalid_client"}` };
    case "invalid_request":
      return { status: 400, body: `{"error":"invalid_request"}` };
    case "html invalid_grant":
      return { status: 400, body: `{"error":"invalid_grant"}`, type: "text/html" };
  }
}

/** One for all: to make an error takes as long as a step. */
const NOT_BYTES = new TypeError("not a stream of bytes");

const UNSPENT = new Set<Misbehaviour>(["429", "invalid_client", "invalid_request"]);

function createResponse(
  process: Process,
  request: SentRequest,
  plan: NetworkPlan,
  answer: Answer,
  signal: AbortSignal | undefined,
): Response {
  const { world } = process;
  const { status, type = "application/json", retryAfter, location } = answer;
  const headers: Record<string, string | undefined> = {
    "content-type": type,
    "retry-after": retryAfter,
    location,
    date: world.wallErrorMs === 0 ? undefined : new Date(EPOCH + world.now).toUTCString(),
  };
  let isRead = false;
  const read = (): Promise<{ done: boolean; value?: Uint8Array }> => {
    if (isRead) return Promise.resolve({ done: true });
    isRead = true;
    return process.call("body", "body", () => {
      if (signal?.aborted) throw signal.reason;
      if (plan.isCut) {
        world.checks.onEnd(request, "answer cut");
        throw osError("ECONNRESET");
      }
      const isWhole = plan.misbehaviour === undefined;
      world.checks.onEnd(request, isWhole ? undefined : "answer spoilt");
      if (plan.misbehaviour !== undefined && !plan.isAfter) {
        request.isUnspent = UNSPENT.has(plan.misbehaviour);
      }
      if (isWhole && request.rotation !== undefined) request.rotation.isReceived = true;
      if (isWhole && request.isRenewal) world.checks.onRenewal(request.token);
      return { done: false, value: new TextEncoder().encode(answer.body) };
    });
  };
  if (status >= 300 && status < 400) world.checks.onEnd(request, "redirected");
  return {
    status,
    ok: status >= 200 && status < 300,
    type: "default",
    headers: { get: (name: string) => headers[name] ?? null },
    body: {
      getReader: (options?: { mode: string }) => {
        if (options?.mode === "byob") throw NOT_BYTES;
        return { read, cancel: () => Promise.resolve() };
      },
      cancel: () => Promise.resolve(),
    },
  } as unknown as Response;
}
