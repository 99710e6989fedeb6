/**
 * Program 2: the gateway on Cloudflare Workers. It hands `adapters/cloudflare` to `gateway/`.
 *
 * One script is both the gateway, in as many isolates as there are, and the classes of objects behind
 * it: one per credential, one per sign-in, one that owns all other records, and one that keeps the books. `wrangler.toml` binds them.
 *
 * @module
 */

import {
  ACCOUNTS_KEY,
  createAdviceStore,
  createCredentialCaller,
  createCredentialReader,
  createRemoteBooks,
  createRemoteCredentials,
  createRemoteSignIns,
  createRemoteStore,
  CredentialObject,
  defineUsageObject,
  inspectWorker,
  loadWaitUntil,
  openStorage,
  readOverrides,
  SignInObject,
  StoreObject,
  type UsageObject as UsageObjectType,
  type WorkerEnv,
} from "./adapters/cloudflare/mod.ts";
import { CredentialError, GrantwayError } from "./core/errors.ts";
import { sleep } from "./core/runtime.ts";
import { Secret } from "./core/secret.ts";
import { VERSION } from "./core/version.ts";
import { NO_RETRY, Refusal } from "./gateway/error_response.ts";
import {
  type AdminOptions,
  type ApiKeyVariable,
  changeStoredSetting,
  createClientKeys,
  createClientKeyStore,
  createGateway,
  createKvUsageStore,
  createSettingsSource,
  createUpstreams,
  createUsageLedger,
  type Gateway,
  readStoredSettings,
  type UsageQuery,
  type UsageRow,
} from "./gateway/mod.ts";
import type { KvStore } from "./credentials/mod.ts";
import { type Provider, PROVIDERS, resolveEndpoints } from "./providers/mod.ts";

/** An isolate has 128 MB for everything; a body takes up to four times its length. */
const HELD_BYTES = 24 * 1024 * 1024;

const waitUntil = await loadWaitUntil();
const now = () => Date.now();
const onWarning = (message: string) => console.warn(message);

/** What a timer or a call ends with is waited for, although its request has been answered. */
function behind<T>(promise: Promise<T>): Promise<T> {
  waitUntil(promise);
  return promise;
}

/** The gateway of this isolate. */
function open(env: WorkerEnv): Gateway {
  const kv = openKv(env);
  const store = createRemoteStore({ objects: env.STORE, sleep });
  const call = createCredentialCaller({ objects: env.CREDENTIALS, sleep, random: Math.random });
  const accounts = () => store.get(ACCOUNTS_KEY);
  const reader = createCredentialReader({ kv, call, accounts, now, sleep, onWarning });
  const books = createRemoteBooks<UsageRow, UsageQuery>({ objects: env.USAGE, sleep });
  const credentials = createRemoteCredentials(reader, call);
  const usage = env.USAGE === undefined ? undefined : createUsageLedger({
    store: { add: (rows) => behind(books.add(rows)), read: books.read },
    sleep: (ms, signal) => behind(sleep(ms, signal)),
    onWarning,
  });
  const signIns = createRemoteSignIns({ objects: env.SIGN_INS, sleep, onStored: reader.get });
  const { GRANTWAY_ADMIN_TOKEN: token } = env;
  const admin: AdminOptions = {
    token: token === undefined || token === "" ? undefined : new Secret(token),
    credentials,
    keepsElsewhere: true,
    store,
    apiKeys: () => apiKeyVariables(env),
    signIns,
    keys: createClientKeyStore({ store, now }),
    settings: {
      read: () => readStoredSettings(store),
      change: (name, text) => changeStoredSetting(store, name, text),
    },
    sweep: store.sweep,
    usage,
    inspect: () => inspectWorker({ env, call, signIns, store }),
  };
  return createGateway({
    version: VERSION,
    reach: "public",
    heldBytes: HELD_BYTES,
    keys: createClientKeys({ store: kv, now }),
    settings: createSettingsSource({ load: () => readStoredSettings(kv), now, onWarning }),
    usage,
    admin,
    upstreams: createUpstreams({
      credentials,
      kv: createAdviceStore({
        kv: { ...store, get: kv.get, list: kv.list },
        now,
        sleep,
        waitUntil,
        onWarning,
      }),
      now,
      sleep,
      endpoints: (provider, region, upstream) => {
        const overrides = readOverrides(env, provider);
        const endpoints = resolveEndpoints(provider, region, { ...overrides, upstream });
        return Promise.resolve(endpoints);
      },
      openLogin: (_, name) => Promise.resolve(reader.source(name)),
      findKey: (provider) => Promise.resolve(findKey(env, provider)),
      missing: (provider, dead) => missing(provider, dead !== undefined),
    }),
    log: (entry) => console.log(JSON.stringify(entry)),
    now,
    sleep,
  });
}

/** KV; of a deployment that lacks something, a store whose every call says what. */
function openKv(env: WorkerEnv): KvStore {
  try {
    return openStorage(env).kv;
  } catch (error) {
    if (!(error instanceof GrantwayError)) throw error;
    const { code, message, hint } = error;
    const refuse = () =>
      Promise.reject(new Refusal(503, code, message, { hint, headers: NO_RETRY }));
    return { get: refuse, put: refuse, delete: refuse, list: refuse };
  }
}

/** An API key among the secrets. */
function findKey(env: WorkerEnv, provider: Provider): { name: string; value: string } | undefined {
  for (const name of provider.apiKey?.variables ?? []) {
    const value = env[name];
    if (typeof value === "string" && value !== "") return { name, value };
  }
  return undefined;
}

/** The API keys among the secrets, by name. */
function apiKeyVariables(env: WorkerEnv): ApiKeyVariable[] {
  return PROVIDERS.flatMap((provider) => {
    const found = findKey(env, provider);
    return found === undefined ? [] : [{ provider: provider.id, variable: found.name }];
  });
}

function missing({ id, shortName, noCredentials }: Provider, isDead: boolean): CredentialError {
  const message = isDead
    ? `${shortName} needs a new login`
    : noCredentials ?? `Not logged into ${shortName}`;
  return new CredentialError("login_required", message, {
    hint: `Run: grantway auth add ${id} --remote <this gateway's URL>. ` +
      "A login of just now may take a minute to be seen everywhere",
  });
}

let gateway: Gateway | undefined;

/** The handlers that workerd calls. */
export default {
  fetch(request: Request, env: WorkerEnv): Promise<Response> {
    gateway ??= open(env);
    // Others may wait for what this request reads: it is read, also when its client has gone.
    return behind(gateway.fetch(request));
  },
};

/** The class of the binding `CREDENTIALS`. */
export { CredentialObject };

/** The class of the binding `SIGN_INS`. */
export { SignInObject };

/** The class of the binding `STORE`. */
export { StoreObject };

/** The class of the binding `USAGE`. */
export const UsageObject: new (state: never) => UsageObjectType = defineUsageObject<
  UsageRow,
  UsageQuery
>((store) => createKvUsageStore({ store, lease: store }));
