/**
 * Providers as data: the list, their models and their endpoints. What is known of models besides is
 * apart, in `models.ts`: few programs need it before their first request.
 *
 * @module
 */

export { findModel, findProvider, PROVIDERS } from "./catalog.ts";
export {
  apiBaseUrlFor,
  type EndpointOverrides,
  type Endpoints,
  findRegion,
  findUpstream,
  type MediaEndpoints,
  resolveEndpoints,
  sandboxUrl,
} from "./endpoints.ts";
export { type OAuthParameters, withOAuthParameters } from "./oauth_parameters.ts";
export type {
  AccountIdentity,
  ApiKeySettings,
  ApiRules,
  CallersTool,
  MediaSettings,
  Model,
  ModelPrice,
  OAuthEndpointsProfile,
  OAuthSettings,
  OidcFlow,
  OidcSettings,
  PreparedRequest,
  Provider,
  Recovery,
  Region,
  SignInSettings,
  TokenClaims,
  Upstream,
  UserCodeSettings,
} from "./provider.ts";
