/**
 * Authorization servers that rotate refresh tokens. What they did is the truth that the checks go by.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** 2026: when every simulation starts, ms since the epoch. */
export const EPOCH = 1_780_000_000_000;

/** What a server does with a refresh token that was already spent. */
export interface ServerModel {
  name: string;
  /** For how long it still takes it, ms. */
  graceMs: number;
  /** Within that time: the same successor again, or another one beside it. */
  gracePair: "same" | "new";
  /** Later: ends the login, or only says no. */
  reuse: "revoke" | "reject";
}

export const SERVER_MODELS: readonly ServerModel[] = [
  { name: "strict", graceMs: 0, gracePair: "same", reuse: "revoke" },
  { name: "grace 10 s", graceMs: 10_000, gracePair: "same", reuse: "revoke" },
  { name: "grace 60 s", graceMs: 60_000, gracePair: "new", reuse: "revoke" },
  { name: "reject only", graceMs: 0, gracePair: "same", reuse: "reject" },
];

/** One refresh token. */
export interface IssuedToken {
  family: Family;
  value: string;
  accessToken: string;
  /** When its access token expires, on the server's clock. */
  expiresAt: number;
  spentAt?: number;
  /** What replaced it. */
  successors: IssuedToken[];
  /** Why nobody could have kept its successor, where that is so. */
  excuse?: string;
  /** Whether the server said no to it. */
  isRejected?: boolean;
  /** Whether the client that was sent its successor has it whole. */
  isReceived?: boolean;
}

/** One login. */
export interface Family {
  name: string;
  isRevoked: boolean;
  /** Why it could be revoked without anybody's fault. */
  excuse?: string;
  issued: number;
}

/** What a presentation led to. */
export type Presented =
  | { kind: "granted"; token: IssuedToken; isRotation: boolean }
  | { kind: "rejected"; isReuse: boolean };

export class AuthorizationServer {
  readonly tokens = new Map<string, IssuedToken>();
  /** Access token -> when it expires. */
  readonly accessTokens = new Map<string, number>();
  #families = 0;

  constructor(
    readonly model: ServerModel,
    readonly random: Random,
    readonly now: () => number,
    /** Lifetime of an access token, ms. */
    readonly lifetimeMs: number,
  ) {}

  login(): IssuedToken {
    const family = { name: `f${++this.#families}`, isRevoked: false, issued: 0 };
    return this.#issue(family);
  }

  /** Whether `token` would be granted now. */
  isLive(token: IssuedToken): boolean {
    if (token.family.isRevoked || token.isRejected) return false;
    return token.spentAt === undefined || this.now() <= token.spentAt + this.model.graceMs;
  }

  present(value: string, rotates: boolean): Presented {
    const token = this.tokens.get(value);
    if (token === undefined) throw new Error(`nobody issued ${value}`);
    const { family } = token;
    if (this.isLive(token)) {
      if (!rotates) {
        // RFC 6749 6: another access token, and the refresh token stays.
        const renewed = this.#issue(family, token.value);
        token.accessToken = renewed.accessToken;
        token.expiresAt = renewed.expiresAt;
        return { kind: "granted", token, isRotation: false };
      }
      const isAgain = token.spentAt !== undefined;
      if (isAgain && this.model.gracePair === "same") {
        return { kind: "granted", token: token.successors[0]!, isRotation: true };
      }
      token.spentAt ??= this.now();
      const successor = this.#issue(family);
      token.successors.push(successor);
      return { kind: "granted", token: successor, isRotation: true };
    }
    const isReuse = token.spentAt !== undefined && !family.isRevoked;
    token.isRejected = true;
    if (isReuse && this.model.reuse === "revoke") family.isRevoked = true;
    return { kind: "rejected", isReuse };
  }

  #issue(family: Family, value?: string): IssuedToken {
    const name = `${family.name}.${family.issued++}`;
    const token: IssuedToken = {
      family,
      value: value ?? `RT-${name}`,
      accessToken: `AT-${name}`,
      expiresAt: this.now() + this.lifetimeMs,
      successors: [],
    };
    this.accessTokens.set(token.accessToken, token.expiresAt);
    if (value === undefined) this.tokens.set(token.value, token);
    return token;
  }
}
