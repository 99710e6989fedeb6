/**
 * What the user sees: data on stdout, everything else on stderr, colour only where a person looks.
 *
 * @module
 */

import { GrantwayError } from "../core/errors.ts";
import { displayText } from "../core/redact.ts";
import { UsageError } from "./exit_code.ts";
import type { OutputStream, Platform } from "./platform.ts";
import { withSandboxFlag } from "./sandbox_flag.ts";

/** Version of every JSON shape that the CLI prints. */
const JSON_VERSION = 1;

/** Standard output takes no more: its reader is gone (EPIPE), or the disk behind it is full. */
export class OutputClosedError extends Error {
  /** The class name. */
  override name = "OutputClosedError";
}

/**
 * Writes data at once.
 *
 * @throws {OutputClosedError} When it cannot be written.
 */
export function writeTo(stream: OutputStream, data: string | Uint8Array): void {
  let problem = "its reader is gone";
  try {
    if (stream.write(data)) return;
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  throw new OutputClosedError(`Cannot write the output: ${problem}`);
}

/** Tells the user; what nobody can be told must not stop what goes on, such as saving a token. */
export function tell(stream: OutputStream, text: string): void {
  try {
    stream.write(text);
  } catch {
    // Nobody is left to hear of it.
  }
}

/** How much, and how, to print. */
export interface OutputOptions {
  /** JSON on stdout instead of text. */
  json: boolean;
  /** No progress and no notes, only data, warnings and errors. */
  quiet: boolean;
  /** Notes that help to find a fault. */
  verbose: boolean;
  /** False when the user switched colour off. */
  color: boolean;
  /** Whether commands in hints need `--sandbox` as well. */
  sandbox?: boolean | undefined;
}

const SGR = {
  bold: [1, 22],
  dim: [2, 22],
  italic: [3, 23],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
} as const;

/** Paints text for one stream; without colour it returns it unchanged. */
export type Paint = (style: keyof typeof SGR, text: string) => string;

function createPaint(stream: OutputStream, platform: Platform, color: boolean): Paint {
  const forced = platform.env("FORCE_COLOR");
  const enabled = color && platform.env("NO_COLOR") === undefined &&
    (forced !== undefined ? forced !== "0" : stream.isTerminal && platform.env("TERM") !== "dumb");
  return (style, text) =>
    enabled && text !== "" ? `\x1b[${SGR[style][0]}m${text}\x1b[${SGR[style][1]}m` : text;
}

/** Prints. */
export interface Output {
  /** How much, and how. */
  options: OutputOptions;
  /** Paints for stdout. */
  paint: Paint;
  /** Paints for stderr. */
  paintError: Paint;
  /** Whether stderr is a terminal that shows progress in place. */
  canRewrite: boolean;
  /** A line of data on stdout; nothing under `--json`. */
  line(text?: string): void;
  /** Text on stdout as it is. */
  text(text: string): void;
  /** One JSON value as a line on stdout, with the shape's version, under `--json` only. */
  json(value: Record<string, unknown>): void;
  /** A note on stderr; not under `--quiet`. */
  note(text?: string): void;
  /** A piece of a note on stderr, without a line end. */
  partialNote(text: string): void;
  /** A note on stderr under `--verbose` only. */
  detail(text: string): void;
  /** A line on stderr that the next one replaces; nothing where stderr is no terminal. */
  progress(text: string): void;
  /** A warning on stderr, always. */
  warn(text: string): void;
  /** Another program has the terminal: keeps what would go to stderr until the returned function is called. */
  hold(): () => void;
  /** Reports a failure: one line and the hint on stderr, and an `error` object under `--json`. */
  error(error: unknown): void;
}

/** Creates the output of one run. */
export function createOutput(platform: Platform, options: OutputOptions): Output {
  const { stdout, stderr } = platform;
  const paint = createPaint(stdout, platform, options.color);
  const paintError = createPaint(stderr, platform, options.color);
  const canRewrite = stderr.isTerminal && !options.quiet && platform.env("TERM") !== "dumb";
  let progressShown = false;
  const clearProgress = () => {
    if (progressShown) tell(stderr, "\r\x1b[K");
    progressShown = false;
  };
  const withFlag = (text: string) => options.sandbox ? withSandboxFlag(text) : text;
  let held: string[] | undefined;
  const errorLine = (text: string) => {
    if (held !== undefined) return void held.push(text);
    clearProgress();
    tell(stderr, `${text}\n`);
  };
  return {
    options,
    paint,
    paintError,
    canRewrite,
    line: (text = "") => {
      if (options.json) return;
      clearProgress();
      writeTo(stdout, `${text}\n`);
    },
    text: (text) => {
      clearProgress();
      writeTo(stdout, text);
    },
    json: (value) => {
      if (options.json) writeTo(stdout, `${JSON.stringify({ version: JSON_VERSION, ...value })}\n`);
    },
    note: (text = "") => {
      if (!options.quiet) errorLine(text);
    },
    partialNote: (text) => {
      clearProgress();
      tell(stderr, text);
    },
    detail: (text) => {
      if (options.verbose) errorLine(paintError("dim", text));
    },
    progress: (text) => {
      if (!canRewrite) return;
      // Without wrapping: of a line that wraps, only the last row could be replaced.
      tell(stderr, `\r\x1b[K\x1b[?7l${text}\x1b[?7h`);
      progressShown = true;
    },
    hold: () => {
      held ??= [];
      return () => {
        const lines = held ?? [];
        held = undefined;
        for (const line of lines) errorLine(line);
      };
    },
    warn: (text) => errorLine(`${paintError("yellow", "warning:")} ${withFlag(text)}`),
    error: (error) => {
      const { message, hint: plainHint, code } = describeError(error);
      const hint = plainHint === undefined ? undefined : withFlag(plainHint);
      errorLine(`${paintError("red", "error:")} ${message}`);
      if (hint !== undefined) errorLine(`  ${hint}`);
      if (options.json) {
        writeTo(
          stdout,
          `${
            JSON.stringify({ version: JSON_VERSION, type: "error", error: { code, message, hint } })
          }\n`,
        );
      }
    },
  };
}

/** What to tell of a failure: code, one line, and what mends it. */
export function describeError(
  error: unknown,
): { code: string; message: string; hint?: string | undefined } {
  if (error instanceof GrantwayError) {
    return { code: error.code, message: displayText(error.message, 600), hint: error.hint };
  }
  if (error instanceof UsageError) {
    return { code: "usage", message: displayText(error.message, 600), hint: error.hint };
  }
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "internal",
    message: `Unexpected failure: ${displayText(message, 600)}`,
    hint: "Run again with --debug for a stack trace",
  };
}
