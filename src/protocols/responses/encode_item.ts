/**
 * Output items as a Responses client reads them: what whole answers and streams share.
 *
 * Texts in a row are the parts of one message, unless upstream had them in two. Every id is made from
 * the answer's own and the item's place, so that it is the same in every event.
 *
 * @module
 */

import { isJsonObject, type JsonObject, parseJsonObject } from "../../core/http.ts";
import { readUrlCitation } from "../citations.ts";
import { encodeSeal } from "../envelope.ts";
import type {
  ContentBlock,
  GenerateRequest,
  OpaqueBlock,
  RefusalBlock,
  TextBlock,
  ThinkingBlock,
  ToolUseBlock,
} from "../event.ts";
import { limitCallId } from "../ids.ts";
import { fieldsOf, optional, readString } from "./fields.ts";
import { localShellAction, memberName, type ToolForm, toolForms } from "./tool_forms.ts";

/** A block that an item is made of. */
export type ItemBlock = TextBlock | RefusalBlock | ThinkingBlock | ToolUseBlock | OpaqueBlock;

/** How far an item has come. */
export type ItemStatus = "in_progress" | "completed" | "incomplete";

const SEALED_REASONING = "reasoning.encrypted_content";

/** The item id that upstream gave; blocks of one id are parts of one message. */
function itemIdOf(block: ItemBlock): string | undefined {
  if (block.type === "opaque") return readString(block.value["id"]);
  const fields = fieldsOf(block.extensions);
  const item = block.type === "text" || block.type === "refusal" ? fields["item"] : fields;
  return isJsonObject(item) ? readString(item["id"]) || undefined : undefined;
}

/** Whether a block goes on with the message that another is a part of. */
export function isSameMessage(block: ItemBlock, other: ItemBlock): boolean {
  const isPart = ({ type }: ItemBlock) => type === "text" || type === "refusal";
  return isPart(block) && isPart(other) && itemIdOf(block) === itemIdOf(other);
}

/** Writes the items of one answer. */
export class ItemEncoder {
  readonly #forms: ReadonlyMap<string, ToolForm>;
  readonly #seals: boolean;
  readonly #ids = new Set<string>();
  #bareId = "";

  constructor(request: GenerateRequest) {
    this.#forms = toolForms(request.tools ?? []);
    const include = fieldsOf(request.extensions)["include"];
    // Sealed reasoning is for those who have asked for it.
    this.#seals = Array.isArray(include) && include.includes(SEALED_REASONING);
  }

  /** Tells the answer's id, which every other one is made from. */
  begin(responseId: string): void {
    this.#bareId = responseId.replace(/^resp_/, "");
  }

  /** The id of the item at `index`, which begins with `block`. */
  idFor(block: ItemBlock, index: number): string {
    const given = itemIdOf(block);
    const id = given === undefined || this.#ids.has(given)
      ? `${this.#prefixFor(block)}_${this.#bareId}_${index}`
      : given;
    this.#ids.add(id);
    return id;
  }

  #prefixFor(block: ItemBlock): string {
    switch (block.type) {
      case "text":
      case "refusal":
        return "msg";
      case "thinking":
        return "rs";
      case "tool_use":
        return block.custom ? "ctc" : this.isLocalShell(block) ? "lsh" : "fc";
      case "opaque":
        return "item";
    }
  }

  /** Whether a call is one of the local shell, which streams no arguments. */
  isLocalShell(block: ToolUseBlock): boolean {
    return this.#forms.get(block.name)?.kind === "local_shell" ||
      fieldsOf(block.extensions)["type"] === "local_shell_call";
  }

  /** Whether a block shows anything. One that does not is left out. */
  isShown(block: ContentBlock): block is ItemBlock {
    switch (block.type) {
      case "text":
      case "refusal":
        return block.text !== "";
      case "thinking":
        return block.text !== "" || (this.#seals && block.signature !== undefined);
      case "tool_use":
        return true;
      case "opaque":
        return block.dialect === "responses";
      default:
        return false;
    }
  }

  /**
   * The item of these blocks: several for a message, one for any other. `ending` is how the answer goes
   * on after it; a call that is all there, or reasoning that was sealed at its end, is whole, whatever
   * was cut off behind it.
   */
  encode(blocks: readonly ItemBlock[], id: string, ending: ItemStatus): JsonObject {
    const [block] = blocks;
    const isWhole = block?.type === "tool_use"
      ? !isCutCall(block, ending)
      : block?.type === "thinking" && block.signature !== undefined && ending === "incomplete";
    const status = isWhole ? "completed" : ending;
    switch (block?.type) {
      case "thinking":
        return this.#encodeReasoning(block, id, status);
      case "tool_use":
        return this.#encodeCall(block, id, status);
      case "opaque":
        return { ...block.value, id };
      default:
        return encodeMessage(blocks as readonly (TextBlock | RefusalBlock)[], id, status);
    }
  }

  /** The item as it is announced, before anything is in it. */
  encodeOpening(block: ItemBlock, id: string): JsonObject {
    switch (block.type) {
      case "text":
      case "refusal":
        return { ...encodeMessage([block], id, "in_progress"), content: [] };
      case "thinking":
        return { id, type: "reasoning", summary: [], status: "in_progress" };
      case "tool_use":
        return this.#encodeCall({ ...block, arguments: "" }, id, "in_progress");
      case "opaque":
        return { ...block.value, id };
    }
  }

  #encodeReasoning(block: ThinkingBlock, id: string, status: ItemStatus): JsonObject {
    const { text } = block;
    return {
      summary: text === "" ? [] : [{ type: "summary_text", text }],
      ...fieldsOf(block.extensions),
      id,
      type: "reasoning",
      // Optional, but the AI SDK's xAI provider refuses an answer without it.
      status,
      // What was cut short has no seal that would open.
      ...optional(
        "encrypted_content",
        this.#seals && status === "completed" ? encodeSeal(block) : undefined,
      ),
    };
  }

  #encodeCall(block: ToolUseBlock, id: string, status: ItemStatus): JsonObject {
    const call_id = limitCallId(block.id);
    const fields = fieldsOf(block.extensions);
    if (this.isLocalShell(block)) {
      const action = localShellAction(block.arguments);
      return { ...fields, id, type: "local_shell_call", call_id, action, status };
    }
    const form = this.#forms.get(block.name);
    const named = form?.kind === "namespace"
      ? { name: memberName(form.namespace, block.name), namespace: form.namespace }
      : { name: block.name };
    return block.custom
      ? {
        ...fields,
        id,
        type: "custom_tool_call",
        call_id,
        ...named,
        input: block.arguments,
        status,
      }
      : {
        ...fields,
        id,
        type: "function_call",
        call_id,
        ...named,
        arguments: block.arguments,
        status,
      };
  }
}

/** Whether an answer has broken off within a call. Only arguments in JSON show that they are whole. */
export function isCutCall(block: ItemBlock, ending: ItemStatus): boolean {
  return ending === "incomplete" && block.type === "tool_use" &&
    (block.custom === true || parseJsonObject(block.arguments) === undefined);
}

function encodeMessage(
  blocks: readonly (TextBlock | RefusalBlock)[],
  id: string,
  status: ItemStatus,
): JsonObject {
  const item = fieldsOf(blocks[0]?.extensions)["item"];
  return {
    ...(isJsonObject(item) ? item : {}),
    id,
    type: "message",
    status,
    role: "assistant",
    content: blocks.map(encodePart),
  };
}

/** A part of a message. */
export function encodePart(block: TextBlock | RefusalBlock): JsonObject {
  const { item: _item, logprobs, ...fields } = fieldsOf(block.extensions);
  if (block.type === "refusal") return { ...fields, type: "refusal", refusal: block.text };
  return {
    ...fields,
    type: "output_text",
    text: block.text,
    annotations: encodeAnnotations(block),
    logprobs: Array.isArray(logprobs) ? logprobs : [],
  };
}

const ANNOTATIONS: readonly string[] = [
  "url_citation",
  "file_citation",
  "container_file_citation",
  "file_path",
];

/** Citations as annotations; those of other dialects are kept as far as they are of web pages. */
export function encodeAnnotations({ citations = [], text }: TextBlock): JsonObject[] {
  return citations.flatMap((citation) => {
    if (!isJsonObject(citation)) return [];
    const isOwn = ANNOTATIONS.includes(readString(citation["type"]) ?? "") &&
      !isJsonObject(citation["url_citation"]);
    if (isOwn) return [citation];
    const page = readUrlCitation(citation);
    if (page === undefined) return [];
    const { url, title, start = 0, end = text.length } = page;
    return [{ type: "url_citation", url, title, start_index: start, end_index: end }];
  });
}
