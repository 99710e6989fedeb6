import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { assertEquals } from "@std/assert";
import {
  encodeModelList,
  type ListedModel,
  modelListShape,
} from "../../src/protocols/model_list.ts";

const MODELS: ListedModel[] = Array.from({ length: 45 }, (_, i) => ({
  id: `model-${i}`,
  ownedBy: "grantway",
  createdAt: 1_700_000_000_000,
  contextTokens: 200_000,
  maxOutputTokens: 32_000,
}));

/** Answers as a service would. */
const list: typeof fetch = (input, init) => {
  const request = new Request(input, init);
  const query = new URL(request.url).searchParams;
  const shape = modelListShape(request.headers, query);
  return Promise.resolve(Response.json(encodeModelList(MODELS, { shape, query })));
};

Deno.test("encodeModelList() is read by Anthropic's SDK, page by page", async () => {
  const sdk = new Anthropic({ apiKey: "key", baseURL: "http://gateway.invalid", fetch: list });
  const seen: string[] = [];
  for await (const model of sdk.models.list()) seen.push(model.id);
  assertEquals(seen, MODELS.map(({ id }) => id));
  const all = await sdk.models.list({ limit: 1000 });
  assertEquals([all.data.length, all.has_more], [45, false]);
  assertEquals(all.data[0]!.created_at, "2023-11-14T22:13:20.000Z");
  const back = await sdk.models.list({ before_id: "model-30", limit: 10 });
  assertEquals([back.first_id, back.last_id, back.has_more], ["model-20", "model-29", true]);
});

Deno.test("encodeModelList() is read by OpenAI's SDK", async () => {
  const sdk = new OpenAI({ apiKey: "key", baseURL: "http://gateway.invalid/v1", fetch: list });
  const seen = [];
  for await (const model of sdk.models.list()) seen.push(model);
  assertEquals(seen.length, 45);
  assertEquals(seen[0], {
    id: "model-0",
    object: "model",
    created: 1_700_000_000,
    owned_by: "grantway",
  });
});

Deno.test("encodeModelList() leaves Codex its own list", async () => {
  const response = await list("http://gateway.invalid/v1/models?client_version=0.169.0");
  assertEquals(await response.json(), { models: [] });
});

Deno.test("encodeModelList() of nothing", () => {
  assertEquals(encodeModelList([], { shape: "messages" }), {
    data: [],
    has_more: false,
    first_id: null,
    last_id: null,
  });
});
