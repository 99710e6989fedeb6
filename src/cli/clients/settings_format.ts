/**
 * Settings in a file of somebody else's: found, set and taken out by edits that touch nothing else.
 *
 * Positions are UTF-16 offsets, as the parsers give them.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";

/** A place in a text, and what stands there instead. */
export interface Edit {
  /** Where it begins. */
  offset: number;
  /** How much goes. */
  length: number;
  /** What comes. */
  content: string;
}

/** A setting's place: the keys on the way to it. */
export type SettingPath = readonly string[];

/** What a setting may be. */
export type SettingValue = string | number;

/** A text was not what its format allows. */
export class SyntaxProblem extends Error {
  /** The class name. */
  override name = "SyntaxProblem";
  /** The line, from 1. */
  readonly line: number;

  /** Creates one. */
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

/** A parsed text. Edits of one call belong together, and do not overlap. */
export interface SettingsDocument {
  /** A setting's value as it is written; undefined when there is none. */
  get(path: SettingPath): string | undefined;
  /** Whether something with settings of its own stands there. */
  hasContainer(path: SettingPath): boolean;
  /** Sets, to a value as the format writes it. */
  set(path: SettingPath, source: string): Edit[];
  /** Takes a setting out; nothing when there is none. */
  remove(path: SettingPath): Edit[];
  /** Takes a container out if nothing is in it, no comment either. */
  removeEmptyContainer(path: SettingPath): Edit[];
  /** Whether it holds nothing at all, no comment either. */
  isEmpty: boolean;
}

/** A file format. */
export interface SettingsFormat {
  /** For messages. */
  name: string;
  /**
   * Parses.
   *
   * @throws {SyntaxProblem} With the line.
   */
  parse(text: string): SettingsDocument;
  /** A value as the format writes it. */
  write(value: SettingValue): string;
}

/** One setting of ours. */
export interface Setting {
  /** Where. */
  path: SettingPath;
  /** What. */
  value: SettingValue;
  /** Whether it is never shown. */
  isSecret?: true;
}

/** The text with some edits of one call. */
function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = text;
  for (const { offset, length, content } of lastFirst(edits)) {
    result = result.slice(0, offset) + content + result.slice(offset + length);
  }
  return result;
}

/** What leads back from `applyEdits(text, edits)`, one edit after the other. */
function invertEdits(text: string, edits: readonly Edit[]): Edit[] {
  return lastFirst(edits).map(({ offset, length, content }) => ({
    offset,
    length: content.length,
    content: text.slice(offset, offset + length),
  })).reverse();
}

/** So that no edit moves the place of another. */
function lastFirst(edits: readonly Edit[]): Edit[] {
  return [...edits].sort((a, b) => b.offset - a.offset);
}

/** The line of an offset, from 1. */
export function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split(/\r\n|\r|\n/).length;
}

/** The line end that a text uses. */
export function lineEndOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? "\n";
}

/** What was done to a text. */
export interface Written {
  /** The text now. */
  text: string;
  /** Edits that lead back, to apply one after the other. */
  undo: Edit[];
  /** What was there before, as it was written; undefined for what was not there. */
  before: (string | undefined)[];
  /** Containers that were not there, outermost first. */
  created: SettingPath[];
}

/**
 * Sets settings.
 *
 * @throws {SyntaxProblem} When the text is not what its format allows.
 * @throws {GrantwayError} `unsupported` when a setting cannot be added without rewriting what is there.
 */
export function writeSettings(
  format: SettingsFormat,
  text: string,
  settings: readonly Setting[],
): Written {
  const original = format.parse(text);
  const created = new Map<string, SettingPath>();
  for (const { path } of settings) {
    for (let depth = 1; depth < path.length; depth++) {
      const container = path.slice(0, depth);
      if (!original.hasContainer(container)) created.set(container.join("\0"), container);
    }
  }
  const undo: Edit[] = [];
  let current = text;
  for (const { path, value } of settings) {
    const source = format.write(value);
    const edits = format.parse(current).set(path, source);
    const inverse = invertEdits(current, edits);
    current = applyEdits(current, edits);
    // Later edits are taken back first.
    undo.unshift(...inverse);
    if (!holds(format, current, path, source)) {
      throw new GrantwayError(
        "unsupported",
        `Cannot add ${
          path.join(".")
        }: the ${format.name} there is written in a form that would have to ` +
          "be rewritten",
        { hint: "Add it by hand: the same command without --write shows what" },
      );
    }
  }
  return {
    text: current,
    undo,
    before: settings.map(({ path }) => original.get(path)),
    created: [...created.values()],
  };
}

function holds(format: SettingsFormat, text: string, path: SettingPath, source: string): boolean {
  try {
    return format.parse(text).get(path) === source;
  } catch {
    return false;
  }
}

/** Takes back edits of {@linkcode writeSettings} from exactly the text that it returned. */
export function undoExactly(text: string, undo: readonly Edit[]): string {
  return undo.reduce((current, edit) => applyEdits(current, [edit]), text);
}

/** A setting to give back. */
export interface EarlierSetting {
  /** Where. */
  path: SettingPath;
  /** Its value before, as it was written; undefined when there was none. */
  before: string | undefined;
}

/**
 * Gives back settings in a text that was edited since. The caller leaves out what is not ours any more.
 *
 * @throws {SyntaxProblem} When the text is not what its format allows.
 */
export function restoreSettings(
  format: SettingsFormat,
  text: string,
  settings: readonly EarlierSetting[],
  created: readonly SettingPath[],
): string {
  let current = text;
  for (const { path, before } of settings) {
    const document = format.parse(current);
    current = applyEdits(
      current,
      before === undefined ? document.remove(path) : document.set(path, before),
    );
  }
  for (const path of [...created].reverse()) {
    current = applyEdits(current, format.parse(current).removeEmptyContainer(path));
  }
  return current;
}
