/**
 * Parts of messages, calls and citations as a Chat Completions server or client reads them.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import { readUrlCitation } from "../citations.ts";
import type {
  ContentBlock,
  MediaSource,
  TextBlock,
  ThinkingBlock,
  ToolUseBlock,
} from "../event.ts";
import { limitCallId } from "../ids.ts";
import { fieldsOf, optional, withNested } from "./fields.ts";
import type { WireAnnotation, WirePart, WireToolCall } from "./wire.ts";

function dataUrl(source: MediaSource & { kind: "base64" }): string {
  return `data:${source.mediaType};base64,${source.data}`;
}

/** Text that stands for a document. */
function documentText(title: string | undefined, text: string): WirePart {
  return { type: "text", text: title === undefined ? text : `${title}\n\n${text}` };
}

/** One part; `undefined` for a block that is none or has no counterpart here. */
function encodePart(block: ContentBlock): WirePart | undefined {
  switch (block.type) {
    case "text":
      return { ...fieldsOf(block.extensions), type: "text", text: block.text };
    case "image": {
      const { source, detail, extensions } = block;
      switch (source.kind) {
        case "base64":
        case "url":
          return {
            ...withNested(extensions, "image_url", {
              url: source.kind === "url" ? source.url : dataUrl(source),
              ...optional("detail", detail),
            }),
            type: "image_url",
          };
        case "file":
          return { type: "text", text: "[image omitted: it is kept by another provider]" };
        case "text":
          return { type: "text", text: source.text };
      }
      break;
    }
    case "document": {
      const { source, title, extensions } = block;
      switch (source.kind) {
        case "base64":
          return {
            ...withNested(extensions, "file", {
              filename: title ?? "document",
              file_data: dataUrl(source),
            }),
            type: "file",
          };
        case "file":
          return {
            ...withNested(extensions, "file", {
              file_id: source.fileId,
              ...optional("filename", title),
            }),
            type: "file",
          };
        case "url":
          return documentText(title, source.url);
        case "text":
          return documentText(title, source.text);
      }
      break;
    }
    case "opaque":
      return block.dialect === "chat" ? block.value : undefined;
  }
  return undefined;
}

/** Parts as a `content` field: a plain string where one bare text, or nothing, is all there is. */
export function encodeContent(blocks: readonly ContentBlock[]): string | WirePart[] {
  const parts = blocks.map(encodePart).filter((part) => part !== undefined);
  const [first] = parts;
  if (first === undefined) return "";
  return parts.length === 1 && first.type === "text" && Object.keys(first).length === 2
    ? first.text as string
    : parts;
}

/** One call. */
export function encodeToolCall(block: ToolUseBlock): WireToolCall & JsonObject {
  const id = limitCallId(block.id);
  const { name } = block;
  return block.custom
    ? {
      ...withNested(block.extensions, "custom", { name, input: block.arguments }),
      id,
      type: "custom",
    }
    : {
      ...withNested(block.extensions, "function", { name, arguments: block.arguments }),
      id,
      type: "function",
    };
}

/** What stands between two texts, or two thoughts, that something else has parted. */
export const SEPARATOR = "\n\n";

/** The readable part of a turn's thinking. The sealed part has no place in this dialect. */
export function joinThinking(blocks: readonly ContentBlock[]): string {
  return blocks.filter((block): block is ThinkingBlock => block.type === "thinking")
    .map(({ text }) => text).filter((text) => text !== "").join(SEPARATOR);
}

/**
 * The texts of a turn as one, and their citations as annotations of it. Neighbours are one text that
 * came in pieces; where a call or a thought stood between two, a blank line does.
 */
export function joinTexts(
  blocks: readonly ContentBlock[],
): { text: string; annotations: WireAnnotation[] } {
  let text = "";
  const annotations: WireAnnotation[] = [];
  let parted = false;
  for (const block of blocks) {
    if (block.type !== "text") parted = true;
    else if (block.text !== "") {
      if (parted && text !== "") text += SEPARATOR;
      annotations.push(...encodeAnnotations(block, text.length));
      text += block.text;
      parted = false;
    }
  }
  return { text, annotations };
}

/** The citations of a text that begins at `offset` of the whole. */
export function encodeAnnotations(
  { citations = [], text }: Pick<TextBlock, "citations" | "text">,
  offset: number,
): WireAnnotation[] {
  return citations.flatMap((citation) => {
    // Of this dialect already: it tells places of the whole.
    if (isJsonObject(citation) && isJsonObject(citation["url_citation"])) {
      return [citation as unknown as WireAnnotation];
    }
    const page = readUrlCitation(citation);
    if (page === undefined) return [];
    const { url, title, start = 0, end = text.length } = page;
    return [{
      type: "url_citation",
      url_citation: { url, title, start_index: offset + start, end_index: offset + end },
    }];
  });
}
