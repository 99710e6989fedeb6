/**
 * A Worker with nothing but the credential side: an isolate that lends out its reader and its store of
 * credentials, and objects whose clocks may run faster and that can be hurt.
 *
 * @module
 */

import {
  createCredentialCaller,
  createCredentialReader,
  createRemoteCredentials,
  CredentialObject,
  type CredentialReader,
  type ObjectState,
  openStorage,
  StoreObject,
  type WorkerEnv,
} from "../../../src/adapters/cloudflare/mod.ts";
import { createKvStore } from "../../../src/adapters/cloudflare/mod.ts";
import type { GrantwayError } from "../../../src/core/errors.ts";
import { sleep } from "../../../src/core/runtime.ts";
import type { Credential } from "../../../src/credentials/credential.ts";
import { GRANT_TIMEOUT_MS } from "../../../src/credentials/refresh_timing.ts";
import type { CredentialStore } from "../../../src/credentials/credential_store.ts";

/** Where the clocks of objects that run faster start, ms since the epoch. */
const START = Date.now();

/** How many requests of objects were given up because their time was over. */
let deadlines = 0;
let lastDeadlineAt = -Infinity;

/** Two timers watch one request; whichever fires, or both, is one deadline. */
function deadlinePassed(): void {
  if (Date.now() - lastDeadlineAt > 20) deadlines++;
  lastDeadlineAt = Date.now();
}

/** A clock that runs `scale` times as fast as the real one. */
function clockOf(scale: number) {
  return {
    now: () => START + (Date.now() - START) * scale,
    sleep: (ms: number, signal?: AbortSignal) => sleep(ms / scale, signal),
  };
}

/** An object that tests can look into. */
export class TestObject extends CredentialObject {
  readonly #state: ObjectState & { abort(reason: string): void };
  readonly #plan: { putsLeft?: number | undefined };

  constructor(state: ObjectState & { abort(reason: string): void }, env: WorkerEnv) {
    const plan: { putsLeft?: number | undefined } = {};
    const scale = Number(env["SCALE"] ?? 1);
    const { now, sleep } = clockOf(scale);
    const { storage } = state;
    const scaled: ObjectState = {
      waitUntil: (promise) => state.waitUntil(promise),
      storage: {
        get: (keys) => storage.get(keys),
        put: (entries) => {
          if (plan.putsLeft !== undefined && plan.putsLeft-- === 0) state.abort("moved");
          return storage.put(entries);
        },
        delete: (keys) => storage.delete(keys),
        list: (options) => storage.list(options),
        sync: () => storage.sync(),
        setAlarm: (at) => storage.setAlarm(START + (at - START) / scale),
        deleteAlarm: () => storage.deleteAlarm(),
      },
    };
    const watched = async (ms: number, signal?: AbortSignal) => {
      await sleep(ms, signal);
      if (ms === GRANT_TIMEOUT_MS) deadlinePassed();
    };
    super(scaled, env, { now, sleep: watched, startTimer: timerOf(scale) });
    this.#state = state;
    this.#plan = plan;
  }

  override async fetch(request: Request): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/test/abort":
        this.#state.abort("as after a deployment");
        return new Response();
      case "/test/abort_at":
        this.#plan.putsLeft = (await request.json()).put;
        return new Response("{}");
      case "/test/dump":
        return Response.json([...await this.#state.storage.list({ prefix: "" })]);
      case "/test/restore":
        await this.#state.storage.put(await request.json());
        return new Response("{}");
      case "/test/alarm":
        await Promise.all([this.alarm(), this.alarm()]);
        return new Response("{}");
    }
    return await super.fetch(request);
  }
}

function timerOf(scale: number) {
  return (ms: number, fire: () => void) => {
    const timer = setTimeout(() => {
      deadlinePassed();
      fire();
    }, ms / scale);
    return () => clearTimeout(timer);
  };
}

export { StoreObject };

let opened: { reader: CredentialReader; credentials: CredentialStore } | undefined;

function open(env: WorkerEnv) {
  if (opened !== undefined) return opened;
  const { now, sleep } = clockOf(Number(env["SCALE"] ?? 1));
  const { kv } = openStorage(env);
  const call = createCredentialCaller({ objects: env.CREDENTIALS, sleep, random: Math.random });
  const reader = createCredentialReader({ kv, call, now, sleep, onWarning: console.warn });
  return opened = { reader, credentials: createRemoteCredentials(reader, call) };
}

/** One request to the isolate. */
export interface TestCall {
  method: "token" | "put" | "list" | "remove" | "object" | "kv" | "time" | "deadlines";
  provider: string;
  id: string;
  /** For `token`: how many callers, and what they were refused. */
  count?: number;
  rejectedGeneration?: number;
  credential?: Credential;
  /** For `object`: what its path is, and its body. */
  path?: string;
  body?: unknown;
}

async function run(call: TestCall, env: WorkerEnv): Promise<unknown> {
  const { provider, id, rejectedGeneration } = call;
  const { reader, credentials } = open(env);
  switch (call.method) {
    case "time":
      return clockOf(Number(env["SCALE"] ?? 1)).now();
    case "deadlines":
      return deadlines;
    case "token": {
      const source = reader.source({ provider, id });
      const asked = Array.from(
        { length: call.count ?? 1 },
        () => source.get({ rejectedGeneration }),
      );
      const tokens = await Promise.all(asked);
      const { value, generation, expiresAt } = tokens[0]!;
      return { value, generation, expiresAt, same: tokens.every((one) => one.value === value) };
    }
    case "put":
      return await credentials.put(call.credential!);
    case "list":
      return await credentials.list();
    case "remove":
      return await credentials.remove(provider, id);
    case "object": {
      const { CREDENTIALS } = env;
      const stub = CREDENTIALS!.get(CREDENTIALS!.idFromName(`${provider}/${id}`));
      const init = { method: "POST", body: JSON.stringify(call.body ?? {}) };
      return await (await stub.fetch(`https://object${call.path}`, init)).json();
    }
    case "kv": {
      const kv = createKvStore(env.KV!);
      const { keys } = await kv.list({ prefix: "" });
      return await Promise.all(keys.map(async (key) => [key, await kv.get(key)]));
    }
  }
}

export default {
  async fetch(
    request: Request,
    env: WorkerEnv,
    context: { waitUntil(promise: Promise<unknown>): void },
  ): Promise<Response> {
    const answering = request.json().then((call) => run(call, env)).then(
      (result) => Response.json({ result }),
      (error) => {
        const { code, message, hint } = error as GrantwayError;
        return Response.json({ error: { code, message, hint } });
      },
    );
    context.waitUntil(answering);
    return await answering;
  },
};
