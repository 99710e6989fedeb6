/**
 * A connection to one MCP server, and its tools. The only file that loads the SDK; it is loaded when a
 * chat has servers.
 *
 * @module
 */

import { Client } from "@modelcontextprotocol/sdk/client";
// The package's map of exports names no types for paths that end in `.js`.
// @ts-types="@modelcontextprotocol/sdk/client/streamableHttp"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { CallToolResult, Tool } from "@modelcontextprotocol/sdk/types";
import { isJsonObject } from "../../core/http.ts";
import type { ImageBlock, TextBlock } from "../../protocols/event.ts";
import type { AgentTool } from "../tool.ts";
import type { Workspace } from "../workspace.ts";
import type { McpServer } from "./config.ts";
import { ProgramTransport } from "./program_transport.ts";

/** How long a call may be silent, ms: what waits for a network of its own takes its time. */
const CALL_TIMEOUT_MS = 300_000;
/** The most pages of a list of tools. */
const MAX_PAGES = 50;

/** What a connection is made with. */
export interface ConnectOptions {
  /** Starts programs. */
  workspace: Workspace;
  /** Whether a variable is kept from programs. */
  isSecret: (name: string) => boolean;
  /** Sends requests. */
  fetch: typeof globalThis.fetch;
  /** Who connects. */
  clientVersion: string;
  /** Ends the attempt. */
  signal: AbortSignal;
}

/** A server that answers. */
export interface McpConnection {
  /** Its tools. */
  tools: AgentTool[];
  /** Ends it. */
  close: () => Promise<void>;
}

/**
 * Connects and lists the tools.
 *
 * @throws Whatever went wrong; nothing is left running then.
 */
export async function connectServer(
  { name, endpoint }: McpServer,
  options: ConnectOptions,
): Promise<McpConnection> {
  const { workspace, isSecret, signal } = options;
  const client = new Client({ name: "grantway", version: options.clientVersion });
  let program: ProgramTransport | undefined;
  const stop = () => void client.close().catch(() => {});
  signal.throwIfAborted();
  signal.addEventListener("abort", stop, { once: true });
  try {
    if (endpoint.kind === "program") {
      const own = Object.entries(workspace.env()).filter(([name]) => !isSecret(name));
      program = new ProgramTransport(() =>
        workspace.start(endpoint.command, endpoint.args, {
          cwd: workspace.cwd,
          env: { ...Object.fromEntries(own), ...endpoint.env },
        })
      );
      await client.connect(program, { signal });
    } else {
      const transport = new StreamableHTTPClientTransport(endpoint.url, {
        requestInit: { headers: endpoint.headers },
        fetch: (url, init) => options.fetch(url, init),
      });
      // Its optional properties do not know that they may be undefined.
      await client.connect(transport as Parameters<typeof client.connect>[0], { signal });
    }
    const tools: Tool[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < MAX_PAGES; page++) {
      const list = await client.listTools(cursor === undefined ? {} : { cursor }, { signal });
      tools.push(...list.tools);
      cursor = list.nextCursor;
      if (cursor === undefined) break;
    }
    return {
      tools: tools.map((tool) => toAgentTool(name, tool, client)),
      close: () => client.close(),
    };
  } catch (error) {
    await client.close().catch(() => {});
    await program?.close();
    const words = program?.lastWords.trim().split("\n").at(-1);
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(words ? `${message} (it said: ${words})` : message, { cause: error });
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function toAgentTool(server: string, tool: Tool, client: Client): AgentTool {
  const { inputSchema, annotations } = tool;
  const isReadOnly = annotations?.readOnlyHint === true;
  return {
    name: `mcp__${server}__${tool.name}`,
    description: tool.description ?? tool.title ?? "",
    parameters: inputSchema,
    isParallel: isReadOnly,
    describe: shortInput,
    run: async (input, { signal, approve, onProgress }) => {
      if (!isReadOnly) {
        const approval = await approve(`${tool.name} ${JSON.stringify(input)}`);
        if (!approval.isApproved) {
          return {
            content: [{ type: "text", text: `Not run: ${approval.reason}` }],
            isError: true,
            summary: "not run",
          };
        }
      }
      const result = await client.callTool({ name: tool.name, arguments: input }, undefined, {
        signal,
        timeout: CALL_TIMEOUT_MS,
        resetTimeoutOnProgress: true,
        onprogress: ({ progress, total, message }) =>
          onProgress(message ?? (total === undefined ? `${progress}` : `${progress} of ${total}`)),
      }) as CallToolResult;
      const content = result.content.map(toBlock);
      // A server may answer with structured data alone.
      if (content.length === 0 && result.structuredContent !== undefined) {
        content.push({ type: "text", text: JSON.stringify(result.structuredContent) });
      }
      const first = content.find((block) => block.type === "text")?.text.trim().split("\n", 1)[0];
      return {
        content,
        isError: result.isError,
        summary: first === undefined ? undefined : first.slice(0, 80),
      };
    },
  };
}

function toBlock(part: CallToolResult["content"][number]): TextBlock | ImageBlock {
  switch (part.type) {
    case "text":
      return { type: "text", text: part.text };
    case "image":
      return {
        type: "image",
        source: { kind: "base64", mediaType: part.mimeType, data: part.data },
      };
    case "audio":
      return { type: "text", text: `[audio, ${part.mimeType}]` };
    case "resource":
      return {
        type: "text",
        text: "text" in part.resource
          ? part.resource.text
          : `[${part.resource.uri}, ${part.resource.mimeType ?? "binary"}]`,
      };
    case "resource_link":
      return { type: "text", text: `[${part.name}: ${part.uri}]` };
  }
}

/** The first text of the input, which most often says what it is about. */
function shortInput(input: unknown): string {
  if (!isJsonObject(input)) return "";
  const text = Object.values(input).find((value) => typeof value === "string");
  return text ?? "";
}
