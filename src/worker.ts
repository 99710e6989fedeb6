/**
 * Program 2: the gateway on Cloudflare Workers. It hands `adapters/cloudflare` to `gateway/`.
 *
 * One script is both the gateway, in as many isolates as there are, and the classes of objects behind
 * it: one per credential, one per sign-in, one that owns all other records, and one that keeps the
 * books. `wrangler.toml` binds them. What only an object or the admin side needs is loaded when one
 * is there to need it.
 *
 * @module
 */

// Not by way of any mod.ts: that would load all that it names.
import { createAdviceStore } from "./adapters/cloudflare/advice_store.ts";
import { createCredentialCaller } from "./adapters/cloudflare/credential_call.ts";
import { createCredentialReader } from "./adapters/cloudflare/credential_reader.ts";
import { ACCOUNTS_KEY } from "./adapters/cloudflare/credential_record.ts";
import type { ObjectState } from "./adapters/cloudflare/durable_object.ts";
import { type LazyObject, lazyObject } from "./adapters/cloudflare/lazy_object.ts";
import { createRemoteBooks } from "./adapters/cloudflare/remote_books.ts";
import { createRemoteCredentials } from "./adapters/cloudflare/remote_credentials.ts";
import { createRemoteStore } from "./adapters/cloudflare/remote_store.ts";
import { loadWaitUntil } from "./adapters/cloudflare/wait_until.ts";
import { openStorage, readOverrides, type WorkerEnv } from "./adapters/cloudflare/worker_env.ts";
import { CredentialError, GrantwayError } from "./core/errors.ts";
import { sleep } from "./core/runtime.ts";
import { Secret } from "./core/secret.ts";
import { VERSION } from "./core/version.ts";
import type { KvStore } from "./credentials/kv_store.ts";
import type { AdminOptions, ApiKeyVariable } from "./gateway/admin/options.ts";
import { createGateway, type Gateway } from "./gateway/app.ts";
import { createClientKeys } from "./gateway/client_key_verifier.ts";
import { NO_RETRY, Refusal } from "./gateway/error_response.ts";
import {
  changeStoredSetting,
  createSettingsSource,
  readStoredSettings,
} from "./gateway/settings_source.ts";
import { createUpstreams } from "./gateway/upstreams.ts";
import type { UsageQuery, UsageRow } from "./gateway/usage.ts";
import { createUsageLedger } from "./gateway/usage_ledger.ts";
import { PROVIDERS } from "./providers/catalog.ts";
import { resolveEndpoints } from "./providers/endpoints.ts";
import type { Provider } from "./providers/provider.ts";

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
  const admin = async (): Promise<AdminOptions> => {
    const [{ createRemoteSignIns }, { inspectWorker }, { createClientKeyStore }] = await Promise
      .all([
        import("./adapters/cloudflare/remote_sign_ins.ts"),
        import("./adapters/cloudflare/inspection.ts"),
        import("./gateway/client_key_store.ts"),
      ]);
    const signIns = createRemoteSignIns({ objects: env.SIGN_INS, sleep, onStored: reader.get });
    const { GRANTWAY_ADMIN_TOKEN: token } = env;
    return {
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
    // When the answer is on its way: the first line of an isolate takes milliseconds.
    log: (entry) => void behind(sleep(0).then(() => console.log(JSON.stringify(entry)))),
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

/** A class of objects. */
type ObjectClass = new (state: ObjectState, env: WorkerEnv) => LazyObject;

/** The class of the binding `CREDENTIALS`. */
export const CredentialObject: ObjectClass = lazyObject(async () =>
  (await import("./adapters/cloudflare/credential_object.ts")).CredentialObject
);

/** The class of the binding `SIGN_INS`. */
export const SignInObject: ObjectClass = lazyObject(async () =>
  (await import("./adapters/cloudflare/sign_in_object.ts")).SignInObject
);

/** The class of the binding `STORE`. */
export const StoreObject: ObjectClass = lazyObject(async () =>
  (await import("./adapters/cloudflare/store_object.ts")).StoreObject
);

/** The class of the binding `USAGE`. */
export const UsageObject: ObjectClass = lazyObject(async () => {
  const [{ defineUsageObject }, { createKvUsageStore }] = await Promise.all([
    import("./adapters/cloudflare/usage_object.ts"),
    import("./gateway/usage_store.ts"),
  ]);
  return defineUsageObject<UsageRow, UsageQuery>((store) =>
    createKvUsageStore({ store, lease: store })
  );
});
