/**
 * The part of Cloudflare's API that a deployment needs, on loopback, for the real wrangler
 * (`CLOUDFLARE_API_BASE_URL`). What is uploaded runs in the real workerd, with the bindings and secrets
 * that were uploaded with it: a deployment that forgets one fails as it would in earnest.
 *
 * @module
 */

import { Miniflare } from "miniflare";
import type { Readable } from "node:stream";
import { outbound } from "./workerd.ts";

/** One Worker of the account. */
export interface FakeScript {
  /** Modules by name. */
  modules: Map<string, string>;
  /** The metadata of the last upload. */
  // deno-lint-ignore no-explicit-any -- as wrangler sends it
  metadata: any;
  /** Tag of the last migration that ran. */
  migrationTag: string | undefined;
  /** Names of the classes that have objects. */
  classes: string[];
  /** Values by name. */
  secrets: Map<string, string>;
  /** How often it was uploaded. */
  uploads: number;
}

const ACCOUNT = { id: "0123456789abcdef0123456789abcdef", name: "Ann's Account" };
const SUBDOMAIN = "ann";

/** The API and what it keeps. */
export class FakeCloudflare implements AsyncDisposable {
  /** The accounts of the token. */
  accounts = [ACCOUNT];
  /** KV namespaces. */
  readonly namespaces: { id: string; title: string }[] = [];
  /** Workers by name. */
  readonly scripts = new Map<string, FakeScript>();
  /** Requests that changed something: method and path behind the account. */
  readonly changes: string[] = [];
  /** Makes a request fail: before it is done, or after, so that its answer is lost. */
  fail: (request: string) => "before" | "after" | undefined = () => undefined;
  /** Events for whoever follows the log of a Worker. */
  readonly events: unknown[] = [];
  /** Answers what the Workers ask. */
  fetch: typeof globalThis.fetch = () => Promise.resolve(new Response(null, { status: 404 }));
  /** Lines that the Workers wrote. */
  readonly lines: string[] = [];
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #running = new Map<string, { of: string; miniflare: Miniflare }>();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      (request) => this.#handle(request),
    );
  }

  /** What wrangler needs to come here. */
  get env(): Record<string, string> {
    return {
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${this.#server.addr.port}/client/v4`,
      CLOUDFLARE_API_TOKEN: "a-token-of-the-tests",
    };
  }

  /** The network as the command line sees it: the addresses of Workers lead to them. */
  readonly network: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { hostname, pathname, search } = new URL(request.url);
    const name = new RegExp(`^([\\w-]+)\\.${SUBDOMAIN}\\.workers\\.dev$`).exec(hostname)?.[1];
    const script = name === undefined ? undefined : this.scripts.get(name);
    if (script === undefined) throw new TypeError("getaddrinfo ENOTFOUND");
    const origin = await this.#run(name!, script);
    return await fetch(`${origin.href.replace(/\/$/, "")}${pathname}${search}`, {
      method: request.method,
      headers: request.headers,
      body: request.body === null ? null : await request.text(),
      redirect: request.redirect,
      signal: request.signal,
    });
  };

  /** Runs a Worker as it is now; what it stored before is kept. */
  async #run(name: string, script: FakeScript): Promise<URL> {
    const running = this.#running.get(name);
    const of = JSON.stringify([script.uploads, [...script.secrets]]);
    if (running?.of === of) return await running.miniflare.ready;
    const { main_module, bindings, compatibility_date, compatibility_flags } = script.metadata;
    const kv = bindings.filter(({ type }: { type: string }) => type === "kv_namespace");
    const objects = bindings.filter(({ type }: { type: string }) =>
      type === "durable_object_namespace"
    );
    const options = {
      modules: [...script.modules].sort(([a]) => a === main_module ? -1 : 1).map((
        [path, contents],
      ) => ({ type: "ESModule" as const, path, contents })),
      compatibilityDate: compatibility_date,
      compatibilityFlags: compatibility_flags ?? [],
      bindings: Object.fromEntries(script.secrets),
      kvNamespaces: Object.fromEntries(
        kv.map((binding: { name: string; namespace_id: string }) => [
          binding.name,
          binding.namespace_id,
        ]),
      ),
      durableObjects: Object.fromEntries(
        objects.map((binding: { name: string; class_name: string }) => [
          binding.name,
          { className: binding.class_name, useSQLite: script.classes.includes(binding.class_name) },
        ]),
      ),
      handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
        for (const stream of [stdout, stderr]) {
          stream.on("data", (bytes) => this.lines.push(...String(bytes).trim().split("\n")));
        }
      },
      outboundService: outbound((input, init) => this.fetch(input, init)),
    };
    if (running === undefined) {
      const miniflare = new Miniflare(options);
      this.#running.set(name, { of, miniflare });
      return await miniflare.ready;
    }
    running.of = of;
    await running.miniflare.setOptions(options);
    return await running.miniflare.ready;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { miniflare } of this.#running.values()) await miniflare.dispose();
    await this.#server.shutdown();
  }

  async #handle(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/tail") return this.#tail(request);
    if (request.headers.get("authorization") !== `Bearer ${this.env["CLOUDFLARE_API_TOKEN"]}`) {
      return failure(401, 9109, "Invalid access token");
    }
    const path = pathname.replace("/client/v4", "").replace(`/accounts/${ACCOUNT.id}`, "");
    const name = `${request.method} ${path}`;
    const failing = this.fail(name);
    if (failing === "before") return failure(403, 10000, "Authentication error");
    if (request.method !== "GET") this.changes.push(name);
    const response = await this.#answer(request, path);
    return failing === "after" ? failure(403, 10000, "Authentication error") : response;
  }

  async #answer(request: Request, path: string): Promise<Response> {
    const { method } = request;
    // Whoever asks for further pages asks until one is empty.
    const page = Number(new URL(request.url).searchParams.get("page") ?? 1);
    const [first, second, third, ...rest] = path.slice(1).split("/");
    if (path === "/user/tokens/verify") return success({ id: "1", status: "active" });
    if (path === "/user") return success({ id: "1", email: "ann@example.com" });
    if (path === "/accounts") return success(this.accounts);
    if (path === "/memberships") {
      return success(this.accounts.map((account) => ({ id: account.id, account })));
    }
    if (path === "/storage/kv/namespaces") {
      if (method === "GET") return success(page > 1 ? [] : this.namespaces);
      const { title } = await request.json();
      if (this.namespaces.some((namespace) => namespace.title === title)) {
        return failure(400, 10014, "a namespace with this account ID and title already exists");
      }
      const namespace = { id: crypto.randomUUID().replaceAll("-", ""), title };
      this.namespaces.push(namespace);
      return success(namespace);
    }
    if (path === "/workers/subdomain") return success({ subdomain: SUBDOMAIN });
    if (path === "/workers/scripts" && method === "GET") {
      return success(
        [...this.scripts].map(([id, script]) => ({ id, migration_tag: script.migrationTag })),
      );
    }
    if (first !== "workers" || third === undefined) return failure(404, 7003, "No route");
    const script = this.scripts.get(third);
    if (second === "services" && rest.length === 0) {
      if (script === undefined) return noSuchWorker();
      return success({
        default_environment: {
          environment: "production",
          script: {
            tag: "tag",
            tags: [],
            last_deployed_from: "wrangler",
            migration_tag: script.migrationTag,
          },
        },
      });
    }
    if (second !== "scripts") return failure(404, 7003, "No route");
    const what = rest.join("/");
    if (what === "" && method === "PUT" || what === "versions" && method === "POST") {
      return await this.#upload(third, request);
    }
    if (script === undefined) return noSuchWorker();
    switch (`${method} ${what}`) {
      case "GET secrets":
        return success([...script.secrets.keys()].map((name) => ({ name, type: "secret_text" })));
      case "PATCH secrets-bulk": {
        const { secrets } = await request.json();
        for (const [name, secret] of Object.entries(secrets)) {
          script.secrets.set(name, (secret as { text: string }).text);
        }
        return success([]);
      }
      case "GET settings":
        return success({ bindings: script.metadata.bindings });
      case "PATCH script-settings":
      case "PATCH settings":
        return success({});
      case "GET subdomain":
      case "POST subdomain":
        return success({ enabled: true, previews_enabled: false });
      case "GET deployments":
        return success({ deployments: [] });
      case "POST deployments":
        return success({ id: crypto.randomUUID() });
      case "POST tails":
        return success({
          id: "tail",
          url: `ws://127.0.0.1:${this.#server.addr.port}/tail`,
          expires_at: new Date(Date.now() + 3_600_000).toISOString(),
        });
      case "DELETE tails/tail":
        return success(null);
      default:
        return failure(404, 7003, `No route for ${method} ${path}`);
    }
  }

  async #upload(name: string, request: Request): Promise<Response> {
    const form = await request.formData();
    const metadata = JSON.parse(form.get("metadata") as string);
    const before = this.scripts.get(name);
    const { migrations } = metadata;
    if (migrations !== undefined && migrations.old_tag !== before?.migrationTag) {
      return failure(412, 10079, "Migration tag precondition failed");
    }
    const steps: { new_sqlite_classes?: string[] }[] = migrations?.steps ?? [];
    const classes = [
      ...before?.classes ?? [],
      ...steps.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes),
    ];
    for (const binding of metadata.bindings) {
      if (binding.type === "durable_object_namespace" && !classes.includes(binding.class_name)) {
        return failure(400, 10061, `Cannot bind ${binding.class_name}: no such class`);
      }
      if (
        binding.type === "kv_namespace" &&
        !this.namespaces.some(({ id }) => id === binding.namespace_id)
      ) {
        return failure(400, 10041, `KV namespace ${binding.namespace_id} not found`);
      }
    }
    const bindings = metadata.bindings.map((binding: { type: string; name: string }) =>
      binding.type === "inherit"
        ? before?.metadata.bindings.find((other: { name: string }) => other.name === binding.name)
        : binding
    );
    if (bindings.includes(undefined)) return failure(400, 10056, "inherit binding is invalid");
    const modules = new Map<string, string>();
    for (const [part, value] of form) {
      if (part !== "metadata" && value instanceof File) modules.set(part, await value.text());
    }
    this.scripts.set(name, {
      modules,
      metadata: { ...metadata, bindings },
      migrationTag: migrations?.new_tag ?? before?.migrationTag,
      classes,
      secrets: before?.secrets ?? new Map(),
      uploads: (before?.uploads ?? 0) + 1,
    });
    const id = crypto.randomUUID();
    return success({
      id,
      etag: "etag",
      deployment_id: id.replaceAll("-", ""),
      startup_time_ms: 5,
      resources: { script: { etag: "etag" } },
    });
  }

  #tail(request: Request): Response {
    const { socket, response } = Deno.upgradeWebSocket(request, { protocol: "trace-v1" });
    socket.onopen = () => {
      for (const event of this.events) socket.send(JSON.stringify(event));
    };
    return response;
  }
}

function success(result: unknown): Response {
  const count = Array.isArray(result) ? result.length : 1;
  return Response.json({
    success: true,
    errors: [],
    messages: [],
    result,
    result_info: { page: 1, per_page: 100, count, total_count: count, total_pages: 1 },
  });
}

function failure(status: number, code: number, message: string): Response {
  const body = { success: false, errors: [{ code, message }], messages: [], result: null };
  return Response.json(body, { status });
}

function noSuchWorker(): Response {
  return failure(404, 10007, "This Worker does not exist on your account.");
}
