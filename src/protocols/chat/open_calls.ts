/**
 * Tool calls put together from their fragments.
 *
 * A fragment belongs to a call by its index; by its id where there is no index, or where an index is
 * used again; else to the call before it. A call begins when its name is known, and ends with the
 * answer: that its arguments are JSON so far does not mean that they are whole.
 *
 * @module
 */

import { isJsonObject, type JsonObject, parseJsonObject } from "../../core/http.ts";
import type { ToolUseBlock } from "../event.ts";
import { argumentsText, callIdFor, NAMELESS } from "./decode_content.ts";
import { optional, readString, restOfNested } from "./fields.ts";

/** Where calls go. */
export interface CallSink {
  /** The answer's id. */
  readonly id: string;
  /** Opens a block and gives its index. */
  openBlock(block: ToolUseBlock): number;
  /** A piece of a call's arguments. */
  pushArguments(index: number, text: string): void;
  /** Ends a block. */
  closeBlock(index: number): void;
}

interface OpenCall {
  key: unknown;
  id: string;
  name: string;
  custom: boolean;
  extensions: ToolUseBlock["extensions"];
  /** Arguments that came before the name. */
  early: string;
  /** The block, once it is open. */
  index: number | undefined;
  /** Arguments so far. */
  text: string;
}

/** The calls of one answer. */
export class OpenCalls {
  readonly #sink: CallSink;
  readonly #calls: OpenCall[] = [];

  constructor(sink: CallSink) {
    this.#sink = sink;
  }

  /** Takes a fragment. */
  add(fragment: JsonObject): void {
    const custom = fragment["custom"];
    const inner = isJsonObject(custom) ? custom : fragment["function"];
    const fields = isJsonObject(inner) ? inner : {};
    const id = readString(fragment["id"]) ?? "";
    const name = readString(fields["name"]) ?? "";
    const text = argumentsText(fields[isJsonObject(custom) ? "input" : "arguments"]);
    const call = this.#find(fragment["index"], id) ?? this.#open(fragment, isJsonObject(custom));
    if (call.id === "") call.id = id;
    if (call.name === "") call.name = name;
    if (call.index === undefined && call.name !== "") this.#begin(call);
    if (text === "") return;
    if (call.index === undefined) call.early += text;
    else this.#push(call, text);
  }

  /** Whether every call has arguments that can be read, or none yet. */
  get areWhole(): boolean {
    return this.#calls.every(({ custom, text, early }) =>
      custom || text + early === "" || parseJsonObject(text + early) !== undefined
    );
  }

  /** The answer is over: so are its calls. What never had a name, an id or arguments was none. */
  close(): void {
    for (const call of this.#calls) {
      if (call.index === undefined) {
        if (call.id === "" && call.early === "") continue;
        call.name = NAMELESS;
        this.#begin(call);
      }
      if (call.text === "" && !call.custom) this.#push(call, "{}");
      this.#sink.closeBlock(call.index!);
    }
  }

  /** The call that a fragment continues; `undefined` where it begins one. */
  #find(key: unknown, id: string): OpenCall | undefined {
    const last = key == null
      ? id === "" ? this.#calls.at(-1) : this.#calls.findLast((call) => call.id === id)
      : this.#calls.findLast((call) => call.key === key);
    // An index that is used again with another id means another call.
    return last !== undefined && id !== "" && last.id !== "" && last.id !== id ? undefined : last;
  }

  #open(fragment: JsonObject, custom: boolean): OpenCall {
    const call: OpenCall = {
      key: fragment["index"] ?? undefined,
      id: "",
      name: "",
      custom,
      extensions: restOfNested(
        fragment,
        ["type", "id", "index"],
        custom ? "custom" : "function",
        ["name", "arguments", "input"],
      ),
      early: "",
      index: undefined,
      text: "",
    };
    this.#calls.push(call);
    return call;
  }

  #begin(call: OpenCall): void {
    const { id, name, custom, extensions, early } = call;
    call.index = this.#sink.openBlock({
      type: "tool_use",
      id: id || callIdFor(this.#sink.id, this.#calls.indexOf(call)),
      name,
      arguments: "",
      ...(custom ? { custom } : {}),
      ...optional("extensions", extensions),
    });
    call.early = "";
    if (early !== "") this.#push(call, early);
  }

  #push(call: OpenCall, text: string): void {
    call.text += text;
    this.#sink.pushArguments(call.index!, text);
  }
}
