// design.md 9 (overrides, row by row); oauth.md 1.1, 1.2, 1.8, 6 rows 19, 23; faults L19, X40.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { GrantwayError } from "../../src/core/errors.ts";
import { isTrustedUrl } from "../../src/core/http.ts";
import {
  apiBaseUrlFor,
  type EndpointOverrides,
  findProvider,
  findRegion,
  resolveEndpoints,
  sandboxUrl,
} from "../../src/providers/mod.ts";

function resolve(provider: string, region: string, overrides: EndpointOverrides = {}) {
  const found = findProvider(provider)!;
  const endpoints = resolveEndpoints(found, findRegion(found, region)!, overrides);
  const oauth = (profile: number) => {
    if (found.oauth?.kind !== "user_code") throw new Error("it has no profiles");
    const { authorization, token } = endpoints.oauth(found.oauth.profiles[profile]!);
    return [authorization.href, token.href];
  };
  return { ...endpoints, account: () => oauth(0), legacy: () => oauth(1) };
}

Deno.test("resolveEndpoints() without overrides is the vendor's, per region and profile", () => {
  const global = resolve("minimax-oauth", "global");
  assertEquals(global.apiBaseUrl, "https://api.minimax.io/anthropic");
  assertEquals(global.account(), [
    "https://account.minimax.io/oauth2/device/code",
    "https://account.minimax.io/oauth2/token",
  ]);
  assertEquals(global.legacy(), [
    "https://api.minimax.io/oauth/code",
    "https://api.minimax.io/oauth/token",
  ]);
  const cn = resolve("minimax-oauth", "cn");
  assertEquals(cn.apiBaseUrl, "https://api.minimaxi.com/anthropic");
  assertEquals(cn.account(), [
    "https://account.minimaxi.com/oauth2/device/code",
    "https://account.minimaxi.com/oauth2/token",
  ]);
  assertEquals(cn.legacy(), [
    "https://api.minimaxi.com/oauth/code",
    "https://api.minimaxi.com/oauth/token",
  ]);
});

const LOOPBACK = { allowLoopback: true };
const ALLOWED: {
  name: string;
  provider: string;
  overrides: EndpointOverrides;
  api?: string;
  token?: string;
  trustsApi: string[];
  refusesApi: string[];
}[] = [
  {
    name: "the sandbox, for everything",
    provider: "minimax-oauth",
    overrides: {
      sandbox: "http://127.0.0.1:8700",
      apiUrl: "https://api.minimax.io/other",
      oauthUrl: "https://account.minimax.io",
    },
    api: "http://127.0.0.1:8700/api.minimax.io/anthropic",
    token: "http://127.0.0.1:8700/account.minimax.io/oauth2/token",
    trustsApi: ["http://127.0.0.1:8700/x"],
    refusesApi: ["https://api.minimax.io/x", "http://127.0.0.1:8701/x", "http://localhost:8700/x"],
  },
  {
    name: "the sandbox, with a trailing slash",
    provider: "minimax",
    overrides: { sandbox: "http://localhost:8700/" },
    api: "http://localhost:8700/api.minimax.io/anthropic",
    trustsApi: ["http://localhost:8700/x"],
    refusesApi: ["https://api.minimax.io/x"],
  },
  {
    name: "an API base on a vendor's host: that origin alone",
    provider: "minimax-oauth",
    overrides: { apiUrl: "https://eu.minimax.io/anthropic/" },
    api: "https://eu.minimax.io/anthropic",
    token: "https://account.minimax.io/oauth2/token",
    trustsApi: ["https://eu.minimax.io/x"],
    refusesApi: ["https://api.minimax.io/x"],
  },
  {
    name: "an API base on loopback, allowed",
    provider: "minimax-oauth",
    overrides: { ...LOOPBACK, apiUrl: "http://127.0.0.1:9000/anthropic" },
    api: "http://127.0.0.1:9000/anthropic",
    token: "https://account.minimax.io/oauth2/token",
    trustsApi: ["http://127.0.0.1:9000/x"],
    refusesApi: ["https://api.minimax.io/x", "http://127.0.0.1:9001/x"],
  },
  {
    name: "an OAuth origin on a vendor's host; paths stay the profile's",
    provider: "minimax-oauth",
    overrides: { oauthUrl: "https://login.minimax.io" },
    api: "https://api.minimax.io/anthropic",
    token: "https://login.minimax.io/oauth2/token",
    trustsApi: ["https://api.minimax.io/x"],
    refusesApi: ["https://evil.example/x"],
  },
  {
    name: "an OAuth origin on loopback, allowed",
    provider: "minimax-oauth",
    overrides: { ...LOOPBACK, oauthUrl: "http://[::1]:9000" },
    token: "http://[::1]:9000/oauth2/token",
    trustsApi: ["https://api.minimax.io/x"],
    refusesApi: ["http://[::1]:9000/x"],
  },
  {
    name: "any https host for an API key, on any port",
    provider: "minimax",
    overrides: { apiUrl: "https://proxy.example:8443/minimax" },
    api: "https://proxy.example:8443/minimax",
    trustsApi: ["https://proxy.example:8443/x"],
    refusesApi: ["https://proxy.example/x", "https://api.minimax.io/x"],
  },
  {
    name: "loopback for an API key, allowed",
    provider: "minimax-cn",
    overrides: { ...LOOPBACK, apiUrl: "http://localhost:9000" },
    api: "http://localhost:9000",
    trustsApi: ["http://localhost:9000/x"],
    refusesApi: ["https://api.minimaxi.com/x"],
  },
];
for (const { name, provider, overrides, api, token, trustsApi, refusesApi } of ALLOWED) {
  Deno.test(`resolveEndpoints() takes ${name}`, () => {
    const region = provider === "minimax-cn" ? "cn" : "global";
    const endpoints = resolve(provider, region, overrides);
    if (api !== undefined) assertEquals(endpoints.apiBaseUrl, api);
    if (token !== undefined) assertEquals(endpoints.account()[1], token);
    for (const url of trustsApi) assert(isTrustedUrl(new URL(url), endpoints.apiHosts), url);
    for (const url of refusesApi) assert(!isTrustedUrl(new URL(url), endpoints.apiHosts), url);
  });
}

const OAUTH_HOSTS: [name: string, overrides: EndpointOverrides, url: string, trusted: boolean][] = [
  ["the vendor", {}, "https://platform.minimax.io/oauth-authorize", true],
  ["the vendor's other region", {}, "https://account.minimaxi.com/", false],
  ["the vendor on another port", {}, "https://account.minimax.io:444/", false],
  ["the vendor by http", {}, "http://account.minimax.io/", false],
  ["a look-alike", {}, "https://minimax.io.example/", false],
  ["a moved vendor", { oauthUrl: "https://login.minimax.io" }, "https://account.minimax.io/", true],
  ["loopback", { ...LOOPBACK, oauthUrl: "http://127.0.0.1:9000" }, "http://127.0.0.1:9000/a", true],
  [
    "loopback",
    { ...LOOPBACK, oauthUrl: "http://127.0.0.1:9000" },
    "https://account.minimax.io/",
    false,
  ],
  ["the sandbox", { sandbox: "http://127.0.0.1:8700" }, "http://127.0.0.1:8700/a", true],
  ["the sandbox", { sandbox: "http://127.0.0.1:8700" }, "https://account.minimax.io/", false],
];
for (const [name, overrides, url, trusted] of OAUTH_HOSTS) {
  Deno.test(`resolveEndpoints() with ${name}: OAuth ${trusted ? "trusts" : "refuses"} ${url}`, () => {
    const { oauthHosts } = resolve("minimax-oauth", "global", overrides);
    assertEquals(isTrustedUrl(new URL(url), oauthHosts), trusted);
  });
}

const REFUSED: [name: string, provider: string, overrides: EndpointOverrides][] = [
  ["a sandbox elsewhere", "minimax-oauth", { sandbox: "https://sandbox.example" }],
  ["a sandbox elsewhere, loopback allowed", "minimax", { ...LOOPBACK, sandbox: "http://10.0.0.1" }],
  ["a sandbox that is no URL", "minimax-oauth", { sandbox: "8700" }],
  ["loopback, not allowed", "minimax-oauth", { apiUrl: "http://127.0.0.1:9000" }],
  ["OAuth on loopback, not allowed", "minimax-oauth", { oauthUrl: "http://127.0.0.1:9000" }],
  ["loopback, not allowed, with a key", "minimax", { apiUrl: "http://127.0.0.1:9000" }],
  ["a foreign host", "minimax-oauth", { apiUrl: "https://evil.example" }],
  ["a foreign OAuth host", "minimax-oauth", { oauthUrl: "https://evil.example" }],
  ["a foreign host, loopback allowed", "minimax-oauth", {
    ...LOOPBACK,
    apiUrl: "https://evil.example",
  }],
  ["the other region", "minimax-oauth", { apiUrl: "https://api.minimaxi.com" }],
  ["the vendor by http", "minimax-oauth", { apiUrl: "http://api.minimax.io" }],
  ["the vendor on another port", "minimax-oauth", { apiUrl: "https://api.minimax.io:8443" }],
  ["http with a key", "minimax", { apiUrl: "http://proxy.example" }],
  ["a private address with a key", "minimax", { ...LOOPBACK, apiUrl: "http://192.168.0.1" }],
  ["no URL", "minimax", { apiUrl: "api.minimax.io" }],
  ["an empty text", "minimax", { apiUrl: "" }],
  ["a user name", "minimax", { apiUrl: "https://user:secret@proxy.example" }],
  ["a query", "minimax", { apiUrl: "https://proxy.example/?key=secret" }],
  ["a fragment", "minimax-oauth", { oauthUrl: "https://account.minimax.io/#secret" }],
];
for (const [name, provider, overrides] of REFUSED) {
  Deno.test(`resolveEndpoints() refuses ${name}`, () => {
    const error = assertThrows(() => resolve(provider, "global", overrides), GrantwayError);
    assertEquals(error.code, "invalid_configuration");
    assertStringIncludes(error.message, "Cannot use ");
    assert(!error.message.includes("secret"));
  });
}

Deno.test("sandboxUrl() keeps host, path and query", () => {
  assertEquals(
    sandboxUrl("http://127.0.0.1:8700//", "https://api.minimax.io/a/b?c=d"),
    "http://127.0.0.1:8700/api.minimax.io/a/b?c=d",
  );
});

const API = "https://api.minimax.io/anthropic";
const RESOURCES: [
  resourceUrl: string | undefined,
  expected: string,
  overrides?: EndpointOverrides,
][] = [
  [undefined, API],
  ["https://api.minimax.io/anthropic", API],
  ["https://eu.minimax.io", "https://eu.minimax.io/anthropic"],
  ["https://eu.minimax.io/other/", "https://eu.minimax.io/anthropic"],
  ["https://eu.minimax.io/?a=1#b", "https://eu.minimax.io/anthropic"],
  ["http://api.minimax.io/anthropic", API],
  ["https://api.minimax.io:8443/anthropic", API],
  ["https://user@api.minimax.io/anthropic", API],
  ["https://api.minimaxi.com/anthropic", API],
  ["https://api.minimax.io.example/anthropic", API],
  ["https://notminimax.io/anthropic", API],
  ["https://127.0.0.1/anthropic", API],
  ["api.minimax.io", API],
  ["", API],
  ["https://eu.minimax.io", "https://x.minimax.io/v9", { apiUrl: "https://x.minimax.io/v9" }],
  [
    "https://api.minimax.io/anthropic",
    "http://127.0.0.1:8700/api.minimax.io/anthropic",
    { sandbox: "http://127.0.0.1:8700" },
  ],
  [
    "http://127.0.0.1:8700/api.minimaxi.com/anthropic",
    "http://127.0.0.1:8700/api.minimax.io/anthropic",
    { sandbox: "http://127.0.0.1:8700" },
  ],
];
for (const [resourceUrl, expected, overrides] of RESOURCES) {
  Deno.test(`apiBaseUrlFor() of ${resourceUrl}${overrides ? " with an override" : ""}`, () => {
    const endpoints = resolve("minimax-oauth", "global", overrides);
    assertEquals(apiBaseUrlFor(endpoints, resourceUrl), expected);
  });
}

const UPSTREAMS: {
  name: string;
  overrides: EndpointOverrides;
  api: string;
  issuer: string;
  trusts: string;
  refuses: string;
  version?: string;
}[] = [
  {
    name: "the default one",
    overrides: {},
    api: "https://api.x.ai/v1",
    issuer: "https://auth.x.ai",
    trusts: "https://api.x.ai/v1/x",
    refuses: "https://cli-chat-proxy.grok.com/v1/x",
  },
  {
    name: "the CLI's proxy",
    overrides: { upstream: "cli" },
    api: "https://cli-chat-proxy.grok.com/v1",
    issuer: "https://auth.x.ai",
    trusts: "https://cli-chat-proxy.grok.com/v1/x",
    refuses: "https://grok.com/x",
    version: "0.2.120",
  },
  {
    name: "the CLI's proxy in the sandbox",
    overrides: { upstream: "cli", sandbox: "http://127.0.0.1:8700" },
    api: "http://127.0.0.1:8700/cli-chat-proxy.grok.com/v1",
    issuer: "http://127.0.0.1:8700/auth.x.ai",
    trusts: "http://127.0.0.1:8700/x",
    refuses: "https://cli-chat-proxy.grok.com/v1/x",
    version: "0.2.120",
  },
  {
    name: "a local authorization server",
    overrides: { allowLoopback: true, oauthUrl: "http://127.0.0.1:9000" },
    api: "https://api.x.ai/v1",
    issuer: "http://127.0.0.1:9000",
    trusts: "https://api.x.ai/v1/x",
    refuses: "http://127.0.0.1:9000/x",
  },
];
for (const { name, overrides, api, issuer, trusts, refuses, version } of UPSTREAMS) {
  Deno.test(`resolveEndpoints() of xai-oauth: ${name}`, () => {
    const endpoints = resolve("xai-oauth", "global", overrides);
    assertEquals([endpoints.apiBaseUrl, endpoints.issuer], [api, issuer]);
    assert(isTrustedUrl(new URL(trusts), endpoints.apiHosts));
    assert(!isTrustedUrl(new URL(refuses), endpoints.apiHosts));
    assertEquals(endpoints.apiHeaders["x-grok-client-version"], version);
  });
}

const UNUSABLE: { name: string; provider?: string; overrides: EndpointOverrides }[] = [
  { name: "an unknown upstream", overrides: { upstream: "other" } },
  { name: "an upstream of a provider without", provider: "xai", overrides: { upstream: "cli" } },
  { name: "a foreign issuer", overrides: { oauthUrl: "https://auth.x.ai.evil.example" } },
  { name: "an issuer over http", overrides: { oauthUrl: "http://auth.x.ai" } },
  { name: "a local issuer, not allowed", overrides: { oauthUrl: "http://127.0.0.1:9000" } },
  { name: "a foreign API", overrides: { apiUrl: "https://proxy.example/v1" } },
  {
    name: "the proxy's host for the default API",
    overrides: { apiUrl: "https://cli-chat-proxy.grok.com/v1" },
  },
];
for (const { name, provider = "xai-oauth", overrides } of UNUSABLE) {
  Deno.test(`resolveEndpoints() refuses ${name}`, () => {
    const error = assertThrows(() => resolve(provider, "global", overrides), GrantwayError);
    assertEquals(error.code, "invalid_configuration");
  });
}

Deno.test("resolveEndpoints() takes any https host for an API key", () => {
  const { apiBaseUrl, issuer } = resolve("xai", "global", { apiUrl: "https://proxy.example/v1/" });
  assertEquals([apiBaseUrl, issuer], ["https://proxy.example/v1", undefined]);
});

const MEDIA: {
  name: string;
  overrides: EndpointOverrides;
  base: string;
  trusted: string[];
  foreign: string[];
}[] = [
  {
    name: "the vendor's API",
    overrides: {},
    base: "https://api.x.ai/v1",
    trusted: ["https://vidgen.x.ai/a.mp4", "https://x.ai/a"],
    foreign: ["http://vidgen.x.ai/a.mp4", "https://x.ai.example/a", "https://user@x.ai/a"],
  },
  {
    name: "the vendor's API, where chats go to another upstream",
    overrides: { upstream: "cli" },
    base: "https://api.x.ai/v1",
    trusted: ["https://vidgen.x.ai/a.mp4"],
    foreign: ["https://cli-chat-proxy.grok.com/a"],
  },
  {
    name: "another API of the vendor's, with results where they always lie",
    overrides: { apiUrl: "https://eu-west-1.api.x.ai/v1/" },
    base: "https://eu-west-1.api.x.ai/v1",
    trusted: ["https://vidgen.x.ai/a.mp4", "https://eu-west-1.api.x.ai/a"],
    foreign: ["https://api.example/a"],
  },
  {
    name: "a test's server, with results there alone",
    overrides: { apiUrl: "http://127.0.0.1:9/v1", allowLoopback: true },
    base: "http://127.0.0.1:9/v1",
    trusted: ["http://127.0.0.1:9/a.mp4"],
    foreign: ["https://vidgen.x.ai/a.mp4", "http://127.0.0.1:10/a"],
  },
  {
    name: "the sandbox, with results there alone",
    overrides: { sandbox: "http://127.0.0.1:8700" },
    base: "http://127.0.0.1:8700/api.x.ai/v1",
    trusted: ["http://127.0.0.1:8700/vidgen.x.ai/a.mp4"],
    foreign: ["https://vidgen.x.ai/a.mp4"],
  },
];
for (const { name, overrides, base, trusted, foreign } of MEDIA) {
  Deno.test(`media are made by ${name}`, () => {
    const { media } = resolve("xai-oauth", "global", overrides);
    assertEquals(media!.apiBaseUrl, base);
    assertEquals(isTrustedUrl(new URL(base), media!.apiHosts), true);
    const isResult = (url: string) =>
      media!.resultHosts.some((hosts) => isTrustedUrl(new URL(url), hosts));
    for (const url of trusted) assertEquals(isResult(url), true, url);
    for (const url of foreign) assertEquals(isResult(url), false, url);
  });
}

Deno.test("a provider without media has no endpoints for them", () => {
  assertEquals(resolve("minimax-oauth", "global").media, undefined);
});
