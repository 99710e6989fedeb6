import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createInterrupts, Interrupted } from "../../src/cli/interrupts.ts";
import type { Output } from "../../src/cli/output.ts";
import type { Interrupt, Platform } from "../../src/cli/platform.ts";

/** Interrupts over a machine that only has a clock and a keyboard. */
function setUp() {
  const warnings: string[] = [];
  const exits: number[] = [];
  let listener: (kind: Interrupt) => void = () => {};
  let now = 10_000;
  const interrupts = createInterrupts(
    {
      monotonicNow: () => now,
      onInterrupt: (added: typeof listener) => {
        listener = added;
        return () => listener = () => {};
      },
      exit: (code: number) => exits.push(code),
    } as unknown as Platform,
    { warn: (text: string) => warnings.push(text) } as unknown as Output,
  );
  /** A signal, so many ms after the last one. */
  const press = (afterMs: number, kind: Interrupt = "SIGINT") => {
    now += afterMs;
    listener(kind);
  };
  return { interrupts, press, warnings, exits };
}

/** Something critical that never ends. */
const forever = () => new Promise<never>(() => {});

Deno.test("createInterrupts() the first press cancels with Interrupted", () => {
  const { interrupts, press, exits } = setUp();
  press(0);
  assert(interrupts.signal.reason instanceof Interrupted);
  assertEquals(exits, []);
});

const SAME: { name: string; presses: [number, Interrupt?][]; exits: number[] }[] = [
  { name: "a press within 300 ms is the same one", presses: [[0], [299]], exits: [] },
  { name: "a second press ends the process with 130", presses: [[0], [300]], exits: [130] },
  { name: "presses in quick succession stay one", presses: [[0], [200], [99]], exits: [] },
  { name: "SIGTERM is never taken for the same", presses: [[0], [1, "SIGTERM"]], exits: [130] },
  { name: "SIGHUP is never taken for the same", presses: [[0], [1, "SIGHUP"]], exits: [130] },
];

for (const { name, presses, exits: expected } of SAME) {
  Deno.test(`createInterrupts() ${name}`, () => {
    const { press, exits } = setUp();
    for (const [afterMs, kind] of presses) press(afterMs, kind);
    assertEquals(exits, expected);
  });
}

Deno.test("createInterrupts() a second press waits for a refresh that was sent, and says so", async () => {
  const { interrupts, press, exits, warnings } = setUp();
  let finish = () => {};
  const running = interrupts.critical(() => new Promise<void>((resolve) => finish = resolve));
  press(0);
  press(2_000);
  assertEquals(exits, []);
  assertEquals(warnings.length, 1);
  assertStringIncludes(warnings[0]!, "its answer must be saved");
  finish();
  await running;
  press(2_000);
  assertEquals(exits, [130]);
});

const INSIST = [
  { name: "two slow presses more only warn again", gaps: [2_000, 2_000, 2_000], exits: [] },
  { name: "a press within a second of the warning leaves", gaps: [2_000, 900], exits: [130] },
  { name: "the same press delivered twice does not leave", gaps: [2_000, 100], exits: [] },
];

for (const { name, gaps, exits: expected } of INSIST) {
  Deno.test(`createInterrupts() in a refresh, ${name}`, () => {
    const { interrupts, press, exits } = setUp();
    interrupts.critical(forever);
    press(0);
    for (const gap of gaps) press(gap);
    assertEquals(exits, expected);
  });
}

Deno.test("createInterrupts() critical() counts down when what it runs fails", async () => {
  const { interrupts, press, exits } = setUp();
  await interrupts.critical(() => Promise.reject(new Error("failed"))).catch(() => {});
  press(0);
  press(2_000);
  assertEquals(exits, [130]);
});

Deno.test("createInterrupts() the last listener takes presses until it stops listening", () => {
  const { interrupts, press } = setUp();
  const heard: string[] = [];
  const stopOuter = interrupts.listen(() => heard.push("outer"));
  const stopInner = interrupts.listen(() => heard.push("inner"));
  press(0);
  stopInner();
  stopInner();
  press(1_000);
  assertEquals(heard, ["inner", "outer"]);
  assertEquals(interrupts.signal.aborted, false);
  stopOuter();
  press(1_000);
  assertEquals(interrupts.signal.aborted, true);
});

Deno.test("createInterrupts() a listener does not take SIGTERM", () => {
  const { interrupts, press } = setUp();
  interrupts.listen(() => {});
  press(0, "SIGTERM");
  assertEquals(interrupts.signal.aborted, true);
});

Deno.test("createInterrupts() dispose() stops listening", () => {
  const { interrupts, press } = setUp();
  interrupts.dispose();
  press(0);
  assertEquals(interrupts.signal.aborted, false);
});
