/**
 * The production modules that the simulation of the Worker runs.
 *
 * @module
 */

import { SOURCE } from "./production.ts";

type Keeper = typeof import("../../src/adapters/cloudflare/object_keeper.ts");
type Call = typeof import("../../src/adapters/cloudflare/credential_call.ts");
type Reader = typeof import("../../src/adapters/cloudflare/credential_reader.ts");
type KvStore = typeof import("../../src/adapters/cloudflare/kv_store.ts");
type SealedStore = typeof import("../../src/credentials/sealed_store.ts");

/** What the simulation takes of it. */
export interface ObjectProduction {
  createObjectKeeper: Keeper["createObjectKeeper"];
  createCredentialCaller: Call["createCredentialCaller"];
  toWireError: Call["toWireError"];
  createCredentialReader: Reader["createCredentialReader"];
  createKvStore: KvStore["createKvStore"];
  createSealedStore: SealedStore["createSealedStore"];
}

/** Loads the production modules of the tree at `source`. */
export async function loadObjectProduction(source: URL = SOURCE): Promise<ObjectProduction> {
  const load = async <T>(path: string): Promise<T> => await import(new URL(path, source).href);
  const [keeper, call, reader, kvStore, sealedStore] = await Promise.all([
    load<Keeper>("adapters/cloudflare/object_keeper.ts"),
    load<Call>("adapters/cloudflare/credential_call.ts"),
    load<Reader>("adapters/cloudflare/credential_reader.ts"),
    load<KvStore>("adapters/cloudflare/kv_store.ts"),
    load<SealedStore>("credentials/sealed_store.ts"),
  ]);
  return { ...keeper, ...call, ...reader, ...kvStore, ...sealedStore };
}
