/**
 * Lists of models, in the shape that each kind of client asks for.
 *
 * @module
 */

import type { JsonObject } from "../core/http.ts";

/** A model that a client may name. */
export interface ListedModel {
  /** The name. */
  id: string;
  /** For people. Default: the name. */
  displayName?: string | undefined;
  /** Who serves it. */
  ownedBy: string;
  /** When it came out, ms since the epoch. Default: the epoch. */
  createdAt?: number | undefined;
  /** Size of the context window, tokens. */
  contextTokens?: number | undefined;
  /** The most tokens of one answer. */
  maxOutputTokens?: number | undefined;
}

/** A list of models. */
export interface ModelListRequest {
  /**
   * The shape: Anthropic's where the request has an `anthropic-version` header, Codex's where its
   * query has `client_version`, else OpenAI's.
   */
  shape: "messages" | "openai" | "codex";
  /** The query, of which the Messages shape knows `limit`, `before_id` and `after_id`. */
  query?: URLSearchParams | undefined;
}

/** How many models a page of the Messages shape has, unless the query says so. */
const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 1000;

/** Which shape a request for the list asks for. */
export function modelListShape(
  headers: Headers,
  query: URLSearchParams,
): ModelListRequest["shape"] {
  if (headers.has("anthropic-version")) return "messages";
  return query.has("client_version") ? "codex" : "openai";
}

/** The body of an answer that lists `models`. */
export function encodeModelList(
  models: readonly ListedModel[],
  { shape, query = new URLSearchParams() }: ModelListRequest,
): JsonObject {
  switch (shape) {
    case "messages":
      return encodePage(models, query);
    case "codex":
      // Its own list holds prompts and settings that nobody else has; an empty one leaves it those.
      return { models: [] };
    case "openai":
      return { object: "list", data: models.map(encodeOpenAiModel) };
  }
}

/** One model, in the shape of OpenAI's `GET /v1/models/{id}`. */
export function encodeOpenAiModel({ id, createdAt = 0, ownedBy }: ListedModel): JsonObject {
  return { id, object: "model", created: Math.floor(createdAt / 1000), owned_by: ownedBy };
}

/** One model, in the shape of Anthropic's `GET /v1/models/{id}`. */
export function encodeMessagesModel(model: ListedModel): JsonObject {
  const { id, displayName = id, createdAt = 0, contextTokens, maxOutputTokens } = model;
  return {
    type: "model",
    id,
    display_name: displayName,
    created_at: new Date(createdAt).toISOString(),
    ...(contextTokens === undefined ? {} : { max_input_tokens: contextTokens }),
    ...(maxOutputTokens === undefined ? {} : { max_tokens: maxOutputTokens }),
  };
}

function encodePage(models: readonly ListedModel[], query: URLSearchParams): JsonObject {
  const asked = Number(query.get("limit") ?? DEFAULT_LIMIT);
  const limit = asked >= 1 ? Math.min(MAX_LIMIT, Math.floor(asked)) : DEFAULT_LIMIT;
  const placeOf = (name: string) => models.findIndex(({ id }) => id === query.get(name));
  const [after, before] = [placeOf("after_id"), placeOf("before_id")];
  // A page before an id ends there; any other begins after one, or at the start.
  const end = before >= 0 ? before : Math.min(models.length, after + 1 + limit);
  const start = before >= 0 ? Math.max(0, before - limit) : after + 1;
  const page = models.slice(start, end);
  return {
    data: page.map(encodeMessagesModel),
    has_more: before >= 0 ? start > 0 : end < models.length,
    first_id: page[0]?.id ?? null,
    last_id: page.at(-1)?.id ?? null,
  };
}
