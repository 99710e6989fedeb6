/**
 * The production modules that the simulator runs, loaded from a source tree: the checkout's, or a copy
 * in which a mutant was planted.
 *
 * @module
 */

type Keeper = typeof import("../../src/credentials/access_token_source.ts");
type FileStore = typeof import("../../src/credentials/file_store.ts");
type CredentialStore = typeof import("../../src/credentials/credential_store.ts");
type Credentials = typeof import("../../src/credentials/mod.ts");
type RefreshToken = typeof import("../../src/oauth/refresh_token.ts");

/** What the simulator takes of it. Nothing else of the protocol is its own. */
export interface Production {
  createAccessTokenSource: Keeper["createAccessTokenSource"];
  createFileStore: FileStore["createFileStore"];
  createCredentialStore: CredentialStore["createCredentialStore"];
  storeLogin: Credentials["storeLogin"];
  requestRefresh: RefreshToken["requestRefresh"];
}

/** The checkout's own `src/`. */
export const SOURCE = new URL("../../src/", import.meta.url);

/** Loads the production modules of the tree at `source`. */
export async function loadProduction(source: URL = SOURCE): Promise<Production> {
  const load = async <T>(path: string): Promise<T> => await import(new URL(path, source).href);
  const [keeper, fileStore, credentialStore, credentials, refreshToken] = await Promise.all([
    load<Keeper>("credentials/access_token_source.ts"),
    load<FileStore>("credentials/file_store.ts"),
    load<CredentialStore>("credentials/credential_store.ts"),
    load<Credentials>("credentials/mod.ts"),
    load<RefreshToken>("oauth/refresh_token.ts"),
  ]);
  return {
    createAccessTokenSource: keeper.createAccessTokenSource,
    createFileStore: fileStore.createFileStore,
    createCredentialStore: credentialStore.createCredentialStore,
    storeLogin: credentials.storeLogin,
    requestRefresh: refreshToken.requestRefresh,
  };
}
