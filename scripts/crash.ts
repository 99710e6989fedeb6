/**
 * Real processes over one file store, all of which are killed with SIGKILL, again and again: half of
 * them at a random moment, half of them by their own hand at the next step of a refresh. A strict
 * authorization server over real HTTP on loopback ends the login when a spent refresh token comes back.
 *
 * ```sh
 * deno task crash [kills] [processes] [seed]
 * ```
 *
 * Succeeds when the document was whole after every kill, no login was lost whose successor had reached
 * the disk, and nothing lies in the folder but the document, one spare file and the locks.
 *
 * Clocks run {@linkcode SPEED} times as fast as real ones, so that a delay of 12 s takes 120 ms.
 *
 * @module
 */

import { createFileLock } from "../src/adapters/deno/file_lock.ts";
import { createFileSystem } from "../src/adapters/deno/file_system.ts";
import { sleep as realSleep } from "../src/core/runtime.ts";
import { createAccessTokenSource } from "../src/credentials/access_token_source.ts";
import { type Credential, parseCredential } from "../src/credentials/credential.ts";
import { createFileStore, type FileStore } from "../src/credentials/file_store.ts";
import type { FileLock, FileSystem } from "../src/credentials/file_system.ts";
import { requestRefresh } from "../src/oauth/refresh_token.ts";

const SPEED = 100;
/** Of an access token, ms of the fast clock. */
const LIFETIME_MS = 4_000;
const KEY = "credential/acme/shared";
/** More than a refresh has. */
const STEPS = 75;
/** How long a process lives that is killed at random, once it is up, real ms. */
const MAX_LIFE_MS = 250;

/** What came of a run. */
export interface CrashReport {
  /** Processes that were killed. */
  kills: number;
  /** Of these, by their own hand at a step. */
  atSteps: number;
  /** Rotations that the server made. */
  grants: number;
  /** Looks at the document that found it not whole. */
  corrupt: number;
  /** Spent tokens that came back although their successor had reached the disk. */
  avoidable: number;
  /** Logins that ended because the answer died with its process. */
  lost: number;
  /** Files beside the document, the spare file and the locks. */
  strays: number;
  /** How long it took. */
  seconds: number;
}

interface Truth {
  current: string;
  serial: number;
  /** Spent token -> its successor. */
  successors: Map<string, string>;
  /** Process ids that are gone. */
  dead: Set<string>;
  /** Tokens that were seen on the disk. */
  onDisk: Set<string>;
  isLost: boolean;
}

/** Kills `kills` processes, `processes` of which run at once. */
export async function crash(
  kills: number,
  processes: number,
  seed: number,
): Promise<CrashReport> {
  const folder = await Deno.makeTempDir({ prefix: "crash-" });
  const report: CrashReport = {
    kills: 0,
    atSteps: 0,
    grants: 0,
    corrupt: 0,
    avoidable: 0,
    lost: 0,
    strays: 0,
    seconds: 0,
  };
  const truth: Truth = {
    current: "",
    serial: 0,
    successors: new Map(),
    dead: new Set(),
    onDisk: new Set(),
    isLost: true,
  };
  const epoch = Date.now();
  const store = openStore(folder, epoch);
  await signIn(store, truth, epoch);
  await using server = serveStrictly(truth, report);
  const url = `http://127.0.0.1:${server.addr.port}/token`;
  const random = createRandom(seed);
  const start = performance.now();
  let started = 0, signingIn: Promise<void> | undefined;

  const keepKilling = async () => {
    while (started < kills) {
      const n = started++;
      const step = n % 2 === 0 ? 1 + ((n / 2) % STEPS) : 0;
      const worker = startWorker(folder, url, epoch, step);
      const isUp = await worker.up();
      if (step === 0 && isUp) await realSleep(random() * MAX_LIFE_MS);
      // One that found nothing to do for so long is killed like the others.
      const timer = setTimeout(() => worker.kill(), step === 0 ? 0 : 2_000);
      const isOwnHand = await worker.end();
      clearTimeout(timer);
      report.kills++;
      truth.dead.add(worker.search);
      if (step > 0 && isOwnHand) report.atSteps++;
      look(folder, truth, report);
      if (truth.isLost) {
        await (signingIn ??= signIn(store, truth, epoch).finally(() => signingIn = undefined));
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: processes }, keepKilling));
    report.seconds = (performance.now() - start) / 1000;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return report;
}

/** What is on the disk after a kill. */
function look(folder: string, truth: Truth, report: CrashReport): void {
  const tokenIn = (text: string) => /"refreshToken": "(RT-\d+)"/.exec(text)?.[1];
  const main = Deno.readTextFileSync(`${folder}/auth.json`);
  try {
    JSON.parse(main);
  } catch {
    report.corrupt++;
  }
  const found = [tokenIn(main)];
  try {
    const spare = Deno.readTextFileSync(`${folder}/auth.json.spare`);
    // Whole, as far as its last line says.
    if (/"digest": "[^"]+"\n\}\n$/.test(spare)) found.push(tokenIn(spare));
  } catch { /* renamed just now */ }
  for (const token of found) if (token !== undefined) truth.onDisk.add(token);
  const strays = [...Deno.readDirSync(folder)].filter(({ name }) =>
    !["auth.json", "auth.json.spare", "locks"].includes(name)
  );
  report.strays = Math.max(report.strays, strays.length);
}

/** The authorization server: one refresh token is good, and only once. */
function serveStrictly(truth: Truth, report: CrashReport): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const presented = new URLSearchParams(await request.text()).get("refresh_token")!;
    if (presented !== truth.current) {
      const successor = truth.successors.get(presented);
      // A request that outlived its sender by more than the delay is this machine's fault.
      const isOrphan = truth.dead.has(new URL(request.url).search);
      const wasKept = successor !== undefined && truth.onDisk.has(successor);
      if (wasKept && !isOrphan) report.avoidable++;
      else if (!truth.isLost) report.lost++;
      truth.isLost = true;
      truth.current = "";
      return Response.json({ error: "invalid_grant" }, { status: 400 });
    }
    report.grants++;
    const next = issue(truth);
    truth.successors.set(presented, next);
    return Response.json({
      access_token: next.replace("RT", "AT"),
      refresh_token: next,
      token_type: "Bearer",
      expires_in: LIFETIME_MS / 1000,
    });
  });
}

function issue(truth: Truth): string {
  return truth.current = `RT-${++truth.serial}`;
}

/** A new login in place of the lost one. */
async function signIn(store: FileStore, truth: Truth, epoch: number): Promise<void> {
  await store.withLease(KEY, async () => {
    const stored = await store.get(KEY);
    const previous = stored === null ? undefined : parseCredential(stored, KEY);
    const now = fastNow(epoch);
    truth.isLost = false;
    const credential: Credential = {
      id: "shared",
      provider: "acme",
      region: "global",
      label: "shared",
      source: "login",
      status: "active",
      tokens: { accessToken: "AT-0", refreshToken: issue(truth) },
      expiresAt: now,
      issuedAt: now - LIFETIME_MS,
      generation: (previous?.generation ?? 0) + 1,
      owner: { host: "crash", createdAt: now },
      createdAt: now,
    };
    await store.put(KEY, JSON.stringify(credential));
  });
}

function startWorker(folder: string, url: string, epoch: number, step: number) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-check",
      "--quiet",
      "--allow-net=127.0.0.1",
      "--allow-sys=uid",
      "--allow-run", // to kill itself
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      new URL(import.meta.url).pathname,
      "--worker",
      folder,
      url,
      String(epoch),
      String(step),
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  return {
    /** How its requests name it. */
    search: `?${child.pid}`,
    /** Whether it came to run. */
    up: async () => !(await reader.read()).done,
    kill: () => {
      try {
        child.kill("SIGKILL");
      } catch { /* it was quicker */ }
    },
    /** Whether it ended by SIGKILL before anybody sent one. */
    end: async () => {
      const { signal } = await child.status;
      await reader.cancel().catch(() => {});
      return signal === "SIGKILL";
    },
  };
}

function fastNow(epoch: number): number {
  return epoch + (Date.now() - epoch) * SPEED;
}

function openStore(
  folder: string,
  epoch: number,
  files: FileSystem = createFileSystem(),
  locks: FileLock = createFileLock(),
): FileStore {
  return createFileStore({
    folder,
    files,
    locks,
    holder: `process ${Deno.pid}`,
    now: () => fastNow(epoch),
    monotonicNow: () => performance.now() * SPEED,
    sleep: (ms, signal) => realSleep(ms / SPEED, signal),
    random: Math.random,
    digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
  });
}

/** One process: it wants a fresh token all the time, and kills itself at the given step. */
async function runWorker(
  folder: string,
  url: string,
  epoch: number,
  killAt: number,
): Promise<void> {
  let steps = 0;
  const step = () => {
    if (++steps === killAt) Deno.kill(Deno.pid, "SIGKILL");
  };
  const stepwise = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name) {
        const method = Reflect.get(object, name);
        if (typeof method !== "function") return method;
        return async (...args: unknown[]) => {
          step();
          const result = await method.apply(object, args);
          return name === "open" ? stepwise(result) : result;
        };
      },
    });
  const store = openStore(folder, epoch, stepwise(createFileSystem()), stepwise(createFileLock()));
  const now = () => fastNow(epoch);
  const sleep = (ms: number, signal?: AbortSignal) => realSleep(ms / SPEED, signal);
  const startTimer = (ms: number, fire: () => void) => {
    const timer = setTimeout(fire, ms / SPEED);
    return () => clearTimeout(timer);
  };
  const client = { clientId: "crash", tokenEndpoint: new URL(`?${Deno.pid}`, url) };
  const keeper = createAccessTokenSource({
    store,
    lease: store,
    provider: "acme",
    id: "shared",
    name: "Acme",
    loginHint: "none",
    refresh: async (credential, signal) => {
      step();
      const { refreshToken } = credential.tokens!;
      const outcome = await requestRefresh(client, refreshToken!, {
        now,
        sleep,
        startTimer,
        signal,
      });
      step();
      return outcome;
    },
    now,
    monotonicNow: () => performance.now() * SPEED,
    sleep,
    random: Math.random,
    digest: async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)),
    onWarning: () => {},
  });
  console.log("up");
  for (;;) {
    steps = 0;
    await keeper.get().catch(() => {});
    await realSleep(1);
  }
}

/** A small generator of numbers in [0, 1), the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

if (import.meta.main) {
  if (Deno.args[0] === "--worker") {
    const [, folder, url, epoch, step] = Deno.args;
    await runWorker(folder!, url!, Number(epoch), Number(step));
  } else {
    const [kills = 10_000, processes = 6, seed = 1] = Deno.args.map(Number);
    const report = await crash(kills, processes, seed);
    const { atSteps, grants, corrupt, avoidable, lost, strays, seconds } = report;
    console.log(
      `${report.kills} kills of ${processes} processes, ${atSteps} of them at a step, seed ${seed}: ` +
        `${grants} grants, ${corrupt} corrupt, ${avoidable} avoidable losses, ${lost} losses that ` +
        `nobody could avoid, ${strays} stray files, ${seconds.toFixed(1)} seconds`,
    );
    if (corrupt + avoidable + strays > 0) Deno.exit(1);
  }
}
