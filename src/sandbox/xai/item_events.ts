/**
 * The events of one output item, from its beginning to its end.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import { pieces } from "../prose.ts";
import type { OutputItem } from "./output.ts";

/** A stream event before it has a sequence number. */
export type StreamEvent = JsonObject & { type: string };

/** How items come. */
export interface ItemOptions {
  /** Reasoning comes as a finished item only. */
  isSilent: boolean;
  argumentEvents: "delta" | "done_only" | "item_only";
  /** Arguments come in several deltas. */
  streamsArguments: boolean;
}

/** Events of the hosted tools between an item's beginning and end. */
const PHASES: Readonly<Record<string, readonly string[]>> = {
  web_search_call: ["in_progress", "searching", "completed"],
  file_search_call: ["in_progress", "searching", "completed"],
  code_interpreter_call: ["in_progress", "interpreting", "completed"],
  image_generation_call: ["in_progress", "generating", "completed"],
  mcp_call: ["in_progress", "completed"],
};

/** All events of `item`. The first says that it begins, where it says so at all; the last is the end. */
export function itemEvents(
  item: OutputItem,
  output_index: number,
  options: ItemOptions,
): StreamEvent[] {
  const at = { item_id: item.id, output_index };
  const added = (fields: JsonObject): StreamEvent => ({
    type: "response.output_item.added",
    item: { ...item, ...fields, status: "in_progress" },
    output_index,
  });
  const done: StreamEvent = { type: "response.output_item.done", item, output_index };
  switch (item.type) {
    case "reasoning": {
      if (options.isSilent) return [done];
      // What is sealed comes with the end alone; `undefined` members are not written.
      const hidden = { encrypted_content: undefined };
      const content = item["content"] as Part[] | undefined;
      return content === undefined
        ? [added({ ...hidden, summary: [] }), ...summaryEvents(item, at), done]
        : [
          added({ ...hidden, content: [] }),
          ...content.flatMap((part, index) => partEvents(part, index, at)),
          done,
        ];
    }
    case "message":
      return [
        added({ content: [] }),
        ...(item["content"] as Part[]).flatMap((part, index) => partEvents(part, index, at)),
        done,
      ];
    case "function_call":
      return [
        added({ arguments: "" }),
        ...argumentEvents(item["arguments"] as string, at, options),
        done,
      ];
    case "custom_tool_call":
      return [
        added({ input: "" }),
        { type: "response.custom_tool_call_input.delta", ...at, delta: item["input"] },
        { type: "response.custom_tool_call_input.done", ...at, input: item["input"] },
        done,
      ];
    default:
      return [
        added({}),
        ...(PHASES[item.type] ?? []).map((phase) => ({
          type: `response.${item.type}.${phase}`,
          ...at,
        })),
        done,
      ];
  }
}

type Place = { item_id: string; output_index: number };
type Part = JsonObject & { type: string };

function summaryEvents(item: OutputItem, at: Place): StreamEvent[] {
  return (item["summary"] as { text: string }[]).flatMap(({ text }, summary_index) => {
    const here = { ...at, summary_index };
    const part = { type: "summary_text", text };
    return [
      {
        type: "response.reasoning_summary_part.added",
        ...here,
        part: { type: "summary_text", text: "" },
      },
      ...pieces(text).map((delta) => ({
        type: "response.reasoning_summary_text.delta",
        ...here,
        delta,
      })),
      { type: "response.reasoning_summary_text.done", ...here, text },
      { type: "response.reasoning_summary_part.done", ...here, part },
    ];
  });
}

/** Content part type -> its events' name, the field of its text, and what its deltas carry besides. */
const PART_EVENTS: Readonly<Record<string, { name: string; field: string; extra: JsonObject }>> = {
  output_text: { name: "response.output_text", field: "text", extra: { logprobs: [] } },
  refusal: { name: "response.refusal", field: "refusal", extra: {} },
  reasoning_text: { name: "response.reasoning_text", field: "text", extra: {} },
};

function partEvents(part: Part, content_index: number, at: Place): StreamEvent[] {
  const here = { ...at, content_index };
  const { name, field, extra } = PART_EVENTS[part.type]!;
  const text = part[field] as string;
  const annotations = part["annotations"] as JsonObject[] | undefined;
  const empty = { ...part, [field]: "", ...(annotations === undefined ? {} : { annotations: [] }) };
  return [
    { type: "response.content_part.added", ...here, part: empty },
    ...pieces(text).map((delta) => ({ type: `${name}.delta`, ...here, delta, ...extra })),
    ...(annotations ?? []).map((annotation, annotation_index) => ({
      type: "response.output_text.annotation.added",
      ...here,
      annotation_index,
      annotation,
    })),
    { type: `${name}.done`, ...here, [field]: text },
    { type: "response.content_part.done", ...here, part },
  ];
}

function argumentEvents(json: string, at: Place, options: ItemOptions): StreamEvent[] {
  if (options.argumentEvents === "item_only") return [];
  const middle = Math.ceil(json.length / 2);
  const deltas = options.argumentEvents === "done_only"
    ? []
    : options.streamsArguments
    ? [json.slice(0, middle), json.slice(middle)]
    : [json];
  return [
    ...deltas.map((delta) => ({
      type: "response.function_call_arguments.delta",
      ...at,
      delta,
    })),
    { type: "response.function_call_arguments.done", ...at, arguments: json },
  ];
}
