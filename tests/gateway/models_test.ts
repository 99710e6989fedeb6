/** The gateway's list of models: the catalog's, as it is at the moment. */

import { assert, assertEquals } from "@std/assert";
import { findProvider } from "../../src/providers/mod.ts";
import { BUNDLED_CATALOG, mergeModels, type ModelCatalog } from "../../src/providers/models.ts";
import { TestCli } from "../support/cli.ts";
import { createWorld, KEY, type World } from "./support.ts";

const NEW = {
  id: "grok-4.6",
  contextTokens: 500_000,
  maxOutputTokens: 30_000,
  input: ["text"],
  reasoning: true,
} as const;

async function ids({ send }: World): Promise<string[]> {
  const { data } = await (await send("/v1/models")).json();
  return data.map(({ id }: { id: string }) => id);
}

Deno.test("GET /v1/models lists what came with the version, each provider's default first", async () => {
  const world = await createWorld({ signedIn: ["xai-oauth", "minimax-oauth"] });
  const listed = await ids(world);
  const expected = ["minimax-oauth", "xai-oauth"].flatMap((id) =>
    BUNDLED_CATALOG.list(findProvider(id)!).map(({ id }) => id)
  );
  assertEquals(listed, expected);
  assertEquals([listed[0], listed.includes("grok-build-0.1")], ["MiniMax-M2.7", true]);
});

Deno.test("a model that the catalog learns of is listed, described and answers, without a restart", async () => {
  let catalog: ModelCatalog = mergeModels({});
  const models = () => Promise.resolve(catalog);
  const world = await createWorld({ signedIn: ["xai-oauth"], gateway: { models } });
  const { send, ask } = world;
  assert(!(await ids(world)).includes("grok-4.6"));
  for (const response of [await send("/v1/models/grok-4.6"), await ask("chat", "grok-4.6", "Hi")]) {
    assertEquals(response.status, 404);
    await response.body?.cancel();
  }

  catalog = mergeModels({ xai: [NEW] });
  assertEquals((await ids(world)).at(-1), "grok-4.6");
  const headers = { "anthropic-version": "2023-06-01", "x-api-key": KEY };
  const described = await (await send("/v1/models/grok-4.6", { headers })).json();
  assertEquals([described.max_input_tokens, described.max_tokens], [500_000, 30_000]);
  assertEquals((await (await ask("chat", "GROK-4.6", "Hi")).json()).model, "GROK-4.6");
  assertEquals(JSON.parse(world.sent.at(-1)!.text).model, "grok-4.6");
});

Deno.test("gateway serve refreshes its list beside the requests", async () => {
  await using cli = await TestCli.create({ quirks: { catalog: "newer" } });
  assertEquals((await cli.run("auth add xai-oauth")).code, 0);
  const { stdout } = await cli.run("gateway keys create laptop");
  const key = /gw_[\w-]{43}/.exec(stdout)![0];
  const child = cli.spawn(["gateway", "serve", "--port", "0"]);
  const origin = /http:\/\/[\d.]+:\d+/.exec(await child.said("Ctrl-C stops"))![0];
  let isListed = false;
  for (let tries = 0; tries < 1_000 && !isListed; tries++) {
    const headers = { "x-api-key": key };
    const text = await (await fetch(`${origin}/v1/models`, { headers })).text();
    isListed = text.includes("grok-4.6");
    if (!isListed) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert(isListed);
  child.kill("SIGINT");
  assertEquals((await child.result).code, 0);
  assertEquals(cli.sandbox.counters.requests["GET models.dev/api.json"], 1);
});
