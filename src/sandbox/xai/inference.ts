/**
 * xAI's inference API: Responses and models, on its own host and behind the command line proxy.
 *
 * @module
 */

import { Hono } from "hono";
import { BodyTooLargeError, parseJsonObject, readBoundedText } from "../../core/http.ts";
import { failureResponse, withFaults } from "../faults.ts";
import type { Ledger } from "../ledger.ts";
import type { World } from "../world.ts";
import { admit, type Caller, type InferenceHost } from "./access.ts";
import {
  errorFrameResponse,
  findXaiError,
  InvalidArgument,
  oddErrorResponse,
  requestHeaders,
  xaiErrorResponse,
} from "./errors.ts";
import { API_HOST, PROXY_HOST } from "./hosts.ts";
import type { Keys } from "./keys.ts";
import { XAI_MODELS, type XaiModel } from "./models.ts";
import { readResponsesRequest, type ResponsesRequest } from "./request.ts";
import { finalResponse } from "./response.ts";
import { type Answer, decideAnswer } from "./script.ts";
import { MIDSTREAM_MESSAGE, responseEvents, responseStream } from "./stream.ts";

/** Largest body, bytes. */
const BODY_LIMIT = 50 * 1024 * 1024;
const CREATED = Date.UTC(2026, 0, 1) / 1000;

/** Reads a Responses body; what xAI refuses comes back as its answer. */
async function readRequest(
  world: World,
  keys: Keys,
  request: Request,
  caller: Caller,
): Promise<ResponsesRequest | Response> {
  const { quirks } = world;
  let isStream = false;
  try {
    const body = parseJsonObject(await readBoundedText(request.body, BODY_LIMIT));
    if (body === undefined) throw new InvalidArgument("Failed to parse the request body as JSON");
    isStream = body["stream"] === true;
    const parsed = await readResponsesRequest(body, world, keys);
    return parsed.model.oauthOnly && caller === "key"
      ? xaiErrorResponse(findXaiError("not_found")!, quirks.xaiErrors)
      : parsed;
  } catch (error) {
    if (error instanceof BodyTooLargeError) {
      return xaiErrorResponse(findXaiError("too_large")!, quirks.xaiErrors);
    }
    if (!(error instanceof InvalidArgument)) throw error;
    return isStream && error.inStream
      ? errorFrameResponse(error.message)
      : xaiErrorResponse(error.error, quirks.xaiErrors);
  }
}

async function respond(
  world: World,
  request: Request,
  parsed: ResponsesRequest,
  answer: Answer,
): Promise<Response> {
  const { quirks } = world;
  if (parsed.stream && !quirks.ignoreStream) {
    const events = responseEvents(parsed, answer, quirks, {
      now: world.now(),
      checksDoomLoop: request.headers.has("x-grok-doom-loop-check"),
    });
    return responseStream(world, events, answer);
  }
  const text = JSON.stringify(finalResponse(parsed, answer, quirks, world.now()));
  const headers = { "content-type": "application/json", ...requestHeaders() };
  switch (answer.ending.kind) {
    case "hang":
      return await failureResponse("never", request);
    case "error":
      return xaiErrorResponse(
        { status: 500, code: "internal", message: MIDSTREAM_MESSAGE },
        quirks.xaiErrors,
      );
    case "cut":
      return new Response(text.slice(0, text.length / 2), { headers });
    case "complete":
      return new Response(text, { headers });
  }
}

/** The inference routes of both hosts; each path begins with its host. */
export function xaiInferenceRoutes(world: World, ledger: Ledger, keys: Keys): Hono {
  const app = new Hono();

  for (const [name, host] of [[API_HOST, "api"], [PROXY_HOST, "proxy"]] as const) {
    const base = `/${name}/v1`;
    const serve = (
      request: Request,
      handle: (caller: Caller) => Response | Promise<Response>,
    ): Promise<Response> =>
      withFaults(world, "messages", request, async () => {
        const caller = await admit(world, ledger, request, host satisfies InferenceHost);
        return caller instanceof Response ? caller : await handle(caller);
      });

    app.post(`${base}/responses`, (c) =>
      serve(c.req.raw, async (caller) => {
        const request = c.req.raw;
        const parsed = await readRequest(world, keys, request, caller);
        if (parsed instanceof Response) return parsed;
        const form = world.quirks.reasoningEvents === "text" ? "text" : "summary";
        const decided = await decideAnswer(parsed, keys, form);
        if (decided.kind === "answer") return respond(world, request, parsed, decided);
        const error = findXaiError(decided.name);
        return error === undefined
          ? await oddErrorResponse(decided.name, request) ??
            xaiErrorResponse(
              { status: 400, code: "invalid-argument", message: "No error has that name" },
              world.quirks.xaiErrors,
            )
          : xaiErrorResponse(error, world.quirks.xaiErrors);
      }));

    // The protocol's other transport is a WebSocket, which the proxy refuses so.
    app.get(`${base}/responses`, () => new Response(null, { status: 405 }));

    const models = (caller: Caller) =>
      XAI_MODELS.filter(({ oauthOnly }) => caller === "oauth" || !oauthOnly);
    const notFound = () => xaiErrorResponse(findXaiError("not_found")!, world.quirks.xaiErrors);
    for (
      const { path, member, describe } of [
        { path: "models", member: "data", describe: describeModel },
        { path: "language-models", member: "models", describe: describeLanguageModel },
      ]
    ) {
      app.get(
        `${base}/${path}`,
        (c) =>
          serve(
            c.req.raw,
            (caller) => Response.json({ [member]: models(caller).map(describe), object: "list" }),
          ),
      );
      app.get(`${base}/${path}/:id`, (c) =>
        serve(c.req.raw, (caller) => {
          const model = models(caller).find(({ id }) => id === c.req.param("id"));
          return model === undefined ? notFound() : Response.json(describe(model));
        }));
    }
  }
  return app;
}

function describeModel({ id }: XaiModel): Record<string, unknown> {
  return { id, created: CREATED, object: "model", owned_by: "xai" };
}

function describeLanguageModel(model: XaiModel): Record<string, unknown> {
  // Prices of this list are in cents per hundred million tokens.
  const [input, output, cached] = model.price.map((dollars) => Math.round(dollars * 1e4));
  return {
    ...describeModel(model),
    fingerprint: `fp_${model.id}`,
    version: "1.0",
    input_modalities: ["text", "image"],
    output_modalities: ["text"],
    prompt_text_token_price: input,
    cached_prompt_text_token_price: cached,
    completion_text_token_price: output,
    aliases: [],
  };
}
