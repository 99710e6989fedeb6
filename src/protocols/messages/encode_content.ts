/**
 * Content blocks as a Messages server or client reads them.
 *
 * @module
 */

import { parseJsonObject } from "../../core/http.ts";
import type { ContentBlock, MediaSource, TextBlock } from "../event.ts";
import { plainCallId } from "../ids.ts";
import { fieldsOf, optional } from "./fields.ts";
import type { WireBlock, WireSource, WireText } from "./wire.ts";

/** A text block. */
export function encodeText(block: TextBlock): WireText {
  return {
    type: "text",
    text: block.text,
    ...optional("citations", block.citations),
    ...fieldsOf(block.extensions),
  };
}

function encodeSource(source: MediaSource): WireSource {
  switch (source.kind) {
    case "base64":
      return { type: "base64", media_type: source.mediaType, data: source.data };
    case "url":
      return { type: "url", url: source.url };
    case "file":
      return { type: "file", file_id: source.fileId };
    case "text":
      return { type: "text", media_type: "text/plain", data: source.text };
  }
}

/** A call's arguments as the object that this dialect wants; what is none is kept under `_raw`. */
function encodeToolInput(text: string, custom: boolean): unknown {
  if (custom) return { input: text };
  if (text.trim() === "" || text.trim() === "null") return {};
  return parseJsonObject(text) ?? { _raw: text };
}

/** One block; `undefined` for a block of another dialect, which has no counterpart here. */
export function encodeBlock(block: ContentBlock): WireBlock | undefined {
  switch (block.type) {
    case "text":
      return encodeText(block);
    case "refusal":
      return { type: "text", text: block.text };
    case "thinking":
      return block.redacted
        ? {
          type: "redacted_thinking",
          data: block.signature ?? "",
          ...fieldsOf(block.extensions),
        }
        : {
          type: "thinking",
          thinking: block.text,
          ...optional("signature", block.signature),
          ...fieldsOf(block.extensions),
        };
    case "tool_use":
      return {
        type: "tool_use",
        id: plainCallId(block.id),
        name: block.name,
        input: encodeToolInput(block.arguments, block.custom ?? false),
        ...fieldsOf(block.extensions),
      };
    case "tool_result":
      return {
        type: "tool_result",
        tool_use_id: plainCallId(block.toolUseId),
        content: encodeContent(block.content),
        ...optional("is_error", block.isError),
        ...fieldsOf(block.extensions),
      };
    case "image":
      return {
        type: "image",
        source: encodeSource(block.source),
        ...fieldsOf(block.extensions),
      };
    case "document":
      return {
        type: "document",
        source: encodeSource(block.source),
        ...optional("title", block.title),
        ...fieldsOf(block.extensions),
      };
    case "opaque":
      return block.dialect === "messages" ? block.value : undefined;
  }
}

/** Blocks as a `content` field: a plain string where one bare text, or nothing, is all there is. */
export function encodeContent(blocks: readonly ContentBlock[]): string | WireBlock[] {
  const encoded = blocks.map(encodeBlock).filter((block) => block !== undefined);
  if (encoded.length === 0) return "";
  const [first] = encoded;
  return encoded.length === 1 && first?.type === "text" && Object.keys(first).length === 2
    ? (first as WireText).text
    : encoded;
}
