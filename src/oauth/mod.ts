/**
 * OAuth grants by RFC, without provider names and without storage.
 *
 * A server's behaviour is data or a small hook in {@linkcode OAuthClient}; `fetch`, clock and waits
 * come in as {@linkcode RuntimeOptions}.
 *
 * @module
 */

export type { OAuthClient, TokenAnswer } from "./client.ts";
export {
  awaitDeviceGrant,
  type DeviceAuthorization,
  type DeviceClient,
  pollDeviceGrant,
  requestDeviceAuthorization,
} from "./device_authorization.ts";
export {
  createChallenge,
  createState,
  createVerifier,
  decodeBase64Url,
  encodeBase64Url,
} from "./pkce.ts";
export type { PollResult } from "./polling.ts";
export { type RefreshOutcome, requestRefresh } from "./refresh_token.ts";
export { type RevocationClient, type RevocationRequest, revokeToken } from "./revocation.ts";
export {
  type AnswerClock,
  type Expiry,
  interpretExpiry,
  isBearerType,
  parseTokenSet,
  readExpiry,
  readJwtExpiry,
  serverClockOffset,
  type TokenSet,
} from "./token_set.ts";
export {
  awaitUserCodeGrant,
  pollUserCodeGrant,
  requestUserCode,
  type UserCodeClient,
  type UserCodePoll,
  type UserCodeRequest,
} from "./user_code.ts";
export type { Verification } from "./verification.ts";
