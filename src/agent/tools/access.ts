/**
 * Which files tools may look at: those of the working folder; others after a question; those that hold
 * this program's own logins never.
 *
 * @module
 */

import { type ToolContext, ToolInputError } from "../tool.ts";
import { isInside, resolvePath, shownPath, type Workspace } from "../workspace.ts";

/** Where file tools work. */
export interface FileAccess {
  /** The machine. */
  workspace: Workspace;
  /** Folders that no tool may look into, absolute. */
  hidden: readonly string[];
}

/**
 * The real path of what a tool names.
 *
 * @throws {ToolInputError} When there is nothing, or it may not be looked at.
 */
export async function openPath(
  { workspace, hidden }: FileAccess,
  name: string,
  { approve }: Pick<ToolContext, "approve">,
): Promise<string> {
  const { cwd } = workspace;
  const path = resolvePath(cwd, name);
  const real = await workspace.realPath(path);
  const refused = await realPaths(workspace, hidden);
  if ([path, real ?? path].some((path) => refused.some((folder) => isInside(folder, path)))) {
    throw new ToolInputError(`${name} holds credentials, which no tool may read`);
  }
  if (real === null) throw new ToolInputError(`there is no ${shownPath(cwd, path)}`);
  const root = await workspace.realPath(cwd) ?? cwd;
  if (!isInside(root, real)) {
    const approval = await approve(`Read ${real}, which is outside ${cwd}`);
    if (!approval.isApproved) {
      throw new ToolInputError(`${name} is outside ${cwd}: ${approval.reason}`);
    }
  }
  return real;
}

/** Each of `folders` as it is written, and where it really is. */
export async function realPaths(
  workspace: Workspace,
  folders: readonly string[],
): Promise<string[]> {
  const real = await Promise.all(folders.map((folder) => workspace.realPath(folder)));
  return [...new Set([...folders, ...real.filter((path) => path !== null)])];
}
