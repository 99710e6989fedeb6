/**
 * The flags that every command takes.
 *
 * @module
 */

/** The global flags of one run. */
export type Globals = ReadonlySet<string>;

/** Flags that every command takes, wherever they stand before `--`. */
export const GLOBAL_FLAGS: readonly { flags: readonly string[]; summary: string }[] = [
  { flags: ["--json"], summary: "JSON on stdout" },
  { flags: ["--quiet", "-q"], summary: "No progress and no notes" },
  { flags: ["--verbose", "-v"], summary: "More notes on stderr" },
  { flags: ["--no-color"], summary: "No colour (also: NO_COLOR)" },
  { flags: ["--yes", "-y"], summary: "Answer yes to every question" },
  { flags: ["--non-interactive"], summary: "Never ask; fail with the flag to use" },
  { flags: ["--sandbox"], summary: "Use an offline stand-in for the providers" },
  { flags: ["--trace"], summary: "Write a redacted transcript of every request" },
  { flags: ["--debug"], summary: "Stack traces on failures" },
];
