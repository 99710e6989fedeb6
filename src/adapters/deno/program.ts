/**
 * Starts a program of the user's in this terminal.
 *
 * @module
 */

import { GrantwayError } from "../../core/errors.ts";
import type { Interrupt } from "./terminal.ts";

/** A program that runs. */
export interface RunningProgram {
  /** Sends it a signal; without effect when it has ended. */
  kill(kind: Interrupt): void;
  /** Its exit code, 128 and the signal's number for one that a signal ended. */
  ended: Promise<number>;
}

/** Starts it, with this process's streams; null when there is no such program. */
export function startProgram(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): RunningProgram | null {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args: [...args],
      env: { ...env },
      clearEnv: true,
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new GrantwayError(
        "invalid_configuration",
        `Cannot start ${command}: this user may not run it`,
        { cause: error },
      );
    }
    throw error;
  }
  return {
    kill: (kind) => {
      try {
        child.kill(kind);
      } catch {
        // It has ended.
      }
    },
    ended: child.status.then(({ code }) => code),
  };
}
