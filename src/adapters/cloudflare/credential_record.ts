/**
 * A credential as the Worker keeps it: in the storage of its object, and as two kinds of record in KV,
 * all of them sealed.
 *
 * - `access/<provider>/<id>`: what readers near users take. It has no refresh token.
 * - `grant/<provider>/<id>/<generation>/<attempt>`: the answer to one refresh, written before the
 *   object's own storage. Only the object reads it, only when it starts and does not know how an
 *   attempt ended, and only by that attempt: so no late read of KV can bring back a spent token.
 * - `accounts`: which credentials there are.
 *
 * @module
 */

import { CredentialError } from "../../core/errors.ts";
import { parseJsonObject } from "../../core/http.ts";
import { type Credential, credentialKey, parseCredential } from "../../credentials/credential.ts";

/** Which credential. */
export interface CredentialName {
  /** Provider id. */
  provider: string;
  /** Credential id. */
  id: string;
}

/** One generation of a credential. */
export interface CredentialRecord {
  /** Its generation; it outlives the credential, so that a removed one does not come back. */
  generation: number;
  /** The attempt that brought this generation; 0 for a login. */
  attempt: number;
  /** Null once removed. */
  credential: Credential | null;
}

/** Where the object keeps its record, as the seal names it. */
export function objectRecordName({ provider, id }: CredentialName): string {
  return `object/${provider}/${id}`;
}

/** What the keys of what readers take start with. */
export const ACCESS_PREFIX = "access/";

/** The key of what readers take. */
export function accessKey({ provider, id }: CredentialName): string {
  return `${ACCESS_PREFIX}${provider}/${id}`;
}

/** The key prefix of a credential's grants. */
export function grantPrefix({ provider, id }: CredentialName): string {
  return `grant/${provider}/${id}/`;
}

/** The key of the answer to one attempt. */
export function grantKey(name: CredentialName, generation: number, attempt: number): string {
  return `${grantPrefix(name)}${generation}/${attempt}`;
}

/** The key of the list of credentials. */
export const ACCOUNTS_KEY = "accounts";

/** The list of credentials with `name` in it, or without. */
export function withAccount(text: string | null, name: CredentialName, isThere: boolean): string {
  const accounts = parseAccounts(text);
  const others = accounts.filter(({ provider, id }) =>
    provider !== name.provider || id !== name.id
  );
  if (text !== null && (others.length < accounts.length) === isThere) return text;
  return JSON.stringify({ accounts: isThere ? [...others, name] : others });
}

/** What readers may have of a record. */
export function withoutGrant(record: CredentialRecord): CredentialRecord {
  if (record.credential === null) return record;
  const { tokens, intent: _intent, ...shown } = record.credential;
  if (tokens === null) return { ...record, credential: { ...shown, tokens } };
  const { refreshToken: _refreshToken, ...rest } = tokens;
  return { ...record, credential: { ...shown, tokens: rest } };
}

/**
 * Parses a record of `name`.
 *
 * @throws {CredentialError} `storage_corrupt` when it is none.
 */
export function parseRecord(text: string, name: CredentialName): CredentialRecord {
  const key = credentialKey(name.provider, name.id);
  const { generation, attempt, credential } = parseJsonObject(text) ?? {};
  if (!Number.isSafeInteger(generation) || !Number.isSafeInteger(attempt)) {
    throw new CredentialError("storage_corrupt", `Cannot read ${key}: it is no record of it`);
  }
  return {
    generation: generation as number,
    attempt: attempt as number,
    credential: credential === null ? null : parseCredential(JSON.stringify(credential), key),
  };
}

/** Parses the list of credentials; what is not understood is left out. */
export function parseAccounts(text: string | null): CredentialName[] {
  const { accounts } = parseJsonObject(text ?? "") ?? {};
  if (!Array.isArray(accounts)) return [];
  return accounts.filter((name): name is CredentialName =>
    typeof name?.provider === "string" && typeof name?.id === "string"
  ).map(({ provider, id }) => ({ provider, id }));
}
