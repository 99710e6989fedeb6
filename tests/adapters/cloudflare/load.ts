/**
 * Isolates and objects under load in the real workerd, against a strict server: everybody at expiry,
 * everybody refused at once, and objects that end at random moments of a refresh.
 *
 * ```sh
 * deno task isolates                    # 10 isolates, 1,000 requests each; 100 restarts
 * deno task isolates 10 1000 300        # the same with 300 restarts
 * deno task isolates 1 50 300 200       # objects whose clocks run 200 times as fast, instead of 100
 * ```
 *
 * @module
 */

import type { Credential } from "../../../src/credentials/credential.ts";
import {
  type CredentialWorkers,
  signIn,
  startCredentialWorkers,
} from "../../support/credential_workers.ts";

const [isolates = 10, requests = 1_000, restarts = 100, scale = 100] = Deno.args.map(Number);
/** Requests under way at once, of one isolate. */
const CONCURRENCY = 50;
const MINUTE = 60_000;
/** How often a restarted object is asked, 20 ms apart; a recovery takes about 40. */
const MAX_TRIES = 1_000;

if (import.meta.main) {
  await load();
  await restart();
}

/** Lets every isolate ask as often as it shall; the times that took, ms. */
async function askAll(
  workers: CredentialWorkers,
  { provider, id }: Credential,
  rejectedGeneration?: number,
): Promise<number[]> {
  const times: number[] = [];
  const asking = Array.from({ length: isolates * CONCURRENCY }, async (_, n) => {
    for (let left = requests / CONCURRENCY; left > 0; left--) {
      const start = performance.now();
      const call = { method: "token", provider, id } as const;
      const { error } = await workers.ask(
        n % isolates,
        rejectedGeneration === undefined ? call : { ...call, rejectedGeneration },
      );
      if (error !== undefined) throw new Error(error.message);
      times.push(performance.now() - start);
    }
  });
  await Promise.all(asking);
  return times.sort((a, b) => a - b);
}

async function load(): Promise<void> {
  await using workers = await startCredentialWorkers({ isolates, latencyMs: 200 });
  const { counters } = workers.sandbox;
  const report = (what: string, before: number, times: number[]) => {
    const at = (share: number) => times[Math.floor(share * (times.length - 1))]!.toFixed(0);
    console.log(
      `${isolates} isolates, ${times.length} requests ${what}: ${
        counters.refreshes - before
      } grants, ${counters.reuses} reuses; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`,
    );
  };
  const credential = await signIn(workers, -MINUTE);
  const { provider, id } = credential;
  await workers.ask(0, { method: "put", provider, id, credential });
  report("at expiry", 0, await askAll(workers, credential));

  const refused = await signIn(workers, 10 * MINUTE);
  const name = { provider, id: refused.id };
  await workers.ask(0, { method: "put", ...name, credential: refused });
  await Promise.all(
    Array.from({ length: isolates }, (_, n) => workers.ask(n, { method: "token", ...name })),
  );
  const before = counters.refreshes;
  report("whose bearer was refused", before, await askAll(workers, refused, 1));
}

/**
 * On clocks that run 100 times as fast: a probe's delay takes 120 ms, all looks into KV 1.4 s. The time a
 * refresh may take is 200 ms then. On a machine busier than that it passes before the server's answer
 * comes, which is an answer lost on the way like any other: the token is presented again. So each spent
 * token that is presented has to be explained, login by login, by a login that is lost or by a deadline
 * that passed in that very round.
 */
async function restart(): Promise<void> {
  await using workers = await startCredentialWorkers({ isolates: 1, scale, latencyMs: 15 });
  const { counters } = workers.sandbox;
  const read = async (method: "time" | "deadlines"): Promise<number> =>
    (await workers.ask(0, { method, provider: "", id: "" })).result;
  let lost = 0, served = 0, ended = 0, late = 0, unexplained = 0;
  let credential: Credential | undefined;
  for (let round = 0; round < restarts; round++) {
    if (credential === undefined) {
      credential = await signIn(workers, -MINUTE, await read("time"));
      const { provider, id } = credential;
      await workers.ask(0, { method: "put", provider, id, credential });
    }
    const { provider, id } = credential;
    const before = { lost, reuses: counters.reuses, deadlines: await read("deadlines") };
    const object = (path: string, body?: unknown) =>
      workers.ask(0, { method: "object", provider, id, path, body });
    const call = { protocol: 1, name: { provider, id }, arguments: {} };
    const atPut = round % 3 === 0 ? Math.floor(Math.random() * 2) : undefined;
    if (atPut !== undefined) await object("/test/abort_at", { put: atPut });
    const refreshing = object("/refresh", call).catch(() => {});
    if (atPut === undefined) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      await object("/test/abort").catch(() => {});
    }
    ended++;
    await refreshing;
    // Counted, not timed: a machine that stands still for a while is nobody's fault.
    for (let tries = 0;; tries++) {
      const { result } = await object("/refresh", call);
      if (result?.result !== undefined) {
        served++;
        break;
      }
      if (result?.error?.code === "login_required") {
        lost++;
        credential = undefined;
        break;
      }
      if (tries === MAX_TRIES) {
        const stored = await object("/read", call);
        const { lastError } = stored.result?.result?.credential ?? {};
        throw new Error(
          `nothing after ${MAX_TRIES} tries: ${JSON.stringify({ result, lastError })}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const deadlines = await read("deadlines") - before.deadlines;
    const presented = counters.reuses - before.reuses;
    late += deadlines;
    if (presented > lost - before.lost) {
      console.log(
        `round ${round}: ${presented} presented, ${lost - before.lost} lost, ${deadlines} late`,
      );
    }
    unexplained += Math.max(0, presented - (lost - before.lost) - deadlines);
  }
  console.log(
    `${ended} objects ended during a refresh: ${served} logins went on, ${lost} were lost with an ` +
      `answer that nobody had; ${counters.refreshes} grants, ${counters.reuses} spent tokens probed, ` +
      `${late} deadlines passed, ${unexplained} without need`,
  );
  if (unexplained > 0) throw new Error("a spent token was presented without need");
}
