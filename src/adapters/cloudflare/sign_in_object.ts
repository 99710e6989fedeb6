/**
 * The Durable Object of one sign-in. Its alarm polls the provider, so that no request stays open; what
 * it knows stands sealed in its storage, so that it may be ended at any time.
 *
 * A gateway calls it by a POST of JSON to one path per method, as it calls a credential's object.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import { createSignIn, type SignIn } from "../../credentials/sign_in.ts";
import {
  type AnswerBody,
  createCredentialCaller,
  PROTOCOL,
  toWireError,
} from "./credential_call.ts";
import { createCredentialReader } from "./credential_reader.ts";
import { ACCOUNTS_KEY } from "./credential_record.ts";
import type { ObjectState } from "./durable_object.ts";
import { createRemoteCredentials } from "./remote_credentials.ts";
import type { SignInCall } from "./remote_sign_ins.ts";
import { createRemoteStore } from "./remote_store.ts";
import { openStorage, readOverrides, type WorkerEnv } from "./worker_env.ts";

const RECORD_KEY = "record";
const ID_KEY = "id";
/** After a failure that nobody foresaw. */
const FAILED_ALARM_MS = 30_000;

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
      await this.#open(id).wake();
    } catch (error) {
      console.error(`Sign-in object: ${error instanceof GrantwayError ? error.message : error}`);
      await storage.setAlarm(resolveRuntime(this.#runtime).now() + FAILED_ALARM_MS);
    }
  }

  async #answer(method: string, call: SignInCall): Promise<AnswerBody> {
    if (call.protocol !== PROTOCOL) return { protocol: PROTOCOL };
    try {
      const signIn = this.#open(call.id);
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

  #open(id: string): SignIn {
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
