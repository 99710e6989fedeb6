/** What the media tests share: a sandbox, a login of it, and options that reach it. */

import { createSandbox, type Sandbox, type SandboxQuirks } from "../../src/sandbox/mod.ts";
import type { MediaOptions } from "../../src/media/mod.ts";
import type { AccessTokenSource, GetTokenOptions } from "../../src/credentials/access_token.ts";
import { resolveEndpoints } from "../../src/providers/endpoints.ts";
import { xaiOAuth } from "../../src/providers/xai/provider.ts";
import { login } from "../sandbox/xai/support.ts";

/** A request that reached the network. */
export interface Sent {
  method: string;
  url: string;
  headers: Headers;
}

/** A sandbox that makes media, and what it takes to ask it. */
export interface MediaWorld {
  sandbox: Sandbox;
  options: MediaOptions;
  /** What was sent, in order. */
  sent: Sent[];
  /** Waits, ms, in order; they pass at once. */
  waits: number[];
  /** How bearers were asked for. */
  asked: GetTokenOptions[];
  /** In place of the network, where a test sets it; `undefined` lets the sandbox answer. */
  answer: (url: string, init: RequestInit) => Promise<Response | undefined> | Response | undefined;
}

/** A signed-in world. `stale` bearers are handed out before the good one. */
export async function createWorld(
  quirks: Partial<SandboxQuirks> = {},
  { stale = 0, ...more }: Partial<MediaOptions> & { stale?: number } = {},
): Promise<MediaWorld> {
  let clock = 1_790_000_000_000;
  const sandbox = createSandbox({ now: () => clock, quirks });
  const { access_token } = await login(sandbox);
  const world: MediaWorld = {
    sandbox,
    sent: [],
    waits: [],
    asked: [],
    answer: () => undefined,
    options: {
      provider: xaiOAuth,
      endpoints: resolveEndpoints(xaiOAuth, xaiOAuth.regions[0]),
      source: bearers(
        [...Array.from({ length: stale }, (_, index) => `stale${index}`), access_token],
        (get) => world.asked.push(get),
      ),
      fetch: async (input, init = {}) => {
        const { method, url, headers } = new Request(input, { ...init, body: null });
        world.sent.push({ method: init.method ?? method, url, headers });
        return await world.answer(url, init) ?? await sandbox.fetch(input as string, init);
      },
      now: () => clock,
      sleep: (ms, signal) => {
        signal?.throwIfAborted();
        if (ms >= 120_000) {
          // The watch over silence: it lasts until the request is over.
          return new Promise((_, reject) =>
            signal?.addEventListener("abort", () => reject(signal.reason), { once: true })
          );
        }
        world.waits.push(ms);
        clock += ms;
        return Promise.resolve();
      },
      ...more,
    },
  };
  return world;
}

function bearers(values: string[], onGet: (options: GetTokenOptions) => void): AccessTokenSource {
  let generation = 0;
  return {
    get: (options = {}) => {
      onGet(options);
      if (options.rejectedGeneration === generation && generation < values.length - 1) generation++;
      return Promise.resolve({
        value: values[generation]!,
        generation,
        expiresAt: 9e15,
        credential: { provider: "xai-oauth", id: "cred1", label: "work", region: "global" },
      });
    },
  };
}

/** The whole of a body. */
export async function collect(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  return new Uint8Array(
    await new Response(body as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

/** A file of these bytes; counts how often it is opened. */
export function fileOf(
  bytes: Uint8Array<ArrayBuffer>,
  name = "a.wav",
): {
  name: string;
  size: number;
  opened: number;
  open: () => ReadableStream<Uint8Array<ArrayBuffer>>;
} {
  const file = {
    name,
    size: bytes.length,
    opened: 0,
    open: () => {
      file.opened++;
      return new Blob([bytes]).stream();
    },
  };
  return file;
}

/** A PNG of one pixel. */
export const PIXEL = Uint8Array.from(
  atob(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  ),
  (char) => char.charCodeAt(0),
);
