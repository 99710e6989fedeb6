/**
 * oidc-provider, a certified authorization server that nobody here wrote, on a loopback port; and a
 * user who says yes to all that its pages ask.
 *
 * @module
 */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair } from "jose";
import { Provider } from "oidc-provider";
import { findProvider } from "../../src/providers/mod.ts";

/** A running server. */
export interface RunningProvider extends AsyncDisposable {
  /** Its issuer, for `GRANTWAY_XAI_ISSUER`. */
  issuer: string;
  /** Successful token requests by grant type. */
  grants: Record<string, number>;
  /** Grants that it ended because a spent refresh token came back. */
  revocations: () => number;
}

/** How it departs from its settings. */
export interface ProviderSettings {
  /** Whether it has a device flow. Default: true. */
  deviceFlow?: boolean;
}

/** Starts a server that knows the client, scopes and redirect URIs of `xai-oauth`. */
export async function startOidcProvider(settings: ProviderSettings = {}): Promise<RunningProvider> {
  const { oauth } = findProvider("xai-oauth")!;
  if (oauth?.kind !== "oidc") throw new Error("its endpoints are not discovered");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
  const { deviceFlow = true } = settings;
  // As long as it runs it warns of what a test may do: plain http, pages that let everybody in.
  const { warn, info } = console;
  console.warn = console.info = () => {};
  const provider = new Provider(issuer, {
    clients: [{
      client_id: oauth.clientId,
      client_name: oauth.clientName,
      application_type: "native",
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token", ...(deviceFlow ? [deviceGrant] : [])],
      response_types: ["code"],
      redirect_uris: ["http://127.0.0.1/callback"],
      id_token_signed_response_alg: "ES256",
    }],
    jwks: { keys: [{ ...await exportJWK(privateKey), alg: "ES256", use: "sig", kid: "k1" }] },
    scopes: [...oauth.scopes],
    clockTolerance: 0,
    rotateRefreshToken: true,
    issueRefreshToken: () => Promise.resolve(true),
    findAccount: (_ctx: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@example.com` }),
    }),
    claims: { openid: ["sub"], email: ["email"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    ttl: { AccessToken: 900, RefreshToken: 86_400, Grant: 86_400, Session: 3_600 },
    cookies: { keys: ["test"] },
    features: {
      deviceFlow: { enabled: deviceFlow },
      revocation: { enabled: true },
      devInteractions: { enabled: true },
    },
  });
  const grants: Record<string, number> = {};
  let revocations = 0;
  provider.on("grant.success", (ctx: { oidc: { params: { grant_type: string } } }) => {
    const type = ctx.oidc.params.grant_type;
    grants[type] = (grants[type] ?? 0) + 1;
  });
  provider.on("grant.revoked", () => void revocations++);
  server.on("request", provider.callback());
  return {
    issuer,
    grants,
    revocations: () => revocations,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      Object.assign(console, { warn, info });
    },
  };
}

/**
 * Visits `url` with a cookie jar and submits every form on the way with what it holds, logging in as
 * `user`.
 *
 * @returns The callback that it is led to, or `undefined` after a last page without a form.
 */
export async function sayYes(url: string, user = "alice"): Promise<string | undefined> {
  const jar = new Map<string, string>();
  let next: { url: URL; body?: URLSearchParams } = { url: new URL(url) };
  for (let step = 0; step < 20; step++) {
    const response = await fetch(next.url, {
      method: next.body === undefined ? "GET" : "POST",
      body: next.body ?? null,
      headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
      redirect: "manual",
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!;
      if (value === "") jar.delete(name!);
      else jar.set(name!, value!);
    }
    const location = response.headers.get("location");
    const page = await response.text();
    if (location !== null) {
      const target = new URL(location, next.url);
      if (target.pathname === "/callback") return target.href;
      next = { url: target };
      continue;
    }
    const form = /<form[^>]*action="([^"]+)"[^>]*>([\s\S]*?)<\/form>/.exec(page);
    if (form === null) {
      if (!response.ok) throw new Error(`${response.status} ${next.url.pathname}: ${page}`);
      return undefined;
    }
    const body = new URLSearchParams();
    for (const [tag] of form[2]!.matchAll(/<input[^>]*>/g)) {
      const name = /name="([^"]+)"/.exec(tag)?.[1];
      if (name !== undefined) body.set(name, /value="([^"]*)"/.exec(tag)?.[1] ?? user);
    }
    next = { url: new URL(form[1]!.replaceAll("&amp;", "&"), next.url), body };
  }
  throw new Error("the pages lead in a circle");
}
