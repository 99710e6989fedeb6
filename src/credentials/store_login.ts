/**
 * Storing a login: in place of an earlier one of the same account, or beside what there is.
 *
 * @module
 */

import { CredentialError } from "../core/errors.ts";
import type { Credential, CredentialOwner } from "./credential.ts";
import { type CredentialStore, newCredentialId } from "./credential_store.ts";
import type { LoginGrant } from "./login_options.ts";
import { DEFAULT_LIFETIME_MS } from "./refresh_timing.ts";

/** Options of {@linkcode storeLogin}. */
export interface StoreLoginOptions {
  /**
   * The user's name for the login. Default: the replaced one's, else the account's, else
   * `<provider>-<n>`.
   */
  label?: string | undefined;
  /** Where and when the login was made. */
  owner: CredentialOwner;
}

/** What became of a login in the store. */
export interface StoredLogin {
  /** As it is stored now. */
  credential: Credential;
  /** Whether it took the place of an earlier one. */
  isReplacement: boolean;
}

/**
 * Stores a login: in place of a login of the same provider and region that has the same label, is of
 * the same account or needs a new login, else beside what there is. No other credential is touched.
 *
 * Of logins at the same moment, each takes a place and a default label of its own. A replacement
 * waits for a refresh in flight of what it replaces, and looks at it again then: if a
 * sibling has meanwhile signed in there, the login goes elsewhere.
 *
 * @throws {CredentialError} `storage_…`, `lease_timeout`.
 */
export async function storeLogin(
  store: CredentialStore,
  grant: LoginGrant,
  options: StoreLoginOptions,
): Promise<StoredLogin> {
  for (;;) {
    const stored = await store.list(grant.provider);
    const target = findReplaceable(stored, grant, options.label);
    if (target === undefined) {
      const credential = await store.add(
        grant.provider,
        (latest) =>
          findReplaceable(latest, grant, options.label) ? undefined : {
            ...grantFields(grant, options.owner),
            id: newCredentialId(),
            label: options.label ?? freeLabel(grant, latest),
            generation: 1,
            createdAt: grant.issuedAt,
          },
      );
      if (credential !== undefined) return { credential, isReplacement: false };
      continue;
    }
    try {
      const credential = await store.update(grant.provider, target.id, (current) => {
        if (!isReplaceable(current, grant, options.label)) throw new Taken();
        return {
          ...grantFields(grant, options.owner),
          id: current.id,
          label: options.label ?? labelAfter(current, grant, stored),
          generation: current.generation + 1,
          createdAt: current.createdAt,
        };
      });
      return { credential, isReplacement: true };
    } catch (error) {
      const isRemoved = error instanceof CredentialError && error.code === "login_required";
      if (!isRemoved && !(error instanceof Taken)) throw error;
    }
  }
}

/** What was to be replaced is in use again. */
class Taken extends Error {}

function findReplaceable(
  stored: readonly Credential[],
  grant: LoginGrant,
  label: string | undefined,
): Credential | undefined {
  const replaceable = stored.filter((other) => isReplaceable(other, grant, label));
  return replaceable.find((other) => other.label === label) ??
    replaceable.find((other) => isSameAccount(other, grant)) ?? replaceable[0];
}

function isReplaceable(stored: Credential, grant: LoginGrant, label: string | undefined): boolean {
  if (stored.source !== "login" || stored.region !== grant.region) return false;
  const isSpent = stored.tokens === null ||
    (!stored.tokens.refreshToken && (stored.expiresAt ?? Infinity) <= grant.issuedAt);
  return stored.label === label || stored.status === "dead" || isSpent ||
    isSameAccount(stored, grant);
}

function isSameAccount(stored: Credential, { account }: LoginGrant): boolean {
  return account !== undefined && stored.account?.id === account.id;
}

function grantFields(
  grant: LoginGrant,
  owner: CredentialOwner,
): Omit<Credential, "id" | "label" | "generation" | "createdAt"> {
  const { tokenSet, issuedAt } = grant;
  const { expiresAt = 0 } = tokenSet;
  return {
    provider: grant.provider,
    region: grant.region,
    source: "login",
    status: "active",
    tokens: {
      accessToken: tokenSet.accessToken,
      refreshToken: tokenSet.refreshToken,
      tokenType: tokenSet.tokenType,
      scope: tokenSet.scope,
      expiryRaw: tokenSet.expiryRaw,
    },
    // Nobody mints a token that has expired: such an instant is a wrong clock's, and says nothing.
    expiresAt: expiresAt > issuedAt ? expiresAt : issuedAt + DEFAULT_LIFETIME_MS,
    issuedAt,
    clientId: grant.clientId,
    endpointsProfile: grant.endpointsProfile,
    upstream: grant.upstream,
    resourceUrl: grant.resourceUrl,
    account: grant.account,
    owner,
  };
}

/** The label of what a login of an account replaces: another account's name would mislead. */
function labelAfter(
  replaced: Credential,
  grant: LoginGrant,
  stored: readonly Credential[],
): string {
  const isOthersName = replaced.account !== undefined && !isSameAccount(replaced, grant) &&
    replaced.label === replaced.account.label;
  return isOthersName ? freeLabel(grant, stored) : replaced.label;
}

/** The account's, else the first of `<provider>-1`, `<provider>-2`, … that no credential has. */
function freeLabel({ provider, account }: LoginGrant, stored: readonly Credential[]): string {
  const isFree = (label: string) => stored.every((other) => other.label !== label);
  if (account !== undefined && isFree(account.label)) return account.label;
  for (let n = 1;; n++) {
    const label = `${provider}-${n}`;
    if (isFree(label)) return label;
  }
}
