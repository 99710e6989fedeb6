/**
 * Many processes over one file store, all of which find the same token expired at the same moment,
 * again and again, against a strict authorization server over real HTTP on loopback: it ends the
 * login as soon as a spent refresh token comes back.
 *
 * ```sh
 * deno task contend [processes] [expiries] [seed]
 * ```
 *
 * Succeeds when there were exactly as many grants as expiries, and no reuse.
 *
 * @module
 */

import { openFileStore } from "../src/adapters/deno/file_store.ts";
import { resolveRuntime } from "../src/core/runtime.ts";
import { createAccessTokenSource } from "../src/credentials/access_token_source.ts";
import type { Credential } from "../src/credentials/credential.ts";
import { requestRefresh } from "../src/oauth/refresh_token.ts";

const LIFETIME_MS = 15 * 60_000;
const KEY = "credential/acme/shared";

/** What came of a run. */
export interface ContendReport {
  /** Rotations that the server made. */
  grants: number;
  /** Presentations of a spent token. */
  reuse: number;
  /** Reads of the document that were not whole, and answers that were not the newest token. */
  corrupt: number;
  /** How long it took. */
  seconds: number;
}

/** Runs `processes` processes through `expiries` expiries. */
export async function contend(
  processes: number,
  expiries: number,
  seed: number,
): Promise<ContendReport> {
  const folder = await Deno.makeTempDir({ prefix: "contend-" });
  const report: ContendReport = { grants: 0, reuse: 0, corrupt: 0, seconds: 0 };
  await using server = serveStrictly(report);
  const { port } = server.addr;
  const random = createRandom(seed);
  await openFileStore(folder).put(KEY, JSON.stringify(firstCredential()));
  const workers = Array.from(
    { length: processes },
    () => startWorker(folder, `http://127.0.0.1:${port}/token`),
  );
  try {
    await Promise.all(workers.map((worker) => worker.nextLine())); // all are up
    const start = performance.now();
    for (let expiry = 1; expiry <= expiries; expiry++) {
      const answers = workers.map(async (worker) => {
        // The wall clock of every process jumps past the expiry, each a little later than the last.
        await worker.say(`${expiry * (LIFETIME_MS + 60_000)} ${Math.floor(random() * 4)}`);
        return await worker.nextLine();
      });
      for (const answer of await Promise.all([...answers, readWhole(folder, report)])) {
        if (answer !== undefined && answer !== `AT-${expiry}`) report.corrupt++;
      }
    }
    report.seconds = (performance.now() - start) / 1000;
  } finally {
    await Promise.all(workers.map((worker) => worker.end()));
    await Deno.remove(folder, { recursive: true });
  }
  return report;
}

/** The authorization server: one refresh token is good, and only once. */
function serveStrictly(report: ContendReport): Deno.HttpServer<Deno.NetAddr> {
  let current = "RT-0";
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const presented = new URLSearchParams(await request.text()).get("refresh_token");
    if (presented !== current) {
      report.reuse++;
      current = "";
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    report.grants++;
    current = `RT-${report.grants}`;
    return Response.json({
      access_token: `AT-${report.grants}`,
      refresh_token: current,
      token_type: "Bearer",
      expires_in: LIFETIME_MS / 1000,
    });
  });
}

async function readWhole(folder: string, report: ContendReport): Promise<undefined> {
  try {
    JSON.parse(await Deno.readTextFile(`${folder}/auth.json`));
  } catch {
    report.corrupt++;
  }
}

function startWorker(folder: string, tokenEndpoint: string) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "--allow-net=127.0.0.1",
      "--allow-sys=uid",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      new URL(import.meta.url).pathname,
      "--worker",
      folder,
      tokenEndpoint,
    ],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = lines(child.stdout)[Symbol.asyncIterator]();
  return {
    say: (line: string) => writer.write(new TextEncoder().encode(`${line}\n`)),
    nextLine: async () => (await reader.next()).value as string | undefined ?? "gone",
    end: async () => {
      await writer.close().catch(() => {});
      await child.stdout.cancel().catch(() => {});
      await child.status;
    },
  };
}

async function* lines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop()!;
    yield* parts;
  }
}

/** One process: for each line `<clock offset ms> <delay ms>` it prints the token it was given. */
async function runWorker(folder: string, tokenEndpoint: string): Promise<void> {
  let offsetMs = 0;
  const { sleep } = resolveRuntime();
  const now = () => Date.now() + offsetMs;
  const store = openFileStore(folder, { now });
  const client = { clientId: "contend", tokenEndpoint: new URL(tokenEndpoint) };
  const keeper = createAccessTokenSource({
    store,
    lease: store,
    provider: "acme",
    id: "shared",
    name: "Acme",
    loginHint: "none",
    refresh: (credential, signal) =>
      requestRefresh(client, credential.tokens!.refreshToken!, { now, signal }),
    now,
    monotonicNow: () => performance.now(),
    sleep,
    random: Math.random,
    digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    onWarning: (message) => console.error(message),
  });
  console.log("up");
  for await (const line of lines(Deno.stdin.readable)) {
    const [offset, delay] = line.split(" ").map(Number);
    await sleep(delay!);
    offsetMs = offset!;
    console.log(await keeper.get().then((token) => token.value, (error) => error.message));
  }
  await keeper.settled();
}

function firstCredential(): Credential {
  const now = Date.now();
  return {
    id: "shared",
    provider: "acme",
    region: "global",
    label: "shared",
    source: "login",
    status: "active",
    tokens: { accessToken: "AT-0", refreshToken: "RT-0" },
    expiresAt: now,
    issuedAt: now - LIFETIME_MS,
    generation: 0,
    owner: { host: "contend", createdAt: now },
    createdAt: now,
  };
}

/** A small generator of numbers in [0, 1), the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

if (import.meta.main) {
  if (Deno.args[0] === "--worker") {
    await runWorker(Deno.args[1]!, Deno.args[2]!);
  } else {
    const [processes = 8, expiries = 1_000, seed = 1] = Deno.args.map(Number);
    const { grants, reuse, corrupt, seconds } = await contend(processes, expiries, seed);
    console.log(
      `${processes} processes, ${expiries} expiries, seed ${seed}: ${grants} grants, ` +
        `${reuse} reuse, ${corrupt} corrupt, ${seconds.toFixed(1)} seconds`,
    );
    if (grants !== expiries || reuse > 0 || corrupt > 0) Deno.exit(1);
  }
}
