/**
 * Choice among several accounts of one provider: their order, and who has to rest for how long.
 *
 * What is kept is a record of its own, so that it never races a refresh. Only failures of an account
 * make it rest: a request that is wrong, or a provider that is down, says nothing about it.
 *
 * @module
 */

import { CredentialError, type ErrorCode } from "../core/errors.ts";
import { stableHash } from "../core/hash.ts";
import { isJsonObject, parseJsonObject } from "../core/http.ts";
import type { Credential } from "./credential.ts";
import type { CredentialStore } from "./credential_store.ts";
import type { KvStore, Lease } from "./kv_store.ts";

/** Which account comes first: always the same one while it can, or each in turn. */
export type PoolStrategy = "fill_first" | "round_robin";

/** The strategies, the default first. */
export const POOL_STRATEGIES: readonly PoolStrategy[] = ["fill_first", "round_robin"];

/** Why and how long an account rests. */
export interface CoolDown {
  /** Until when, ms since the epoch. */
  until: number;
  /** The failure's code. */
  code: string;
  /** The failure, for a person. */
  message: string;
}

/** One account of a pool. */
export interface PoolMember {
  /** The account. */
  credential: Credential;
  /** Set while it rests. */
  coolDown?: CoolDown | undefined;
}

/** A failure that an account may have to rest for. */
export interface AccountFailure {
  /** Its code. */
  code: ErrorCode;
  /** What happened, for a person. */
  message: string;
  /** How long the server asked to wait, ms. */
  retryAfterMs?: number | undefined;
}

/** The accounts of one provider. */
export interface Pool {
  /** Every account by priority, dead and resting ones included. */
  members(): Promise<PoolMember[]>;
  /**
   * The accounts to try now, the best first. The only live one is never kept resting. Calling it is a
   * turn of `round_robin`.
   *
   * @throws {CredentialError} `login_required` when there is no live account; where every one rests,
   * what the first that may be used again rests for, with the time until then.
   */
  candidates(): Promise<Credential[]>;
  /** Makes an account rest, where the failure is its own; returns for how long, or undefined. */
  report(id: string, failure: AccountFailure): Promise<CoolDown | undefined>;
  /** Ends the rest of one account, or of all. */
  wake(id?: string): Promise<void>;
  /** Gives an account a place, 1 being the first. */
  move(id: string, place: number): Promise<void>;
}

/** What a pool is made of. */
export interface PoolOptions {
  /** Where the order and the rests are kept. */
  kv: KvStore;
  /** Excludes others while the record changes. */
  lease?: Lease | undefined;
  /** The accounts. */
  credentials: CredentialStore;
  /** Whose accounts. */
  provider: string;
  /** Of those, the ones that take part; default: all. */
  filter?: ((credential: Credential) => boolean) | undefined;
  /** Which comes first. Default: `fill_first`. */
  strategy?: PoolStrategy | undefined;
  /** Wall clock, ms since the epoch. */
  now: () => number;
}

const HOUR_MS = 3_600_000;
/** How long an account rests where the server names no time. Other failures are not its own. */
const REST_MS: Partial<Record<ErrorCode, number>> = {
  rate_limited: HOUR_MS,
  quota_exhausted: HOUR_MS,
  not_entitled: HOUR_MS,
  // A refresh has just been tried: a server that was confused may have recovered in five minutes.
  unauthorized: 300_000,
};
const RESTING_CODES = Object.keys(REST_MS) as ErrorCode[];
/** The only account rests briefly, unless the server named a time: there is no other to use. */
const SOLE_REST_MS = 60_000;
/** No answer makes an account rest for longer; a clock may be wrong. */
const MAX_REST_MS = 31 * 24 * HOUR_MS;

interface PoolRecord {
  order: string[];
  last?: string | undefined;
  coolDowns: Record<string, CoolDown>;
}

/** The key of a provider's pool record. */
export function poolKey(provider: string): string {
  return `pool/${provider}`;
}

function parseRecord(text: string | null): PoolRecord {
  const value = text === null ? undefined : parseJsonObject(text);
  const coolDowns: [string, CoolDown][] = [];
  // It is advice, not a secret: what is not understood is left out.
  if (isJsonObject(value?.["coolDowns"])) {
    for (const [id, entry] of Object.entries(value["coolDowns"])) {
      if (!isJsonObject(entry) || typeof entry["until"] !== "number") continue;
      const { until, code, message } = entry;
      coolDowns.push([id, { until, code: String(code), message: String(message) }]);
    }
  }
  const order = value?.["order"];
  const last = value?.["last"];
  return {
    order: Array.isArray(order) ? order.filter((id) => typeof id === "string") : [],
    last: typeof last === "string" ? last : undefined,
    coolDowns: Object.fromEntries(coolDowns),
  };
}

/** Creates the pool of one provider; nothing is read before it is used. */
export function createPool(options: PoolOptions): Pool {
  const { kv, lease, credentials, provider, strategy = "fill_first", now } = options;
  const filter = options.filter ?? (() => true);
  const key = poolKey(provider);

  async function change(edit: (record: PoolRecord) => void): Promise<void> {
    const run = async () => {
      const record = parseRecord(await kv.get(key));
      edit(record);
      for (const [id, { until }] of Object.entries(record.coolDowns)) {
        if (until <= now()) delete record.coolDowns[id];
      }
      await kv.put(key, JSON.stringify(record));
    };
    await (lease === undefined ? run() : lease.withLease(key, run));
  }

  async function read(): Promise<{ record: PoolRecord; members: PoolMember[] }> {
    const [stored, text] = await Promise.all([credentials.list(provider), kv.get(key)]);
    const record = parseRecord(text);
    const place = (id: string) => {
      const index = record.order.indexOf(id);
      return index === -1 ? Infinity : index;
    };
    const members = stored.filter(filter)
      // A stable sort: what has no place keeps the store's order, behind what has one.
      .sort((a, b) => place(a.id) === place(b.id) ? 0 : place(a.id) - place(b.id))
      .map((credential): PoolMember => {
        const coolDown = record.coolDowns[credential.id];
        const isResting = coolDown !== undefined && coolDown.until > now() &&
          coolDown.until <= now() + MAX_REST_MS;
        return isResting ? { credential, coolDown } : { credential };
      });
    return { record, members };
  }

  return {
    members: async () => (await read()).members,

    candidates: async () => {
      const { record, members } = await read();
      const ready = readyAccounts(provider, members, now());
      if (strategy === "round_robin" && ready.length > 1) {
        const index = ready.findIndex(({ id }) => id === record.last);
        ready.push(...ready.splice(0, index + 1));
        const last = ready[0]!.id;
        await change((record) => record.last = last);
      }
      return ready;
    },

    report: async (id, { code, message, retryAfterMs }) => {
      const defaultMs = REST_MS[code];
      if (defaultMs === undefined) return undefined;
      const { members } = await read();
      const isSole = members.every(({ credential }) =>
        credential.id === id || credential.status === "dead"
      );
      const restMs = Math.min(
        MAX_REST_MS,
        retryAfterMs ?? (isSole ? Math.min(SOLE_REST_MS, defaultMs) : defaultMs),
      );
      const coolDown: CoolDown = { until: now() + restMs, code, message };
      await change((record) => record.coolDowns[id] = coolDown);
      return coolDown;
    },

    wake: (id) =>
      change((record) => {
        if (id === undefined) record.coolDowns = {};
        else delete record.coolDowns[id];
      }),

    move: async (id, place) => {
      const ids = (await read()).members.map(({ credential }) => credential.id);
      const others = ids.filter((other) => other !== id);
      const index = Math.min(Math.max(Math.trunc(place), 1), ids.length) - 1;
      others.splice(index, 0, id);
      await change((record) => record.order = others);
    },
  };
}

/**
 * The accounts among `members` that may be used at `now`, in their order. The only live one is never
 * kept resting.
 *
 * @throws {CredentialError} As {@linkcode Pool.candidates}.
 */
export function readyAccounts(
  provider: string,
  members: readonly PoolMember[],
  now: number,
): Credential[] {
  const live = members.filter(({ credential }) => credential.status === "active");
  if (live.length === 0) {
    throw new CredentialError("login_required", `No live account of ${provider}`);
  }
  // The only account is asked all the same: the server's own word is newer than ours.
  if (live.length === 1) return [live[0]!.credential];
  const ready = live.filter(({ coolDown }) => coolDown === undefined || coolDown.until <= now)
    .map(({ credential }) => credential);
  if (ready.length === 0) throw allResting(provider, live, now);
  return ready;
}

/**
 * The accounts in the order that a conversation has for them: always the same one, evenly spread over
 * conversations, and an account that comes or goes moves no conversation but those it takes or had
 * (rendezvous hashing).
 */
export function orderByConversation(
  accounts: readonly Credential[],
  conversation: string,
): Credential[] {
  return accounts
    .map((account) => ({ account, weight: mixedHash(`${account.id} ${conversation}`) }))
    .sort((a, b) => b.weight - a.weight)
    .map(({ account }) => account);
}

/** {@linkcode stableHash}, whose last characters alone would hardly change the order, mixed through. */
function mixedHash(text: string): number {
  let hash = parseInt(stableHash(text), 16);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function allResting(
  provider: string,
  members: readonly PoolMember[],
  now: number,
): CredentialError {
  const first = members.reduce((a, b) => a.coolDown!.until <= b.coolDown!.until ? a : b).coolDown!;
  const retryAfterMs = Math.max(0, first.until - now);
  // What keeps the first from answering; a stored word that is none of ours is a limit of some kind.
  const code = RESTING_CODES.find((known) => known === first.code) ?? "quota_exhausted";
  return new CredentialError(
    code,
    `All ${members.length} accounts of ${provider} rest, the first until ${
      new Date(first.until).toISOString()
    }: ${first.message}`,
    { retryable: true, retryAfterMs, hint: `End the rest with: grantway auth reset ${provider}` },
  );
}
