/**
 * The recorded streams of every dialect that end as they should, decoded.
 *
 * The recordings are not part of this repository: `GRANTWAY_FIXTURES` names their folder.
 *
 * @module
 */

import { assert } from "@std/assert";
import type { StreamEvent } from "../../src/protocols/event.ts";
import * as chat from "./chat/support.ts";
import * as messages from "./messages/support.ts";
import * as responses from "./responses/support.ts";

const { RECORDED } = messages;

/** One recorded answer, decoded. */
export interface RecordedAnswer {
  /** Dialect and file. */
  name: string;
  /** What it says. */
  events: StreamEvent[];
}

const encoder = new TextEncoder();

/** By dialect: the answers of a file. */
const READERS: Record<string, (path: string) => StreamEvent[][]> = {
  "anthropic-messages": (path) =>
    messages.readRecorded(path).map((text) => messages.decodeStream(encoder.encode(text))),
  "openai-chat": (path) => [chat.decodeStream(chat.readRecorded(path))],
  "openai-responses": (path) =>
    responses.readRecorded(path).map((events) => responses.decodeStream(responses.sse(...events))),
};

function readAnswers(root: string): RecordedAnswer[] {
  const answers: RecordedAnswer[] = [];
  for (const { name: dialect } of Deno.readDirSync(root)) {
    const read = READERS[dialect.replace("xai", "openai")];
    if (read === undefined) continue;
    for (const folder of Deno.readDirSync(`${root}/${dialect}`)) {
      for (const { name } of Deno.readDirSync(`${root}/${dialect}/${folder.name}`)) {
        if (name.endsWith(".json")) continue;
        for (const [i, events] of read(`${root}/${dialect}/${folder.name}/${name}`).entries()) {
          if (events.at(-1)?.type !== "message_end") continue;
          answers.push({ name: `${dialect}/${name}${i === 0 ? "" : ` (${i + 1})`}`, events });
        }
      }
    }
  }
  return answers.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** A test with a step for every recorded answer; skipped with a word where there are none. */
export function recordedTest(
  name: string,
  check: (answer: RecordedAnswer) => Promise<void>,
): void {
  Deno.test({
    name: `${name}${RECORDED === undefined ? " (skipped: GRANTWAY_FIXTURES is not set)" : ""}`,
    ignore: RECORDED === undefined,
    fn: async (t) => {
      const answers = readAnswers(RECORDED!);
      assert(answers.length >= 70, `only ${answers.length} answers`);
      for (const answer of answers) await t.step(answer.name, () => check(answer));
    },
  });
}
