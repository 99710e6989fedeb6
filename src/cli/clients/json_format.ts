/**
 * JSON settings, with the comments and trailing commas that some programs allow in theirs.
 *
 * The parser is a library's. Its own edits reformat the lines around them, so these are made here.
 *
 * @module
 */

import {
  createScanner,
  type Node,
  type ParseError,
  parseTree,
  printParseErrorCode,
} from "jsonc-parser";
import { GrantwayError } from "../../core/errors.ts";
import {
  type Edit,
  lineAt,
  lineEndOf,
  type SettingPath,
  type SettingsDocument,
  type SettingsFormat,
  SyntaxProblem,
} from "./settings_format.ts";

/** JSON. */
export const JSON_FORMAT: SettingsFormat = {
  name: "JSON",
  write: (value) => JSON.stringify(value),
  parse,
};

function parse(text: string): SettingsDocument {
  // A byte order mark is no JSON, but editors write it.
  const body = text.startsWith("\ufeff") ? ` ${text.slice(1)}` : text;
  const errors: ParseError[] = [];
  const root = parseTree(body, errors, { allowTrailingComma: true, allowEmptyContent: true });
  const error = errors[0];
  if (error !== undefined) {
    const problem = printParseErrorCode(error.error).replace(
      /(?<=[a-z])[A-Z]/g,
      (letter) => ` ${letter.toLowerCase()}`,
    );
    throw new SyntaxProblem(lineAt(body, error.offset), problem.toLowerCase());
  }
  if (root !== undefined && root.type !== "object") {
    throw new SyntaxProblem(lineAt(body, root.offset), "it is not an object");
  }
  return new JsonDocument(body, root);
}

/** The last one counts, where a key stands twice. */
function propertyOf(object: Node | undefined, key: string): Node | undefined {
  return object?.children?.findLast((property) => property.children?.[0]?.value === key);
}

function endOf(node: Node): number {
  return node.offset + node.length;
}

function cut(start: number, end: number): Edit {
  return { offset: start, length: end - start, content: "" };
}

class JsonDocument implements SettingsDocument {
  readonly #text: string;
  readonly #root: Node | undefined;

  constructor(text: string, root: Node | undefined) {
    this.#text = text;
    this.#root = root;
  }

  get isEmpty(): boolean {
    return this.#root === undefined ? this.#text.trim() === "" : /^\s*\{\s*\}\s*$/.test(this.#text);
  }

  get(path: SettingPath): string | undefined {
    const value = this.#property(path)?.children?.[1];
    return value && this.#text.slice(value.offset, endOf(value));
  }

  hasContainer(path: SettingPath): boolean {
    return this.#property(path)?.children?.[1]?.type === "object";
  }

  set(path: SettingPath, source: string): Edit[] {
    let object = this.#root;
    for (const [depth, key] of path.entries()) {
      const property = propertyOf(object, key);
      const isLast = depth === path.length - 1;
      if (property === undefined || object === undefined) {
        return this.#insert(object, path.slice(depth), source);
      }
      const value = property.children![1]!;
      if (isLast) return [{ offset: value.offset, length: value.length, content: source }];
      if (value.type !== "object") {
        throw new GrantwayError(
          "unsupported",
          `Cannot add ${path.join(".")}: ${path.slice(0, depth + 1).join(".")} on line ${
            lineAt(this.#text, value.offset)
          } is not an object`,
        );
      }
      object = value;
    }
    return [];
  }

  remove(path: SettingPath): Edit[] {
    const property = this.#property(path);
    const siblings = property?.parent?.children;
    if (property === undefined || siblings === undefined) return [];
    const previous = siblings[siblings.indexOf(property) - 1];
    const next = siblings[siblings.indexOf(property) + 1];
    const start = property.offset;
    const end = endOf(property);
    const open = property.parent!.offset + 1;
    const close = endOf(property.parent!) - 1;
    // One comma goes with it, and the white space up to its neighbours, unless a comment stands there.
    const before = previous && this.#commaIn(endOf(previous), start)!;
    if (before !== undefined && this.#isBlank(before + 1, start)) return [cut(before, end)];
    const behind = this.#commaIn(end, next?.offset ?? close);
    if (previous === undefined && this.#isBlank(open, start)) {
      if (next === undefined && this.#isBlank(end, close, behind)) return [cut(open, close)];
      if (next !== undefined && this.#isBlank(end, next.offset, behind)) {
        return [cut(start, next.offset)];
      }
    }
    const comma = next === undefined ? before ?? behind : behind;
    if (comma === undefined) return [this.#cutLine(start, end)];
    return comma === end
      ? [this.#cutLine(start, end + 1)]
      : [this.#cutLine(start, end), cut(comma, comma + 1)];
  }

  removeEmptyContainer(path: SettingPath): Edit[] {
    const value = this.#property(path)?.children?.[1];
    if (value?.type !== "object") return [];
    const inside = this.#text.slice(value.offset + 1, endOf(value) - 1);
    return inside.trim() === "" ? this.remove(path) : [];
  }

  #property(path: SettingPath): Node | undefined {
    let object = this.#root;
    let property: Node | undefined;
    for (const key of path) {
      property = propertyOf(object, key);
      object = property?.children?.[1];
    }
    return property;
  }

  /** Where the first comma between two offsets is that is no part of a comment. */
  #commaIn(start: number, end: number): number | undefined {
    const scanner = createScanner(this.#text.slice(0, end));
    scanner.setPosition(start);
    for (;;) {
      scanner.scan();
      // By its text: the library's names of tokens are a const enum, which nobody can import.
      const offset = scanner.getTokenOffset();
      if (scanner.getTokenLength() === 0) return undefined;
      if (this.#text[offset] === ",") return offset;
    }
  }

  /** Whether nothing but white space stands there, and at the most that comma. */
  #isBlank(start: number, end: number, comma?: number): boolean {
    const text = this.#text;
    return comma === undefined
      ? text.slice(start, end).trim() === ""
      : (text.slice(start, comma) + text.slice(comma + 1, end)).trim() === "";
  }

  /** Cuts something, with its line where nothing else stands in it. */
  #cutLine(start: number, end: number): Edit {
    const indent = /\r?\n[ \t]*$/.exec(this.#text.slice(0, start))?.[0].length ?? 0;
    return /^[ \t]*\r?\n/.test(this.#text.slice(end)) ? cut(start - indent, end) : cut(start, end);
  }

  #insert(object: Node | undefined, path: SettingPath, source: string): Edit[] {
    const text = this.#text;
    const eol = lineEndOf(text);
    if (object === undefined) {
      const start = text.trim() === "" || /\n[ \t]*$/.test(text) ? "" : eol;
      const content = `${start}${this.#nest(["", ...path], source, "", eol)}${eol}`;
      return [{ offset: text.length, length: 0, content }];
    }
    const last = object.children?.at(-1);
    const open = object.offset + 1;
    const close = endOf(object) - 1;
    if (last === undefined) {
      const inside = text.slice(open, close);
      const outer = this.#indentOf(object.offset);
      const property = `${eol}${outer}${this.#unit()}${
        this.#nest(path, source, outer + this.#unit(), eol)
      }${eol}${outer}`;
      return inside.trim() === ""
        ? [{ offset: open, length: inside.length, content: property }]
        : [{ offset: open, length: 0, content: property.slice(0, -(eol + outer).length) }];
    }
    const before = text.slice(open, last.offset);
    const isOnOwnLine = /\n[ \t]*$/.test(text.slice(0, last.offset));
    if (!isOnOwnLine) {
      const space = /^[ \t]/.test(before) || (object.children!.length > 1 &&
          /[ \t]$/.test(text.slice(0, last.offset)))
        ? " "
        : "";
      const content = `,${space}${this.#nest(path, source, undefined, eol)}`;
      return [{ offset: endOf(last), length: 0, content }];
    }
    const indent = this.#indentOf(last.offset);
    const property = `${eol}${indent}${this.#nest(path, source, indent, eol)}`;
    // A comment behind the last value stays with it.
    const comment = /^[ \t]*(?:\/\/[^\r\n]*|\/\*[^\r\n]*?\*\/[ \t]*(?=\r?\n))/
      .exec(text.slice(endOf(last), close))?.[0];
    return comment === undefined ? [{ offset: endOf(last), length: 0, content: `,${property}` }] : [
      { offset: endOf(last), length: 0, content: "," },
      { offset: endOf(last) + comment.length, length: 0, content: property },
    ];
  }

  /** A property, and the objects on the way to it; on one line without an indentation. */
  #nest(path: SettingPath, source: string, indent: string | undefined, eol: string): string {
    const [key, ...rest] = path;
    const name = key === "" ? "" : `${JSON.stringify(key)}: `;
    if (rest.length === 0) return `${name}${source}`;
    if (indent === undefined) return `${name}{ ${this.#nest(rest, source, undefined, eol)} }`;
    const inner = indent + this.#unit();
    return `${name}{${eol}${inner}${this.#nest(rest, source, inner, eol)}${eol}${indent}}`;
  }

  /** The white space that the line of an offset begins with. */
  #indentOf(offset: number): string {
    const line = this.#text.slice(this.#text.lastIndexOf("\n", offset - 1) + 1, offset);
    return /^[ \t]*/.exec(line)![0];
  }

  /** One step of indentation: that of the first key, else two spaces. */
  #unit(): string {
    const first = this.#root?.children?.[0];
    if (first === undefined) return "  ";
    return /\n([ \t]+)$/.exec(this.#text.slice(0, first.offset))?.[1] ?? "  ";
  }
}
