/**
 * {@linkcode CredentialStore} of an isolate: lists and reads what KV and the objects show, and has the
 * objects change what they keep. No refresh token ever comes here, except with a new login.
 *
 * @module
 */

import { CredentialError } from "../../core/errors.ts";
import type { Credential } from "../../credentials/credential.ts";
import type { CredentialStore } from "../../credentials/credential_store.ts";
import type { CredentialCaller } from "./credential_call.ts";
import type { CredentialReader } from "./credential_reader.ts";

/** A change that meets others this often is not a coincidence. */
const MAX_CONFLICTS = 5;

/**
 * Creates the store.
 *
 * `remove` returns what was removed without its tokens' refresh part; the object has revoked it.
 */
export function createRemoteCredentials(
  reader: CredentialReader,
  call: CredentialCaller,
): CredentialStore {
  async function change(
    provider: string,
    id: string,
    edit: (stored: Credential | null) => Credential,
  ): Promise<Credential> {
    const name = { provider, id };
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
      const stored = (await call(name, "read", {}))?.credential ?? null;
      const args = { credential: edit(stored), generation: stored?.generation ?? 0 };
      const written = await call(name, "write", args);
      if (written === null) continue;
      reader.learn(name, written);
      return written.credential!;
    }
    throw new CredentialError(
      "lease_timeout",
      `Cannot change ${provider}/${id}: others keep changing it`,
      { retryable: true },
    );
  }

  return {
    list: (provider?: string): Promise<Credential[]> => reader.list(provider),

    get: (provider: string, id: string): Promise<Credential | null> => reader.get({ provider, id }),

    // Two that add at the same moment see nothing of each other: their labels may be the same.
    // What was added before is seen, whatever KV shows.
    async add(
      provider: string,
      create: (stored: readonly Credential[]) => Credential | undefined,
    ): Promise<Credential | undefined> {
      const credential = create(await reader.list(provider, true));
      return credential && await change(provider, credential.id, () => credential);
    },

    async put(credential: Credential): Promise<void> {
      await change(credential.provider, credential.id, () => credential);
    },

    update: (
      provider: string,
      id: string,
      edit: (stored: Credential) => Credential,
    ): Promise<Credential> =>
      change(provider, id, (stored) => {
        if (stored === null) {
          const state = `Cannot change ${provider}/${id}: there is none`;
          throw new CredentialError("login_required", state);
        }
        return edit(stored);
      }),

    async remove(provider: string, id: string): Promise<Credential | null> {
      const name = { provider, id };
      const removed = await call(name, "remove", {});
      if (removed === null) return null;
      reader.learn(name, { ...removed, credential: null });
      return removed.credential;
    },
  };
}
