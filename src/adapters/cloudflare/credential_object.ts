/**
 * The Durable Object of one credential: opens {@linkcode createObjectKeeper} over the object's storage
 * and answers the calls of gateways.
 *
 * Nothing here runs inside `blockConcurrencyWhile`: a refresh may take longer than that allows, and
 * callers that need no refresh are answered from memory meanwhile.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../../core/runtime.ts";
import { createProviderRefresh } from "../../credentials/provider_refresh.ts";
import { revokeCredential } from "../../credentials/revoke.ts";
import { findProvider } from "../../providers/catalog.ts";
import type { Provider } from "../../providers/provider.ts";
import {
  type AnswerBody,
  type CallBody,
  type CredentialCalls,
  type CredentialMethod,
  PROTOCOL,
  toWireError,
} from "./credential_call.ts";
import {
  ACCOUNTS_KEY,
  type CredentialName,
  withAccount,
  withoutGrant,
} from "./credential_record.ts";
import type { ObjectState } from "./durable_object.ts";
import { createObjectKeeper, type ObjectKeeper } from "./object_keeper.ts";
import { readObjectName } from "./object_store.ts";
import { createRemoteStore } from "./remote_store.ts";
import { openStorage, readOverrides, type WorkerEnv } from "./worker_env.ts";

const METHODS: readonly string[] = [
  "token",
  "refresh",
  "read",
  "write",
  "reseal",
  "remove",
] satisfies CredentialMethod[];

/** The class of the binding `CREDENTIALS`. Workers make it; nobody else does. */
export class CredentialObject {
  readonly #state: ObjectState;
  readonly #env: WorkerEnv;
  readonly #runtime: Omit<RuntimeOptions, "signal">;
  #keeper: ObjectKeeper | undefined;

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
    return Response.json(await this.#answer(request));
  }

  /** Called by the runtime when a refresh is due, or when nobody has heard of one that was begun. */
  async alarm(): Promise<void> {
    const name = await readObjectName(this.#state.storage);
    if (name !== undefined) await this.#open(name).alarm();
  }

  async #answer(request: Request): Promise<AnswerBody> {
    const method = new URL(request.url).pathname.slice(1);
    const { protocol, name, arguments: args }: CallBody = await request.json();
    if (protocol !== PROTOCOL || !METHODS.includes(method)) return { protocol: PROTOCOL };
    try {
      return { result: await this.#run(method as CredentialMethod, name, args) };
    } catch (error) {
      if (!(error instanceof GrantwayError)) console.error(`Credential object: ${error}`);
      return { error: toWireError(error) };
    }
  }

  async #run(method: CredentialMethod, name: CredentialName, args: unknown): Promise<unknown> {
    const keeper = this.#open(name);
    switch (method) {
      case "token":
        return await keeper.token(args as CredentialCalls["token"]["arguments"]);
      case "refresh":
        return await keeper.refresh();
      case "read":
        return await keeper.read() ?? null;
      case "write": {
        const { credential, generation } = args as CredentialCalls["write"]["arguments"];
        return await keeper.write(credential, generation) ?? null;
      }
      case "reseal":
        return await this.#reseal(name, args as CredentialCalls["reseal"]["arguments"]);
      case "remove": {
        const credential = await keeper.remove();
        if (credential === null) return null;
        const { generation } = credential;
        const provider = requireProvider(name);
        const overrides = readOverrides(this.#env, provider);
        const { kind } = await revokeCredential(provider, credential, {
          ...this.#runtime,
          overrides,
        });
        if (kind === "failed") {
          console.warn(`${provider.id}: the provider did not revoke the login`);
        }
        return withoutGrant({ generation, attempt: 0, credential });
      }
    }
  }

  async #reseal(
    name: CredentialName,
    { isChanging }: CredentialCalls["reseal"]["arguments"],
  ): Promise<CredentialCalls["reseal"]["result"]> {
    const keeper = this.#open(name);
    const { kv, sealer } = openStorage(this.#env);
    const done: CredentialCalls["reseal"]["result"] = { counts: {}, changed: 0 };
    const keyOf = async (kvKey: string) => {
      const state = await kv.sealState(kvKey);
      return state.kind === "sealed" ? state.keyId : undefined;
    };
    const count = (keyId: string) => done.counts[keyId] = (done.counts[keyId] ?? 0) + 1;
    // Its own record is read by now, and what is read is sealed with the first key.
    if (await keeper.read() !== undefined) count(sealer.keyId);
    await keeper.visitKv(async (kvKey, rewrite) => {
      const before = await keyOf(kvKey);
      // There is none: it was not published, or has expired.
      if (before === undefined) return;
      if (before !== sealer.keyId && isChanging) {
        await rewrite();
        done.changed++;
      }
      count(await keyOf(kvKey) ?? sealer.keyId);
    });
    return done;
  }

  #open(name: CredentialName): ObjectKeeper {
    if (this.#keeper !== undefined) return this.#keeper;
    const provider = requireProvider(name);
    const { kv, sealer } = openStorage(this.#env);
    const overrides = readOverrides(this.#env, provider);
    const { now, sleep } = resolveRuntime(this.#runtime);
    const onWarning = (message: string) => console.warn(message);
    const store = createRemoteStore({ objects: this.#env.STORE, sleep });
    return this.#keeper = createObjectKeeper({
      ...name,
      storage: this.#state.storage,
      kv,
      list: (isThere) => store.change(ACCOUNTS_KEY, (text) => withAccount(text, name, isThere)),
      sealer,
      name: provider.shortName,
      loginHint: `Sign in again: grantway auth add ${provider.id} --remote <this gateway's URL>`,
      refresh: createProviderRefresh(provider, {
        ...this.#runtime,
        overrides,
        store: kv,
        onWarning,
      }),
      now,
      // A Worker has no other clock. It stands still while the Worker computes, and no user sets it.
      monotonicNow: now,
      sleep,
      random: Math.random,
      digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
      waitUntil: (promise) => this.#state.waitUntil(promise),
      onWarning,
    });
  }
}

function requireProvider({ provider: id }: CredentialName): Provider {
  const provider = findProvider(id);
  if (provider === undefined) {
    throw new GrantwayError("invalid_configuration", `This version knows no provider "${id}"`);
  }
  return provider;
}
