/**
 * A scripted server and a clock that only waits move, for the tests of the grants.
 *
 * @module
 */

import type { OAuthClient } from "../../src/oauth/client.ts";

/** One answer of a script; an `Error` is a `fetch` that rejects. */
export type Scripted = Response | Error | ((init: RequestInit) => Response | Promise<Response>);

/** A request that the script saw. */
export interface Seen {
  url: string;
  method: string;
  redirect: string | undefined;
  headers: Headers;
  body: string;
  fields: Record<string, string>;
}

/** A `fetch` that answers from a script, in order, and fails when the script is used up. */
export function scriptFetch(...script: Scripted[]): { fetch: typeof fetch; seen: Seen[] } {
  const seen: Seen[] = [];
  const left = [...script];
  return {
    seen,
    fetch: async (input, init = {}) => {
      const body = typeof init.body === "string" ? init.body : "";
      seen.push({
        url: String(input),
        method: init.method ?? "GET",
        redirect: init.redirect,
        headers: new Headers(init.headers),
        body,
        fields: Object.fromEntries(new URLSearchParams(body)),
      });
      const next = left.shift();
      if (next === undefined) throw new Error("the script has no further answer");
      if (next instanceof Error) throw next;
      return typeof next === "function" ? await next(init) : next;
    },
  };
}

/** A clock at `now` that moves only by its own waits. */
export function manualClock(now = 1_778_006_674_711): {
  now: () => number;
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  waits: number[];
} {
  const waits: number[] = [];
  let clock = now;
  return {
    waits,
    now: () => clock,
    sleep: (ms) => {
      waits.push(ms);
      clock += ms;
      return Promise.resolve();
    },
  };
}

/** A timer that fires at once: every deadline has passed before anything is answered. */
export function expiredTimer(_ms: number, fire: () => void): () => void {
  queueMicrotask(fire);
  return () => {};
}

/** A `fetch` that never answers, whatever its signal says. */
export const neverFetch: typeof fetch = () => new Promise(() => {});

export function html(status: number, text = "<!doctype html><title>Portal</title>"): Response {
  return new Response(text, { status, headers: { "content-type": "text/html; charset=utf-8" } });
}

export function redirectTo(location: string, status = 307): Response {
  return new Response(null, { status, headers: { location } });
}

/** How Deno reports that no connection came about. */
export function connectError(): TypeError {
  return new TypeError(
    "error sending request for url (https://auth.example/token): client error (Connect): dns error",
  );
}

/** How Deno reports a connection that broke after the request had left. */
export function resetError(): TypeError {
  return new TypeError(
    "error sending request for url (https://auth.example/token): client error (SendRequest): connection reset",
  );
}

export const CLIENT: OAuthClient = {
  clientId: "client-1",
  name: "Example",
  tokenEndpoint: new URL("https://auth.example/token"),
  trustedHosts: { hosts: ["auth.example", "*.auth.example"] },
};

/** The value of an awaited rejection; fails when there is none. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
