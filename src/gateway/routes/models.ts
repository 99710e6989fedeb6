/**
 * `GET /v1/models` and `GET /v1/models/{id}`, in the shape of whoever asks.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import {
  encodeMessagesModel,
  encodeModelList,
  encodeOpenAiModel,
  modelListShape,
} from "../../protocols/model_list.ts";
import { rawQuery } from "../middleware/path.ts";
import { describeModel, isInScope, listModels, namingOf, resolveModel } from "../model_names.ts";
import type { GatewayOptions } from "../options.ts";
import type { Visit } from "../visit.ts";

const PATH = "/v1/models/";

/** Answers with the models that the key may use. */
export async function modelList(
  request: Request,
  visit: Visit,
  options: GatewayOptions,
): Promise<Response> {
  const query = new URLSearchParams(rawQuery(request.url));
  const shape = modelListShape(request.headers, query);
  return Response.json(
    encodeModelList(await listModels(visit.key!, await namingOf(visit, options)), { shape, query }),
  );
}

/** Answers with one model, by any name that a request may use. */
export async function model(
  request: Request,
  visit: Visit,
  options: GatewayOptions,
): Promise<Response> {
  const naming = await namingOf(visit, options);
  const name = decode(visit.path.slice(PATH.length));
  const named = await resolveModel(name, naming);
  const isListed = naming.catalog.find(named.provider, named.model) !== undefined;
  if (!isListed || !isInScope(visit.key!.scope, named)) throw noSuchModel();
  const listed = describeModel(name, named, naming.catalog);
  const shape = modelListShape(request.headers, new URLSearchParams());
  return Response.json(
    shape === "messages" ? encodeMessagesModel(listed) : encodeOpenAiModel(listed),
  );
}

/** `xai-oauth%2Fgrok-4.3` and `xai-oauth/grok-4.3` are the same name. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw noSuchModel();
  }
}

function noSuchModel(): GrantwayError {
  return new GrantwayError("not_found", "There is no such model", {
    hint: "GET /v1/models lists the models of this gateway",
  });
}
