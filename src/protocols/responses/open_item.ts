/**
 * Items of a streamed answer while they are open: what has been delivered of each, and what is still
 * due once the server shows the whole.
 *
 * @module
 */

import type { JsonObject } from "../../core/http.ts";
import type { BlockDelta, Extensions, OpeningBlock, StreamEvent } from "../event.ts";
import {
  callArguments,
  callExtensions,
  decodeItem,
  decodePart,
  isCustomCall,
  type ItemContext,
  type ItemKind,
  itemKind,
  messageParts,
  PART_SEPARATOR,
  partCitations,
  partExtensions,
  reasoningExtensions,
  reasoningSeal,
  type ReasoningSource,
  reasoningText,
} from "./decode_content.ts";
import { optional, readString } from "./fields.ts";

/** What an item delivers through. */
export interface ItemSink {
  /** See {@linkcode ItemContext}. */
  readonly context: ItemContext;
  /** Opens a block and gives its index. `item` is the one that it belongs to. */
  open(block: OpeningBlock, item: OpenItem): number;
  /** Passes an event on. */
  push(event: StreamEvent): void;
  /** Ends the answer: what the server has shown contradicts itself. */
  contradiction(): void;
}

/** One block of an item. */
interface OpenBlock {
  index: number;
  /** All of its text so far. */
  sent: string;
  /** The text of its present part, for reasoning. */
  part: { number: number; sent: string };
  /** Its citations so far, as JSON. */
  citations: string[];
  extensions: Extensions | undefined;
}

/** Block number of an item that has only one. */
const ONLY = 0;

/** One item of the answer. */
export class OpenItem {
  /** Its place in the answer. */
  readonly outputIndex: number;
  /** What kind of content it has. */
  readonly kind: ItemKind;
  /** The item as far as it is known. */
  value: JsonObject;
  /** Whether its last event has come. */
  done = false;
  readonly #sink: ItemSink;
  /** By content index. */
  readonly #blocks = new Map<number, OpenBlock>();
  /** Arguments that came before the name. */
  #heldArguments = "";
  #source: ReasoningSource | undefined;

  constructor(sink: ItemSink, outputIndex: number, value: JsonObject) {
    this.#sink = sink;
    this.outputIndex = outputIndex;
    this.value = value;
    this.kind = itemKind(value, sink.context);
    // A call may be shown before it has a name; reasoning and text may turn out to be empty.
    if (this.kind === "other") this.#open(ONLY, decodeItem(value, sink.context)[0]!);
    else if (this.kind === "call") this.#startCall();
  }

  /** Whether a block of it has been opened. */
  get started(): boolean {
    return this.#blocks.size > 0;
  }

  #open(number: number, block: OpeningBlock): OpenBlock {
    const open: OpenBlock = {
      index: this.#sink.open(block, this),
      sent: "",
      part: { number: 0, sent: "" },
      citations: [],
      extensions: block.type === "opaque" ? undefined : block.extensions,
    };
    this.#blocks.set(number, open);
    return open;
  }

  #push(open: OpenBlock, delta: BlockDelta): void {
    this.#sink.push({ type: "block_delta", index: open.index, delta });
  }

  /** Opens the reasoning that has nothing to show yet, so that it stands before what follows it. */
  startReasoning(): OpenBlock {
    return this.#blocks.get(ONLY) ?? this.#open(ONLY, {
      type: "thinking",
      text: "",
      provenance: this.#sink.context.provenance,
      ...optional("extensions", reasoningExtensions(this.value)),
    });
  }

  #startCall(): OpenBlock | undefined {
    const open = this.#blocks.get(ONLY);
    const id = readString(this.value["call_id"]) || readString(this.value["id"]);
    if (open !== undefined || !id || !this.value["name"]) return open;
    const [block] = decodeItem(this.value, this.#sink.context);
    if (block?.type !== "tool_use") return undefined;
    const started = this.#open(ONLY, { ...block, arguments: "" });
    this.#sendArguments(started, this.#heldArguments);
    return started;
  }

  /** Better a call that its client refuses than an answer that ends without a word. */
  #startNamelessCall(): OpenBlock | undefined {
    const { call_id, name } = this.value;
    if (this.#heldArguments === "" && !call_id && !name) return undefined;
    this.value = {
      ...this.value,
      call_id: call_id || `call_${this.outputIndex}`,
      name: name || "unknown_tool",
    };
    return this.#startCall();
  }

  #sendArguments(open: OpenBlock, text: string): void {
    if (text === "") return;
    open.sent += text;
    this.#push(open, { type: "arguments", text });
  }

  /** A piece of a call's arguments. */
  addArguments(text: string): void {
    const open = this.#blocks.get(ONLY);
    if (open === undefined) this.#heldArguments += text;
    else this.#sendArguments(open, text);
  }

  /** The whole of a call's arguments: what is missing of them follows. */
  completeArguments(whole: string): void {
    const open = this.#blocks.get(ONLY);
    if (open === undefined) {
      if (whole !== "") this.#heldArguments = whole;
    } else if (whole === "" || whole.startsWith(open.sent)) {
      this.#sendArguments(open, tailOf(open.sent, whole));
    } else if (!isSameJson(whole, open.sent)) {
      // To run a call with arguments that the server has taken back could do harm.
      this.#sink.contradiction();
    }
  }

  /** A piece of text or refusal. */
  addText(contentIndex: number, type: "text" | "refusal", text: string): void {
    if (text === "") return;
    const open = this.#blocks.get(contentIndex) ?? this.#openPart(contentIndex, type);
    open.sent += text;
    this.#push(open, { type, text });
  }

  #openPart(contentIndex: number, type: "text" | "refusal"): OpenBlock {
    const extensions = optional("extensions", partExtensions(this.value, {}));
    return this.#open(contentIndex, { type, text: "", ...extensions });
  }

  /** A citation. */
  addCitation(contentIndex: number, citation: unknown): void {
    if (citation === undefined) return;
    const open = this.#blocks.get(contentIndex) ?? this.#openPart(contentIndex, "text");
    open.citations.push(JSON.stringify(citation));
    this.#push(open, { type: "citation", citation });
  }

  /** The whole text of one part: what is missing of it follows. */
  completeText(contentIndex: number, type: "text" | "refusal", text: string): void {
    this.addText(contentIndex, type, tailOf(this.#blocks.get(contentIndex)?.sent ?? "", text));
  }

  /** A piece of readable reasoning. Of two renderings of the same thoughts the first one counts. */
  addReasoning(source: ReasoningSource, part: number, text: string): void {
    this.#source ??= source;
    if (text === "" || source !== this.#source) return;
    const open = this.startReasoning();
    let piece = text;
    if (open.part.number !== part) {
      if (open.sent !== "") piece = PART_SEPARATOR + text;
      open.part = { number: part, sent: "" };
    }
    open.part.sent += text;
    open.sent += piece;
    this.#push(open, { type: "thinking", text: piece });
  }

  /** The whole text of one part of the reasoning. */
  completeReasoning(source: ReasoningSource, part: number, text: string): void {
    const present = this.#blocks.get(ONLY)?.part;
    if (present !== undefined && part < present.number) return;
    const sent = present?.number === part ? present.sent : "";
    this.addReasoning(source, part, tailOf(sent, text));
  }

  /** An event of an item that only this dialect can say. */
  addOpaque(event: JsonObject): void {
    const open = this.#blocks.get(ONLY);
    if (this.kind === "other" && open !== undefined) {
      this.#push(open, { type: "opaque", dialect: "responses", value: event });
    }
  }

  /** The whole item: what is missing of it follows, and its blocks end. */
  finish(item: JsonObject): void {
    if (this.done) return;
    this.done = true;
    const isNews = item !== this.value;
    this.value = { ...this.value, ...item };
    switch (this.kind) {
      case "message":
        return this.#finishMessage(item);
      case "reasoning":
        return this.#finishReasoning(item);
      case "call":
        return this.#finishCall(item);
      case "other":
        if (isNews) this.addOpaque({ type: "response.output_item.done", item });
        return this.#closeAll();
    }
  }

  /** No more will come of it: its blocks end as they are. */
  abandon(): void {
    if (this.done) return;
    this.done = true;
    if (this.kind === "call" && !this.started) this.#startNamelessCall();
    this.#closeAll();
  }

  #finishMessage(item: JsonObject): void {
    for (const [number, part] of messageParts(item).entries()) {
      const open = this.#blocks.get(number);
      if (open === undefined) {
        const block = decodePart(item, part);
        if (block !== undefined) this.#deliver(block);
        continue;
      }
      const isRefusal = part["type"] === "refusal";
      const text = readString(part[isRefusal ? "refusal" : "text"]) ?? "";
      this.addText(number, isRefusal ? "refusal" : "text", tailOf(open.sent, text));
      for (const citation of partCitations(part)) {
        const known = open.citations.indexOf(JSON.stringify(citation));
        if (known === -1) this.#push(open, { type: "citation", citation });
        else open.citations.splice(known, 1);
      }
      this.#close(number, partExtensions(item, part));
    }
    this.#closeAll();
  }

  #finishReasoning(item: JsonObject): void {
    if (!this.started) {
      for (const block of decodeItem(item, this.#sink.context)) this.#deliver(block);
      return;
    }
    const open = this.startReasoning();
    const tail = tailOf(open.sent, reasoningText(item, this.#source));
    if (tail !== "") this.#push(open, { type: "thinking", text: tail });
    const signature = reasoningSeal(item);
    if (signature !== undefined) this.#push(open, { type: "signature", signature });
    this.#close(ONLY, reasoningExtensions(item));
  }

  #finishCall(item: JsonObject): void {
    if (!this.started && itemKind(this.value, this.#sink.context) === "other") {
      return this.#deliver(decodeItem(item, this.#sink.context)[0]!);
    }
    const open = this.#startCall() ?? this.#startNamelessCall();
    if (open === undefined) return;
    this.completeArguments(callArguments(item));
    if (open.sent === "" && !isCustomCall(item)) this.#sendArguments(open, "{}");
    this.#close(ONLY, callExtensions(item));
  }

  /** A block that is delivered in one piece. */
  #deliver(block: OpeningBlock): void {
    const deltas: BlockDelta[] = [];
    let opening = block;
    if (block.type === "text" || block.type === "refusal") {
      opening = { ...block, text: "" };
      if (block.text !== "") deltas.push({ type: block.type, text: block.text });
    } else if (block.type === "thinking" && !block.redacted) {
      const { signature, ...rest } = block;
      opening = { ...rest, text: "" };
      deltas.push({ type: "thinking", text: block.text });
      if (signature !== undefined) deltas.push({ type: "signature", signature });
    }
    const index = this.#sink.open(opening, this);
    for (const delta of deltas) this.#sink.push({ type: "block_delta", index, delta });
    this.#sink.push({ type: "block_end", index });
  }

  #close(number: number, extensions?: Extensions): void {
    const open = this.#blocks.get(number);
    if (open === undefined) return;
    this.#blocks.delete(number);
    const isNews = extensions !== undefined &&
      JSON.stringify(extensions) !== JSON.stringify(open.extensions);
    this.#sink.push({
      type: "block_end",
      index: open.index,
      ...optional("extensions", isNews ? extensions : undefined),
    });
  }

  #closeAll(): void {
    for (const number of [...this.#blocks.keys()]) this.#close(number);
  }
}

/** What is missing of `whole` after `sent`; nothing where they differ, for what was sent stays sent. */
function tailOf(sent: string, whole: string): string {
  return whole.startsWith(sent) ? whole.slice(sent.length) : "";
}

function isSameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}
