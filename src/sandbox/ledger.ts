/**
 * The books of an authorization server: user codes, grants, rotation and reuse detection. No wire
 * format and no vendor here.
 *
 * Every digest is computed before the books are read, and no `await` stands between a check and
 * what follows from it: of two requests with one refresh token exactly one is first.
 *
 * @see {@link https://www.rfc-editor.org/rfc/rfc9700#section-4.14 | RFC 9700 4.14, refresh token reuse}
 * @module
 */

import type { StoredAuthorization, StoredGrant } from "./state.ts";
import type { World } from "./world.ts";

/** A token set as issued, in the clear; only the client has it. */
export interface IssuedTokens {
  accessToken: string;
  refreshToken: string;
  /** End of the access token, ms since the epoch. */
  expiresAt: number;
}

/** What became of a refresh. */
export type RefreshOutcome =
  | { kind: "issued"; tokens: IssuedTokens }
  | { kind: "refused"; cause: "unknown" | "other_client" | "revoked" | "reused" };

/** Spent refresh tokens that a grant remembers. An older one counts as unknown. */
const SPENT_KEPT = 200;
/** How long an ended user code is still told apart from one that never was, ms. */
const CODE_MEMORY_MS = 60 * 60_000;
/** No letters or digits that look alike, and no vowels that make words. */
const CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ2456789";

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** An unguessable string of 256 bits. */
export function randomToken(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/** SHA-256 in hex: how tokens are kept. */
export async function digest(text: string): Promise<string> {
  return Array.from(await sha256(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Whether `verifier` is the one behind an S256 `challenge`, RFC 7636 4.6. */
export async function matchesChallenge(verifier: string, challenge: string): Promise<boolean> {
  return base64url(await sha256(verifier)) === challenge;
}

function newUserCode(): string {
  // 243 is the largest multiple of 27 below 256: beyond it the first letters would be likelier.
  const letters: string[] = [];
  while (letters.length < 8) {
    for (const byte of crypto.getRandomValues(new Uint8Array(8))) {
      if (byte < 243 && letters.length < 8) letters.push(CODE_ALPHABET.charAt(byte % 27));
    }
  }
  return `${letters.slice(0, 4).join("")}-${letters.slice(4).join("")}`;
}

/** The books over one sandbox's state. */
export class Ledger {
  readonly #world: World;

  /** Keeps the books of `world`. */
  constructor(world: World) {
    this.#world = world;
  }

  /** Opens a login. `pagePath` is the approval page's host and path; the code is added as a query. */
  authorize(
    request: Pick<StoredAuthorization, "realm" | "clientId" | "clientName" | "scope" | "challenge">,
    pagePath: string,
  ): StoredAuthorization {
    const { state, counters, userCodeTtlMs, pollIntervalMs } = this.#world;
    const now = this.#world.now();
    state.authorizations = state.authorizations.filter((a) => a.expiresAt + CODE_MEMORY_MS > now);
    const userCode = newUserCode();
    const query = new URLSearchParams({ user_code: userCode, client: request.clientName });
    const authorization: StoredAuthorization = {
      ...request,
      userCode,
      page: `${pagePath}?${query}`,
      formToken: randomToken(),
      expiresAt: now + userCodeTtlMs,
      intervalMs: pollIntervalMs,
      lastPolledAt: null,
      outcome: "pending",
    };
    state.authorizations.push(authorization);
    counters.authorizations++;
    this.#world.changed();
    return authorization;
  }

  /** The login of a user code; case and surrounding space do not matter to people. */
  find(userCode: string, realm?: string): StoredAuthorization | undefined {
    const code = userCode.trim().toUpperCase();
    return this.#world.state.authorizations.find((a) =>
      a.userCode === code && (realm === undefined || a.realm === realm)
    );
  }

  /** Logins that wait for an answer. */
  pending(): StoredAuthorization[] {
    const now = this.#world.now();
    return this.#world.state.authorizations.filter((a) =>
      a.outcome === "pending" && now < a.expiresAt
    );
  }

  /** Answers a login for the user; `false` when it does not wait for one. */
  decide(userCode: string, outcome: "approved" | "denied"): boolean {
    const authorization = this.find(userCode);
    if (authorization === undefined || !this.pending().includes(authorization)) return false;
    authorization.outcome = outcome;
    this.#world.changed();
    return true;
  }

  /** Notes a poll; whether it came sooner than the interval allows. */
  notePoll(authorization: StoredAuthorization): boolean {
    const now = this.#world.now();
    const early = authorization.lastPolledAt !== null &&
      now - authorization.lastPolledAt < authorization.intervalMs;
    authorization.lastPolledAt = now;
    this.#world.changed();
    return early;
  }

  /** Issues the first tokens of an approved login, once; `undefined` when it is not approved. */
  async redeem(authorization: StoredAuthorization): Promise<IssuedTokens | undefined> {
    const fresh = await this.#mint();
    if (authorization.outcome !== "approved") return undefined;
    authorization.outcome = "spent";
    const { realm, clientId, scope } = authorization;
    const grant: StoredGrant = {
      id: crypto.randomUUID(),
      realm,
      clientId,
      scope,
      createdAt: this.#world.now(),
      revoked: false,
      access: [],
      refresh: [{ hash: fresh.refreshHash, spentAt: null }],
    };
    this.#world.state.grants.push(grant);
    this.#world.counters.grants++;
    return { refreshToken: fresh.refreshToken, ...this.#addAccess(grant, fresh) };
  }

  /** Exchanges a refresh token, by the rules of the refresh quirks. */
  async refresh(realm: string, clientId: string, refreshToken: string): Promise<RefreshOutcome> {
    const { state, quirks, counters } = this.#world;
    const [hash, fresh] = await Promise.all([digest(refreshToken), this.#mint()]);
    const now = this.#world.now();
    const grant = state.grants.find((g) =>
      g.realm === realm && g.refresh.some((token) => token.hash === hash)
    );
    const presented = grant?.refresh.find((token) => token.hash === hash);
    if (grant === undefined || presented === undefined) {
      return { kind: "refused", cause: "unknown" };
    }
    if (grant.clientId !== clientId) return { kind: "refused", cause: "other_client" };
    const inGrace = presented.spentAt !== null && now - presented.spentAt < quirks.reuseGraceMs;
    if (presented.spentAt !== null && !inGrace) {
      counters.reuses++;
      if (quirks.reuse === "revoke_family" && !grant.revoked) {
        grant.revoked = true;
        counters.revocations++;
        this.#world.changed();
      }
      return { kind: "refused", cause: "reused" };
    }
    if (grant.revoked) return { kind: "refused", cause: "revoked" };
    counters[inGrace ? "graceRefreshes" : "refreshes"]++;
    if (quirks.rotationEndsAccess) grant.access = [];
    if (quirks.rotation !== "rotate") {
      return { kind: "issued", tokens: { refreshToken, ...this.#addAccess(grant, fresh) } };
    }
    presented.spentAt ??= now;
    grant.refresh.push({ hash: fresh.refreshHash, spentAt: null });
    grant.refresh = grant.refresh.slice(-SPENT_KEPT);
    const { refreshToken: next } = fresh;
    return { kind: "issued", tokens: { refreshToken: next, ...this.#addAccess(grant, fresh) } };
  }

  /** The grant that an access token stands for; `undefined` when it is unknown, expired or revoked. */
  async authenticate(realm: string, accessToken: string): Promise<StoredGrant | undefined> {
    const hash = await digest(accessToken);
    const now = this.#world.now();
    return this.#world.state.grants.find((grant) =>
      grant.realm === realm && !grant.revoked &&
      grant.access.some((token) => token.hash === hash && now < token.expiresAt)
    );
  }

  /** Ends every access token; refresh tokens stay as they are. */
  expireAccessTokens(): void {
    for (const grant of this.#world.state.grants) grant.access = [];
    this.#world.changed();
  }

  #addAccess(
    grant: StoredGrant,
    fresh: { accessToken: string; accessHash: string },
  ): { accessToken: string; expiresAt: number } {
    const now = this.#world.now();
    const expiresAt = now + this.#world.accessTokenTtlMs;
    grant.access = grant.access.filter((token) => now < token.expiresAt);
    grant.access.push({ hash: fresh.accessHash, expiresAt });
    this.#world.changed();
    return { accessToken: fresh.accessToken, expiresAt };
  }

  async #mint(): Promise<
    { accessToken: string; accessHash: string; refreshToken: string; refreshHash: string }
  > {
    const accessToken = `sbx_at_${randomToken()}`;
    const refreshToken = `sbx_rt_${randomToken()}`;
    const [accessHash, refreshHash] = await Promise.all([
      digest(accessToken),
      digest(refreshToken),
    ]);
    return { accessToken, accessHash, refreshToken, refreshHash };
  }
}
