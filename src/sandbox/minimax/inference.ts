/**
 * MiniMax's inference API of one region: Messages, token counts, models and plan usage.
 *
 * @module
 */

import { Hono } from "hono";
import { parseJsonObject, readBoundedText } from "../../core/http.ts";
import { failureResponse, withFaults } from "../faults.ts";
import type { Ledger } from "../ledger.ts";
import type { World } from "../world.ts";
import { errorResponse, hexId, MIDSTREAM_CODE } from "./errors.ts";
import { MINIMAX_MODELS, type MinimaxModel } from "./models.ts";
import type { MinimaxRegion } from "./regions.ts";
import { InvalidParams, type MessagesRequest, readMessagesRequest } from "./request.ts";
import { type Answer, decideAnswer } from "./script.ts";
import { messageBody, messageEvents, messageStream } from "./stream.ts";

const BODY_LIMIT = 32 * 1024 * 1024;
const TOOL_NAME_STREAMING = "fine-grained-tool-streaming-2025-05-14";
const PLAN_WINDOW_MS = 5 * 3_600_000;

/** The inference routes of one region; each path begins with its host. */
export function minimaxInferenceRoutes(world: World, ledger: Ledger, region: MinimaxRegion): Hono {
  const app = new Hono();
  const base = `/${region.apiHost}/anthropic/v1`;

  const refuseStranger = async (request: Request): Promise<Response | undefined> => {
    const shape = world.quirks.inferenceErrors;
    const bearer = /^Bearer (\S+)$/i.exec(request.headers.get("authorization") ?? "")?.[1];
    if (bearer === undefined) {
      return errorResponse(
        1004,
        shape,
        "login fail: carry the API secret in the Authorization field of the request header",
      );
    }
    if (bearer.startsWith("sandbox-") || world.apiKeys.includes(bearer)) return undefined;
    if (await ledger.authenticate(region.realm, bearer) !== undefined) return undefined;
    // Access tokens of this server are told apart from API keys by their looks, as vendors do.
    return bearer.startsWith("sbx_")
      ? errorResponse(1004, shape, "login fail: the access token is invalid or expired")
      : errorResponse(2049, shape);
  };

  const serve = (
    request: Request,
    handle: () => Response | Promise<Response>,
  ): Promise<Response> =>
    withFaults(
      world,
      "messages",
      request,
      async () => await refuseStranger(request) ?? await handle(),
    );

  /** Reads a Messages body; what MiniMax refuses comes back as its answer. */
  const readRequest = async (
    request: Request,
    options: { counting: boolean },
  ): Promise<MessagesRequest | Response> => {
    const shape = world.quirks.inferenceErrors;
    const body = parseJsonObject(await readBoundedText(request.body, BODY_LIMIT));
    if (body === undefined) return errorResponse(2013, shape, "invalid params, body is not JSON");
    try {
      return await readMessagesRequest(body, world, options);
    } catch (error) {
      if (!(error instanceof InvalidParams)) throw error;
      return errorResponse(2013, shape, `invalid params, ${error.message}`);
    }
  };

  const respond = (request: Request, parsed: MessagesRequest, answer: Answer) => {
    const { quirks } = world;
    if (parsed.stream && !quirks.ignoreStream) {
      const betas = request.headers.get("anthropic-beta") ?? "";
      const streamsToolNames = betas.split(",").some((beta) => beta.trim() === TOOL_NAME_STREAMING);
      const events = messageEvents(parsed, answer, quirks, { streamsToolNames });
      return messageStream(world, events, answer);
    }
    return respondWhole(parsed, answer, request);
  };

  const respondWhole = async (parsed: MessagesRequest, answer: Answer, request: Request) => {
    const { quirks } = world;
    const text = JSON.stringify(messageBody(parsed, answer, quirks));
    const headers = { "content-type": "application/json", "request-id": hexId() };
    switch (answer.ending.kind) {
      case "hang":
        return await failureResponse("never", request);
      case "error":
        return errorResponse(answer.ending.code ?? MIDSTREAM_CODE, quirks.inferenceErrors);
      case "cut":
        return new Response(text.slice(0, text.length / 2), { headers });
      case "complete":
        return new Response(text, { headers });
    }
  };

  app.post(`${base}/messages`, (c) => {
    const request = c.req.raw;
    return serve(request, async () => {
      const parsed = await readRequest(request, { counting: false });
      if (parsed instanceof Response) return parsed;
      const decided = await decideAnswer(parsed, world.quirks);
      return decided.kind === "failure"
        ? errorResponse(
          decided.code,
          decided.inBaseResp ? "base_resp" : world.quirks.inferenceErrors,
        )
        : respond(request, parsed, decided);
    });
  });

  app.post(`${base}/messages/count_tokens`, (c) =>
    serve(c.req.raw, async () => {
      const parsed = await readRequest(c.req.raw, { counting: true });
      return parsed instanceof Response
        ? parsed
        : Response.json({ input_tokens: parsed.inputTokens });
    }));

  app.get(`${base}/models`, (c) =>
    serve(c.req.raw, () =>
      Response.json({
        data: MINIMAX_MODELS.map(describeModel),
        has_more: false,
        first_id: MINIMAX_MODELS[0]?.id,
        last_id: MINIMAX_MODELS.at(-1)?.id,
      })));
  app.get(`${base}/models/:id`, (c) =>
    serve(c.req.raw, () => {
      const model = MINIMAX_MODELS.find(({ id }) => id === c.req.param("id"));
      return model === undefined
        ? errorResponse(404, "http", "model not found")
        : Response.json(describeModel(model));
    }));

  app.get(
    `/${region.apiHost}/v1/api/openplatform/coding_plan/remains`,
    (c) =>
      serve(c.req.raw, () => {
        const start = Math.floor(world.now() / PLAN_WINDOW_MS) * PLAN_WINDOW_MS;
        return Response.json({
          model_remains: [{
            model_name: "MiniMax-M*",
            start_time: start,
            end_time: start + PLAN_WINDOW_MS,
            current_interval_remaining_percent: 100,
            current_weekly_remaining_percent: 100,
          }],
          base_resp: { status_code: 0, status_msg: "success" },
        });
      }),
  );

  return app;
}

function describeModel(model: MinimaxModel): Record<string, unknown> {
  return {
    type: "model",
    id: model.id,
    display_name: model.id,
    created_at: "2026-01-01T00:00:00Z",
    max_input_tokens: model.contextTokens,
    max_tokens: model.maxOutputTokens,
  };
}
