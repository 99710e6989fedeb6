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

import { toHex } from "../core/hex.ts";
import type { StoredAuthorization, StoredGrant } from "./state.ts";
import type { World } from "./world.ts";

/** A token set as issued, in the clear; only the client has it. */
export interface IssuedTokens {
  accessToken: string;
  refreshToken: string;
  /** End of the access token, ms since the epoch. */
  expiresAt: number;
  /** What they belong to. */
  grant: Readonly<StoredGrant>;
}

/** Makes the text of an access token. It must be unlike any other. */
export type AccessTokenMinter = (
  grant: Pick<StoredGrant, "clientId" | "scope" | "account">,
  expiresAt: number,
) => Promise<string>;

/** How a login begins. */
export type LoginRequest =
  & Pick<
    StoredAuthorization,
    "realm" | "clientId" | "clientName" | "scope" | "challenge" | "deviceHash" | "redirect"
  >
  & {
    /** Lifetime and poll interval where the sandbox's options name none, ms. */
    ttlMs: number;
    intervalMs: number;
    /** Host, path and query of the page on which the user answers. */
    page: (userCode: string) => string;
  };

/** What became of a refresh. */
export type RefreshOutcome =
  | { kind: "issued"; tokens: IssuedTokens }
  | { kind: "refused"; cause: "unknown" | "other_client" | "revoked" | "reused" };

interface FreshTokens {
  accessToken: string;
  accessHash: string;
  refreshToken: string;
  refreshHash: string;
  expiresAt: number;
}

/** Spent refresh tokens that a grant remembers. An older one counts as unknown. */
const SPENT_KEPT = 200;
/** How long an ended user code is still told apart from one that never was, ms. */
const CODE_MEMORY_MS = 60 * 60_000;
/** Lifetime of an authorization code, ms. RFC 6749 4.1.2 allows ten minutes. */
const REDIRECT_CODE_TTL_MS = 5 * 60_000;
/** What `slow_down` adds to the interval, RFC 8628 3.5. */
const SLOW_DOWN_STEP_MS = 5_000;
/** No letters or digits that look alike, and no vowels that make words. */
const CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ2456789";

/** RFC 4648 5, without padding. */
export function base64url(bytes: Uint8Array): string {
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
  return toHex(await sha256(text));
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

  /** Opens a login. */
  authorize(request: LoginRequest): StoredAuthorization {
    const { state, counters, quirks, userCodeTtlMs, pollIntervalMs } = this.#world;
    const { ttlMs, intervalMs, page, ...fields } = request;
    const now = this.#world.now();
    state.authorizations = state.authorizations.filter((a) => a.expiresAt + CODE_MEMORY_MS > now);
    const userCode = newUserCode();
    const authorization: StoredAuthorization = {
      ...fields,
      userCode,
      page: page(userCode),
      formToken: randomToken(),
      expiresAt: now + (userCodeTtlMs ?? ttlMs),
      intervalMs: pollIntervalMs ?? intervalMs,
      lastPolledAt: null,
      outcome: "pending",
      account: quirks.account,
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

  /** The login of a device code, RFC 8628. */
  async findDevice(realm: string, deviceCode: string): Promise<StoredAuthorization | undefined> {
    const hash = await digest(deviceCode);
    return this.#world.state.authorizations.find((a) => a.realm === realm && a.deviceHash === hash);
  }

  /** The login of an authorization code, RFC 6749 4.1. */
  async findRedirect(realm: string, code: string): Promise<StoredAuthorization | undefined> {
    const hash = await digest(code);
    return this.#world.state.authorizations.find((a) =>
      a.realm === realm && a.redirect?.codeHash === hash
    );
  }

  /** Issues the authorization code of an approved login; a code issued before is void then. */
  async issueCode(authorization: StoredAuthorization): Promise<string | undefined> {
    const code = `sbx_ac_${randomToken()}`;
    const codeHash = await digest(code);
    if (authorization.outcome !== "approved" || authorization.redirect === undefined) {
      return undefined;
    }
    authorization.redirect.codeHash = codeHash;
    authorization.expiresAt = this.#world.now() + REDIRECT_CODE_TTL_MS;
    this.#world.changed();
    return code;
  }

  /**
   * Notes a poll; whether it came sooner than the interval allows, by more than `toleranceMs`, the
   * jitter of a network.
   */
  notePoll(authorization: StoredAuthorization, toleranceMs = 0): boolean {
    const now = this.#world.now();
    const early = authorization.lastPolledAt !== null &&
      now - authorization.lastPolledAt < authorization.intervalMs - toleranceMs;
    authorization.lastPolledAt = now;
    this.#world.changed();
    return early;
  }

  /** Makes the interval longer for this and all later polls, RFC 8628 3.5. */
  slowDown(authorization: StoredAuthorization): void {
    authorization.intervalMs += SLOW_DOWN_STEP_MS;
    this.#world.changed();
  }

  /** Issues the first tokens of an approved login, once; `undefined` when it is not approved. */
  async redeem(
    authorization: StoredAuthorization,
    mintAccessToken?: AccessTokenMinter,
  ): Promise<IssuedTokens | undefined> {
    const fresh = await this.#mint(authorization, mintAccessToken);
    if (authorization.outcome !== "approved") return undefined;
    const { realm, clientId, scope, account } = authorization;
    const grant: StoredGrant = {
      id: crypto.randomUUID(),
      realm,
      clientId,
      scope,
      account,
      createdAt: this.#world.now(),
      revoked: false,
      access: [],
      refresh: [{ hash: fresh.refreshHash, spentAt: null }],
    };
    authorization.outcome = "spent";
    authorization.grantId = grant.id;
    if (this.#world.quirks.singleGrant) {
      const isSame = (g: StoredGrant) =>
        g.realm === realm && g.clientId === clientId && g.account === account;
      this.#world.state.grants.filter(isSame).forEach((g) => g.revoked = true);
    }
    this.#world.state.grants.push(grant);
    this.#world.counters.grants++;
    return this.#issue(grant, fresh, fresh.refreshToken);
  }

  /** Exchanges a refresh token, by the rules of the refresh quirks. */
  async refresh(
    realm: string,
    clientId: string,
    refreshToken: string,
    mintAccessToken?: AccessTokenMinter,
  ): Promise<RefreshOutcome> {
    const { state, quirks, counters } = this.#world;
    const hash = await digest(refreshToken);
    const find = () =>
      state.grants.find((g) => g.realm === realm && g.refresh.some((token) => token.hash === hash));
    // What goes into a token never changes in a grant: it can be made before the books are read.
    const fresh = await this.#mint(find() ?? { clientId, scope: "" }, mintAccessToken);
    const now = this.#world.now();
    const grant = find();
    const presented = grant?.refresh.find((token) => token.hash === hash);
    if (grant === undefined || presented === undefined) {
      return { kind: "refused", cause: "unknown" };
    }
    if (grant.clientId !== clientId) return { kind: "refused", cause: "other_client" };
    const inGrace = presented.spentAt !== null && now - presented.spentAt < quirks.reuseGraceMs;
    if (presented.spentAt !== null && !inGrace) {
      counters.reuses++;
      if (quirks.reuse === "revoke_family") this.#revokeForReuse(grant);
      return { kind: "refused", cause: "reused" };
    }
    if (grant.revoked) return { kind: "refused", cause: "revoked" };
    counters[inGrace ? "graceRefreshes" : "refreshes"]++;
    if (quirks.rotationEndsAccess) grant.access = [];
    if (quirks.rotation !== "rotate") {
      return { kind: "issued", tokens: this.#issue(grant, fresh, refreshToken) };
    }
    presented.spentAt ??= now;
    grant.refresh.push({ hash: fresh.refreshHash, spentAt: null });
    grant.refresh = grant.refresh.slice(-SPENT_KEPT);
    return { kind: "issued", tokens: this.#issue(grant, fresh, fresh.refreshToken) };
  }

  /** An authorization code came again: what it gave is void, RFC 6749 4.1.2. */
  noteCodeReuse(authorization: StoredAuthorization): void {
    const grant = this.#world.state.grants.find(({ id }) => id === authorization.grantId);
    this.#world.counters.reuses++;
    if (grant !== undefined) this.#revokeForReuse(grant);
  }

  /** Revokes a refresh token with its whole grant, or an access token alone, RFC 7009. */
  async revoke(
    realm: string,
    clientId: string,
    token: string,
  ): Promise<"revoked" | "unknown" | "other_client"> {
    const hash = await digest(token);
    const isIt = (candidate: { hash: string }) => candidate.hash === hash;
    const grant = this.#world.state.grants.find((g) =>
      g.realm === realm && (g.refresh.some(isIt) || g.access.some(isIt))
    );
    if (grant === undefined) return "unknown";
    if (grant.clientId !== clientId) return "other_client";
    if (grant.refresh.some(isIt)) grant.revoked = true;
    else grant.access = grant.access.filter((access) => !isIt(access));
    this.#world.changed();
    return "revoked";
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

  #revokeForReuse(grant: StoredGrant): void {
    if (grant.revoked) return;
    grant.revoked = true;
    this.#world.counters.revocations++;
    this.#world.changed();
  }

  #issue(grant: StoredGrant, fresh: FreshTokens, refreshToken: string): IssuedTokens {
    const { accessToken, accessHash, expiresAt } = fresh;
    const now = this.#world.now();
    grant.access = grant.access.filter((token) => now < token.expiresAt);
    grant.access.push({ hash: accessHash, expiresAt });
    this.#world.changed();
    return { accessToken, refreshToken, expiresAt, grant };
  }

  async #mint(
    grant: Pick<StoredGrant, "clientId" | "scope" | "account">,
    mintAccessToken: AccessTokenMinter = () => Promise.resolve(`sbx_at_${randomToken()}`),
  ): Promise<FreshTokens> {
    const expiresAt = this.#world.now() + this.#world.accessTokenTtlMs;
    const refreshToken = `sbx_rt_${randomToken()}`;
    const accessToken = await mintAccessToken(grant, expiresAt);
    const [accessHash, refreshHash] = await Promise.all([
      digest(accessToken),
      digest(refreshToken),
    ]);
    return { accessToken, accessHash, refreshToken, refreshHash, expiresAt };
  }
}
