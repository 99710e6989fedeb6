// oauth.md 1.6, 1.10; refresh.md 2.4; faults L19; threat model 1.2 (destinations from tables).

import { assertEquals, assertRejects } from "@std/assert";
import { CredentialError, GrantwayError } from "../../src/core/errors.ts";
import type { Credential } from "../../src/credentials/credential.ts";
import { createProviderRefresh } from "../../src/credentials/provider_refresh.ts";
import { type EndpointOverrides, findProvider } from "../../src/providers/mod.ts";
import { rejection, scriptFetch } from "../oauth/support.ts";

const PROVIDER = findProvider("minimax-oauth")!;
const DEFAULT_CLIENT_ID = "78257093-7e40-4613-99e0-527b14b39113";
const CREDENTIAL: Credential = {
  id: "aaaaaaaa",
  provider: "minimax-oauth",
  region: "global",
  label: "work",
  source: "login",
  status: "active",
  tokens: { accessToken: "at1", refreshToken: "rt1" },
  expiresAt: 0,
  issuedAt: 0,
  generation: 1,
  clientId: "client-1",
  endpointsProfile: "account",
  resourceUrl: "https://evil.example",
  owner: { host: "host-1", createdAt: 0 },
  createdAt: 0,
};
const good = () => Response.json({ status: "success", access_token: "at2", expired_in: 900 });

const ENDPOINTS: {
  name: string;
  change: Partial<Credential>;
  overrides?: EndpointOverrides;
  url: string;
  clientId?: string;
}[] = [
  { name: "global, account", change: {}, url: "https://account.minimax.io/oauth2/token" },
  {
    name: "global, legacy",
    change: { endpointsProfile: "legacy" },
    url: "https://api.minimax.io/oauth/token",
  },
  {
    name: "cn, account",
    change: { region: "cn" },
    url: "https://account.minimaxi.com/oauth2/token",
  },
  {
    name: "cn, legacy",
    change: { region: "cn", endpointsProfile: "legacy" },
    url: "https://api.minimaxi.com/oauth/token",
  },
  {
    name: "a record without profile and client id",
    change: { endpointsProfile: undefined, clientId: undefined },
    url: "https://account.minimax.io/oauth2/token",
    clientId: DEFAULT_CLIENT_ID,
  },
  {
    name: "overrides for new logins change neither profile nor client id",
    change: {},
    overrides: { profile: "legacy", clientId: "client-9" },
    url: "https://account.minimax.io/oauth2/token",
  },
  {
    name: "the sandbox",
    change: { region: "cn" },
    overrides: { sandbox: "http://127.0.0.1:8700" },
    url: "http://127.0.0.1:8700/account.minimaxi.com/oauth2/token",
  },
  {
    name: "an OAuth origin",
    change: {},
    overrides: { oauthUrl: "https://login.minimax.io" },
    url: "https://login.minimax.io/oauth2/token",
  },
];
for (const { name, change, overrides, url, clientId = "client-1" } of ENDPOINTS) {
  Deno.test(`createProviderRefresh(): ${name}`, async () => {
    const { fetch, seen } = scriptFetch(good());
    const refresh = createProviderRefresh(PROVIDER, { fetch, overrides });
    assertEquals((await refresh({ ...CREDENTIAL, ...change })).kind, "granted");
    assertEquals(seen.map(({ url, fields }) => ({ url, fields })), [{
      url,
      fields: { grant_type: "refresh_token", client_id: clientId, refresh_token: "rt1" },
    }]);
  });
}

const KINDS: { name: string; answer: Response; kind: string }[] = [
  {
    name: "a dead code of the vendor's",
    answer: Response.json({ error: "refresh_token_reused" }, { status: 400 }),
    kind: "dead",
  },
  {
    name: "the same under 200",
    answer: Response.json({ status: "error", error: "invalid_refresh_token" }),
    kind: "dead",
  },
  {
    name: "a bare 1004",
    answer: Response.json({ base_resp: { status_code: 1004, status_msg: "login fail" } }),
    kind: "ambiguous",
  },
  {
    name: "a redirect to the other region",
    answer: new Response(null, {
      status: 307,
      headers: { location: "https://account.minimaxi.com/oauth2/token" },
    }),
    kind: "ambiguous",
  },
];
for (const { name, answer, kind } of KINDS) {
  Deno.test(`createProviderRefresh() takes ${name} as ${kind}`, async () => {
    const { fetch, seen } = scriptFetch(answer);
    const outcome = await createProviderRefresh(PROVIDER, { fetch })(CREDENTIAL);
    assertEquals(outcome.kind, kind as typeof outcome.kind);
    assertEquals(seen.length, 1);
  });
}

const IMPOSSIBLE: { name: string; change: Partial<Credential>; code: string }[] = [
  { name: "no tokens", change: { tokens: null }, code: "login_required" },
  { name: "no refresh token", change: { tokens: { accessToken: "at1" } }, code: "login_required" },
  {
    name: "an empty refresh token",
    change: { tokens: { accessToken: "at1", refreshToken: "" } },
    code: "login_required",
  },
  { name: "an unknown region", change: { region: "mars" }, code: "invalid_configuration" },
  {
    name: "an unknown profile",
    change: { endpointsProfile: "https://evil.example" },
    code: "invalid_configuration",
  },
];
for (const { name, change, code } of IMPOSSIBLE) {
  Deno.test(`createProviderRefresh() sends nothing for ${name}`, async () => {
    const { fetch, seen } = scriptFetch();
    const refresh = createProviderRefresh(PROVIDER, { fetch });
    const error = await assertRejects(() => refresh({ ...CREDENTIAL, ...change }), GrantwayError);
    assertEquals(error.code, code as typeof error.code);
    assertEquals(error instanceof CredentialError, code === "login_required");
    assertEquals(seen, []);
  });
}

Deno.test("createProviderRefresh() minds the signal of the call", async () => {
  const reason = new Error("stop");
  const { fetch, seen } = scriptFetch();
  const refresh = createProviderRefresh(PROVIDER, { fetch });
  assertEquals(await rejection(refresh(CREDENTIAL, AbortSignal.abort(reason))), reason);
  assertEquals(seen, []);
});
