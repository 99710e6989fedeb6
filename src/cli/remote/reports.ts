/**
 * Client keys and books of a gateway: those of this machine, or with `--remote` those of one elsewhere.
 *
 * @module
 */

import type { ClientKeyStore } from "../../gateway/client_key_store.ts";
import type { UsageQuery, UsageRow } from "../../gateway/usage.ts";
import type { Context } from "../context.ts";
import { openBooks } from "../gateway_books.ts";
import { openRemote } from "./remote_gateway.ts";

/** What a gateway has counted, and the names in it. */
export interface Reports {
  /** The client keys. */
  owner: ClientKeyStore;
  /** The books, from that day on. */
  report(query?: Pick<UsageQuery, "from">): Promise<UsageRow[]>;
  /** The accounts' names by id. */
  labels(): Promise<Map<string, string>>;
}

/** Opens them. */
export async function openReports(context: Context, remote: string | undefined): Promise<Reports> {
  if (remote === undefined) {
    const { owner, usage } = openBooks(context);
    return {
      owner,
      report: usage.report,
      labels: async () =>
        new Map((await context.credentials.list()).map(({ id, label }) => [id, label])),
    };
  }
  const gateway = await openRemote(context, remote);
  return {
    owner: gateway.keys,
    report: gateway.usage,
    labels: async () => {
      const { accounts } = await gateway.accounts();
      return new Map(accounts.map(({ credential: { id, label } }) => [id, label]));
    },
  };
}
