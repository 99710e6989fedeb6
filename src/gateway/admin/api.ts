/**
 * The admin API: JSON under `/admin/api/`, for whoever sends the admin token as a bearer.
 *
 * | route | what it does |
 * | --- | --- |
 * | `GET accounts` | every account and its state |
 * | `DELETE accounts/{provider}/{id}` | signs out |
 * | `POST sign-ins` | begins a sign-in: `{ provider, region?, upstream?, label? }` |
 * | `GET sign-ins/{id}` | how far it is |
 * | `POST sign-ins/{id}/confirm` | stores it: `{ account? }`, the id of the account that was shown |
 * | `DELETE sign-ins/{id}` | gives it up |
 * | `GET keys`, `POST keys`, `DELETE keys/{name or id}` | client keys |
 * | `GET settings`, `PUT settings/{name}`, `DELETE settings/{name}` | settings: `{ value }` |
 * | `GET usage?from=…&to=…` | the books, day by day |
 * | `GET seals?cursor=…` | which sealing keys what is stored needs, one page |
 * | `POST seals?cursor=…` | the same, and seals anew what an older key has sealed |
 * | `GET doctor` | what is in order and what is not |
 *
 * No answer holds a secret but that of `POST keys`: the new key's.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { displayText } from "../../core/redact.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { SignInRequest } from "../../credentials/sign_in_record.ts";
import { findProvider } from "../../providers/catalog.ts";
import type { KeyLimits, KeyScope } from "../client_keys.ts";
import { methodNotAllowed, notFound, Refusal } from "../error_response.ts";
import { readJsonBody } from "../middleware/body.ts";
import { rawQuery } from "../middleware/path.ts";
import { readDays } from "../routes/usage.ts";
import { inspectAccounts, listAccounts } from "./accounts.ts";
import type { AdminOptions } from "./options.ts";

const MAX_BODY_BYTES = 64 * 1024;
const MAX_LABEL_LENGTH = 64;

/** A request that was let in. */
interface Call {
  request: Request;
  /** What stands between the slashes behind the resource, decoded. */
  rest: readonly string[];
  /** Its JSON; an empty object without any. */
  body: () => Promise<JsonObject>;
}

type Handler = (call: Call) => Promise<Response>;
/** By method; the number of further parts that the path has to have. */
type Resource = Readonly<Record<string, { parts: number; end?: string; handle: Handler }[]>>;

/** Creates the API: `path` is what comes after `/admin/api/`, as it was sent. */
export function createAdminApi(
  options: AdminOptions,
  runtime: Pick<Runtime, "now" | "startTimer">,
): (request: Request, path: string) => Promise<Response> {
  const { signIns, keys, settings, credentials } = options;
  const { now } = runtime;

  const resources: Record<string, Resource> = {
    accounts: {
      GET: [{
        parts: 0,
        handle: async () =>
          Response.json({
            accounts: await listAccounts(options, now),
            variables: await options.apiKeys(),
          }),
      }],
      DELETE: [{
        parts: 2,
        handle: async ({ rest: [provider, id] }) => {
          const removed = await credentials.remove(provider!, id!);
          if (removed === null) throw noSuch("account");
          const { label, region } = removed;
          return Response.json({ removed: { provider, id, label, region } });
        },
      }],
    },
    "sign-ins": {
      GET: [{
        parts: 1,
        handle: async ({ rest: [id] }) => {
          const signIn = await signIns.read(id!);
          if (signIn === null) throw noSuch("sign-in");
          return Response.json({ signIn });
        },
      }],
      POST: [{
        parts: 0,
        handle: async ({ body }) => {
          const signIn = await signIns.start(readSignInRequest(await body()));
          return Response.json({ signIn }, { status: 201 });
        },
      }, {
        parts: 2,
        end: "confirm",
        handle: async ({ rest: [id], body }) => {
          const account = optionalText(await body(), "account");
          return Response.json({ signIn: await signIns.confirm(id!, account) });
        },
      }],
      DELETE: [{
        parts: 1,
        handle: async ({ rest: [id] }) => {
          if (!await signIns.cancel(id!)) throw noSuch("sign-in");
          return Response.json({ cancelled: true });
        },
      }],
    },
    keys: {
      GET: [{ parts: 0, handle: async () => Response.json({ keys: await keys.list() }) }],
      POST: [{
        parts: 0,
        handle: async ({ body }) => {
          const { name, scope, expiresAt, limits } = await body();
          if (typeof name !== "string") throw wrong("name", "a text");
          if (expiresAt !== undefined && typeof expiresAt !== "number") {
            throw wrong("expiresAt", "an instant, ms since the epoch");
          }
          const wanted = {
            name,
            expiresAt,
            scope: optionalObject(scope, "scope") as KeyScope | undefined,
            limits: optionalObject(limits, "limits") as KeyLimits | undefined,
          };
          const { key, secret } = await keys.create(wanted);
          return Response.json({ key, secret: secret.expose() }, { status: 201 });
        },
      }],
      DELETE: [{
        parts: 1,
        handle: async ({ rest: [target] }) => Response.json({ key: await keys.revoke(target!) }),
      }],
    },
    settings: {
      GET: [{
        parts: 0,
        handle: async () => Response.json({ settings: Object.fromEntries(await settings.read()) }),
      }],
      PUT: [{
        parts: 1,
        handle: async ({ rest: [name], body }) => {
          const { value } = await body();
          if (typeof value !== "string") throw wrong("value", "a text");
          await settings.change(name!, value);
          return Response.json({ name, value });
        },
      }],
      DELETE: [{
        parts: 1,
        handle: async ({ rest: [name] }) =>
          Response.json({ name, wasSet: await settings.change(name!, undefined) }),
      }],
    },
    usage: {
      GET: [{
        parts: 0,
        handle: async ({ request }) => {
          const { from, to } = readDays(new URLSearchParams(rawQuery(request.url)));
          return Response.json({ rows: await options.usage?.report({ from, to }) ?? [] });
        },
      }],
    },
    ...(options.sweep === undefined ? {} : { seals: sealsResource(options.sweep) }),
    doctor: {
      GET: [{
        parts: 0,
        handle: async () => {
          const sections = await options.inspect();
          sections.push(
            await inspectAccounts(options, now).catch(() => ({
              name: "Accounts",
              checks: [{ status: "error", text: "they cannot be read" }],
            })),
          );
          return Response.json({ sections });
        },
      }],
    },
  };

  return async (request, path) => {
    const [name, ...rest] = path.split("/").map(decodePart);
    const resource = Object.hasOwn(resources, name!) ? resources[name!]! : undefined;
    if (resource === undefined || rest.includes("")) throw notFound();
    const fits = ({ parts, end }: { parts: number; end?: string }) =>
      parts === rest.length && (end === undefined || rest.at(-1) === end);
    const method = request.method === "HEAD" ? "GET" : request.method;
    const found = Object.hasOwn(resource, method) ? resource[method]!.find(fits) : undefined;
    if (found !== undefined) {
      const body = async () => {
        const { bytes, json } = await readJsonBody(request, MAX_BODY_BYTES, runtime);
        if (bytes.length === 0) return {};
        if (json === undefined) throw wrong("body", "a JSON object");
        return json;
      };
      return await found.handle({ request, rest, body });
    }
    const allowed = Object.keys(resource).filter((other) => resource[other]!.some(fits));
    throw allowed.length === 0 ? notFound() : methodNotAllowed(allowed.join(", "));
  };
}

function sealsResource(sweep: NonNullable<AdminOptions["sweep"]>): Resource {
  const go = (isChanging: boolean) => ({
    parts: 0,
    handle: async ({ request }: Call) => {
      const cursor = new URLSearchParams(rawQuery(request.url)).get("cursor") ?? undefined;
      return Response.json(await sweep({ cursor, isChanging }));
    },
  });
  return { GET: [go(false)], POST: [go(true)] };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw notFound();
  }
}

/**
 * What a sign-in is asked for with, checked. An alias stands for its provider, and a provider without
 * login of its own for the one that it signs in through.
 *
 * @throws {Refusal} For what cannot be signed in to.
 */
export function readSignInRequest(body: JsonObject): SignInRequest {
  const named = findProvider(optionalText(body, "provider") ?? "");
  const via = named?.oauthVia;
  const provider = via === undefined ? named : findProvider(via.provider);
  if (provider?.oauth === undefined) throw wrong("provider", "a provider to sign in to");
  const wanted = optionalText(body, "region") ?? via?.region ?? provider.regions[0]!.id;
  const region = provider.regions.find(({ id }) => id === wanted);
  if (region === undefined) throw wrong("region", "a region of that provider");
  const label = optionalText(body, "label");
  if (label !== undefined && (label === "" || displayText(label, MAX_LABEL_LENGTH) !== label)) {
    throw wrong("label", `1 to ${MAX_LABEL_LENGTH} printable characters`);
  }
  const upstream = optionalText(body, "upstream");
  return {
    provider: provider.id,
    region: region.id,
    ...(upstream === undefined ? {} : { upstream }),
    ...(label === undefined ? {} : { label }),
  };
}

function optionalText(body: JsonObject, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw wrong(name, "a text");
}

function optionalObject(value: unknown, name: string): JsonObject | undefined {
  if (value === undefined || isJsonObject(value)) return value;
  throw wrong(name, "an object");
}

function wrong(name: string, right: string): Refusal {
  return new Refusal(400, "invalid_request", `Cannot use "${name}": it has to be ${right}`);
}

function noSuch(what: string): Refusal {
  return new Refusal(404, "not_found", `There is no such ${what}`);
}
