import { assertEquals, assertRejects } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { resolveModel } from "../../src/gateway/model_names.ts";
import { DEFAULT_SETTINGS, type GatewaySettings } from "../../src/gateway/settings.ts";
import type { Upstreams } from "../../src/gateway/upstreams.ts";
import { findProvider } from "../../src/providers/mod.ts";
import { mergeModels } from "../../src/providers/models.ts";

const signedIn = (ids: readonly string[]) =>
  ({ list: () => Promise.resolve(ids.map((id) => findProvider(id)!)) }) as Upstreams;

const CATALOG = mergeModels({
  xai: [{
    id: "grok-4.6",
    contextTokens: 500_000,
    maxOutputTokens: 30_000,
    input: ["text"],
    reasoning: true,
  }],
});
const BOTH = ["minimax-oauth", "xai-oauth"];
const CASES: {
  name: string;
  settings?: Partial<GatewaySettings>;
  in?: readonly string[];
  /** `provider/model`, or the code of the error. */
  is: string;
}[] = [
  { name: "xai-oauth/grok-4.3", is: "xai-oauth/grok-4.3" },
  { name: "XAI-OAuth/GROK-4.3", is: "xai-oauth/grok-4.3" },
  { name: "grok-oauth/grok-4.3", is: "xai-oauth/grok-4.3" },
  { name: "xai-oauth/grok-5-of-tomorrow", is: "xai-oauth/grok-5-of-tomorrow" },
  { name: "minimax-cn/MiniMax-M2.7", is: "minimax-cn/MiniMax-M2.7" },
  { name: "xai-oauth/a/b", is: "xai-oauth/a/b" },
  { name: "xai-oauth/", is: "not_found" },
  { name: "/grok-4.3", is: "not_found" },
  { name: "nobody/grok-4.3", is: "not_found" },
  { name: "grok-4.3", is: "xai-oauth/grok-4.3" },
  { name: "minimax-m2.7", is: "minimax-oauth/MiniMax-M2.7" },
  { name: "grok-4.3", in: ["xai"], is: "xai/grok-4.3" },
  { name: "grok-4.3", in: ["xai-oauth", "xai"], is: "xai-oauth/grok-4.3" },
  { name: "MiniMax-M2.7", in: ["minimax"], is: "minimax/MiniMax-M2.7" },
  // Somebody has it, though nobody is signed in there: that is what the error will say.
  { name: "grok-4.3", in: [], is: "xai-oauth/grok-4.3" },
  { name: "grok-5", is: "not_found" },
  // What models.dev has added.
  { name: "GROK-4.6", is: "xai-oauth/grok-4.6" },
  { name: "xai/GROK-4.6", is: "xai/grok-4.6" },
  { name: "default", is: "minimax-oauth/MiniMax-M2.7" },
  { name: "default", in: ["xai-oauth"], is: "xai-oauth/grok-4.3" },
  { name: "default", in: [], is: "login_required" },
  { name: "claude-opus-4-20250514", is: "minimax-oauth/MiniMax-M2.7" },
  { name: "claude-opus-4[1m]", is: "minimax-oauth/MiniMax-M2.7" },
  { name: "claude", is: "not_found" },
  { name: "claude-x", settings: { defaultModel: "grok-4.3" }, is: "xai-oauth/grok-4.3" },
  { name: "claude-x", settings: { defaultModel: "xai/grok-4.3" }, is: "xai/grok-4.3" },
  { name: "claude-x", settings: { defaultModel: "default" }, is: "minimax-oauth/MiniMax-M2.7" },
  { name: "claude-x", settings: { defaultModel: "gone" }, is: "not_found" },
  { name: "fast", settings: { aliases: { fast: "grok-4.3" } }, is: "xai-oauth/grok-4.3" },
  { name: "fast", settings: { aliases: { fast: "default" } }, is: "minimax-oauth/MiniMax-M2.7" },
  { name: "fast", settings: { aliases: { fast: "gone" } }, is: "not_found" },
  // One step: an alias of an alias is none, and no circle goes round.
  { name: "a", settings: { aliases: { a: "b", b: "a" } }, is: "not_found" },
  { name: "a", settings: { aliases: { a: "a" } }, is: "not_found" },
  {
    name: "grok-4.3",
    settings: { aliases: { "grok-4.3": "MiniMax-M2.7" } },
    is: "minimax-oauth/MiniMax-M2.7",
  },
  {
    name: "claude-haiku-4-5",
    settings: { aliases: { "claude-haiku*": "MiniMax-M2.7-highspeed", "claude-*": "grok-4.3" } },
    is: "minimax-oauth/MiniMax-M2.7-highspeed",
  },
  {
    name: "claude-sonnet-4-5",
    settings: { aliases: { "claude-haiku*": "MiniMax-M2.7-highspeed", "claude-*": "grok-4.3" } },
    is: "xai-oauth/grok-4.3",
  },
  { name: "gpt-5", settings: { aliases: { "*": "grok-4.3" } }, is: "xai-oauth/grok-4.3" },
  { name: "toString", is: "not_found" },
  { name: "__proto__", is: "not_found" },
  { name: "", is: "invalid_request" },
  { name: " grok-4.3", is: "invalid_request" },
  { name: "grok-4.3\n", is: "invalid_request" },
  { name: "x".repeat(201), is: "invalid_request" },
];
for (const { name, settings, in: ids = BOTH, is } of CASES) {
  const given = settings === undefined ? "" : ` with ${JSON.stringify(settings)}`;
  Deno.test(`resolveModel() takes ${JSON.stringify(name.slice(0, 40))}${given} for ${is} of ${ids}`, async () => {
    const resolving = resolveModel(name, {
      settings: { ...DEFAULT_SETTINGS, ...settings },
      upstreams: signedIn(ids),
      catalog: CATALOG,
    });
    if (!is.includes("/")) {
      assertEquals((await assertRejects(() => resolving, GrantwayError)).code, is);
      return;
    }
    const { provider, model } = await resolving;
    assertEquals(`${provider.id}/${model}`, is);
  });
}
