/**
 * OAuth grants by RFC, without provider names and without storage.
 *
 * A server's behaviour is data or a small hook in {@linkcode OAuthClient}; `fetch`, clock and waits
 * come in as {@linkcode RuntimeOptions}.
 *
 * @module
 */

export {
  type AuthorizationAttempt,
  type AuthorizationCodeClient,
  type AuthorizationResponse,
  createAuthorizationUrl,
  exchangeAuthorizationCode,
  readAuthorizationResponse,
} from "./authorization_code.ts";
export type { EntitlementRefusal, OAuthClient, TokenAnswer } from "./client.ts";
export {
  awaitDeviceGrant,
  type DeviceAuthorization,
  type DeviceClient,
  pollDeviceGrant,
  requestDeviceAuthorization,
} from "./device_authorization.ts";
export {
  type AuthorizationServer,
  createDiscovery,
  type Discovery,
  type DiscoveryOptions,
  type DiscoveryRequest,
} from "./discovery.ts";
export { type IdTokenExpectations, verifyIdToken } from "./id_token.ts";
export {
  type BindLoopback,
  createLoopbackReceiver,
  type LoopbackReceiver,
  loopbackRedirectUri,
  type LoopbackResult,
  type LoopbackSettings,
  type LoopbackSocket,
} from "./loopback.ts";
export { parsePastedResponse, type PastedResponse } from "./pasted_response.ts";
export {
  createChallenge,
  createState,
  createVerifier,
  decodeBase64Url,
  encodeBase64Url,
} from "./pkce.ts";
export type { PollPace, PollResult } from "./polling.ts";
export { type RefreshOutcome, requestRefresh } from "./refresh_token.ts";
export { type RevocationClient, type RevocationRequest, revokeToken } from "./revocation.ts";
export {
  type AnswerClock,
  type Expiry,
  interpretExpiry,
  isBearerType,
  parseTokenSet,
  readExpiry,
  readJwtClaims,
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
