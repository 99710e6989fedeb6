/**
 * Device authorization grant: request the codes, poll, return a token set.
 *
 * It prints nothing, opens no browser and stores nothing; the caller shows the user code and keeps
 * the result.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc8628 | RFC 8628}
 * @module
 */

import { OAuthError } from "../core/errors.ts";
import type { RuntimeOptions } from "../core/runtime.ts";
import type { OAuthClient } from "./client.ts";
import { awaitGrant, type PollResult, pollTokenEndpoint } from "./polling.ts";
import type { TokenSet } from "./token_set.ts";
import { parseVerification, requestAuthorization, type Verification } from "./verification.ts";

const GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code";
/** RFC 8628 3.2. */
const INTERVAL = { unitMs: 1_000, defaultMs: 5_000 };

/** A client of an authorization server that has a device flow. */
export interface DeviceClient extends OAuthClient {
  /** Where the codes come from. */
  deviceAuthorizationEndpoint: URL;
  /** Scopes to ask for. */
  scopes?: readonly string[] | undefined;
}

/** The server's answer: what to show, and what to poll with. */
export interface DeviceAuthorization extends Verification {
  /** What the polls present. Secret. */
  deviceCode: string;
}

/**
 * Requests a device code and a user code.
 *
 * The interval is taken as 1 to 60 s, 5 s where it makes no sense; the lifetime as at most 30
 * minutes, 5 minutes where it makes no sense.
 *
 * @throws {OAuthError} `invalid_response` when the answer is not RFC 8628's, `network`, `timeout`, or
 * what the server said.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export async function requestDeviceAuthorization(
  client: DeviceClient,
  options: RuntimeOptions = {},
): Promise<DeviceAuthorization> {
  const { body, clock, action } = await requestAuthorization(
    client,
    client.deviceAuthorizationEndpoint,
    { client_id: client.clientId, scope: client.scopes?.join(" ") },
    options,
  );
  const deviceCode = body["device_code"];
  if (typeof deviceCode !== "string" || deviceCode === "") {
    throw new OAuthError("invalid_response", `${action}: the answer has no proper device_code`);
  }
  return { ...parseVerification(body, clock, INTERVAL, action), deviceCode };
}

/**
 * Asks once whether the user has answered.
 *
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export function pollDeviceGrant(
  client: OAuthClient,
  { deviceCode }: Pick<DeviceAuthorization, "deviceCode">,
  options: RuntimeOptions = {},
): Promise<PollResult> {
  return pollTokenEndpoint(client, { grant_type: GRANT_TYPE, device_code: deviceCode }, options);
}

/**
 * Polls the token endpoint until the user has answered.
 *
 * The first poll comes after one interval; `slow_down` adds 5 s for good, up to 60 s; after a failed
 * poll the wait doubles.
 *
 * @example Usage
 * ```ts ignore
 * const authorization = await requestDeviceAuthorization(client);
 * console.log(authorization.verificationUri, authorization.userCode);
 * const tokenSet = await awaitDeviceGrant(client, authorization, { signal });
 * ```
 * @param client The public client the codes were issued to.
 * @param authorization What {@linkcode requestDeviceAuthorization} returned.
 * @param options Clock, wait, `fetch` and cancellation.
 * @throws {OAuthError} `access_denied` when the user refuses, `expired_token` when the codes run out,
 * or the code of any other refusal.
 * @throws The signal's reason, unchanged, when the caller cancels.
 */
export function awaitDeviceGrant(
  client: OAuthClient,
  authorization: DeviceAuthorization,
  options: RuntimeOptions = {},
): Promise<TokenSet> {
  const poll = () => pollDeviceGrant(client, authorization, options);
  return awaitGrant(client, authorization, poll, options);
}
