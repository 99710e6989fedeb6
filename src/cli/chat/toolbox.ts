/**
 * The tools of a chat: those of the toolsets that are on.
 *
 * @module
 */

import type { AgentTool } from "../../agent/tool.ts";
import { type ToolsetId, TOOLSETS } from "../../agent/toolsets.ts";
import type { OpaqueTool } from "../../protocols/event.ts";
import { rootHome } from "../home.ts";
import type { Context } from "../context.ts";

/** What a model is offered. */
export interface Offer {
  /** Tools that run here. */
  tools: readonly AgentTool[];
  /** Tools that upstream runs. */
  serverTools: readonly OpaqueTool[];
}

/** Variables that no command of a model's gets: this program's settings and keys. */
function isSecret(name: string): boolean {
  return /^GRANTWAY_|^(?:XAI|MINIMAX|MINIMAX_CN)_API_KEY$/.test(name);
}

/** Creates the tools of the toolsets that are on. */
export async function openTools(context: Context): Promise<Offer> {
  const { platform } = context;
  const isOn = (id: ToolsetId) => TOOLSETS.find((set) => set.id === id)!.isDefault;
  const workspace = await platform.openWorkspace();
  const access = { workspace, hidden: [rootHome(platform)] };
  const tools: AgentTool[] = [];
  if (isOn("files")) {
    const [{ createReadFileTool }, { createListFilesTool, createSearchFilesTool }] = await Promise
      .all([
        import("../../agent/tools/read_file.ts"),
        import("../../agent/tools/find_files.ts"),
      ]);
    tools.push(
      createReadFileTool(access),
      createListFilesTool(access),
      createSearchFilesTool(access),
    );
  }
  if (isOn("shell")) {
    const { createShellTool } = await import("../../agent/tools/shell.ts");
    tools.push(createShellTool({ workspace, isSecret, sleep: platform.sleep }));
  }
  return { tools, serverTools: [] };
}
