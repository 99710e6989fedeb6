/**
 * A block of an answer while it is written for a Responses client.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { Extensions, OpeningBlock } from "../event.ts";
import type { ItemBlock } from "./encode_item.ts";
import { fieldsOf } from "./fields.ts";
import { foldResponsesDeltas } from "./fold.ts";

/** The block that is open upstream. */
export interface OpenBlock {
  block: OpeningBlock;
  text: string;
  citations: unknown[];
  signature: string | undefined;
  opaque: JsonObject[];
  /** Its item, or its part of one, is out. */
  shown: boolean;
  /** What stands between the sequence number and the text in each of its deltas, and their type. */
  delta: string;
  deltaType: string;
}

/** The block before anything has come in it. */
export function openBlock(block: OpeningBlock): OpenBlock {
  return {
    block,
    text: "",
    citations: [...(block.type === "text" ? block.citations ?? [] : [])],
    signature: block.type === "thinking" ? block.signature : undefined,
    opaque: [],
    shown: false,
    delta: "",
    deltaType: "",
  };
}

/** Tells how the pieces of its text are written. */
export function setDelta(open: OpenBlock, kind: string, fields: object): void {
  open.deltaType = `response.${kind}.delta`;
  open.delta = `${JSON.stringify(fields).slice(1, -1)},"delta":`;
}

/** The block with all that has come in it. */
export function wholeBlock(open: OpenBlock, late: Extensions | undefined): ItemBlock {
  const { block, text, citations, signature } = open;
  if (block.type === "opaque") return foldResponsesDeltas(block, open.opaque);
  const fields = { ...fieldsOf(block.extensions), ...fieldsOf(late) };
  const extensions = { dialect: "responses" as const, fields };
  switch (block.type) {
    case "text":
      return { ...block, text, citations, extensions };
    case "refusal":
      return { ...block, text, extensions };
    case "thinking":
      return { ...block, text, signature, extensions };
    case "tool_use":
      return { ...block, arguments: text === "" && !block.custom ? "{}" : text, extensions };
  }
}
