/**
 * A statement of a vendor's guide, as something that can be run.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { CommandResult, MachineOptions, TestMachine } from "../support/platform.ts";

/** A statement of a guide. */
export interface Row {
  name: string;
  run: (machine: TestMachine) => Promise<void>;
  /** How the machine is set up. Default: the server approves every sign-in. */
  setUp?: MachineOptions;
}

export const MINUTE = 60_000;
export const DAY = 24 * 60 * MINUTE;

export function assertOk({ code, stderr }: CommandResult): void {
  assertEquals(code, 0, stderr);
}

/** The credential file. */
// deno-lint-ignore no-explicit-any -- a stored document whose shape the rows state
export function stored(machine: TestMachine): any {
  return JSON.parse(machine.file("auth.json")!);
}

/** The lines of doctor's section about logins. */
export async function authSection(machine: TestMachine): Promise<string[]> {
  const { stdout } = await machine.run("doctor");
  const sections = stdout.split(/^◆ /m);
  return sections.find((section) => section.startsWith("Auth Providers\n"))!.split("\n");
}
