/**
 * Whether the gateway gives back what it takes, on Linux: `deno task soak [--cycles 10000]`
 *
 * Clients of `grantway gateway serve` leave where it hurts: with half a request sent, before the
 * headers, in the middle of a stream, while nobody reads, after the end. Before and after them its
 * memory and its sockets are counted, and have to be the same. Then, one by one: how long a connection
 * upstream outlives its client, what a slow reader costs, many streams at once, and somebody who guesses
 * client keys.
 *
 * @module
 */

import { createHome } from "./bench/gateway/home.ts";
import { Message, writeAll } from "./bench/gateway/http.ts";
import { guessOf, type Leaving, requestOf, visit } from "./soak/client.ts";
import { type Held, startGateway } from "./soak/gateway.ts";
import { startUpstream } from "./soak/upstream.ts";

const PATHS = ["/v1/messages", "/v1/chat/completions"] as const;
const LEAVINGS: Leaving[] = [
  { manner: "brief", sends: 0.5, reads: 0 },
  { manner: "late", reads: 0, waitsMs: 10 },
  { manner: "drip", reads: 1 },
  { manner: "drip", reads: 1_000 },
  { manner: "brief", reads: Infinity },
  { manner: "brief", sends: 0.9, reads: 0 },
  { manner: "late", reads: 0 },
  { manner: "drip", reads: 1, waitsMs: 30 },
  { manner: "drip", reads: 2_000 },
  // Socket buffers take megabytes of it, and all of that is work.
  { manner: "flood", reads: 50_000, waitsMs: 20 },
  { manner: "brief", reads: Infinity },
];
const AT_ONCE = 50;
/** So many bring every cache, pool and heap to its size. */
const WARM_UP_CYCLES = 2_000;
/** In a heap of any size most would be garbage that nobody has collected yet, not a leak. */
const HELD_HEAP_MIB = 96;
const SECOND_MS = 1_000;

const LIMITS = {
  /** The allocator keeps pages, and garbage is collected when it is time; 3 KiB a cycle are a leak. */
  residentBytes: 32 * 2 ** 20,
  sockets: 2,
  closeMs: 250,
  slowReaderBytes: 2 * 2 ** 20,
  slowReaderTakenBytes: 16 * 2 ** 20,
};

const flag = Deno.args.indexOf("--cycles");
const cycles = flag === -1 ? 10_000 : Number(Deno.args[flag + 1]);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const inMiB = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const failures: string[] = [];

function check(isGood: boolean, line: string): void {
  console.log(`${isGood ? "ok    " : "FAILED"} ${line}`);
  if (!isGood) failures.push(line);
}

const home = await createHome(5_000);
const upstream = startUpstream();
let gateway = await startGateway(home.env(upstream.origin), HELD_HEAP_MIB);
let door = { port: gateway.port, key: home.key };
let asked = 0;

/** Goes on with another gateway. */
async function startAnew(heapMiB?: number): Promise<void> {
  await gateway.stop();
  gateway = await startGateway(home.env(upstream.origin), heapMiB);
  door = { port: gateway.port, key: home.key };
}

/** Clients that leave, `AT_ONCE` of them at a time. */
async function come(count: number): Promise<void> {
  const problems = new Map<string, number>();
  let begun = 0;
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (begun < count) {
      const turn = begun++;
      const leaving = LEAVINGS[turn % LEAVINGS.length]!;
      const path = PATHS[Math.floor(turn / LEAVINGS.length) % PATHS.length]!;
      const { problem } = await visit(door, path, leaving, asked++);
      if (problem !== undefined) problems.set(problem, (problems.get(problem) ?? 0) + 1);
    }
  }));
  for (const [problem, times] of problems) failures.push(`${times} visits: ${problem}`);
}

/** What the gateway holds once everything is quiet. */
async function quiet(): Promise<Held> {
  await pause(2 * SECOND_MS);
  upstream.closeIdle();
  await pause(SECOND_MS / 2);
  return gateway.held();
}

async function cyclesLeaveNothing(): Promise<void> {
  await come(WARM_UP_CYCLES);
  const before = await quiet();
  const startedAt = performance.now();
  await come(cycles);
  const seconds = (performance.now() - startedAt) / SECOND_MS;
  const after = await quiet();
  console.log(
    `${cycles} connections that were dropped, ${AT_ONCE} at a time, ${seconds.toFixed(0)} s`,
  );
  const compare = (
    what: string,
    name: keyof Held,
    limit: number,
    show: (value: number) => string,
  ) =>
    check(
      after[name] - before[name] <= limit,
      `${what}: ${show(before[name])} before, ${show(after[name])} after (at most ${
        show(limit)
      } more)`,
    );
  compare("resident memory", "residentBytes", LIMITS.residentBytes, inMiB);
  compare("sockets", "sockets", LIMITS.sockets, String);
  compare("open files", "files", LIMITS.sockets, String);
}

async function connectionsEndWithTheirClients(): Promise<void> {
  for (const manner of ["late", "drip", "flood"] as const) {
    const delays: number[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const number = asked++;
      const reads = manner === "late" ? 0 : manner === "drip" ? 1_000 : 50_000;
      const leaving: Leaving = { manner, reads, waitsMs: 50 };
      const { leftAt, problem } = await visit(door, PATHS[turn % PATHS.length]!, leaving, number);
      if (problem !== undefined) failures.push(`A client that leaves: ${problem}`);
      const giveUpAt = leftAt + 5 * SECOND_MS;
      const isOpen = () => upstream.answers.get(number)?.closedAt === undefined;
      while (isOpen() && performance.now() < giveUpAt) await pause(1);
      const { closedAt = Infinity } = upstream.answers.get(number) ?? {};
      delays.push(closedAt - leftAt);
    }
    const last = Math.max(...delays);
    const state = { late: "before the answer", drip: "mid-stream", flood: "while nobody reads" };
    check(
      last <= LIMITS.closeMs,
      `a client leaves ${state[manner]}: its connection upstream ends ${
        last.toFixed(0)
      } ms after that at the latest, of ${delays.length} (at most ${LIMITS.closeMs} ms)`,
    );
  }
}

/** 50 MB upstream, a client that takes 1 KB a second. */
async function slowReadersAreCheap(): Promise<void> {
  // Fewer would each be charged for garbage that the heap lets lie, whatever their number.
  const readers = 100, seconds = 8;
  const before = (await quiet()).residentBytes;
  const numbers: number[] = [];
  let peak = before;
  const watch = setInterval(() => peak = Math.max(peak, gateway.held().residentBytes), 50);
  await Promise.all(Array.from({ length: readers }, async (_, i) => {
    const number = asked++;
    numbers.push(number);
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
    await socket.write(requestOf(door, PATHS[i % PATHS.length]!, "flood", number));
    for (let second = 0; second < seconds; second++) {
      await socket.read(new Uint8Array(1_024));
      await pause(SECOND_MS);
    }
  }));
  clearInterval(watch);
  const each = (peak - before) / readers;
  const taken = Math.max(...numbers.map((number) => upstream.answers.get(number)?.bytes ?? 0));
  check(
    each <= LIMITS.slowReaderBytes,
    `${readers} readers of 1 KB/s: ${inMiB(each)} each (at most ${inMiB(LIMITS.slowReaderBytes)})`,
  );
  check(
    taken <= LIMITS.slowReaderTakenBytes,
    `of 50 MB for each upstream got rid of ${inMiB(taken)}, socket buffers included (at most ${
      inMiB(LIMITS.slowReaderTakenBytes)
    })`,
  );
}

/** For a few seconds. */
async function manyAtOnce(): Promise<void> {
  const streams = 2_000;
  const startedAt = performance.now();
  const visits = await Promise.all(Array.from({ length: streams }, async (_, i) => {
    // Over two seconds: a flood of connections is another matter.
    await pause(i * 2 * SECOND_MS / streams);
    const leaving: Leaving = { manner: "steady", reads: Infinity };
    return await visit(door, PATHS[i % PATHS.length]!, leaving, asked++);
  }));
  const bad = visits.filter(({ problem, deltas }) => problem !== undefined || deltas !== 20);
  const peak = gateway.held().residentBytes;
  check(
    bad.length === 0,
    `${streams} streams of 20 events at once, ${
      ((performance.now() - startedAt) / SECOND_MS).toFixed(0)
    } s: ${bad.length} failed, ${inMiB(peak)} resident${
      bad.length === 0 ? "" : ` (${bad[0]!.problem ?? `${bad[0]!.deltas} events`})`
    }`,
  );
}

/** Somebody tries one client key after the other; those who have one are served all the while. */
async function guessesHinderNobody(): Promise<void> {
  const ms = 5 * SECOND_MS;
  const endAt = performance.now() + ms;
  const statuses = new Map<string, number>();
  const guess = async (guesser: number) => {
    using socket = await Deno.connect({ hostname: "127.0.0.1", port: door.port });
    const reader = new Message();
    const buffer = new Uint8Array(64 * 1024);
    for (let number = 0; performance.now() < endAt; number++) {
      reader.reset();
      await writeAll(socket, guessOf(door, `${guesser}-${number}`));
      for (;;) {
        const size = await socket.read(buffer);
        if (size === null) throw new Error("A guesser's connection was closed");
        if (reader.add(buffer.subarray(0, size))) break;
      }
      const status = reader.head.slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const guessing = Promise.all(Array.from({ length: 32 }, (_, guesser) => guess(guesser)));
  const waits: number[] = [];
  let bad = 0;
  while (performance.now() < endAt) {
    const askedAt = performance.now();
    const { problem } = await visit(door, PATHS[0], { manner: "brief", reads: Infinity }, asked++);
    waits.push(performance.now() - askedAt);
    if (problem !== undefined) bad++;
    await pause(20);
  }
  await guessing;
  const { "401": told = 0, "429": slowed = 0, ...others } = Object.fromEntries(statuses);
  waits.sort((a, b) => a - b);
  check(
    bad === 0 && told <= 2 * 120 && slowed > 1_000 && Object.keys(others).length === 0,
    `${((told + slowed) * SECOND_MS / ms).toFixed(0)} guesses of a client key a second: ` +
      `${told} were looked at, ${slowed} slowed down; ${bad} of ${waits.length} good requests ` +
      `failed, half of them took ${waits[waits.length >> 1]!.toFixed(0)} ms at most`,
  );
}

try {
  await come(LEAVINGS.length * PATHS.length);
  await slowReadersAreCheap();
  await startAnew();
  await connectionsEndWithTheirClients();
  await manyAtOnce();
  await guessesHinderNobody();
  await startAnew(HELD_HEAP_MIB);
  await cyclesLeaveNothing();
} finally {
  await gateway.stop();
  upstream.close();
  await home.remove();
}
for (const failure of failures) console.error(failure);
Deno.exit(failures.length === 0 ? 0 : 1);
