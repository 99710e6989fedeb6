/**
 * Credentials: what is stored, how one signs in, and how an access token stays fresh.
 *
 * @module
 */

export type { AccessToken, AccessTokenSource, GetTokenOptions } from "./access_token.ts";
export {
  type Credential,
  credentialKey,
  type CredentialOwner,
  type CredentialTokens,
  type LastError,
  parseCredential,
  parseCredentialKey,
  type RefreshIntent,
  serializeCredential,
} from "./credential.ts";
export {
  type KeyPage,
  type KvStore,
  type Lease,
  type LeaseOptions,
  listAllKeys,
  type PutOptions,
} from "./kv_store.ts";
