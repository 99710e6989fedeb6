/**
 * Providers as data: the list, their models and their endpoints.
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
