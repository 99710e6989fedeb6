/**
 * A gateway with an admin side in memory, signed in to nothing, in front of the sandbox; and a browser
 * that knows cookies and forms, and nothing else.
 *
 * @module
 */

import { Secret } from "../../src/core/secret.ts";
import {
  createCredentialStore,
  createMemorySignIns,
  createMemoryStore,
  type CredentialStore,
} from "../../src/credentials/mod.ts";
import {
  type AdminOptions,
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
  type UsageLedger,
} from "../../src/gateway/mod.ts";
import type { GatewayOptions } from "../../src/gateway/options.ts";
import { resolveEndpoints } from "../../src/providers/mod.ts";
import { createSandbox, type Sandbox } from "../../src/sandbox/mod.ts";
import { Canaries, watchFetch } from "../support/canary.ts";
import { VirtualClock } from "../support/virtual_clock.ts";

/** The admin token. */
export const TOKEN = "an-admin-token-of-some-length";

/** Where the gateway believes to be. */
export const ORIGIN = "https://gateway.example";

// deno-lint-ignore no-explicit-any -- JSON whose shape each test states
export type Json = any;

/** A gateway and what is around it. */
export interface AdminWorld {
  gateway: Gateway;
  sandbox: Sandbox;
  clock: VirtualClock;
  credentials: CredentialStore;
  usage: UsageLedger;
  /** Secrets of the provider. */
  canaries: Canaries;
  /** Asks the API, with the token unless another one is given. */
  api(method: string, path: string, body?: unknown, token?: string): Promise<Json>;
  /** Sends anything. */
  send(path: string, init?: RequestInit): Promise<Response>;
  /** Signs in to a provider, up to where it has to be confirmed; its id. */
  approve(provider: string, label?: string): Promise<string>;
}

/** Creates one. */
export function createAdminWorld(
  options: Partial<AdminOptions> & { token?: Secret | undefined } = {},
  {
    clock = new VirtualClock(),
    sandbox = createSandbox({ now: clock.now }),
    open = (admin) => admin,
  }: {
    clock?: VirtualClock;
    sandbox?: Sandbox;
    open?: (admin: AdminOptions) => GatewayOptions["admin"];
  } = {},
): AdminWorld {
  const { now, sleep } = clock;
  const canaries = new Canaries();
  const fetch = watchFetch(canaries, sandbox.fetch);
  const kv = createMemoryStore({ now });
  const credentials = createCredentialStore(kv, kv);
  const usage = createUsageLedger({ store: createKvUsageStore({ store: kv, lease: kv }), sleep });
  const gateway = createGateway({
    version: "0",
    reach: "public",
    now,
    sleep,
    keys: createClientKeys({ store: kv, now }),
    settings: createSettingsSource({ load: () => readStoredSettings(kv), now }),
    usage,
    upstreams: createUpstreams({
      credentials,
      kv,
      endpoints: (provider, region) => Promise.resolve(resolveEndpoints(provider, region)),
      openLogin: () => Promise.reject(new Error("unused")),
      missing: () => new Error("unused"),
    }),
    admin: open({
      token: new Secret(TOKEN),
      credentials,
      store: kv,
      apiKeys: () => [],
      signIns: createMemorySignIns({
        fetch,
        now,
        sleep,
        credentials,
        host: () => Promise.resolve("host"),
        overrides: () => ({}),
        onWarning: () => {},
      }),
      keys: createClientKeyStore({ store: kv, lease: kv, now }),
      settings: {
        read: () => readStoredSettings(kv),
        change: (name, text) =>
          changeStoredSetting(
            { change: async (key, edit) => await kv.put(key, edit(await kv.get(key))) },
            name,
            text,
          ),
      },
      usage,
      inspect: () => Promise.resolve([{ name: "Store", checks: [{ status: "ok", text: "fine" }] }]),
      ...options,
    }),
  });
  const send: AdminWorld["send"] = (path, init) =>
    gateway.fetch(new Request(`${ORIGIN}${path}`, init));
  const api: AdminWorld["api"] = async (method, path, body, token = TOKEN) => {
    const response = await send(`/admin/api/${path}`, {
      method,
      headers: token === "" ? {} : { authorization: `Bearer ${token}` },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    const leak = canaries.find(text);
    if (leak !== undefined) throw new Error(`${method} ${path} tells ${leak}`);
    return { status: response.status, ...JSON.parse(text) };
  };
  return {
    gateway,
    sandbox,
    clock,
    credentials,
    usage,
    canaries,
    api,
    send,
    approve: async (provider, label) => {
      const { signIn } = await api("POST", "sign-ins", { provider, label });
      sandbox.approve(signIn.code.userCode);
      await clock.advance(10_000);
      return signIn.id;
    },
  };
}

/** A page as the browser has it. */
export interface Visited {
  status: number;
  headers: Headers;
  text: string;
  /** The path that it came from, redirects followed. */
  path: string;
}

/** A browser without scripts. */
export class FormBrowser {
  readonly cookies = new Map<string, string>();

  constructor(readonly world: Pick<AdminWorld, "send">) {}

  /** Goes to a page. */
  get(path: string): Promise<Visited> {
    return this.#send(path, {});
  }

  /** Sends the form of `page` that leads to `action`, with these fields filled in. */
  submit(
    page: Visited,
    action: string,
    fields: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Visited> {
    return this.post(action, { ...fieldsOf(page, action), ...fields }, headers);
  }

  /** Posts fields, as from a page of the gateway unless `headers` say otherwise. */
  post(
    path: string,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Visited> {
    const sent: Record<string, string> = {
      origin: ORIGIN,
      "sec-fetch-site": "same-origin",
      "content-type": "application/x-www-form-urlencoded",
      ...headers,
    };
    for (const [name, value] of Object.entries(sent)) if (value === "") delete sent[name];
    return this.#send(path, {
      method: "POST",
      headers: sent,
      body: `${new URLSearchParams(fields)}`,
    });
  }

  /** Logs in. */
  async logIn(token = TOKEN): Promise<Visited> {
    return await this.submit(await this.get("/admin"), "/admin/login", { token });
  }

  async #send(path: string, init: RequestInit): Promise<Visited> {
    const headers = new Headers(init.headers);
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    if (cookie !== "") headers.set("cookie", cookie);
    const response = await this.world.send(path, { ...init, headers });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!;
      if (/max-age=0/i.test(line)) this.cookies.delete(name!);
      else this.cookies.set(name!, value!);
    }
    const text = await response.text();
    const location = response.headers.get("location");
    if (response.status === 303 && location !== null) return await this.get(location);
    return { status: response.status, headers: response.headers, text, path };
  }
}

/** The hidden fields of the form of a page that leads to `action`. */
export function fieldsOf({ text, path }: Visited, action: string): Record<string, string> {
  const form = text.split("<form ").find((part) => part.includes(`action="${action}"`));
  if (form === undefined) throw new Error(`${path} has no form for ${action}`);
  const inputs = form.split("</form>")[0]!.matchAll(
    /<input type="hidden" name="([^"]+)" value="([^"]*)"/g,
  );
  return Object.fromEntries([...inputs].map(([, name, value]) => [name!, value!]));
}
