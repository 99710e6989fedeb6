/**
 * TOML settings. The parser is a library's and tells where everything stands; no library was found that
 * edits TOML and leaves every other byte alone, so the edits are made here.
 *
 * @module
 */

import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import {
  type Edit,
  lineEndOf,
  type SettingPath,
  type SettingsDocument,
  type SettingsFormat,
  SyntaxProblem,
} from "./settings_format.ts";

/** TOML. */
export const TOML_FORMAT: SettingsFormat = {
  name: "TOML",
  write: (value) => typeof value === "number" ? String(value) : writeString(value),
  parse,
};

/** As JSON, but for what TOML escapes besides. */
function writeString(value: string): string {
  return JSON.stringify(value).replace(/\x7f/g, "\\u007f");
}

function parse(text: string): SettingsDocument {
  // A byte order mark is no TOML, but editors write it.
  const body = text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
  try {
    return new TomlDocument(body, parseTOML(body));
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    throw new SyntaxProblem(error.lineNumber, lowerFirst(error.message));
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** A setting and what its own line holds. */
interface Entry {
  path: string[];
  node: AST.TOMLKeyValue;
}

function keysOf(key: AST.TOMLKey): string[] {
  return key.keys.map((part) => part.type === "TOMLBare" ? part.name : part.value);
}

function isPrefix(prefix: SettingPath, path: readonly (string | number)[]): boolean {
  return prefix.length <= path.length && prefix.every((key, index) => path[index] === key);
}

function isSame(a: SettingPath, b: readonly (string | number)[]): boolean {
  return a.length === b.length && isPrefix(a, b);
}

class TomlDocument implements SettingsDocument {
  readonly #text: string;
  readonly #top: AST.TOMLTopLevelTable;
  readonly #tables: AST.TOMLTable[];
  readonly #comments: readonly AST.Comment[];

  constructor(text: string, program: AST.TOMLProgram) {
    this.#text = text;
    this.#comments = program.comments;
    this.#top = program.body[0];
    this.#tables = this.#top.body.filter((node) => node.type === "TOMLTable");
  }

  get isEmpty(): boolean {
    return this.#text.trim() === "";
  }

  get(path: SettingPath): string | undefined {
    const value = this.#entry(path)?.node.value;
    return value && this.#text.slice(...value.range);
  }

  hasContainer(path: SettingPath): boolean {
    return this.#tables.some(({ resolvedKey }) => isPrefix(path, resolvedKey)) ||
      [...this.#entries()].some((entry) => isPrefix(path, entry.path));
  }

  set(path: SettingPath, source: string): Edit[] {
    const entry = this.#entry(path);
    if (entry !== undefined) {
      const [offset, end] = entry.node.value.range;
      return [{ offset, length: end - offset, content: source }];
    }
    const container = path.slice(0, -1);
    const line = `${path.at(-1)} = ${source}`;
    for (let depth = container.length; depth > 0; depth--) {
      const inline = this.#entry(path.slice(0, depth))?.node.value;
      if (inline?.type !== "TOMLInlineTable") continue;
      return [insertInline(inline, `${path.slice(depth).join(".")} = ${source}`)];
    }
    if (container.length === 0) {
      const last = this.#keyValues(this.#top).at(-1);
      if (last !== undefined) return [this.#insertAfter(last.range[1], line)];
      const eol = lineEndOf(this.#text);
      // Behind a byte order mark, which is a space here.
      const offset = /^ ?/.exec(this.#text)![0].length;
      const gap = this.#text.trim() === "" ? "" : eol;
      return [{ offset, length: 0, content: `${line}${eol}${gap}` }];
    }
    const table = this.#table(container);
    if (table !== undefined) {
      return [this.#insertAfter(table.body.at(-1)?.range[1] ?? this.#headerEnd(table), line)];
    }
    const eol = lineEndOf(this.#text);
    const start = this.#text.trim() === "" ? "" : /\n[ \t]*$/.test(this.#text) ? eol : eol + eol;
    return [{
      offset: this.#text.length,
      length: 0,
      content: `${start}[${container.join(".")}]${eol}${line}${eol}`,
    }];
  }

  remove(path: SettingPath): Edit[] {
    const entry = this.#entry(path);
    if (entry === undefined) return [];
    const { node } = entry;
    if (node.parent.type !== "TOMLInlineTable") return [this.#cutLines(...node.range)];
    const siblings = node.parent.body;
    const index = siblings.indexOf(node);
    const start = siblings[index - 1]?.range[1] ?? node.range[0];
    const end = index === 0 ? siblings[1]?.range[0] ?? node.range[1] : node.range[1];
    return [{ offset: start, length: end - start, content: "" }];
  }

  removeEmptyContainer(path: SettingPath): Edit[] {
    const table = this.#table(path);
    if (table === undefined || table.body.length > 0) return [];
    const next = this.#tables[this.#tables.indexOf(table) + 1];
    const end = next?.range[0] ?? this.#text.length;
    const hasComment = this.#comments.some(({ range }) =>
      range[0] >= table.range[0] && range[0] < end
    );
    if (hasComment) return [];
    const cut = this.#cutLines(table.range[0], this.#headerEnd(table));
    // The empty line that was put before it.
    const blank = /(?<=(?:^|\n)[^\n]*\n)[ \t]*\r?\n$/.exec(this.#text.slice(0, cut.offset))?.[0] ??
      "";
    return [{ ...cut, offset: cut.offset - blank.length, length: cut.length + blank.length }];
  }

  #table(path: SettingPath): AST.TOMLTable | undefined {
    return this.#tables.find(({ kind, resolvedKey }) =>
      kind === "standard" && isSame(path, resolvedKey)
    );
  }

  #entry(path: SettingPath): Entry | undefined {
    for (const entry of this.#entries()) if (isSame(path, entry.path)) return entry;
    return undefined;
  }

  #keyValues(table: AST.TOMLTopLevelTable): AST.TOMLKeyValue[] {
    return table.body.filter((node) => node.type === "TOMLKeyValue");
  }

  /** Every setting that no array holds. */
  *#entries(): Generator<Entry> {
    yield* this.#within([], this.#keyValues(this.#top));
    for (const { resolvedKey, body } of this.#tables) {
      const path = resolvedKey.filter((key) => typeof key === "string");
      if (path.length === resolvedKey.length) yield* this.#within(path, body);
    }
  }

  *#within(prefix: string[], nodes: readonly AST.TOMLKeyValue[]): Generator<Entry> {
    for (const node of nodes) {
      const path = [...prefix, ...keysOf(node.key)];
      yield { path, node };
      if (node.value.type === "TOMLInlineTable") yield* this.#within(path, node.value.body);
    }
  }

  #headerEnd({ key }: AST.TOMLTable): number {
    return this.#text.indexOf("]", key.range[1]) + 1;
  }

  /** A line behind the one where something ends. */
  #insertAfter(end: number, line: string): Edit {
    const eol = lineEndOf(this.#text);
    const rest = /^[^\n]*\n/.exec(this.#text.slice(end))?.[0];
    return rest === undefined
      ? { offset: this.#text.length, length: 0, content: `${eol}${line}` }
      : { offset: end + rest.length, length: 0, content: `${line}${eol}` };
  }

  /** Cuts a statement with its line, unless a comment stands there too. */
  #cutLines(start: number, end: number): Edit {
    const before = /[ \t]*$/.exec(this.#text.slice(0, start))![0].length;
    const after = /^[ \t]*(\r?\n|$)?/.exec(this.#text.slice(end))!;
    const offset = start - before;
    return after[1] === undefined
      ? { offset: start, length: end - start + after[0].length, content: "" }
      : { offset, length: end + after[0].length - offset, content: "" };
  }
}

function insertInline(table: AST.TOMLInlineTable, line: string): Edit {
  const last = table.body.at(-1);
  return last === undefined
    ? { offset: table.range[0] + 1, length: 0, content: ` ${line} ` }
    : { offset: last.range[1], length: 0, content: `, ${line}` };
}
