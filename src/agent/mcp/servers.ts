/**
 * The MCP servers of a chat: all connected at once, none waited for longer than a limit, none able to
 * stop the chat.
 *
 * @module
 */

import type { AgentTool } from "../tool.ts";
import type { ConnectOptions, McpConnection } from "./client.ts";
import type { McpServer } from "./config.ts";

/** How servers are connected to. */
export interface McpOptions extends Omit<ConnectOptions, "signal"> {
  /** How long one may take, ms. */
  timeoutMs: number;
  /** Waits. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told of a server that is not there. */
  onWarning: (message: string) => void;
}

/** Servers that answer. */
export interface McpServers {
  /** Their tools, by server in the order of the configuration. */
  tools: AgentTool[];
  /** Ends them all. */
  close: () => Promise<void>;
}

/** Connects to every server that is switched on. */
export async function connectServers(
  servers: readonly McpServer[],
  options: McpOptions,
): Promise<McpServers> {
  const enabled = servers.filter(({ isEnabled }) => isEnabled);
  if (enabled.length === 0) return { tools: [], close: () => Promise.resolve() };
  const { connectServer } = await import("./client.ts");
  const connect = async (server: McpServer): Promise<McpConnection | undefined> => {
    const deadline = new AbortController();
    const done = new AbortController();
    const seconds = Math.round(options.timeoutMs / 1_000);
    options.sleep(options.timeoutMs, done.signal).then(
      () => deadline.abort(new Error(`it did not answer within ${seconds} s`)),
      () => {},
    );
    try {
      return await connectServer(server, { ...options, signal: deadline.signal });
    } catch (error) {
      const cause = deadline.signal.aborted ? deadline.signal.reason : error;
      options.onWarning(`MCP server ${server.name}: ${(cause as Error).message}`);
      return undefined;
    } finally {
      done.abort();
    }
  };
  const connections = (await Promise.all(enabled.map(connect)))
    .filter((connection) => connection !== undefined);
  return {
    tools: connections.flatMap(({ tools }) => tools),
    close: async () => {
      await Promise.allSettled(connections.map(({ close }) => close()));
    },
  };
}
