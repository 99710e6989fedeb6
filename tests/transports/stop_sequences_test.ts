import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type StreamEvent, ZERO_USAGE } from "../../src/protocols/event.ts";
import { createStopScanner } from "../../src/transports/stop_sequences.ts";

const start: StreamEvent = { type: "message_start", id: "a", model: "m", usage: ZERO_USAGE };
const open = (index: number): StreamEvent => ({
  type: "block_start",
  index,
  block: { type: "text", text: "" },
});
const text = (index: number, piece: string): StreamEvent => ({
  type: "block_delta",
  index,
  delta: { type: "text", text: piece },
});
const close = (index: number): StreamEvent => ({ type: "block_end", index });
const end: StreamEvent = { type: "message_end", stopReason: "end_turn", usage: ZERO_USAGE };

/** Scans `pieces` of one block, each in a batch of its own. */
function scan(pieces: string[], stops: string[]) {
  const scanner = createStopScanner(stops);
  assert(scanner !== undefined);
  const batches = [[start, open(0)], ...pieces.map((piece) => [text(0, piece)]), [close(0), end]];
  const events = batches.flatMap((batch) => scanner.scan(batch));
  const given = events.map((event) =>
    event.type === "block_delta" && event.delta.type === "text" ? event.delta.text : ""
  ).filter((piece) => piece !== "");
  const last = events.at(-1);
  assert(last?.type === "message_end");
  return { given, stop: last.stopSequence, types: events.map(({ type }) => type) };
}

const CASES: { name: string; pieces: string[]; stops: string[]; given: string[]; stop?: string }[] =
  [
    { name: "no match", pieces: ["abc"], stops: ["x"], given: ["abc"] },
    { name: "a match inside a piece", pieces: ["abcde"], stops: ["cd"], given: ["ab"], stop: "cd" },
    {
      name: "a match over three pieces",
      pieces: ["abS", "TO", "Pcd"],
      stops: ["STOP"],
      given: ["ab"],
      stop: "STOP",
    },
    {
      name: "a match that starts again",
      pieces: ["ST", "STOP"],
      stops: ["STOP"],
      given: ["ST"],
      stop: "STOP",
    },
    {
      name: "nearly a match, at the end",
      pieces: ["abST", "O"],
      stops: ["STOP"],
      given: ["ab", "STO"],
    },
    {
      name: "the earliest of several",
      pieces: ["a b c"],
      stops: ["c", "b"],
      given: ["a "],
      stop: "b",
    },
    {
      name: "the longest at one place",
      pieces: ["ab--c"],
      stops: ["-", "--"],
      given: ["ab"],
      stop: "--",
    },
    { name: "a match at once", pieces: ["STOP"], stops: ["STOP"], given: [], stop: "STOP" },
    {
      name: "nothing held without need",
      pieces: ["abc", "def"],
      stops: ["xyz"],
      given: ["abc", "def"],
    },
    {
      name: "a surrogate pair in two pieces",
      pieces: ["a\ud83d", "\ude80b"],
      stops: ["x"],
      given: ["a", "🚀b"],
    },
  ];
for (const { name, pieces, stops, given, stop } of CASES) {
  Deno.test(`createStopScanner() finds ${name}`, () => {
    const result = scan(pieces, stops);
    assertEquals([result.given, result.stop], [given, stop]);
    assertEquals(result.types.slice(-2), ["block_end", "message_end"]);
  });
}

Deno.test("createStopScanner() finds the same, however the text is cut", () => {
  const letter = fc.constantFrom("a", "b", "c", "🚀", "é");
  const word = fc.array(letter, { minLength: 1, maxLength: 3 }).map((letters) => letters.join(""));
  fc.assert(
    fc.property(
      fc.array(letter, { maxLength: 30 }).map((letters) => letters.join("")),
      fc.array(word, { minLength: 1, maxLength: 3 }),
      fc.array(fc.nat(), { maxLength: 10 }),
      (whole, stops, cuts) => {
        const places = [
          0,
          ...cuts.map((cut) => cut % (whole.length + 1)).sort((a, b) => a - b),
          whole.length,
        ];
        const pieces = places.slice(1).map((place, i) => whole.slice(places[i], place));
        const matches = stops.map((stop) => whole.indexOf(stop)).filter((at) => at !== -1);
        const expected = matches.length === 0 ? whole : whole.slice(0, Math.min(...matches));
        const { given } = scan(pieces, stops);
        assertEquals(given.join(""), expected);
        for (const piece of given) {
          assert(piece.isWellFormed(), `cut inside a pair: ${JSON.stringify(piece)}`);
        }
      },
    ),
    { seed: 11, numRuns: 500 },
  );
});

Deno.test("createStopScanner() looks at text alone, and closes what is open", () => {
  const scanner = createStopScanner(["STOP"]);
  const thinking: StreamEvent = {
    type: "block_delta",
    index: 0,
    delta: { type: "thinking", text: "STOP" },
  };
  const events: StreamEvent[] = [
    start,
    { type: "block_start", index: 0, block: { type: "thinking", text: "" } },
    thinking,
    { type: "ping" },
    open(1),
    text(1, "aSTOPb"),
    close(1),
    end,
  ];
  assertEquals(scanner?.scan(events).map(({ type }) => type), [
    "message_start",
    "block_start",
    "block_delta",
    "ping",
    "block_start",
    "block_delta",
    "block_end",
    "block_end",
    "message_end",
  ]);
  assertEquals(scanner?.scan([text(1, "more"), end]), []);
});

Deno.test("createStopScanner() gives what it held before an error", () => {
  const scanner = createStopScanner(["STOP"]);
  const error: StreamEvent = { type: "error", error: { code: "upstream", message: "no" } };
  assertEquals(scanner?.scan([open(0), text(0, "aST"), error]), [
    open(0),
    text(0, "a"),
    text(0, "ST"),
    error,
  ]);
});

Deno.test("createStopScanner() has nothing to do without stop sequences", () => {
  assertEquals(createStopScanner(undefined), undefined);
  assertEquals(createStopScanner(["", " \n"]), undefined);
});
