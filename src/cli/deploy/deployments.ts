/**
 * The gateways that were deployed from this home: `deployments.json`, mode 0600, and sealed where
 * `GRANTWAY_KEYS` is set.
 *
 * Cloudflare never shows a secret again, so the Worker's sealing keys and its admin token are kept here
 * as well: a sealing key that nobody has any more cannot be rotated, and with it goes every login.
 *
 * @module
 */

import { CredentialError } from "../../core/errors.ts";
import { parseJsonObject } from "../../core/http.ts";
import { Secret } from "../../core/secret.ts";
import { listAllKeys } from "../../credentials/kv_store.ts";
import { createSealedStore } from "../../credentials/sealed_store.ts";
import type { Context } from "../context.ts";
import { rootHome } from "../home.ts";

const DOCUMENT = "deployments.json";
const PREFIX = "deployment/";
const RECORD_VERSION = 1;
/** Another deployment of the same name is waited for so long, ms. */
const OTHER_RUN_MS = 2_000;

/** One deployed gateway. */
export interface Deployment {
  /** The Worker's name. */
  name: string;
  /** The Cloudflare account. */
  account: { id: string; name: string };
  /** Where it is; undefined until the first upload. */
  url?: string | undefined;
  /** Version of what was uploaded last. */
  version?: string | undefined;
  /** When that was, ms since the epoch. */
  deployedAt?: number | undefined;
  /** The ring of sealing keys, `id:key` or `id:key,id:key`; undefined when it was not made here. */
  keys?: Secret | undefined;
  /** The admin token; the same. */
  adminToken?: Secret | undefined;
}

/** The deployed gateways. */
export interface Deployments {
  /** The one of that name; null when there is none. */
  read(name: string): Promise<Deployment | null>;
  /** All, by name. */
  list(): Promise<Deployment[]>;
  /** Keeps one; durable when it resolves. */
  write(deployment: Deployment): Promise<void>;
  /** Runs while no other process deploys under that name. */
  alone<T>(name: string, run: () => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Opens the records of this user's home, in or out of the sandbox; nothing is read before it is used. */
export function openDeployments(context: Context): Deployments {
  const { platform, output } = context;
  const home = rootHome(platform);
  const store = createSealedStore(platform.openStore(home, output.warn, DOCUMENT), {
    sealer: context.sealer,
    acceptsPlain: true,
  });
  const read = async (key: string) => {
    const text = await store.get(key);
    return text === null ? null : parse(text);
  };
  return {
    read: (name) => read(PREFIX + name),
    list: async () => {
      const all: Deployment[] = [];
      for (const key of await listAllKeys(store, PREFIX)) {
        const deployment = await read(key);
        if (deployment !== null) all.push(deployment);
      }
      return all;
    },
    write: ({ keys, adminToken, ...rest }) =>
      store.put(
        PREFIX + rest.name,
        JSON.stringify({
          version: RECORD_VERSION,
          deployment: { ...rest, keys: keys?.expose(), adminToken: adminToken?.expose() },
        }),
      ),
    alone: (name, run, signal) =>
      store.withLease(`deploy/${name}`, run, { signal, timeoutMs: OTHER_RUN_MS }),
  };
}

/** The admin token of the gateway at `url`, where it was deployed from this home. */
export async function findAdminToken(context: Context, url: string): Promise<Secret | undefined> {
  const deployments = await openDeployments(context).list();
  return deployments.find((deployment) => deployment.url === url)?.adminToken;
}

function parse(text: string): Deployment {
  const record = parseJsonObject(text);
  if (record?.["version"] !== RECORD_VERSION) {
    throw new CredentialError(
      "storage_corrupt",
      `Cannot read ${DOCUMENT}: a record is not one of this version`,
      {
        hint: "Update grantway, or set the file aside: it holds sealing keys, so do not remove it",
      },
    );
  }
  const { keys, adminToken, ...rest } = record["deployment"] as
    & Omit<Deployment, "keys" | "adminToken">
    & { keys?: string; adminToken?: string };
  return {
    ...rest,
    keys: keys === undefined ? undefined : new Secret(keys),
    adminToken: adminToken === undefined ? undefined : new Secret(adminToken),
  };
}
