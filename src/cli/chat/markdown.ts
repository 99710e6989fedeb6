/**
 * Markdown on a terminal, as it streams: marks become styles, and text is held back only while it is
 * not clear whether it is a mark.
 *
 * Not all of CommonMark: what models write. What is not understood stands there as it was written.
 *
 * @module
 */

import type { Paint } from "../output.ts";

/** Turns pieces of Markdown into pieces for a terminal. */
export interface MarkdownRenderer {
  /** What can be shown after this piece. */
  write(text: string): string;
  /** What was still held back; the next piece begins a new text. */
  end(): string;
}

const HEADING = /^ {0,3}(#{1,6}) +/;
const BULLET = /^(\s*)[-*+] +/;
const QUOTE = /^ {0,3}> ?/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
/** The beginning of a line that may yet become one of those. */
const UNDECIDED = /^\s*(?:#{0,6}|[-*+>]|[-*_ ]+|`{1,2}|~{1,2})$/;
/** What may yet become the end of a code block. */
const MAYBE_FENCE = /^ {0,3}(?:`*|~*) *$/;

/** Creates a renderer; without colour, text stays as it is. */
export function createMarkdownRenderer(paint: Paint): MarkdownRenderer {
  if (paint("bold", "x") === "x") return { write: (text) => text, end: () => "" };
  /** The beginning of the line, while it is not clear what the line is; undefined after that. */
  let head: string | undefined = "";
  let fence: string | undefined;
  /** Stars that may not be all. */
  let stars = "";
  /** Whether a backslash stands before what comes. */
  let isEscaped = false;
  /** The character before. */
  let previous = "";
  const is = { bold: false, italic: false, code: false, heading: false, quote: false };
  let out = "";
  let run = "";

  const flush = () => {
    if (run === "") return;
    let text = run;
    run = "";
    if (is.code) text = paint("cyan", text);
    // Inside of what is dim nothing is bold: one mark ends both.
    if ((is.bold || is.heading) && !is.quote) text = paint("bold", text);
    if (is.italic) text = paint("italic", text);
    if (is.quote) text = paint("dim", text);
    out += text;
  };
  const set = (name: "bold" | "italic" | "code", on: boolean) => {
    flush();
    is[name] = on;
  };
  const endLine = () => {
    flush();
    Object.assign(is, { bold: false, italic: false, code: false, heading: false, quote: false });
    out += "\n";
    head = "";
    previous = "";
  };
  /** Decides what the stars are, now that the next character is known; empty at the end of a line. */
  const decide = (next: string) => {
    const mark = stars;
    stars = "";
    const opens = next !== "" && !/\s/.test(next);
    const closes = previous !== "" && !/\s/.test(previous);
    if (mark === "**" && (is.bold ? closes : opens)) set("bold", !is.bold);
    else if (mark === "*" && (is.italic ? closes : opens)) set("italic", !is.italic);
    else if (mark === "***" && (is.bold ? closes : opens)) {
      const on = !is.bold;
      set("bold", on);
      set("italic", on);
    } else run += mark;
    previous = "*";
  };
  /** Decides everything that waits for the next character, at the end of a line. */
  const settle = () => {
    if (stars !== "") decide("");
    if (isEscaped) run += "\\";
    isEscaped = false;
  };
  const inline = (char: string) => {
    if (stars !== "") {
      if (char === "*" && stars.length < 3) {
        stars += char;
        return;
      }
      decide(char);
    }
    if (isEscaped) {
      isEscaped = false;
      if (!/[!-/:-@[-`{-~]/.test(char)) run += "\\";
    } else if (char === "`") {
      // The marks of code go, its colour says it.
      set("code", !is.code);
      previous = char;
      return;
    } else if (!is.code && char === "*") {
      stars = char;
      return;
    } else if (!is.code && char === "\\") {
      isEscaped = true;
      return;
    }
    run += char;
    previous = char;
  };
  /** Shows the beginning of a line, now that it is clear what the line is. */
  const begin = (line: string) => {
    head = undefined;
    let rest = line;
    const heading = HEADING.exec(line);
    const quote = QUOTE.exec(line);
    const bullet = BULLET.exec(line);
    if (heading) {
      is.heading = true;
      rest = line.slice(heading[0].length);
    } else if (quote) {
      is.quote = true;
      run += "│ ";
      rest = line.slice(quote[0].length);
    } else if (bullet) {
      run += `${bullet[1]}• `;
      rest = line.slice(bullet[0].length);
    }
    for (const char of rest) inline(char);
  };
  const wholeLine = (line: string) => {
    const marks = FENCE.exec(line)?.[1];
    if (fence === undefined && marks !== undefined) {
      fence = marks;
      out += paint("dim", line);
    } else if (fence !== undefined && marks?.startsWith(fence)) {
      fence = undefined;
      out += paint("dim", line);
    } else if (fence !== undefined) {
      is.code = true;
      run += line;
    } else if (RULE.test(line)) out += paint("dim", "─".repeat(40));
    else {
      begin(line);
      settle();
    }
  };
  const step = (char: string) => {
    if (char === "\n") {
      if (head !== undefined) wholeLine(head);
      else settle();
      return endLine();
    }
    if (fence !== undefined) {
      if (head === undefined) return void (run += char);
      head += char;
      if (MAYBE_FENCE.test(head)) return;
      is.code = true;
      run += head;
      head = undefined;
      return;
    }
    if (head === undefined) return inline(char);
    head += char;
    // The rest of such a line names the language.
    if (UNDECIDED.test(head) || FENCE.test(head)) return;
    begin(head);
  };
  const take = () => {
    flush();
    const text = out;
    out = "";
    return text;
  };
  const reset = () => {
    head = "";
    fence = undefined;
    previous = "";
    Object.assign(is, { bold: false, italic: false, code: false, heading: false, quote: false });
  };
  return {
    write: (text) => {
      for (const char of text) step(char);
      return take();
    },
    end: () => {
      if (head !== undefined && head !== "") wholeLine(head);
      settle();
      const text = take();
      reset();
      return text;
    },
  };
}
