/**
 * What Cloudflare Workers supply: Workers KV as a store, and one Durable Object per credential that
 * alone holds and spends its refresh token.
 *
 * @module
 */

export {
  createCredentialCaller,
  type CredentialCaller,
  type CredentialCallerOptions,
  type CredentialCalls,
  type CredentialMethod,
} from "./credential_call.ts";
export { CredentialObject } from "./credential_object.ts";
export {
  createCredentialReader,
  type CredentialReader,
  type CredentialReaderOptions,
} from "./credential_reader.ts";
export { ACCOUNTS_KEY, type CredentialName, type CredentialRecord } from "./credential_record.ts";
export type { ObjectNamespace, ObjectState, ObjectStorage, ObjectStub } from "./durable_object.ts";
export { createKvStore, type KvNamespace, type KvStoreOptions } from "./kv_store.ts";
export type { TokenRequest } from "./object_keeper.ts";
export { createRemoteCredentials } from "./remote_credentials.ts";
export { openStorage, readOverrides, type WorkerEnv, type WorkerStorage } from "./worker_env.ts";
export { type AdviceStoreOptions, createAdviceStore } from "./advice_store.ts";
export { createStorageStore } from "./storage_store.ts";
export { type Books, createRemoteBooks, type RemoteBooksOptions } from "./remote_books.ts";
export { defineUsageObject, type UsageObject } from "./usage_object.ts";
export { loadWaitUntil, type WaitUntil } from "./wait_until.ts";
export {
  type InspectionOptions,
  inspectWorker,
  type WorkerCheck,
  type WorkerSection,
} from "./inspection.ts";
export { createRemoteSignIns, type RemoteSignInsOptions } from "./remote_sign_ins.ts";
export { SignInObject } from "./sign_in_object.ts";
export { createRemoteStore, type RemoteStore, type RemoteStoreOptions } from "./remote_store.ts";
export { StoreObject } from "./store_object.ts";
export type { SealSweep } from "./seal_sweep.ts";
