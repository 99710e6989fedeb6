/**
 * Credentials: what is stored, how one signs in, and how an access token stays fresh.
 *
 * @module
 */

export type { AccessToken, AccessTokenSource, GetTokenOptions } from "./access_token.ts";
export {
  type AccessTokenSourceOptions,
  createAccessTokenSource,
  type Keeper,
  type RefreshOptions,
} from "./access_token_source.ts";
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
  type CredentialStatus,
  type ShownCredential,
  statusOf,
  withoutSecrets,
} from "./credential_status.ts";
export {
  createCredentialStore,
  type CredentialStore,
  newCredentialId,
} from "./credential_store.ts";
export type { Digest } from "./document.ts";
export type { LockRuntime } from "./file_lock.ts";
export { createFileStore, type FileStore, type FileStoreOptions } from "./file_store.ts";
export {
  type FileLock,
  FileRefusedError,
  type FileSystem,
  type LockFile,
  LockUnsupportedError,
  type ReadFileOptions,
} from "./file_system.ts";
export { createKeeper, type KeeperOptions } from "./keeper.ts";
export {
  type HeldLease,
  type KeyPage,
  type KvStore,
  type Lease,
  type LeaseOptions,
  listAllKeys,
  type PutOptions,
} from "./kv_store.ts";
export { login } from "./login.ts";
export type { LoginEvent, LoginGrant, LoginOptions, ReadPaste } from "./login_options.ts";
export { createMemorySignIns, type MemorySignInsOptions } from "./memory_sign_ins.ts";
export { createMemoryStore, type MemoryStore, type MemoryStoreOptions } from "./memory_store.ts";
export {
  type AccountFailure,
  type CoolDown,
  createPool,
  type Pool,
  POOL_STRATEGIES,
  poolKey,
  type PoolMember,
  type PoolOptions,
  type PoolStrategy,
} from "./pool.ts";
export {
  createLoginSteps,
  type LoginStep,
  type LoginSteps,
  type LoginStepsOptions,
  type PendingLogin,
} from "./pending_login.ts";
export { createProviderRefresh, type ProviderRefreshOptions } from "./provider_refresh.ts";
export type { OrphanOptions } from "./orphan.ts";
export type { LoginNames } from "./refresh_error.ts";
export { type RevocationOutcome, revokeCredential, type RevokeOptions } from "./revoke.ts";
export { type CredentialState, credentialState } from "./refresh_timing.ts";
export type { RotationOptions } from "./rotation.ts";
export {
  createSealedStore,
  type SealedStore,
  type SealedStoreOptions,
  type SealState,
} from "./sealed_store.ts";
export type { SealCounts, SweepPage, SweepRequest } from "./seal_sweep.ts";
export {
  createSealer,
  type OpenedSeal,
  parseSealingKeys,
  type Sealer,
  type SealingKey,
} from "./sealing.ts";
export {
  createSignIn,
  type SignIn,
  type SignInOptions,
  type SignIns,
  type SignInStorage,
} from "./sign_in.ts";
export type { SignInFailure, SignInRequest, SignInView } from "./sign_in_record.ts";
export { type StoredLogin, storeLogin, type StoreLoginOptions } from "./store_login.ts";
export { loginWithUserCode } from "./user_code_login.ts";
