// design.md 1: names, aliases, default and auxiliary models.

import { assert, assertEquals } from "@std/assert";
import { isTrustedUrl } from "../../src/core/http.ts";
import { findModel, findProvider, findRegion, PROVIDERS } from "../../src/providers/mod.ts";

const NAMES: [name: string, id: string | undefined][] = [
  ["minimax-oauth", "minimax-oauth"],
  ["minimax-portal", "minimax-oauth"],
  ["minimax-global", "minimax-oauth"],
  ["minimax_oauth", "minimax-oauth"],
  [" MiniMax-OAuth ", "minimax-oauth"],
  ["minimax-cn", "minimax-cn"],
  ["minimax", "minimax"],
  ["MINIMAX", "minimax"],
  ["xai-oauth", "xai-oauth"],
  ["grok-oauth", "xai-oauth"],
  ["x-ai-oauth", "xai-oauth"],
  ["xai-grok-oauth", "xai-oauth"],
  ["xai", "xai"],
  ["Grok", "xai"],
  ["x-ai", "xai"],
  ["x.ai", "xai"],
  ["", undefined],
  ["mini", undefined],
  ["__proto__", undefined],
];
for (const [name, id] of NAMES) {
  Deno.test(`findProvider() of ${JSON.stringify(name)} is ${id}`, () => {
    assertEquals(findProvider(name)?.id, id);
  });
}

Deno.test("PROVIDERS: no id or alias means two providers", () => {
  const names = PROVIDERS.flatMap(({ id, aliases }) => [id, ...aliases]);
  assertEquals(new Set(names).size, names.length);
});

for (const provider of PROVIDERS) {
  Deno.test(`${provider.id}: models, regions and links are whole`, () => {
    assertEquals(provider.models[0]?.id, provider.defaultModel);
    assert(findModel(provider, provider.auxiliaryModel));
    assertEquals(findModel(provider, provider.defaultModel.toUpperCase()), provider.models[0]);
    assertEquals(findModel(provider, "gpt-none"), undefined);
    assertEquals(findRegion(provider), provider.regions[0]);
    assertEquals(findRegion(provider, "mars"), undefined);
    assert(provider.apiKey || provider.oauth, "no way in");
    if (provider.oauthVia !== undefined) {
      const via = findProvider(provider.oauthVia.provider);
      assert(via?.oauth);
      assert(findRegion(via, provider.oauthVia.region));
    }
    for (const { apiBaseUrl } of provider.regions) assert(!apiBaseUrl.endsWith("/"));
  });

  const profiles = provider.oauth?.kind === "user_code" ? provider.oauth.profiles : [];
  for (const profile of profiles) {
    for (const region of provider.regions) {
      Deno.test(`${provider.id}: profile ${profile.id} stays on the hosts of ${region.id}`, () => {
        const urls = profile.regions[region.id];
        assert(urls);
        for (const url of [urls.authorization, urls.token, region.apiBaseUrl]) {
          const { protocol, hostname } = new URL(url);
          assertEquals(protocol, "https:");
          assert(region.hosts.some((host) => hostname.endsWith(host.replace("*", ""))), url);
        }
      });
    }
  }
}

Deno.test("minimax-oauth: the defaults that users rely on", () => {
  const provider = findProvider("minimax-oauth")!;
  assertEquals(provider.regions.map(({ id, apiBaseUrl }) => [id, apiBaseUrl]), [
    ["global", "https://api.minimax.io/anthropic"],
    ["cn", "https://api.minimaxi.com/anthropic"],
  ]);
  assert(provider.oauth?.kind === "user_code");
  assertEquals(provider.oauth.profiles.map(({ id }) => id), ["account", "legacy"]);
  assertEquals([provider.defaultModel, provider.auxiliaryModel], [
    "MiniMax-M2.7",
    "MiniMax-M2.7-highspeed",
  ]);
  assertEquals(provider.models.map(({ contextTokens }) => contextTokens), [200_000, 200_000]);
  assertEquals(provider.apiKey, undefined);
});

Deno.test("xai-oauth: the defaults that users rely on", () => {
  const provider = findProvider("xai-oauth")!;
  assertEquals(provider.name, "xAI Grok OAuth (SuperGrok Subscription)");
  assertEquals(provider.protocol, "responses");
  assertEquals(provider.regions.map(({ apiBaseUrl }) => apiBaseUrl), ["https://api.x.ai/v1"]);
  assertEquals(provider.models.map(({ id }) => id), [
    "grok-4.3",
    "grok-4.20-0309-reasoning",
    "grok-4.20-0309-non-reasoning",
    "grok-4.20-multi-agent-0309",
  ]);
  assertEquals(provider.models.map(({ efforts }) => efforts), [
    ["none", "low", "medium", "high"],
    [],
    [],
    ["low", "medium", "high", "xhigh"],
  ]);
  assertEquals(provider.apiKey, undefined);
  assert(provider.oauth?.kind === "oidc");
  assertEquals(provider.oauth.flows, ["device", "loopback"]);
  assertEquals(provider.oauth.redirect, { port: 56121, path: "/callback" });
  assertEquals(findProvider("xai")!.oauth, undefined);
  assertEquals(findProvider("xai")!.apiKey?.variables, ["XAI_API_KEY"]);
});

Deno.test("xai-oauth: every upstream stays on hosts of its own", () => {
  const { upstreams = [] } = findProvider("xai-oauth")!;
  assertEquals(upstreams.map(({ id }) => id), ["api", "cli"]);
  for (const { apiBaseUrl, hosts } of upstreams) {
    assert(isTrustedUrl(new URL(apiBaseUrl), { hosts }));
  }
  assertEquals(upstreams[1]!.hosts, ["cli-chat-proxy.grok.com"]);
});
