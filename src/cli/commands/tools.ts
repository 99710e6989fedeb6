/**
 * `grantway tools`: what a chat's model may use, and who runs it.
 *
 * @module
 */

import type { Command } from "commander";
import { type McpServer, parseMcpConfig } from "../../agent/mcp/config.ts";
import { readToolsets, type Toolset, TOOLSETS } from "../../agent/toolsets.ts";
import { loginCommand } from "../accounts.ts";
import {
  type Access,
  accessText,
  apiKeyProvider,
  findAccess,
  signInProvider,
} from "../chat/tool_backends.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../exit_code.ts";
import { nearest } from "../nearest.ts";

const ACTIONS = ["list", "enable", "disable"];
/** Lets an API key make media; what stands for it in the picker is this setting. */
const ALLOW_API_KEY = "media.allow_api_key";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("[action]", `${ACTIONS.join(", ")}; without one, a picker`)
    .argument("[tools...]", "tools, or MCP servers as mcp:name")
    .addHelpText(
      "after",
      `
In the picker the space bar switches a tool. Tools:
${TOOLSETS.map(({ id, summary }) => `  ${id.padEnd(14)} ${summary}`).join("\n")}

Examples:
  grantway tools
  grantway tools enable video_gen
  grantway tools list --json`,
    );
}

/** A row of the list. */
interface Row {
  toolset: Toolset;
  isOn: boolean;
  access: Access | undefined;
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const [action, ...names] = command.args;
  if (action === undefined) {
    if (!context.interactive && !context.output.options.json) {
      throw new UsageError("The picker needs a terminal", "Run: grantway tools enable <tool>");
    }
    return context.output.options.json ? await list(context) : await pickTools(context);
  }
  if (!ACTIONS.includes(action)) {
    const near = nearest(action, ACTIONS);
    throw new UsageError(
      `Unknown action "${action}"`,
      near === undefined ? "See: grantway tools --help" : `Did you mean: grantway tools ${near}`,
    );
  }
  if (action === "list") {
    if (names.length > 0) throw new UsageError("tools list takes no names");
    return await list(context);
  }
  if (names.length === 0) {
    throw new UsageError(`Name what to ${action}`, "See: grantway tools list");
  }
  await change(context, names, action === "enable");
}

async function readRows(context: Context): Promise<Row[]> {
  const config = await context.config();
  const isOn = readToolsets(await config.section("tools"));
  const found = new Map<string, Access | undefined>();
  const rows: Row[] = [];
  for (const toolset of TOOLSETS as readonly (Toolset & (typeof TOOLSETS)[number])[]) {
    const need = toolset.backend?.needs;
    if (need !== undefined && !found.has(need)) found.set(need, await findAccess(context, need));
    rows.push({
      toolset,
      isOn: isOn.get(toolset.id) ?? toolset.isDefault,
      access: need === undefined ? undefined : found.get(need),
    });
  }
  return rows;
}

async function readServers(context: Context): Promise<McpServer[]> {
  const section = await (await context.config()).section("mcp");
  const { servers, problems } = await parseMcpConfig(
    section,
    (name) => context.variable(name),
  );
  for (const problem of problems) context.output.warn(problem);
  return servers;
}

async function list(context: Context): Promise<void> {
  const { output } = context;
  const rows = await readRows(context);
  const servers = await readServers(context);
  output.json({
    type: "tools",
    tools: rows.map(({ toolset: { id, name, backend }, isOn, access }) => ({
      id,
      name,
      enabled: isOn,
      backend: backend?.name ?? null,
      access: access?.kind ?? null,
      provider: access?.provider.id ?? null,
    })),
    mcp: servers.map(({ name, isEnabled, endpoint }) => ({
      name,
      enabled: isEnabled,
      kind: endpoint.kind,
    })),
  });
  const mark = (isOn: boolean) => isOn ? output.paint("green", "on ") : output.paint("dim", "off");
  for (const { toolset: { id, summary, backend }, isOn, access } of rows) {
    const by = backend === undefined ? "" : `, ${backend.name} (${accessText(access)})`;
    output.line(`${mark(isOn)}  ${id.padEnd(14)} ${output.paint("dim", `${summary}${by}`)}`);
  }
  for (const { name, isEnabled, endpoint } of servers) {
    const what = endpoint.kind === "url" ? endpoint.url.host : endpoint.command;
    output.line(`${mark(isEnabled)}  ${`mcp:${name}`.padEnd(14)} ${output.paint("dim", what)}`);
  }
}

async function change(context: Context, names: readonly string[], isOn: boolean): Promise<void> {
  const servers = names.some((name) => name.startsWith("mcp:")) ? await readServers(context) : [];
  const known = [...TOOLSETS.map(({ id }) => id), ...servers.map(({ name }) => `mcp:${name}`)];
  const changes: Record<string, string> = {};
  for (const name of names) {
    if (!known.includes(name)) {
      const near = nearest(name, known);
      throw new UsageError(
        `Unknown tool "${name}"`,
        near === undefined ? `Tools: ${known.join(", ")}` : `Did you mean: ${near}`,
      );
    }
    const key = name.startsWith("mcp:") ? `mcp.servers.${name.slice(4)}.enabled` : `tools.${name}`;
    changes[key] = isOn ? "on" : "off";
  }
  await (await context.config()).change(changes);
  const { output } = context;
  output.json({ type: "tools_changed", tools: names, enabled: isOn });
  output.line(`${isOn ? "Enabled" : "Disabled"} ${names.join(", ")}`);
  if (!isOn) return;
  for (const { toolset, access } of await readRows(context)) {
    if (!names.includes(toolset.id) || toolset.backend === undefined || access) continue;
    const provider = signInProvider(toolset.backend.needs);
    if (provider === undefined) continue;
    output.note(`${toolset.name} needs a login: ${loginCommand(context, provider)}`);
  }
}

/** Switches tools, and sees that those that are on have somebody to run them. */
async function pickTools(context: Context): Promise<void> {
  const { output } = context;
  const { pickMany } = await import("../prompts.ts");
  const rows = await readRows(context);
  const chosen = await pickMany(
    "Tools",
    rows.map(({ toolset: { id, name, summary, backend } }) => ({
      value: id,
      label: name,
      hint: backend === undefined ? summary : `${summary}, ${backend.name}`,
    })),
    rows.filter(({ isOn }) => isOn).map(({ toolset }) => toolset.id),
  );
  const config = await context.config();
  await config.change(Object.fromEntries(
    rows.filter(({ toolset, isOn }) => chosen.includes(toolset.id) !== isOn)
      .map(({ toolset, isOn }) => [`tools.${toolset.id}`, isOn ? "off" : "on"]),
  ));
  const backed = rows.filter(({ toolset }) =>
    toolset.backend !== undefined && chosen.includes(toolset.id)
  );
  const missing = backed.filter(({ access }) => access === undefined);
  if (missing.length > 0) await offerAccess(context, missing.map(({ toolset }) => toolset));
  for (const { toolset } of backed) {
    const { name, needs } = toolset.backend!;
    const access = await findAccess(context, needs);
    if (access?.kind === "api_key" && needs === "media") {
      // Chosen here, it is what the configuration says.
      await config.change({ [ALLOW_API_KEY]: "true" });
    }
    output.note(`${toolset.name} → ${name} (${accessText(access)})`);
  }
}

/** What to do about tools that nobody can run yet: sign in, give a key, or leave it. */
async function offerAccess(context: Context, toolsets: readonly Toolset[]): Promise<void> {
  const { needs } = toolsets[0]!.backend!;
  const [login, key] = [signInProvider(needs), apiKeyProvider(needs)];
  const { pick } = await import("../prompts.ts");
  const answer = await pick(
    `${toolsets.map(({ name }) => name).join(", ")}: nobody runs them yet`,
    [
      ...(login === undefined ? [] : [{ value: "login", label: `Sign in: ${login.name}` }]),
      ...(key === undefined ? [] : [{ value: "key", label: `Paste an API key of ${key.name}` }]),
      { value: "skip", label: "Skip" },
    ],
  );
  if (answer === "login") {
    const { signIn } = await import("../sign_in.ts");
    await signIn(context, login!, { region: login!.regions[0]!.id });
  } else if (answer === "key") {
    const { addApiKey } = await import("../api_key.ts");
    await addApiKey(context, key!, {});
  }
}
