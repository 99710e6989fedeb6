/**
 * A keeper in a world of its own: a virtual clock, a memory store, and a strict authorization server
 * that ends a login when a spent refresh token comes back.
 *
 * @module
 */

import { OAuthError } from "../../src/core/errors.ts";
import {
  type AccessTokenSourceOptions,
  createAccessTokenSource,
  type Keeper,
} from "../../src/credentials/access_token_source.ts";
import { type Credential, parseCredential } from "../../src/credentials/credential.ts";
import { createMemoryStore } from "../../src/credentials/memory_store.ts";
import type { RefreshOutcome } from "../../src/oauth/refresh_token.ts";
import type { TokenSet } from "../../src/oauth/token_set.ts";
import { VirtualClock } from "./virtual_clock.ts";

export const KEY = "credential/acme/one";
export const MINUTE = 60_000;
const LIFETIME_MS = 15 * MINUTE;

/** What the server does with the next presentation. */
export type Turn =
  | "grant"
  | "dead"
  | "refused"
  | "not_sent"
  | "ambiguous" // received nothing
  | "lost" // rotated, and the answer was lost
  | "throw"
  | ((world: World, credential: Credential) => Promise<RefreshOutcome> | RefreshOutcome);

/** One world. */
export class World {
  readonly clock = new VirtualClock();
  readonly store = createMemoryStore({ now: this.clock.now, sleep: this.clock.sleep });
  /** What happens to the next presentations; afterwards all are granted. */
  turns: Turn[] = [];
  /** When each presentation arrived, monotonic ms. */
  readonly presentedAt: number[] = [];
  /** What changes in each token set. */
  answer: Partial<TokenSet> = {};
  grants = 0;
  reuses = 0;
  inFlight = 0;
  mostInFlight = 0;
  readonly warnings: string[] = [];
  /** What {@linkcode AccessTokenSourceOptions} a keeper gets instead. */
  overrides: Partial<AccessTokenSourceOptions> = {};
  #current = "RT-7";
  #serial = 7;

  /** Stores a login of generation 7 that has `leftMs` left. */
  async login(leftMs: number, change: Partial<Credential> = {}): Promise<Credential> {
    const now = this.clock.now();
    const credential: Credential = {
      id: "one",
      provider: "acme",
      region: "global",
      label: "me",
      source: "login",
      status: "active",
      tokens: { accessToken: "AT-7", refreshToken: "RT-7", scope: "all" },
      expiresAt: now + leftMs,
      issuedAt: now + leftMs - LIFETIME_MS,
      generation: 7,
      owner: { host: "home", createdAt: 0 },
      createdAt: 0,
      ...change,
    };
    await this.store.put(KEY, JSON.stringify(credential));
    return credential;
  }

  keeper(overrides: Partial<AccessTokenSourceOptions> = {}): Keeper {
    return createAccessTokenSource({
      store: this.store,
      lease: this.store,
      provider: "acme",
      id: "one",
      name: "Acme",
      loginHint: "Run acme login",
      refresh: (credential) => this.present(credential),
      now: this.clock.now,
      monotonicNow: this.clock.monotonicNow,
      sleep: this.clock.sleep,
      random: () => 0,
      digest: (bytes) => Promise.resolve(new Uint8Array(32).fill(bytes.length)),
      onWarning: (message) => void this.warnings.push(message),
      ...this.overrides,
      ...overrides,
    });
  }

  async stored(): Promise<Credential> {
    return parseCredential((await this.store.get(KEY))!, KEY);
  }

  /** One presentation of a refresh token. */
  async present(credential: Credential): Promise<RefreshOutcome> {
    this.presentedAt.push(this.clock.mono);
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight);
    try {
      const turn = this.turns.shift() ?? "grant";
      if (typeof turn === "function") return await turn(this, credential);
      await Promise.resolve();
      return this.take(turn, credential);
    } finally {
      this.inFlight--;
    }
  }

  take(turn: Exclude<Turn, (...args: never[]) => unknown>, credential: Credential): RefreshOutcome {
    switch (turn) {
      case "dead":
        return { kind: "dead", error: new OAuthError("invalid_grant", "invalid_grant: no") };
      case "refused":
        return { kind: "refused", error: new OAuthError("invalid_client", "who are you") };
      case "not_sent":
        return { kind: "not_sent", error: new OAuthError("network", "no route") };
      case "ambiguous":
        return { kind: "ambiguous", error: new OAuthError("upstream", "answered 502") };
      case "throw":
        throw new TypeError("broken pipe");
    }
    if (credential.tokens?.refreshToken !== this.#current) {
      this.reuses++;
      return { kind: "dead", error: new OAuthError("invalid_grant", "refresh token reused") };
    }
    this.grants++;
    const serial = ++this.#serial;
    const tokenSet: TokenSet = {
      accessToken: `AT-${serial}`,
      refreshToken: `RT-${serial}`,
      tokenType: "Bearer",
      expiresAt: this.clock.now() + LIFETIME_MS,
      extra: {},
      ...this.answer,
    };
    this.#current = tokenSet.refreshToken ?? this.#current;
    if (turn === "lost") return this.take("ambiguous", credential);
    return { kind: "granted", tokenSet };
  }
}
