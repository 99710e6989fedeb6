/**
 * `web_search` and `x_search` for a model whose own server has none: a model that has them is asked.
 *
 * @module
 */

import type { OpaqueTool } from "../../protocols/event.ts";
import type { Target } from "../target.ts";
import { type AgentTool, requireText } from "../tool.ts";

/** A tool that a Responses server runs itself. */
export function serverTool(kind: string): OpaqueTool {
  return { type: "opaque", dialect: "responses", kind, value: { type: kind } };
}

/** Creates the tool that asks `target`. */
export function createSearchTool(
  kind: string,
  what: string,
  target: () => Promise<Target>,
): AgentTool {
  return {
    name: kind,
    description: `Searches ${what} and says what it found, with sources.`,
    parameters: {
      type: "object",
      properties: { query: { type: "string", description: "What to find out" } },
      required: ["query"],
    },
    isParallel: true,
    describe: (input) => requireText(input, "query"),
    run: async (input, { signal }) => {
      const { transport, model } = await target();
      const { content } = await transport.generate({
        model,
        messages: [{
          role: "user",
          content: [{ type: "text", text: requireText(input, "query") }],
        }],
        tools: [serverTool(kind)],
        stream: false,
      }, { signal });
      const texts = content.flatMap((block) => block.type === "text" ? [block] : []);
      const sources = new Set(
        texts.flatMap(({ citations = [] }) => citations)
          .flatMap((citation) => {
            const url = (citation as { url?: unknown } | null)?.url;
            return typeof url === "string" ? [url] : [];
          }),
      );
      const text = texts.map(({ text }) => text).join("");
      const list = [...sources].map((url) => `- ${url}`).join("\n");
      return {
        content: [{ type: "text", text: list === "" ? text : `${text}\n\nSources:\n${list}` }],
        summary: sources.size === 1 ? "1 source" : `${sources.size} sources`,
      };
    },
  };
}
