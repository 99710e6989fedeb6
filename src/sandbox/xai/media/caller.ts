/**
 * Who asks for media, and the frame of every media request: faults, admission, and refusals.
 *
 * @module
 */

import {
  BodyTooLargeError,
  type JsonObject,
  parseJsonObject,
  readBoundedText,
} from "../../../core/http.ts";
import { withFaults } from "../../faults.ts";
import type { Ledger } from "../../ledger.ts";
import type { World } from "../../world.ts";
import { admit } from "../access.ts";
import {
  check,
  findXaiError,
  InvalidArgument,
  oddErrorResponse,
  requestHeaders,
  xaiErrorResponse,
} from "../errors.ts";
import { XAI_REALM } from "../hosts.ts";

/** Largest JSON body, bytes. */
const BODY_LIMIT = 64 * 1024 * 1024;

/** Answers one admitted request; `owner` is the grant or the key that asks. */
export type MediaHandler = (request: Request, owner: string) => Promise<Response>;

/** A text asked for an error by its name: `[error:429]`. */
export class AskedError extends Error {
  /** Its name. */
  readonly errorName: string;

  /** Creates one. */
  constructor(name: string) {
    super(name);
    this.errorName = name;
  }
}

/** Throws the error that `text` asks for. */
export function throwAsked(text: string): void {
  const name = /\[error:(\w+)\]/.exec(text)?.[1];
  if (name !== undefined) throw new AskedError(name);
}

/** Serves one kind of media request: `speech` may be closed to access tokens while the rest is open. */
export async function serveMedia(
  world: World,
  ledger: Ledger,
  request: Request,
  kind: "speech" | "pictures",
  handle: MediaHandler,
): Promise<Response> {
  const { quirks } = world;
  const refuse = (name: string) => {
    const error = findXaiError(name);
    return error === undefined
      ? oddErrorResponse(name, request)
      : xaiErrorResponse(error, quirks.xaiErrors);
  };
  return await withFaults(world, "media", request, async () => {
    const caller = await admit(world, ledger, request, "api");
    if (caller instanceof Response) return caller;
    const isClosed = quirks.mediaAccess === "none" ||
      (quirks.mediaAccess === "no_speech" && kind === "speech");
    if (caller === "oauth" && isClosed) return (await refuse("entitlement"))!;
    try {
      return await handle(request, await ownerOf(ledger, request));
    } catch (error) {
      if (error instanceof BodyTooLargeError) return (await refuse("too_large"))!;
      if (error instanceof AskedError) {
        return await refuse(error.errorName) ?? (await refuse("argument"))!;
      }
      if (!(error instanceof InvalidArgument)) throw error;
      return xaiErrorResponse(error.error, quirks.xaiErrors);
    }
  });
}

async function ownerOf(ledger: Ledger, request: Request): Promise<string> {
  const bearer = request.headers.get("authorization")!.slice("Bearer ".length);
  const grant = await ledger.authenticate(XAI_REALM, bearer);
  return grant?.id ?? bearer;
}

/** The JSON object of a request. */
export async function readJson(request: Request): Promise<JsonObject> {
  const type = request.headers.get("content-type") ?? "";
  check(
    type.startsWith("application/json"),
    "Expected request with `Content-Type: application/json`",
  );
  const body = parseJsonObject(await readBoundedText(request.body, BODY_LIMIT));
  check(body !== undefined, "Failed to parse the request body as JSON");
  return body;
}

/** Refuses fields that the API does not know, where it is set to. */
export function checkFields(world: World, body: JsonObject, known: readonly string[]): void {
  if (world.quirks.unknownFields === "ignore") return;
  const other = Object.keys(body).find((name) => !known.includes(name));
  check(other === undefined, `Argument not supported on this model: ${other}`);
}

/** A field that is one of some values, or absent. */
export function oneOf<T>(
  body: JsonObject,
  name: string,
  values: readonly T[],
  initial: T,
): T {
  const value = body[name];
  if (value === undefined || value === null) return initial;
  const found = values.find((other) => other === value);
  check(found !== undefined, `${name} must be one of ${values.join(", ")}`);
  return found;
}

/** A JSON answer. */
export function answerJson(value: unknown, status = 200): Response {
  return Response.json(value, { status, headers: requestHeaders() });
}
