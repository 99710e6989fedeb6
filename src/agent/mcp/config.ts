/**
 * Which MCP servers a chat has, as `mcp.servers` of the configuration says.
 *
 * ```yaml
 * mcp:
 *   servers:
 *     files: { command: npx, args: [-y, some-server, .], env: { TOKEN: "${TOKEN}" } }
 *     issues: { url: "https://mcp.example.com/mcp", headers: { authorization: "Bearer ${TOKEN}" } }
 * ```
 *
 * @module
 */

import { readSwitch } from "../toolsets.ts";
import { isJsonObject } from "../../core/http.ts";

/** One server. */
export interface McpServer {
  /** Its name, part of the names of its tools. */
  name: string;
  /** False where it is configured but switched off. */
  isEnabled: boolean;
  /** A program that is started, or a URL that is asked. */
  endpoint:
    | { kind: "program"; command: string; args: string[]; env: Record<string, string> }
    | { kind: "url"; url: URL; headers: Record<string, string> };
}

/** What the configuration holds, and what of it cannot be used. */
export interface McpConfig {
  /** Those that can be used. */
  servers: McpServer[];
  /** One sentence for each that cannot. */
  problems: string[];
}

/** The name of a variable in `${NAME}`. */
const VARIABLE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/**
 * Reads the section `mcp`. A server that is wrong does not hinder the others.
 *
 * @param variable What stands for `${NAME}` in `env`, `headers`, `args` and `url`.
 */
export async function parseMcpConfig(
  section: unknown,
  variable: (name: string) => Promise<string | undefined>,
): Promise<McpConfig> {
  const config: McpConfig = { servers: [], problems: [] };
  if (section === undefined || section === null) return config;
  const servers = isJsonObject(section) ? section["servers"] ?? {} : undefined;
  if (!isJsonObject(servers)) {
    config.problems.push("mcp.servers is not a mapping of names to servers");
    return config;
  }
  for (const [name, value] of Object.entries(servers)) {
    try {
      config.servers.push(await parseServer(name, value, variable));
    } catch (error) {
      config.problems.push(`mcp.servers.${name}: ${(error as Error).message}`);
    }
  }
  return config;
}

async function parseServer(
  name: string,
  value: unknown,
  variable: (name: string) => Promise<string | undefined>,
): Promise<McpServer> {
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(name)) {
    throw new Error("the name may have letters, digits, - and _");
  }
  if (!isJsonObject(value)) throw new Error("it is not a mapping");
  const { command, url } = value;
  const enabled = readSwitch(value["enabled"] ?? true);
  if (enabled === undefined) throw new Error("enabled must be true or false");
  const fill = async (text: string): Promise<string> => {
    let filled = text;
    for (const [mark, wanted] of text.matchAll(VARIABLE)) {
      const found = await variable(wanted!);
      // A server that is switched off needs nothing.
      if (found === undefined && enabled) throw new Error(`${wanted} is not set`);
      filled = filled.replace(mark, () => found ?? "");
    }
    return filled;
  };
  const texts = async (field: string): Promise<Record<string, string>> => {
    const map = value[field] ?? {};
    if (!isJsonObject(map)) throw new Error(`${field} is not a mapping`);
    const filled: Record<string, string> = {};
    for (const [key, text] of Object.entries(map)) {
      if (typeof text === "object") throw new Error(`${field}.${key} is not a single value`);
      filled[key] = await fill(String(text));
    }
    return filled;
  };
  if (typeof command === "string" && command !== "" && url === undefined) {
    const { args = [] } = value;
    if (!Array.isArray(args) || args.some((arg) => typeof arg === "object")) {
      throw new Error("args is not a list of words");
    }
    return {
      name,
      isEnabled: enabled,
      endpoint: {
        kind: "program",
        command,
        args: await Promise.all(args.map((arg) => fill(String(arg)))),
        env: await texts("env"),
      },
    };
  }
  if (typeof url === "string" && command === undefined) {
    const target = await fill(url);
    const parsed = URL.canParse(target) ? new URL(target) : undefined;
    if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
      throw new Error("url is no http or https URL");
    }
    return {
      name,
      isEnabled: enabled,
      endpoint: { kind: "url", url: parsed, headers: await texts("headers") },
    };
  }
  throw new Error("it needs either command or url");
}
