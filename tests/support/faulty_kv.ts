/**
 * Workers KV as it is far away: what it may show late, remember, refuse and spoil, around any
 * namespace, such as workerd's own, which shows every write at once.
 *
 * @module
 */

import type { KvNamespace } from "../../src/adapters/cloudflare/mod.ts";

/** What a read comes to instead. */
export type ReadFault = "throws" | "hangs" | "number" | "truncated";

/** A place that sees a namespace its own way. */
export interface FaultyKv extends KvNamespace {
  /** For so long a write is not seen here, ms; also by who has just seen that there is nothing. */
  staleMs: number;
  /** What reads come to. */
  readFault: ReadFault | undefined;
  /** How many writes are refused with 429, besides those that come too soon. */
  refusals: number;
  /** When each key was written, and each read made, ms. */
  readonly writes: { key: string; at: number; isRefused: boolean }[];
  reads: number;
}

/** Wraps a namespace. */
export function faultyKv(inner: KvNamespace, now: () => number): FaultyKv {
  const versions = new Map<string, { value: string | null; metadata: unknown; at: number }[]>();
  const writtenAt = new Map<string, number>();

  async function write(key: string, run: () => Promise<void>): Promise<void> {
    const last = writtenAt.get(key) ?? -Infinity;
    const isRefused = kv.refusals > 0 || now() - last < 1_000;
    kv.writes.push({ key, at: now(), isRefused });
    if (isRefused) {
      kv.refusals = Math.max(0, kv.refusals - 1);
      throw new Error("KV PUT failed: 429 Too Many Requests");
    }
    writtenAt.set(key, now());
    const before = await inner.getWithMetadata(key, "text");
    const known = versions.get(key) ?? [];
    versions.set(key, [...known, { ...before, at: now() }]);
    await run();
  }

  const kv: FaultyKv = {
    staleMs: 0,
    readFault: undefined,
    refusals: 0,
    writes: [],
    reads: 0,
    async getWithMetadata(key, type) {
      kv.reads++;
      if (kv.readFault === "throws") throw new Error("KV GET failed: 500");
      if (kv.readFault === "hangs") return await new Promise<never>(() => {});
      // What there was before the first write that is not seen yet.
      const unseen = versions.get(key)?.find(({ at }) => now() - at < kv.staleMs);
      const { value, metadata } = unseen ?? await inner.getWithMetadata(key, type);
      if (kv.readFault === "number") return { value: 7 as unknown as string, metadata };
      const cut = kv.readFault === "truncated" ? value?.slice(0, value.length / 2) ?? null : value;
      return { value: cut, metadata };
    },
    put: (key, value, options) => write(key, () => inner.put(key, value, options)),
    delete: (key) => write(key, () => inner.delete(key)),
    list: (options) => inner.list(options),
  };
  return kv;
}
