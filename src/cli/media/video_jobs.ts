/**
 * Videos that are being made: what it takes to go on with them in another run.
 *
 * @module
 */

import { isJsonObject, parseJsonObject } from "../../core/http.ts";
import { fingerprint } from "../../core/redact.ts";
import type { KvStore, Lease } from "../../credentials/kv_store.ts";
import { listAllKeys } from "../../credentials/kv_store.ts";
import type { VideoJob } from "../../media/mod.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { MEDIA_DOCUMENT } from "../home.ts";

/** A video that was asked for. */
export interface StoredJob extends VideoJob {
  /** Whose it is. */
  provider: string;
  /** Fingerprint of its prompt; the prompt itself is nobody's business. */
  prompt: string;
  /** The name its file gets. */
  name: string;
  /** When it was asked for, ms since the epoch. */
  createdAt: number;
}

/** The jobs of one home. */
export interface VideoJobs {
  /** Remembers a job. */
  add(job: StoredJob): Promise<void>;
  /**
   * The job of that id.
   *
   * @throws {UsageError} Where there is none; it names those that there are.
   */
  find(id: string): Promise<StoredJob>;
  /** Forgets a job. */
  remove(id: string): Promise<void>;
}

const PREFIX = "video/";
/** The provider keeps no video for longer. */
const LIFETIME_MS = 7 * 24 * 3_600_000;

/** Opens the jobs of a home; nothing is read before it is asked for. */
export function openVideoJobs({ platform, home, output }: Context): VideoJobs {
  const store: KvStore & Lease = platform.openStore(home.path, output.warn, MEDIA_DOCUMENT);

  async function read(id: string): Promise<StoredJob | undefined> {
    const job = parseJsonObject(await store.get(`${PREFIX}${id}`) ?? "");
    return isJsonObject(job) && typeof job["id"] === "string"
      ? job as unknown as StoredJob
      : undefined;
  }

  return {
    add: async (job) =>
      await store.put(`${PREFIX}${job.id}`, JSON.stringify(job), {
        expiresAt: platform.now() + LIFETIME_MS,
      }),
    find: async (id) => {
      const job = await read(id);
      if (job !== undefined) return job;
      const keys = await listAllKeys(store, PREFIX);
      throw new UsageError(
        `There is no video ${id} to go on with`,
        keys.length === 0
          ? "None is being made"
          : `Videos: ${keys.map((key) => key.slice(PREFIX.length)).join(", ")}`,
      );
    },
    remove: async (id) => await store.delete(`${PREFIX}${id}`),
  };
}

/** What to remember of a job. */
export async function describeJob(
  context: Context,
  job: VideoJob,
  { provider, prompt, name }: { provider: string; prompt: string; name: string },
): Promise<StoredJob> {
  return {
    ...job,
    provider,
    prompt: await fingerprint(prompt),
    name,
    createdAt: context.platform.now(),
  };
}
