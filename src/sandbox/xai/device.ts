/**
 * xAI's device authorization: the codes, and the page on which the user answers. Polls are the
 * token endpoint's part.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8628 | RFC 8628}
 * @module
 */

import { Hono } from "hono";
import { siteUrl } from "../address.ts";
import { serveApproval } from "../approval.ts";
import { challengePage, withFaults } from "../faults.ts";
import { digest, type Ledger, randomToken } from "../ledger.ts";
import { oauthError, privateJson, readForm } from "../oauth_http.ts";
import type { StoredAuthorization } from "../state.ts";
import type { World } from "../world.ts";
import {
  ACCOUNTS_HOST,
  AUTH_HOST,
  DEFAULT_SCOPE,
  mayAsk,
  XAI_CLIENTS,
  XAI_REALM,
} from "./hosts.ts";

const DEVICE_PATH = "/oauth2/device";
const USER_CODE_TTL_MS = 30 * 60_000;
const POLL_INTERVAL_MS = 5_000;

function deviceAnswer(
  world: World,
  request: Request,
  authorization: StoredAuthorization,
  deviceCode: string,
): Record<string, unknown> {
  const { quirks } = world;
  const page = {
    accounts: siteUrl(request, ACCOUNTS_HOST, DEVICE_PATH),
    foreign: `https://${ACCOUNTS_HOST}.example${DEVICE_PATH}`,
    http: `http://${ACCOUNTS_HOST}${DEVICE_PATH}`,
  };
  const uri = page[quirks.deviceHost];
  const query = `?${new URLSearchParams({ user_code: authorization.userCode })}`;
  const ttl = Math.round((authorization.expiresAt - world.now()) / 1000);
  const interval = Math.ceil(authorization.intervalMs / 1000);
  // Members that are `undefined` are not written.
  return {
    device_code: deviceCode,
    user_code: quirks.userCodeForm === "plain"
      ? authorization.userCode
      : `\u001b[31m${authorization.userCode}`,
    verification_uri: uri,
    verification_uri_complete: {
      sent: `${uri}${query}`,
      missing: undefined,
      foreign: `${page.foreign}${query}`,
    }[quirks.verificationComplete],
    expires_in: { sent: ttl, missing: undefined, zero: 0, string: String(ttl) }[
      quirks.deviceExpiresIn
    ],
    interval: {
      sent: interval,
      missing: undefined,
      string: String(interval),
      zero: 0,
      negative: -1,
      huge: 1e9,
      null: null,
    }[quirks.interval],
  };
}

/** The routes of the device flow; each path begins with its host. */
export function deviceRoutes(world: World, ledger: Ledger): Hono {
  const app = new Hono();

  app.post(`/${AUTH_HOST}/oauth2/device/code`, async (c) => {
    const request = c.req.raw;
    const form = await readForm(request);
    return withFaults(world, "code", request, async () => {
      const { deviceFlow, userAgentRequired } = world.quirks;
      if (userAgentRequired && !request.headers.get("user-agent")) return challengePage(403);
      if (deviceFlow === "not_found") return new Response("404 page not found", { status: 404 });
      if (form.problem !== undefined) return oauthError("invalid_request", form.problem);
      const { fields } = form;
      const clientId = fields.get("client_id") ?? "";
      if (clientId === "") return oauthError("invalid_request", "client_id is required");
      const client = XAI_CLIENTS.get(clientId);
      if (client === undefined) return oauthError("invalid_client", "client_id is unknown", 401);
      const scope = fields.get("scope") ?? DEFAULT_SCOPE;
      if (!mayAsk(client, scope)) {
        return oauthError("invalid_scope", "scope is not allowed for this client");
      }
      const deviceCode = `sbx_dc_${randomToken()}`;
      const authorization = ledger.authorize({
        realm: XAI_REALM,
        clientId,
        clientName: client.name,
        scope,
        challenge: "",
        deviceHash: await digest(deviceCode),
        ttlMs: USER_CODE_TTL_MS,
        intervalMs: POLL_INTERVAL_MS,
        page: (userCode) =>
          `${ACCOUNTS_HOST}${DEVICE_PATH}?${new URLSearchParams({ user_code: userCode })}`,
      });
      return privateJson(deviceAnswer(world, request, authorization, deviceCode));
    });
  });

  app.on(
    ["GET", "POST"],
    `/${ACCOUNTS_HOST}${DEVICE_PATH}`,
    (c) =>
      serveApproval(c.req.raw, ledger, {
        realm: XAI_REALM,
        action: new URL(siteUrl(c.req.raw, ACCOUNTS_HOST, DEVICE_PATH)).pathname,
        details: { Account: world.quirks.account },
      }),
  );

  return app;
}
