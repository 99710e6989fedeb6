import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Dialect, GenerateResponse } from "../../src/protocols/event.ts";
import {
  answerIn,
  answers,
  askedIn,
  requestIn,
  requests,
  type Said,
  saidIn,
  WAYS,
} from "./round_trip.ts";

const RUNS = { numRuns: Number(Deno.env.get("GRANTWAY_ROUND_TRIPS") ?? 60), seed: 20_261_121 };
const plain = (value: Said): Said => JSON.parse(JSON.stringify(value));

/** What is lost on the way through a dialect; docs/translation.md has a line for each. */
const LOSSES: {
  name: string;
  via: readonly Dialect[];
  /** Takes it out, of what was said before and after alike. */
  lose: (said: Said) => void;
}[] = [
  {
    name: "seals of reasoning, and reasoning that is nothing but sealed",
    via: ["chat"],
    lose: (said) =>
      inBlocks(said, (block) => {
        if (block.type !== "thinking") return [block];
        return block.text === "" ? [] : [{ type: "thinking", text: block.text }];
      }),
  },
  {
    name: "that a tool has failed, which becomes words; and words for a result of nothing",
    via: ["chat", "responses"],
    lose: (said) =>
      inBlocks(said, (block) => {
        if (block.type !== "tool_result") return [block];
        const content = block.content.flatMap((part: Said) => {
          if (part.type !== "text") return [part];
          const text = part.text.replace(/^Error:/, "").trim();
          return text === "" || text === "(no output)" ? [] : [{ ...part, text }];
        });
        return [{ ...block, content, isError: undefined }];
      }),
  },
  {
    name:
      "that calls may come side by side, which is the default; for the contrary a choice is said",
    via: ["messages"],
    lose: (said) => {
      if (said.parallelToolCalls === true) delete said.parallelToolCalls;
      if (said.parallelToolCalls === false) said.toolChoice ??= { kind: "auto" };
    },
  },
  {
    name: "whether calls may come side by side, where there are to be none",
    via: ["messages"],
    lose: (said) => {
      if (said.toolChoice?.kind === "none") delete said.parallelToolCalls;
    },
  },
  {
    name: "stop sequences, which the router looks for itself",
    via: ["responses"],
    lose: (said) => delete said.stopSequences,
  },
  {
    name: "the key to a prompt cache",
    via: ["messages"],
    lose: (said) => delete said.promptCacheKey,
  },
  {
    name: "that nothing was said of how closely to look",
    via: ["responses"],
    lose: (said) =>
      inBlocks(said, function detailed(block): Said[] {
        const { content } = block;
        if (content !== undefined) return [{ ...block, content: content.flatMap(detailed) }];
        return [block.type === "image" ? { detail: "auto", ...block } : block];
      }),
  },
  { name: "top_k", via: ["responses"], lose: (said) => delete said.topK },
  {
    name: "the absence of a limit, where one is mandatory",
    via: ["messages"],
    lose: (said) => said.maxOutputTokens ??= 32_000,
  },
  {
    name: "the name of a form of answer",
    via: ["messages"],
    lose: (said) => delete said.outputFormat?.name,
  },
  {
    name: "whether arguments have to follow their schema was said, where it was not",
    via: ["responses"],
    lose: (said) => said.tools?.forEach((tool: Said) => tool.strict ??= false),
  },
];

/** Replaces the blocks of every turn, or of an answer. */
function inBlocks(said: Said, replace: (block: Said) => Said[]): void {
  if (said.content !== undefined) said.content = said.content.flatMap(replace);
  for (const turn of said.turns ?? []) turn.content = turn.content.flatMap(replace);
  if (said.turns !== undefined) {
    said.turns = said.turns.filter(({ content }: Said) => content.length > 0);
  }
}

function assertOnlyLost(via: Dialect, after: Said, before: Said): void {
  const [kept, expected] = [plain(after), plain(before)];
  for (const { lose } of LOSSES.filter((loss) => loss.via.includes(via))) {
    lose(kept);
    lose(expected);
  }
  assertEquals(plain(kept), plain(expected));
}

Deno.test("docs/translation.md names all that a round trip loses, and no more", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/translation.md", import.meta.url));
  const [, section = ""] = page.split("## There and back");
  const rows = section.split("\n## ")[0]!.split("\n").filter((line) => line.includes("_test.ts`"));
  assertEquals(rows.length, LOSSES.length);
  for (const { name, via } of LOSSES) {
    const row = rows.find((line) => line.includes(`\`${name}\``));
    assertEquals(via.filter((dialect) => !row?.toLowerCase().includes(dialect)), [], name);
  }
});

for (const { from, via } of WAYS) {
  Deno.test(`round trip of answers: ${from} through ${via} and back`, async () => {
    await fc.assert(
      fc.asyncProperty(answers, fc.boolean(), async (answer, isStreamed) => {
        const before = await answerIn(from, answer, isStreamed);
        const after = await answerIn(from, await answerIn(via, before, isStreamed), isStreamed);
        assertOnlyLost(via, saidIn(after), saidIn(before));
      }),
      RUNS,
    );
  });

  Deno.test(`round trip of requests: ${from} through ${via} and back`, () => {
    fc.assert(
      fc.property(requests, (request) => {
        const before = requestIn(from, request);
        const after = requestIn(from, requestIn(via, before));
        assertOnlyLost(via, askedIn(after), askedIn(before));
      }),
      RUNS,
    );
  });
}

for (const isStreamed of [false, true]) {
  Deno.test(`an answer that was cut short keeps the seal of its reasoning${isStreamed ? ", streamed" : ""}`, async () => {
    const thinking = {
      type: "thinking" as const,
      text: "so",
      signature: "sealed",
      provenance: { origin: "some", model: "m" },
    };
    const usage = { inputTokens: 1, cacheReadTokens: 0, cacheWriteTokens: 0, outputTokens: 1 };
    const answer = { id: "a", model: "m", content: [thinking], stopReason: "max_tokens", usage };
    const read = await answerIn("responses", answer as GenerateResponse, isStreamed);
    assertEquals([saidIn(read).content, read.stopReason], [[thinking], "max_tokens"]);
  });
}
