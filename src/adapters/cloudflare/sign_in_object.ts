/**
 * The Durable Object of one sign-in. Its alarm polls the provider, so that no request stays open; what
 * it knows stands sealed in its storage, so that it may be ended at any time.
 *
 * A gateway calls it by a POST of JSON to one path per method, as it calls a credential's object.
 *
 * @module
 */

import { CredentialError, GrantwayError } from "../../core/errors.ts";
import { isJsonObject } from "../../core/http.ts";
import { encodeBase64Url } from "../../core/base64url.ts";
import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import type { SignIn, SignIns } from "../../credentials/sign_in.ts";
import type { SignInRequest, SignInView } from "../../credentials/sign_in_record.ts";
import { bounded } from "./bounded.ts";
import {
  type AnswerBody,
  createCredentialCaller,
  PROTOCOL,
  toWireError,
  type WireError,
} from "./credential_call.ts";
import { createCredentialReader } from "./credential_reader.ts";
import { ACCOUNTS_KEY, type CredentialName } from "./credential_record.ts";
import type { ObjectNamespace, ObjectState } from "./durable_object.ts";
import { createRemoteCredentials } from "./remote_credentials.ts";
import { createRemoteStore } from "./store_object.ts";
import { openStorage, readOverrides, type WorkerEnv } from "./worker_env.ts";

const RECORD_KEY = "record";
const ID_KEY = "id";
/** After a failure that nobody foresaw. */
const FAILED_ALARM_MS = 30_000;

interface SignInCall {
  protocol: number;
  id: string;
  request?: SignInRequest;
  account?: string;
}

/** The class of the binding `SIGN_INS`. Workers make it; nobody else does. */
export class SignInObject {
  readonly #state: ObjectState;
  readonly #env: WorkerEnv;
  readonly #runtime: Omit<RuntimeOptions, "signal">;
  #signIn: SignIn | undefined;

  /**
   * As Workers call it; nothing is read before the first call.
   *
   * @param runtime For classes derived from this one: their own clock or network.
   */
  constructor(state: ObjectState, env: WorkerEnv, runtime: Omit<RuntimeOptions, "signal"> = {}) {
    this.#state = state;
    this.#env = env;
    this.#runtime = runtime;
  }

  /** Answers a call of a gateway. */
  async fetch(request: Request): Promise<Response> {
    const method = new URL(request.url).pathname.slice(1);
    const call: SignInCall = await request.json();
    return Response.json(await this.#answer(method, call));
  }

  /** Called by the runtime when the sign-in is due. */
  async alarm(): Promise<void> {
    const { storage } = this.#state;
    const id = (await storage.get([ID_KEY])).get(ID_KEY);
    if (typeof id !== "string") return;
    try {
      await (await this.#open(id)).wake();
    } catch (error) {
      console.error(`Sign-in object: ${error instanceof GrantwayError ? error.message : error}`);
      await storage.setAlarm(resolveRuntime(this.#runtime).now() + FAILED_ALARM_MS);
    }
  }

  async #answer(method: string, call: SignInCall): Promise<AnswerBody> {
    if (call.protocol !== PROTOCOL) return { protocol: PROTOCOL };
    try {
      const signIn = await this.#open(call.id);
      switch (method) {
        case "start":
          return { result: await signIn.start(call.request!) };
        case "read":
          return { result: await signIn.read() };
        case "confirm":
          return { result: await signIn.confirm(call.account) };
        case "cancel":
          return { result: await signIn.cancel() };
        default:
          return { protocol: PROTOCOL };
      }
    } catch (error) {
      if (!(error instanceof GrantwayError)) console.error(`Sign-in object: ${error}`);
      return { error: toWireError(error) };
    }
  }

  async #open(id: string): Promise<SignIn> {
    // Isolates without sign-ins have no use for it.
    const { createSignIn } = await import("../../credentials/sign_in.ts");
    if (this.#signIn !== undefined) return this.#signIn;
    const { storage } = this.#state;
    const { kv, sealer } = openStorage(this.#env);
    const { now, sleep } = resolveRuntime(this.#runtime);
    const onWarning = (message: string) => console.warn(message);
    const objects = this.#env.CREDENTIALS;
    const call = createCredentialCaller({ objects, sleep, random: Math.random });
    const store = createRemoteStore({ objects: this.#env.STORE, sleep });
    const accounts = () => store.get(ACCOUNTS_KEY);
    const reader = createCredentialReader({ kv, call, accounts, now, sleep, onWarning });
    const seal = `sign_in/${id}`;
    return this.#signIn = createSignIn({
      ...this.#runtime,
      id,
      host: seal,
      storage: {
        load: async () => {
          const sealed = (await storage.get([RECORD_KEY])).get(RECORD_KEY);
          return typeof sealed === "string" ? (await sealer.open(sealed, seal)).text : null;
        },
        save: async (text, wakeAt) => {
          const sealed = await sealer.seal(text, seal, 0);
          // Started together, so that they are one transaction.
          await Promise.all([
            storage.put({ [RECORD_KEY]: sealed, [ID_KEY]: id }),
            storage.setAlarm(wakeAt),
          ]);
        },
        clear: async () => {
          await Promise.all([storage.delete([RECORD_KEY, ID_KEY]), storage.deleteAlarm()]);
        },
      },
      credentials: createRemoteCredentials(reader, call),
      overrides: (provider) => readOverrides(this.#env, provider),
      onWarning,
    });
  }
}

const ID_BYTES = 16;
const ID = /^[\w-]{22}$/;
const TRIES = 3;
const RETRY_MS = 200;
/** Longer than a code takes to be asked for, and a login to be stored. */
const CALL_TIMEOUT_MS = 100_000;

/** How a gateway reaches its sign-ins. */
export interface RemoteSignInsOptions {
  /** The objects; undefined where the deployment has no binding for them. */
  objects: ObjectNamespace | undefined;
  /** Waits. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Told of a login that is stored: KV may take a minute to show it. */
  onStored: (name: CredentialName) => Promise<unknown>;
}

/** The sign-ins of the objects, for an isolate. Every method rejects where there is no binding. */
export function createRemoteSignIns(options: RemoteSignInsOptions): SignIns {
  const { objects, sleep, onStored } = options;

  async function send(method: string, call: Omit<SignInCall, "protocol">): Promise<AnswerBody> {
    if (objects === undefined) {
      throw new GrantwayError("invalid_configuration", "This deployment cannot sign in by itself", {
        hint: "Add the binding SIGN_INS of class SignInObject and its migration to wrangler.toml",
      });
    }
    const body = JSON.stringify({ protocol: PROTOCOL, ...call });
    for (let tries = 1;; tries++) {
      try {
        // A stub that has failed once may stay broken.
        const stub = objects.get(objects.idFromName(call.id));
        return await (await stub.fetch(`https://object/${method}`, { method: "POST", body }))
          .json();
      } catch (cause) {
        if (tries === TRIES) {
          const state = "Cannot reach the object of this sign-in just now";
          throw new GrantwayError("overloaded", state, { cause, retryable: true });
        }
        await sleep(RETRY_MS * tries);
      }
    }
  }

  async function call<T>(method: string, body: Omit<SignInCall, "protocol">): Promise<T> {
    const action = "reach the object of this sign-in";
    const answer = await bounded(send(method, body), CALL_TIMEOUT_MS, action, sleep);
    if (isJsonObject(answer)) {
      if ("result" in answer) return answer.result as T;
      if ("error" in answer) {
        const { code, message, ...details } = answer.error as WireError;
        throw new CredentialError(code, message, details);
      }
    }
    const state = "Cannot sign in just now: a new version is being deployed";
    throw new GrantwayError("overloaded", state, { retryable: true, retryAfterMs: 5_000 });
  }

  async function told<View extends SignInView | null>(view: View): Promise<View> {
    const { state, credential } = view ?? {};
    if (state === "stored" && credential !== undefined) await onStored(credential).catch(() => {});
    return view;
  }

  // What is no id of ours makes no object.
  const isId = (id: string) => ID.test(id);
  return {
    start: (request) => {
      const id = encodeBase64Url(crypto.getRandomValues(new Uint8Array(ID_BYTES)));
      return call<SignInView>("start", { id, request });
    },
    read: async (id) => isId(id) ? await told(await call("read", { id })) : null,
    confirm: async (id, account) => {
      if (!isId(id)) throw new GrantwayError("not_found", "There is no such sign-in");
      const confirmed = { id, ...(account === undefined ? {} : { account }) };
      return await told(await call<SignInView>("confirm", confirmed));
    },
    cancel: (id) => isId(id) ? call("cancel", { id }) : Promise.resolve(false),
  };
}
