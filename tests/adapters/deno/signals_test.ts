import { assertEquals } from "@std/assert";
import { createCriticalSection } from "../../../src/adapters/deno/signals.ts";

function world() {
  const listeners = new Map<string, () => void>();
  const said: string[] = [], exits: number[] = [];
  const clock = { ms: 0 };
  const critical = createCriticalSection({
    onWaiting: (message) => said.push(message),
    exit: (code) => exits.push(code),
    monotonicNow: () => clock.ms,
    signals: {
      addSignalListener: (signal, listener) => void listeners.set(signal, listener),
      removeSignalListener: (signal) => void listeners.delete(signal),
    },
  });
  return { critical, listeners, said, exits, clock };
}

Deno.test("createCriticalSection() listens only while something runs", async () => {
  const { critical, listeners, exits } = world();
  const first = Promise.withResolvers<void>();
  const running = critical(() => first.promise);
  assertEquals(await critical(() => Promise.resolve(7)), 7);
  assertEquals([...listeners.keys()].toSorted(), ["SIGHUP", "SIGINT", "SIGTERM"]);
  first.resolve();
  await running;
  assertEquals([listeners.size, exits.length], [0, 0]);
});

Deno.test("createCriticalSection() ends the process after the run, by the first signal", async () => {
  const { critical, listeners, said, exits } = world();
  await critical(() => {
    listeners.get("SIGTERM")!();
    assertEquals([said.length, exits.length], [0, 0]);
    listeners.get("SIGINT")!();
    assertEquals([said.length, exits.length], [1, 0]);
    return Promise.resolve();
  });
  assertEquals(exits, [143]);
});

Deno.test("createCriticalSection() gives in to a third signal within a second", async () => {
  const { critical, listeners, exits, clock } = world();
  const interrupt = (ms: number) => {
    clock.ms += ms;
    listeners.get("SIGINT")!();
  };
  await critical(() => {
    for (const ms of [0, 5_000, 1_500]) interrupt(ms);
    assertEquals(exits, [], "slow ones are not meant");
    interrupt(900);
    assertEquals(exits, [130]);
    return Promise.resolve();
  });
});

Deno.test("createCriticalSection() passes failures on", async () => {
  const { critical } = world();
  const failure = new Error("mine");
  const seen = await critical(() => Promise.reject(failure)).catch((error) => error);
  assertEquals(seen, failure);
});
