/**
 * The items of a scripted answer, whole, with the ids that xAI gives them.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";

/** An output item. */
export type OutputItem = JsonObject & { type: string; id: string; status: string };

const SOURCES = ["https://x.ai/", "https://docs.x.ai/overview"];

/** What each hosted tool leaves behind: the fields of its items. */
function hostedItems(type: string): (JsonObject & { type: string })[] {
  switch (type) {
    case "web_search":
      return [{
        type: "web_search_call",
        action: {
          type: "search",
          query: "what is the sandbox",
          sources: SOURCES.map((url) => ({ type: "url", url })),
        },
      }];
    // Searches on X are traces of the server's own, named as if they were the client's tools.
    case "x_search":
      return ["x_keyword_search", "x_semantic_search"].map((name) => ({
        type: "custom_tool_call",
        name,
        input: JSON.stringify({ query: "sandbox", limit: 10 }),
      }));
    case "code_interpreter":
      return [{
        type: "code_interpreter_call",
        code: "print(42)",
        container_id: "",
        outputs: null,
      }];
    case "file_search":
      return [{ type: "file_search_call", queries: ["sandbox"], results: null }];
    case "mcp":
      return [{
        type: "mcp_call",
        server_label: "sandbox",
        name: "lookup",
        arguments: '{"query":"sandbox"}',
        output: "found",
      }];
    default:
      return [{ type: "image_generation_call", result: "" }];
  }
}

const ID_PREFIXES: Readonly<Record<string, string>> = {
  web_search_call: "ws",
  custom_tool_call: "ctc",
  image_generation_call: "ig",
};

/** Collects the items of one response. */
export class OutputItems {
  /** In their order. */
  readonly all: OutputItem[] = [];
  readonly #responseId: string;

  /** Starts the items of the response `responseId`. */
  constructor(responseId: string) {
    this.#responseId = responseId;
  }

  /** Reasoning: as a summary, or as text beside an empty one. */
  reasoning(
    options: { parts: readonly string[]; form: "summary" | "text"; sealed: string | undefined },
  ): void {
    const { parts, form, sealed } = options;
    const texts = (type: string) => parts.map((text) => ({ type, text }));
    this.all.push({
      id: `rs_${this.#responseId}`,
      type: "reasoning",
      summary: form === "summary" ? texts("summary_text") : [],
      ...(form === "text" ? { content: texts("reasoning_text") } : {}),
      ...(sealed === undefined ? {} : { encrypted_content: sealed }),
      status: "completed",
    });
  }

  /** A message of text parts. */
  message(
    options: {
      texts: readonly string[];
      phase?: string | undefined;
      isCited?: boolean;
      isIncomplete?: boolean;
    },
  ): void {
    const { texts, phase, isCited = false, isIncomplete = false } = options;
    const parts = texts.map((text) => ({
      type: "output_text",
      text,
      logprobs: [],
      annotations: [] as JsonObject[],
    }));
    const first = parts[0];
    if (isCited && first !== undefined) {
      SOURCES.forEach((url, index) => {
        const link = ` [[${index + 1}]](${url})`;
        first.annotations.push({
          type: "url_citation",
          url,
          title: String(index + 1),
          start_index: first.text.length + 1,
          end_index: first.text.length + link.length,
        });
        first.text += link;
      });
    }
    this.#message(parts, phase, isIncomplete);
  }

  /** A message that refuses. */
  refusal(refusal: string): void {
    this.#message([{ type: "refusal", refusal }], undefined, false);
  }

  #message(content: JsonObject[], phase: string | undefined, isIncomplete: boolean): void {
    const number = this.all.filter(({ type }) => type === "message").length;
    this.all.push({
      id: `msg_${this.#responseId}${number === 0 ? "" : `_${number}`}`,
      type: "message",
      role: "assistant",
      content,
      ...(phase === undefined ? {} : { phase }),
      status: isIncomplete ? "incomplete" : "completed",
    });
  }

  /** A call of one of the client's functions. */
  call(name: string, args: string, isIncomplete: boolean): void {
    const number = this.all.filter(({ type }) => type === "function_call").length;
    this.all.push({
      id: `fc_${this.#responseId}_${number}`,
      type: "function_call",
      call_id: `call_${crypto.randomUUID().slice(0, 8)}`,
      name,
      arguments: args,
      status: isIncomplete ? "incomplete" : "completed",
    });
  }

  /** What the hosted tools of those types leave behind. */
  hosted(types: Iterable<string>): void {
    for (const type of types) {
      for (const item of hostedItems(type)) {
        const prefix = ID_PREFIXES[item.type] ?? "fc";
        const isTrace = item.type === "custom_tool_call";
        this.all.push({
          id: `${prefix}_${this.#responseId}_${this.all.length}`,
          ...(isTrace ? { call_id: `xs_call_${crypto.randomUUID().slice(0, 8)}` } : {}),
          ...item,
          // Traces were seen to stay so although the response was complete.
          status: isTrace ? "in_progress" : "completed",
        });
      }
    }
  }
}
