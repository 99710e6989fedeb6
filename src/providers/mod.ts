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
  resolveEndpoints,
  sandboxUrl,
} from "./endpoints.ts";
export type {
  ApiKeySettings,
  Model,
  OAuthEndpointsProfile,
  OAuthSettings,
  PreparedRequest,
  Provider,
  Region,
} from "./provider.ts";
