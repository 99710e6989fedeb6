/**
 * The signed-in accounts as the gateway and the command line use them: which provider has any, and a
 * way to send requests through the best of them.
 *
 * The store is read at most once in {@linkcode UpstreamsOptions.freshMs} per provider, so that a
 * request reads none; a login, a logout or a new order is seen that much later, without a restart.
 *
 * It imports modules, not folders: the command line loads it before its first request.
 *
 * @module
 */

import type { GrantwayError } from "../core/errors.ts";
import { resolveRuntime, type RuntimeOptions } from "../core/runtime.ts";
import type { AccessTokenSource } from "../credentials/access_token.ts";
import type { Credential } from "../credentials/credential.ts";
import type { CredentialStore } from "../credentials/credential_store.ts";
import type { KvStore, Lease } from "../credentials/kv_store.ts";
import {
  createPool,
  orderByConversation,
  type Pool,
  type PoolMember,
  type PoolStrategy,
  readyAccounts,
} from "../credentials/pool.ts";
import { findProvider, PROVIDERS } from "../providers/catalog.ts";
import { type Endpoints, findRegion } from "../providers/endpoints.ts";
import type { Provider, Region } from "../providers/provider.ts";
import { loadApi } from "../transports/api.ts";
import { createFailoverTransport } from "../transports/failover.ts";
import { createTransport, type Transport } from "../transports/transport.ts";
import { createBearerCache } from "./bearer_cache.ts";

/** One account as requests use it. */
export interface Account {
  /** Id of the credential, or name of the variable. */
  id: string;
  /** The provider whose rules and endpoints hold. */
  provider: Provider;
  /** Where requests go. */
  endpoints: Endpoints;
  /** The bearer, per request. */
  source: AccessTokenSource;
  /** One phrase for status lines: `MiniMax OAuth, login work, region global`. */
  description: string;
}

/** What one request brings along. */
export interface OpenOptions {
  /**
   * Id of the conversation, which stays with its account where several take turns. Asked only there.
   */
  conversation?: (() => string) | undefined;
  /** The longest silence of upstream, and the longest time to the end of an answer, ms. */
  timeouts?: Timeouts | undefined;
  /** Told the id of each account that is tried: the last one has answered. */
  onAccount?: ((id: string) => void) | undefined;
  /** Told which account is left for the next one, and why. */
  onFailover?: ((credential: Credential, error: GrantwayError) => void) | undefined;
}

/** How long upstream may take. */
export interface Timeouts {
  /** The longest silence, ms. */
  idleMs: number;
  /** The longest time to the end of an answer, ms. */
  totalMs: number;
}

/** What a request is sent through. */
export interface OpenUpstream {
  /** Whose rules and endpoints hold: for `minimax-cn` by login that is `minimax-oauth`. */
  provider: Provider;
  /** The account that comes first, one that rests only where all do. */
  account: Account;
  /** Sends requests, over several accounts where there are several. */
  transport: Transport;
}

/** The signed-in accounts of every provider. */
export interface Upstreams {
  /** What requests of the accounts are sent with. */
  readonly runtime: Pick<RuntimeOptions, "fetch" | "now" | "sleep">;
  /**
   * The way to a provider: its live logins, else an API key where it takes one.
   *
   * @throws {CredentialError} `login_required` when there is neither, with the command to run.
   */
  open(provider: Provider, options?: OpenOptions): Promise<OpenUpstream>;
  /**
   * The accounts of a provider, the best first, for whoever goes from one to the next himself. Throws
   * like {@linkcode Upstreams.open}.
   */
  accounts(provider: Provider): AsyncIterable<Account>;
  /**
   * The account of that id, whether it rests or not: what it has begun it alone can go on with.
   *
   * @throws {CredentialError} `login_required` when it is gone or dead.
   */
  account(provider: Provider, id: string): Promise<Account>;
  /** The providers that have an account to use, in the order of the catalog. */
  list(): Promise<Provider[]>;
}

/** What {@linkcode createUpstreams} is made of. */
export interface UpstreamsOptions extends Pick<RuntimeOptions, "fetch" | "now" | "sleep"> {
  /** The accounts. */
  credentials: CredentialStore;
  /** Where their order and rests are kept. */
  kv: KvStore;
  /** Excludes others while those change. */
  lease?: Lease | undefined;
  /** How long what was read of the store holds, ms; the bearer too. Default: 1,000. */
  freshMs?: number | undefined;
  /** Where requests of a provider's region go; `upstream` is the one its login was made for. */
  endpoints(provider: Provider, region: Region, upstream?: string): Promise<Endpoints>;
  /** Keeps the bearer of a login fresh. */
  openLogin(
    provider: Provider,
    credential: Pick<Credential, "provider" | "id">,
  ): Promise<AccessTokenSource>;
  /** An API key from outside the store. Default: none. */
  findKey?: (provider: Provider) => Promise<{ name: string; value: string } | undefined>;
  /** Which account comes first. Default: `fill_first`. */
  strategy?: (provider: Provider) => Promise<PoolStrategy | undefined>;
  /** The error of a provider without an account; `dead` is a login of it that was rejected. */
  missing(provider: Provider, dead?: Credential): Error;
}

const DEFAULT_FRESH_MS = 1_000;

/**
 * The accounts that a provider's name stands for, by priority: another's logins before its own keys.
 *
 * @param own The accounts that are stored under a provider.
 */
export async function accountsOf<Member extends { credential: Pick<Credential, "region"> }>(
  provider: Provider,
  own: (provider: Provider) => Promise<Member[]>,
): Promise<Member[]> {
  const { oauthVia } = provider;
  const via = oauthVia && findProvider(oauthVia.provider);
  const [shared, members] = await Promise.all([via === undefined ? [] : own(via), own(provider)]);
  return [...shared.filter(({ credential }) => credential.region === oauthVia?.region), ...members];
}

/** What an account is opened by: a stored credential, or an API key from outside the store. */
type AccountRecord =
  & Pick<
    Credential,
    "provider" | "id" | "label" | "region" | "source" | "upstream" | "tokens"
  >
  & {
    /** Whether it is from outside the store, its id the name it has there. */
    isOutside?: true;
  };

/** What a provider is used through. */
type Selection =
  /** Live logins of one region; the provider that they are stored under. */
  | { kind: "logins"; owner: Provider; members: PoolMember[]; strategy: PoolStrategy }
  | { kind: "key"; record: AccountRecord };

/** An account in use. */
interface Opened {
  record: AccountRecord;
  account: Account;
  /** The last way to it, and its timeouts. */
  way?: { transport: Transport; timeouts: Timeouts | undefined };
}

/** Creates the accounts over a store. Nothing is read before it is used. */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  return new StoredUpstreams(options);
}

class StoredUpstreams implements Upstreams {
  readonly runtime: Upstreams["runtime"];
  readonly #options: UpstreamsOptions;
  readonly #now: () => number;
  readonly #freshMs: number;
  /** By provider. */
  readonly #selections = new Map<string, { at: number; selection: Promise<Selection> }>();
  #listed: { at: number; providers: Promise<Provider[]> } | undefined;
  /** By credential. */
  readonly #opened = new Map<string, Promise<Opened>>();
  /** By credential: accounts that are about to be put to rest. */
  readonly #reports = new Map<string, ReturnType<Pool["report"]>>();

  constructor(options: UpstreamsOptions) {
    this.#options = options;
    const { fetch, now, sleep } = options;
    this.runtime = { fetch, now, sleep };
    this.#now = resolveRuntime(options).now;
    this.#freshMs = options.freshMs ?? DEFAULT_FRESH_MS;
  }

  async list(): Promise<Provider[]> {
    const now = this.#now();
    if (this.#listed === undefined || !this.#isFresh(this.#listed.at)) {
      this.#listed = { at: now, providers: this.#list() };
    }
    return await this.#listed.providers;
  }

  async #list(): Promise<Provider[]> {
    const found = await Promise.all(PROVIDERS.map(async (provider) => {
      try {
        await this.#select(provider);
        return [provider];
      } catch {
        return [];
      }
    }));
    return found.flat();
  }

  #isFresh(at: number): boolean {
    const ageMs = this.#now() - at;
    return ageMs >= 0 && ageMs < this.#freshMs;
  }

  async open(provider: Provider, options: OpenOptions = {}): Promise<OpenUpstream> {
    const selection = await this.#select(provider);
    if (selection.kind === "key") {
      const opened = await this.#openAccount(selection.record);
      options.onAccount?.(opened.account.id);
      const { account } = opened;
      return { provider, account, transport: this.#wayTo(opened, options.timeouts) };
    }
    const { owner, members } = selection;
    const first = members.find(({ coolDown }) => coolDown === undefined) ?? members[0]!;
    const transport = createFailoverTransport({
      pool: {
        candidates: () => this.#candidates(provider, options.conversation),
        report: (id, failure) => this.#report(provider, id, failure),
      },
      open: async (credential) => {
        options.onAccount?.(credential.id);
        return this.#wayTo(await this.#openAccount(credential), options.timeouts);
      },
      onFailover: options.onFailover,
    });
    const { account } = await this.#openAccount(first.credential);
    return { provider: owner, account, transport };
  }

  async *accounts(provider: Provider): AsyncGenerator<Account, void> {
    const selection = await this.#select(provider);
    if (selection.kind === "key") {
      yield (await this.#openAccount(selection.record)).account;
      return;
    }
    const { members } = selection;
    const ready = members.filter(({ coolDown }) => coolDown === undefined);
    for (const { credential } of [...ready, ...members.filter((one) => !ready.includes(one))]) {
      yield (await this.#openAccount(credential)).account;
    }
  }

  async account(provider: Provider, id: string): Promise<Account> {
    const members = await accountsOf(provider, (owner) => this.#pool(owner).members());
    const stored = members.find(({ credential }) => credential.id === id)?.credential;
    if (stored?.status === "active") return (await this.#openAccount(stored)).account;
    const key = stored === undefined ? await this.#options.findKey?.(provider) : undefined;
    if (key?.name !== id) throw this.#options.missing(provider, stored);
    return (await this.#openAccount(keyRecord(provider, key))).account;
  }

  /** What `provider` is used through, as it was read at most `freshMs` ago. */
  #select(provider: Provider): Promise<Selection> {
    const known = this.#selections.get(provider.id);
    if (known !== undefined && this.#isFresh(known.at)) return known.selection;
    const at = this.#now();
    // While the store is read; what fails here fails again where it is needed.
    if (known === undefined) loadApi(provider).catch(() => {});
    const selection = this.#read(provider);
    this.#selections.set(provider.id, { at, selection });
    return selection;
  }

  async #read(provider: Provider): Promise<Selection> {
    const { findKey, strategy, missing } = this.#options;
    const members = await accountsOf(provider, (owner) => this.#pool(owner).members());
    const live = members.filter(({ credential: { source, status } }) =>
      source === "login" && status === "active"
    );
    if (live.length > 0) {
      const { provider: ownerId, region } = live[0]!.credential;
      const owner = findProvider(ownerId)!;
      return {
        kind: "logins",
        owner,
        // Another region is another jurisdiction: a prompt goes there only where the user chose it.
        members: live.filter(({ credential }) => credential.region === region),
        strategy: await strategy?.(owner) ?? "fill_first",
      };
    }
    const key = await findKey?.(provider);
    if (key !== undefined) return { kind: "key", record: keyRecord(provider, key) };
    const credentials = members.map(({ credential }) => credential);
    const stored = credentials.find(({ source }) => source === "api_key");
    if (stored !== undefined) return { kind: "key", record: stored };
    throw missing(provider, credentials.find(({ status }) => status === "dead"));
  }

  #pool(
    owner: Provider,
    members?: readonly PoolMember[],
    strategy?: PoolStrategy,
  ): Pool {
    const { kv, lease, credentials } = this.#options;
    return createPool({
      kv,
      lease,
      credentials,
      provider: owner.id,
      now: this.#now,
      strategy,
      filter: members && (({ id }) => members.some(({ credential }) => credential.id === id)),
    });
  }

  async #candidates(
    provider: Provider,
    conversation: OpenOptions["conversation"],
  ): Promise<Credential[]> {
    const selection = await this.#select(provider);
    if (selection.kind === "key") throw this.#options.missing(provider);
    const { owner, members, strategy } = selection;
    const ready = readyAccounts(owner.id, members, this.#now());
    if (strategy === "fill_first" || ready.length === 1) return ready;
    // Whose turn it is, the pool's record knows.
    return conversation === undefined
      ? await this.#pool(owner, members, strategy).candidates()
      : orderByConversation(ready, conversation());
  }

  async #report(
    provider: Provider,
    ...[id, failure]: Parameters<Pool["report"]>
  ): ReturnType<Pool["report"]> {
    const selection = await this.#select(provider);
    if (selection.kind === "key") return undefined;
    // Requests that fail together tell the same.
    const report = this.#reports.get(id) ??
      this.#pool(selection.owner, selection.members).report(id, failure);
    this.#reports.set(id, report);
    try {
      return await report;
    } finally {
      this.#reports.delete(id);
      this.#selections.clear();
      this.#listed = undefined;
    }
  }

  async #openAccount(record: AccountRecord): Promise<Opened> {
    const key = `${record.provider}/${record.id}`;
    const known = await this.#opened.get(key)?.catch(() => undefined);
    if (known !== undefined && isSame(known.record, record)) return known;
    const opening = this.#openAnew(record);
    this.#opened.set(key, opening);
    return await opening;
  }

  async #openAnew(record: AccountRecord): Promise<Opened> {
    const { endpoints, openLogin } = this.#options;
    const provider = findProvider(record.provider)!;
    const region = findRegion(provider, record.region) ?? provider.regions[0]!;
    const isLogin = record.source === "login";
    return {
      record,
      account: {
        id: record.id,
        provider,
        // Its scopes were asked for with one upstream in mind.
        endpoints: await endpoints(provider, region, record.upstream),
        source: isLogin
          ? createBearerCache(await openLogin(provider, record), {
            now: this.#now,
            freshMs: this.#freshMs,
          })
          : constantSource(record),
        description: `${provider.shortName}, ${isLogin ? "login" : "API key"}${
          record.isOutside ? " of" : ""
        } ${record.label}${provider.regions.length > 1 ? `, region ${region.id}` : ""}`,
      },
    };
  }

  #wayTo(opened: Opened, timeouts: Timeouts | undefined): Transport {
    const { way, account: { provider, endpoints, source } } = opened;
    const isKnown = way?.timeouts?.idleMs === timeouts?.idleMs &&
      way?.timeouts?.totalMs === timeouts?.totalMs;
    if (way !== undefined && isKnown) return way.transport;
    const { fetch, now, sleep } = this.#options;
    const transport = createTransport({
      provider,
      endpoints,
      source,
      fetch,
      now,
      sleep,
      idleTimeoutMs: timeouts?.idleMs,
      totalTimeoutMs: timeouts?.totalMs,
    });
    opened.way = { transport, timeouts };
    return transport;
  }
}

/** An API key from outside the store. */
function keyRecord(
  provider: Provider,
  { name, value }: { name: string; value: string },
): AccountRecord {
  return {
    provider: provider.id,
    id: name,
    label: name,
    region: provider.regions[0]!.id,
    source: "api_key",
    tokens: { accessToken: value },
    isOutside: true,
  };
}

/** An API key needs no keeper. */
function constantSource(
  { provider, id, label, region, tokens }: AccountRecord,
): AccessTokenSource {
  const value = tokens!.accessToken;
  const credential = { provider, id, label, region };
  return {
    get: () => Promise.resolve({ value, generation: 0, expiresAt: null, credential }),
  };
}

/** Whether what was opened still serves: what took its place in the store may live elsewhere. */
function isSame(known: AccountRecord, record: AccountRecord): boolean {
  return known.region === record.region && known.upstream === record.upstream &&
    known.source === record.source &&
    (known.source === "login" || known.tokens?.accessToken === record.tokens?.accessToken);
}
