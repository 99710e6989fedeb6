/**
 * The bindings, secrets and variables of the Worker, and what is made of them alone.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import { createSealedStore, type SealedStore } from "../../credentials/sealed_store.ts";
import { createSealer, parseSealingKeys, type Sealer } from "../../credentials/sealing.ts";
import type { EndpointOverrides } from "../../providers/endpoints.ts";
import type { Provider } from "../../providers/provider.ts";
import type { ObjectNamespace } from "./durable_object.ts";
import { createKvStore, type KvNamespace } from "./kv_store.ts";

/** What `wrangler.toml` and `wrangler secret put` give the Worker. What is missing is told. */
export interface WorkerEnv {
  /** Workers KV: the credential store. */
  KV?: KvNamespace | undefined;
  /** The objects of class `CredentialObject`. */
  CREDENTIALS?: ObjectNamespace | undefined;
  /** The objects of class `UsageObject`. */
  USAGE?: ObjectNamespace | undefined;
  /** The object of class `StoreObject`. */
  STORE?: ObjectNamespace | undefined;
  /** The objects of class `SignInObject`. */
  SIGN_INS?: ObjectNamespace | undefined;
  /** Secret: the ring of sealing keys. */
  GRANTWAY_KEYS?: string | undefined;
  /** Secret: opens the admin API. */
  GRANTWAY_ADMIN_TOKEN?: string | undefined;
  /** Variables, such as those that replace endpoints. */
  [variable: string]: unknown;
}

/** What everything on the Worker needs. */
export interface WorkerStorage {
  /** KV, sealed. */
  kv: SealedStore;
  /** KV, as it is. */
  namespace: KvNamespace;
  /** Seals what is not in KV. */
  sealer: Sealer;
  /** The keys of the ring that only open. */
  otherKeyIds: string[];
}

/**
 * Opens the storage.
 *
 * @throws {GrantwayError} `invalid_configuration` when a binding or the keys are missing or wrong,
 * with what to do.
 */
export function openStorage(env: WorkerEnv): WorkerStorage {
  const { KV, GRANTWAY_KEYS } = env;
  if (KV === undefined) {
    throw new GrantwayError("invalid_configuration", "This deployment has no KV namespace", {
      hint: "Add the binding KV to wrangler.toml and deploy again",
    });
  }
  if (typeof GRANTWAY_KEYS !== "string" || GRANTWAY_KEYS.trim() === "") {
    throw new GrantwayError("invalid_configuration", "This deployment has no sealing keys", {
      hint: "Run: wrangler secret put GRANTWAY_KEYS, and give it id:key; " +
        "`openssl rand -base64 32` makes a key",
    });
  }
  const ring = parseSealingKeys(GRANTWAY_KEYS);
  const sealer = createSealer(ring);
  const kv = createSealedStore(createKvStore(KV), { sealer, acceptsPlain: false });
  return { kv, namespace: KV, sealer, otherKeyIds: ring.slice(1).map(({ id }) => id) };
}

/** What the variables replace of a provider's endpoints; the same ones as on the command line. */
export function readOverrides(env: WorkerEnv, { oauth, apiKey }: Provider): EndpointOverrides {
  const text = (name: string | undefined) => {
    const value = name === undefined ? undefined : env[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const sandbox = text("GRANTWAY_SANDBOX");
  if (sandbox !== undefined) return { sandbox };
  const allowLoopback = text("GRANTWAY_ALLOW_LOOPBACK") === "1";
  if (oauth === undefined) return { allowLoopback, apiUrl: text(apiKey?.baseUrlVariable) };
  const { variables } = oauth;
  return {
    allowLoopback,
    apiUrl: text(variables.apiUrl),
    oauthUrl: text(variables.oauthUrl),
    profile: text(variables.profile),
    clientId: text(variables.clientId),
  };
}
