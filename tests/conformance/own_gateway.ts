/**
 * This project's router over the sandbox, as an HTTP service without a socket.
 *
 * @module
 */

import { encodeModelList, modelListShape } from "../../src/protocols/model_list.ts";
import { createWorld, MODELS, UPSTREAMS } from "../transports/router_support.ts";
import type { Gateway } from "./cases.ts";

/** The names of its models. */
export const OWN_MODELS: readonly string[] = MODELS;

/** Creates it. */
export function createOwnGateway(): Gateway {
  const { fetch } = createWorld();
  return {
    fetch: (path, init) => {
      const url = new URL(path, "http://gateway.invalid");
      if (url.pathname !== "/v1/models") return fetch(url, init);
      const shape = modelListShape(new Headers(init?.headers), url.searchParams);
      const models = MODELS.map((id) => ({ id, ownedBy: UPSTREAMS[id]!.provider.family }));
      return Promise.resolve(
        Response.json(encodeModelList(models, { shape, query: url.searchParams })),
      );
    },
  };
}
