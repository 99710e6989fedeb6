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
export type { Digest } from "./document.ts";
export type { LockRuntime } from "./file_lock.ts";
export { createFileStore, type FileStore, type FileStoreOptions } from "./file_store.ts";
export {
  type FileLock,
  FileRefusedError,
  type FileSystem,
  type LockFile,
  LockUnsupportedError,
} from "./file_system.ts";
export {
  type HeldLease,
  type KeyPage,
  type KvStore,
  type Lease,
  type LeaseOptions,
  listAllKeys,
  type PutOptions,
} from "./kv_store.ts";
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "./memory_store.ts";
