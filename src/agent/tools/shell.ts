/**
 * `shell`: one command line in the working folder, after a person has said yes.
 *
 * @module
 */

import { type AgentTool, cutMiddle, readCount, requireText } from "../tool.ts";
import type { Workspace } from "../workspace.ts";

const DEFAULT_TIMEOUT_S = 120;
const MAX_TIMEOUT_S = 1_800;
const MAX_OUTPUT_LENGTH = 30_000;
/** What is kept of an output that does not end: its first and its last part. */
const MAX_KEPT_LENGTH = 4 * MAX_OUTPUT_LENGTH;

/** Where the tool works. */
export interface ShellOptions {
  /** The machine. */
  workspace: Workspace;
  /** Whether a variable is kept from commands: it holds a secret of this program. */
  isSecret: (name: string) => boolean;
  /** Waits; rejects with the signal's reason. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** Creates the tool. */
export function createShellTool({ workspace, isSecret, sleep }: ShellOptions): AgentTool {
  const shell = workspace.os === "windows" ? "cmd" : "sh";
  return {
    name: "shell",
    description:
      `Runs a command line (${shell}) in the working folder and gives its output and exit code. ` +
      "The user is asked first. There is no terminal and no input.",
    parameters: {
      type: "object",
      properties: {
        command: { type: "string", description: "The command line" },
        timeout_seconds: { type: "integer", description: `Default: ${DEFAULT_TIMEOUT_S}` },
      },
      required: ["command"],
    },
    isParallel: false,
    describe: (input) => requireText(input, "command"),
    run: async (input, context) => {
      const command = requireText(input, "command");
      const seconds = readCount(input, "timeout_seconds", {
        least: 1,
        most: MAX_TIMEOUT_S,
        otherwise: DEFAULT_TIMEOUT_S,
      });
      const approval = await context.approve(command);
      if (!approval.isApproved) {
        return {
          content: [{ type: "text", text: `Not run: ${approval.reason}` }],
          isError: true,
          summary: "not run",
        };
      }
      context.onProgress("running");
      const env = Object.fromEntries(
        Object.entries(workspace.env()).filter(([name]) => !isSecret(name)),
      );
      const deadline = new AbortController();
      const done = new AbortController();
      sleep(seconds * 1_000, done.signal).then(
        () => deadline.abort(new Error("timeout")),
        () => {},
      );
      let head = "";
      let tail = "";
      const onOutput = (text: string) => {
        if (head.length < MAX_KEPT_LENGTH) head += text;
        else tail = (tail + text).slice(-MAX_OUTPUT_LENGTH);
        const line = text.trimEnd().split("\n").at(-1)!;
        if (line !== "") context.onProgress(line.slice(0, 80));
      };
      const signal = AbortSignal.any([context.signal, deadline.signal]);
      let ending: string;
      let code: number | undefined;
      try {
        code = await workspace.run(command, { cwd: workspace.cwd, env, signal, onOutput });
        ending = `exit code ${code}`;
      } catch (error) {
        context.signal.throwIfAborted();
        if (!deadline.signal.aborted) throw error;
        ending = `ended after ${seconds} seconds: it took too long`;
      } finally {
        done.abort();
      }
      const output = cutMiddle(plain(head + tail), MAX_OUTPUT_LENGTH).trimEnd();
      return {
        content: [{ type: "text", text: `${output}${output === "" ? "" : "\n"}[${ending}]` }],
        isError: code !== 0,
        summary: code === 0 ? linesOf(output) : ending,
      };
    },
  };
}

// deno-lint-ignore no-control-regex -- colours and cursor movements, which mean nothing to a model
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])/g;

function plain(text: string): string {
  return text.replace(ESCAPES, "").replaceAll("\r\n", "\n");
}

function linesOf(output: string): string {
  if (output === "") return "no output";
  const count = output.split("\n").length;
  return count === 1 ? "1 line" : `${count} lines`;
}
