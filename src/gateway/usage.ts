/**
 * What requests have cost: per client key, account and model.
 *
 * @module
 */

/** How a request ended that was sent to a provider. */
export type UsageOutcome =
  | "completed" // the answer came to its end
  | "failed" // there was none, or it ended with an error
  | "cancelled"; // the client left

/** One request that was sent to a provider. */
export interface UsageEntry {
  /** When it ended, ms since the epoch. */
  at: number;
  /** Id of the client key. */
  keyId: string;
  /** Id of the provider. */
  provider: string;
  /** Id of the credential that answered; name of the variable for an API key of the environment. */
  account: string;
  /** The provider's own name of the model. */
  model: string;
  /** How it ended. */
  outcome: UsageOutcome;
  /** Input tokens that no cache had. */
  inputTokens: number;
  /** Input tokens read from a cache. */
  cacheReadTokens: number;
  /** Input tokens written to a cache. */
  cacheWriteTokens: number;
  /** Output tokens, thinking included. */
  outputTokens: number;
}

/** Sums over entries. */
export interface UsageTotals {
  /** Requests. */
  requests: number;
  /** Those of them that did not complete. */
  failures: number;
  /** Input tokens that no cache had. */
  inputTokens: number;
  /** Input tokens read from a cache. */
  cacheReadTokens: number;
  /** Input tokens written to a cache. */
  cacheWriteTokens: number;
  /** Output tokens, thinking included. */
  outputTokens: number;
}

/** One row of a report. */
export interface UsageRow extends UsageTotals {
  /** UTC day, `2026-07-01`. */
  day: string;
  /** Id of the client key. */
  keyId: string;
  /** Id of the provider. */
  provider: string;
  /** Id of the account. */
  account: string;
  /** The provider's own name of the model. */
  model: string;
}

/** What a report is about; what is absent is not restricted. */
export interface UsageQuery {
  /** First UTC day, `2026-07-01`. */
  from?: string | undefined;
  /** Last UTC day. */
  to?: string | undefined;
  /** One client key's. */
  keyId?: string | undefined;
}

/** Where the books are kept. */
export interface UsageStore {
  /** Adds `rows` to what is there, whoever else adds at that time. */
  add(rows: readonly UsageRow[]): Promise<void>;
  /** The rows that a query asks for, day by day. */
  read(query: UsageQuery): Promise<UsageRow[]>;
}

/** Counts requests. */
export interface UsageLedger {
  /** Counts one. Returns at once and never throws: nobody waits for the books. */
  record(entry: UsageEntry): void;
  /** What was counted, what is not yet saved included. */
  report(query?: UsageQuery): Promise<UsageRow[]>;
  /** Saves what is not yet saved; to be called before the process ends. */
  flush(): Promise<void>;
}
