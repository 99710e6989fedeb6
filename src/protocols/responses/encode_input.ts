/**
 * A conversation as the items of `input`.
 *
 * A turn's messages, reasoning, calls and results are items of their own, in the order of the turn.
 * Servers refuse empty messages, calls without a result and results without a call; none of these is
 * written.
 *
 * @module
 */

import { type JsonObject, parseJsonObject } from "../../core/http.ts";
import type {
  ContentBlock,
  GenerateRequest,
  Message,
  TextBlock,
  ThinkingBlock,
  ToolResultBlock,
  ToolUseBlock,
} from "../event.ts";
import { limitCallId } from "../ids.ts";
import { fieldsOf, optional, readString } from "./fields.ts";
import { localShellAction, memberName } from "./tool_forms.ts";
import type { WireInputPart, WireItem, WireOutputPart } from "./wire.ts";

/** What stands for a result that says nothing. */
const NO_OUTPUT = "(no output)";

/** The items of `input`, the system prompt first. */
export function encodeInput(
  { system = [], messages }: Pick<GenerateRequest, "system" | "messages">,
): WireItem[] {
  const items = new Items();
  items.addMessage("system", system);
  for (const message of messages) encodeTurn(message, items);
  return items.finish();
}

function encodeTurn({ role, content, extensions }: Message, items: Items): void {
  if (role !== "assistant") {
    // A result follows its call at once, whatever else the user has said.
    for (const block of content) if (block.type === "tool_result") items.addResult(block);
    return items.addMessage(
      role,
      content.filter((block) => block.type !== "tool_result"),
      fieldsOf(extensions),
    );
  }
  const parts: ContentBlock[] = [];
  const flush = () => items.addAnswer(parts.splice(0));
  for (const block of content) {
    const parent = itemIdOf(block);
    if (parts.length > 0 && parent !== itemIdOf(parts[0]!)) flush();
    switch (block.type) {
      case "text":
      case "refusal":
        parts.push(block);
        break;
      case "thinking":
        flush();
        items.add(encodeReasoning(block));
        break;
      case "tool_use":
        flush();
        items.addCall(block);
        break;
      case "opaque":
        if (block.dialect !== "responses") break;
        flush();
        items.add(block.value);
    }
  }
  flush();
}

/** The id of the message item that a block was a part of: parts of one item stay together. */
function itemIdOf(block: ContentBlock): unknown {
  if (block.type !== "text" && block.type !== "refusal") return undefined;
  const item = fieldsOf(block.extensions)["item"];
  return (item as { id?: unknown } | undefined)?.id;
}

function encodeReasoning(block: ThinkingBlock): WireItem {
  return {
    // Without a summary, sealed reasoning is refused; an empty one will do.
    summary: block.text === "" ? [] : [{ type: "summary_text", text: block.text }],
    ...fieldsOf(block.extensions),
    type: "reasoning",
    ...optional("encrypted_content", block.signature),
  };
}

/** Arguments as JSON text; what is none is kept under `_raw`. */
function encodeArguments(text: string): string {
  if (text.trim() === "" || text.trim() === "null") return "{}";
  return parseJsonObject(text) === undefined ? JSON.stringify({ _raw: text }) : text;
}

/** Parts of a user's message or of a tool's output; what has no counterpart is left out. */
function encodeParts(blocks: readonly ContentBlock[]): WireInputPart[] {
  return blocks.flatMap((block): WireInputPart[] => {
    if (block.type === "opaque") return block.dialect === "responses" ? [block.value] : [];
    const parts = encodePart(block);
    const fields = fieldsOf(block.extensions);
    return parts.map((part) => ({ ...fields, ...part }));
  });
}

function encodePart(block: ContentBlock): WireInputPart[] {
  switch (block.type) {
    case "text":
    case "refusal":
      return block.text === "" ? [] : [{ type: "input_text", text: block.text }];
    case "image": {
      const { source, detail = "auto" } = block;
      switch (source.kind) {
        case "base64":
          return [{
            type: "input_image",
            image_url: `data:${source.mediaType};base64,${source.data}`,
            detail,
          }];
        case "url":
          return [{ type: "input_image", image_url: source.url, detail }];
        case "file":
          return [{ type: "input_image", file_id: source.fileId, detail }];
        case "text":
          return [{ type: "input_text", text: source.text }];
      }
      break;
    }
    case "document": {
      const { source, title } = block;
      switch (source.kind) {
        case "base64":
          return [{
            type: "input_file",
            filename: title ?? "document",
            file_data: `data:${source.mediaType};base64,${source.data}`,
          }];
        case "url":
          return [{ type: "input_file", file_url: source.url }];
        case "file":
          return [{ type: "input_file", file_id: source.fileId }];
        case "text":
          return [{
            type: "input_text",
            text: title === undefined ? source.text : `${title}\n\n${source.text}`,
          }];
      }
    }
  }
  return [];
}

function encodeOutput({ content, isError }: ToolResultBlock): string | WireInputPart[] {
  const parts = encodeParts(content);
  const texts = parts.flatMap((part) => part.type === "input_text" ? [readString(part.text)!] : []);
  // No field says that a tool has failed.
  const prefix = isError ? "Error: " : "";
  if (texts.length === parts.length) return `${prefix}${texts.join("\n")}` || NO_OUTPUT;
  return isError ? [{ type: "input_text", text: "Error:" }, ...parts] : parts;
}

/** A call of the conversation. */
interface Call {
  id: string;
  /** Where it stands among the items. */
  at: number;
  custom: boolean;
  result?: WireItem;
}

/** Collects items, and pairs calls with results. */
class Items {
  readonly #items: WireItem[] = [];
  readonly #calls: Call[] = [];
  /** The latest call of each id: some models use an id again in a later turn. */
  readonly #byId = new Map<string, Call>();

  add(item: WireItem): void {
    this.#items.push(item);
  }

  addMessage(
    role: "user" | "system" | "developer",
    blocks: readonly ContentBlock[],
    fields: JsonObject = {},
  ): void {
    const content = encodeParts(blocks);
    if (content.length > 0) this.add({ ...fields, type: "message", role, content });
  }

  addAnswer(blocks: readonly ContentBlock[]): void {
    const content = blocks.flatMap((block): WireOutputPart[] => {
      if ((block.type !== "text" && block.type !== "refusal") || block.text === "") return [];
      const { item: _item, ...fields } = fieldsOf(block.extensions);
      return [
        block.type === "text"
          ? { ...fields, type: "output_text", text: block.text }
          : { ...fields, type: "refusal", refusal: block.text },
      ];
    });
    if (content.length === 0) return;
    const item = fieldsOf((blocks[0] as TextBlock).extensions)["item"];
    this.add({ ...(item as object | undefined), type: "message", role: "assistant", content });
  }

  addCall(block: ToolUseBlock): void {
    const call_id = limitCallId(block.id);
    const { custom = false } = block;
    const fields = fieldsOf(block.extensions);
    const namespace = readString(fields["namespace"]);
    const name = namespace === undefined ? block.name : memberName(namespace, block.name);
    const call: Call = { id: call_id, at: this.#items.length, custom };
    this.#calls.push(call);
    this.#byId.set(call_id, call);
    if (fields["type"] === "local_shell_call") {
      return this.add({ ...fields, call_id, action: localShellAction(block.arguments) });
    }
    this.add({
      ...fields,
      ...(custom
        ? { type: "custom_tool_call", call_id, name, input: block.arguments }
        : { type: "function_call", call_id, name, arguments: encodeArguments(block.arguments) }),
    });
  }

  addResult(block: ToolResultBlock): void {
    const call_id = limitCallId(block.toolUseId);
    const output = encodeOutput(block);
    const call = this.#byId.get(call_id);
    if (call === undefined) {
      // Nothing that it could be the result of is left: it is told instead.
      const parts: WireInputPart[] = typeof output === "string"
        ? [{ type: "input_text", text: output }]
        : output;
      this.add({
        type: "message",
        role: "user",
        content: [{ type: "input_text", text: `[Result of tool call ${call_id}]` }, ...parts],
      });
      return;
    }
    const fields = fieldsOf(block.extensions);
    const result: WireItem = fields["type"] === "local_shell_call_output"
      ? { ...fields, [fields["id"] === undefined ? "id" : "call_id"]: call_id, output }
      : {
        ...fields,
        type: call.custom ? "custom_tool_call_output" : "function_call_output",
        call_id,
        output,
      };
    if (call.result === undefined) this.add(call.result = result);
    // Told twice, as after a repeated request: the last one counts, at the place of the first.
    else Object.assign(call.result, result);
  }

  /**
   * All items. A call that never had a result is followed by one that says so; reasoning goes back
   * with what it has led to, or not at all.
   */
  finish(): WireItem[] {
    const items = [...this.#items];
    for (const { id, at, custom, result } of this.#calls.toReversed()) {
      if (result !== undefined) continue;
      let end = at + 1;
      while (/_call$/.test(String(items[end]?.type))) end++;
      items.splice(end, 0, {
        type: custom ? "custom_tool_call_output" : "function_call_output",
        call_id: id,
        output: NO_OUTPUT,
      });
    }
    let isLed = false;
    return items.toReversed().filter((item) => {
      if (item.type === "reasoning") return isLed;
      isLed = /_call$/.test(String(item.type)) || ("role" in item && item.role === "assistant");
      return true;
    }).toReversed();
  }
}
