/**
 * What the media routes have in common: bodies, the accounts that may make media for a key, and the end
 * of an answer that is passed on.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { MediaOptions } from "../../media/mod.ts";
import { findProvider, PROVIDERS } from "../../providers/catalog.ts";
import type { MediaSettings, Provider } from "../../providers/provider.ts";
import { Refusal } from "../error_response.ts";
import { mediaOptions, tryMediaAccounts } from "../media_accounts.ts";
import { readBody, readJsonBody } from "../middleware/body.ts";
import { isInScope, requireScope } from "../model_names.ts";
import type { Upstreams } from "../upstreams.ts";
import type { Visit } from "../visit.ts";

/** What the media routes work with. */
export interface MediaRoutes {
  /** The signed-in accounts. */
  upstreams: Upstreams;
  /** Timers. */
  runtime: Runtime;
}

/** A request's fields: of JSON, or of a form. */
export interface MediaFields {
  /** The fields that are no files, as they came: JSON values, or texts. */
  values: JsonObject;
  /** The files of a field, also under its name with `[]`. */
  files(name: string): File[];
}

/** Refuses a request for what it says. */
export function badRequest(problem: string): never {
  throw new Refusal(400, "invalid_request", problem);
}

/** Reads a JSON body. */
export async function readJson(
  request: Request,
  visit: Visit,
  { runtime }: MediaRoutes,
): Promise<JsonObject> {
  const { bodyBytes } = visit.settings.limits;
  const { json } = await readJsonBody(request, bodyBytes, runtime, visit.hold);
  return json ?? badRequest("The body is no JSON object");
}

/** Reads a form, or a JSON body where that is what came. */
export async function readFields(
  request: Request,
  visit: Visit,
  routes: MediaRoutes,
): Promise<MediaFields> {
  const type = request.headers.get("content-type") ?? "";
  if (!type.toLowerCase().startsWith("multipart/form-data")) {
    return { values: await readJson(request, visit, routes), files: () => [] };
  }
  const bytes = await readBody(
    request,
    visit.settings.limits.bodyBytes,
    routes.runtime,
    visit.hold,
  );
  let form: FormData;
  try {
    form = await new Response(bytes, { headers: { "content-type": type } }).formData();
  } catch {
    return badRequest("The body is no multipart form");
  }
  const values: JsonObject = Object.create(null);
  for (const [name, value] of form) {
    if (typeof value === "string") values[name.replace(/\[\]$/, "")] = value;
  }
  const files = (name: string) =>
    [...form.getAll(name), ...form.getAll(`${name}[]`)].filter((value) => value instanceof File);
  return { values, files };
}

/** A text of a request; `undefined` for none. */
export function readText(values: JsonObject, name: string): string | undefined {
  const value = values[name];
  if (value === undefined || value === null || value === "") return undefined;
  return typeof value === "string" ? value : badRequest(`"${name}" must be a string`);
}

/** A number of a request, which forms write as text; `undefined` for none. */
export function readNumber(values: JsonObject, name: string): number | undefined {
  const value = values[name];
  if (value === undefined || value === null || value === "") return undefined;
  const number = typeof value === "number" || typeof value === "string" ? Number(value) : NaN;
  return Number.isFinite(number) ? number : badRequest(`"${name}" must be a number`);
}

/** Models of the vendor whose API this is the shape of: nobody here has them. */
const FOREIGN = /^(?:dall-e|gpt-|chatgpt-|sora|tts-|whisper)/;

/** A request for media, ready to be sent. */
export interface MediaCall {
  /** The providers that may answer it, in the order in which they are tried. */
  providers: Provider[];
  /** The provider's own name of the model; `undefined`: its default. */
  model: string | undefined;
}

/**
 * Who may answer, and with which model. A name of the other vendor's stands for the default model; a key
 * of an API answers only where it is named, or where the default model of the gateway is its.
 */
export function resolveMedia(
  visit: Visit,
  name: string | undefined,
  modelsOf: (media: MediaSettings) => readonly string[],
): MediaCall {
  const { aliases, defaultModel } = visit.settings;
  const target = name !== undefined && Object.hasOwn(aliases, name) ? aliases[name] : name;
  const [first, ...rest] = target?.split("/") ?? [];
  const named = rest.length === 0 ? undefined : findProvider(first!);
  const bare = named === undefined ? target : rest.join("/");
  const model = bare === undefined || FOREIGN.test(bare) || bare === "default" ? undefined : bare;
  if (named !== undefined && named.media === undefined) {
    throw new Refusal(404, "not_found", `${named.id} makes no media`);
  }
  const makers = PROVIDERS.filter(({ media }) => media !== undefined);
  const active = defaultModel === undefined ? undefined : findProvider(defaultModel.split("/")[0]!);
  const providers = named !== undefined ? [named] : [
    ...makers.filter(({ oauth }) => oauth !== undefined),
    ...makers.filter((maker) => maker.oauth === undefined && maker === active),
  ];
  const scoped = (provider: Provider) => ({
    provider,
    model: model ?? (provider.media && modelsOf(provider.media)[0]) ?? "media",
  });
  const allowed = providers.filter((provider) => isInScope(visit.key!.scope, scoped(provider)));
  if (allowed.length === 0) requireScope(visit.key!, scoped(providers[0]!));
  visit.model = scoped(allowed[0]!).model;
  visit.provider = allowed[0]!.id;
  return { providers: allowed, model };
}

/** Sends a request for media with one account after the other, until one of them may. */
export async function callMedia<T>(
  request: Request,
  visit: Visit,
  { upstreams }: MediaRoutes,
  { providers }: MediaCall,
  run: (options: MediaOptions) => Promise<T>,
): Promise<T> {
  visit.isCounted = true;
  return await tryMediaAccounts(upstreams, { providers }, async (account) => {
    visit.provider = account.provider.id;
    visit.accounts.push(account.id);
    return await run(mediaOptions(account, { ...upstreams.runtime, signal: request.signal }));
  });
}

/** A body on its way to the client; its end is the end of the request. */
export function passOn(
  request: Request,
  visit: Visit,
  body: ReadableStream<Uint8Array<ArrayBuffer>>,
  headers: Record<string, string>,
): Response {
  const reader = body.getReader();
  visit.endsLater = true;
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull: async (controller) => {
      try {
        const { done, value } = await reader.read();
        if (!done) return controller.enqueue(value);
        visit.ends("completed");
        controller.close();
      } catch (error) {
        visit.ends(request.signal.aborted ? "cancelled" : "failed");
        throw error;
      }
    },
    cancel: async (reason) => {
      visit.ends("cancelled");
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
  return new Response(stream, { headers });
}
