/**
 * A few words on what a conversation is about, for lists.
 *
 * @module
 */

import { displayText } from "../core/redact.ts";
import type { Message } from "../protocols/event.ts";
import type { Target } from "./target.ts";

const MAX_EXCERPT_LENGTH = 1_500;
const MAX_TITLE_LENGTH = 60;
/** Models that always think need room for that, too. */
const MAX_OUTPUT_TOKENS = 2_000;

/** Asks for a title, by what the user has said; undefined where none came. */
export async function requestTitle(
  { transport, model }: Target,
  messages: readonly Message[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const said = messages.filter(({ role }) => role === "user").flatMap(({ content }) =>
    // The words stand last, behind the files that were attached.
    content.filter((block) => block.type === "text").slice(-1).map(({ text }) => text)
  ).join("\n\n").slice(0, MAX_EXCERPT_LENGTH);
  const { content } = await transport.generate({
    model,
    system: [{
      type: "text",
      text: "You give titles to conversations: three to six words in the language of the user, " +
        "without quotes or a final period. You are shown what the user said; do not answer it, " +
        "answer with the title alone.",
    }],
    messages: [{ role: "user", content: [{ type: "text", text: said }] }],
    maxOutputTokens: MAX_OUTPUT_TOKENS,
    reasoning: { effort: "low" },
    stream: false,
  }, { signal });
  const text = content.flatMap((block) => block.type === "text" ? [block.text] : []).join("");
  const line = text.trim().split("\n", 1)[0]!.replace(/^["“«#\s]+|["”».\s]+$/g, "");
  return line === "" ? undefined : displayText(line, MAX_TITLE_LENGTH);
}
