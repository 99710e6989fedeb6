/**
 * The tools of a chat: those of the toolsets that are on, and of MCP servers.
 *
 * @module
 */

import type { AgentTool } from "../../agent/tool.ts";
import { readToolsets, type ToolsetId } from "../../agent/toolsets.ts";
import { seesImages, type Target } from "../../agent/target.ts";
import type { FileAccess } from "../../agent/tools/access.ts";
import type { createMediaTools } from "../../agent/tools/media.ts";
import type { Credential } from "../../credentials/credential.ts";
import type { OpaqueTool } from "../../protocols/event.ts";
import type { ModelCatalog } from "../../providers/model_catalog.ts";
import { type Provider, PROVIDERS } from "../../providers/mod.ts";
import { rootHome } from "../home.ts";
import { findAccess } from "./tool_backends.ts";
import type { ChatSession } from "../chat_session.ts";
import type { Context } from "../context.ts";

/** What a model is offered. */
export interface Offer {
  /** Tools that run here. */
  tools: readonly AgentTool[];
  /** Tools that upstream runs. */
  serverTools: readonly OpaqueTool[];
}

/** The tools of a chat. */
export interface Toolbox {
  /** Whether each toolset is on; to be changed at will. */
  isOn: Map<ToolsetId, boolean>;
  /** What is known of models. */
  catalog: ModelCatalog;
  /** What the session's model is offered now. */
  offer(): Offer;
  /** The model that looks at images where the session's cannot; undefined where none can. */
  viewer(): Target | undefined;
}

/** How long an MCP server may take to answer at first, ms: some are downloaded when they start. */
const MCP_TIMEOUT_MS = 30_000;

/** Variables that no program gets: this program's settings and keys. */
function isSecret(name: string): boolean {
  return /^GRANTWAY_/.test(name) ||
    PROVIDERS.some(({ apiKey }) => apiKey?.variables.includes(name));
}

/** The model of a session. */
export function targetOf(
  { provider, model, transport }: ChatSession,
  catalog: ModelCatalog,
): Target {
  return { transport, model, info: catalog.find(provider, model) };
}

/** The auxiliary model of a session: for titles, summaries and delegated tasks. */
export function auxiliaryOf({ provider, transport }: ChatSession, catalog: ModelCatalog): Target {
  const model = provider.auxiliaryModel;
  return { transport, model, info: catalog.find(provider, model) };
}

/** Models that see images, one of each family: `xai-oauth/grok-4.3`. */
export function modelsThatSee(catalog: ModelCatalog): string[] {
  const names = new Map<string, string>();
  for (const provider of PROVIDERS) {
    const model = catalog.list(provider).find(({ input }) => input.includes("image"));
    if (model === undefined || names.has(provider.family)) continue;
    names.set(provider.family, `${provider.id}/${model.id}`);
  }
  return [...names.values()];
}

/**
 * Loads what is known of models, and the modules of the tools; those for MCP servers only where there
 * are any.
 */
// deno-lint-ignore explicit-function-return-type -- its type is that of the modules
export async function loadTools(context: Context) {
  const mcp = await (await context.config()).section("mcp");
  const [{ catalog }, files, find, shell, delegate, vision, search] = await Promise.all([
    context.models().then((models) => models.load()),
    import("../../agent/tools/read_file.ts"),
    import("../../agent/tools/find_files.ts"),
    import("../../agent/tools/shell.ts"),
    import("../../agent/tools/delegate.ts"),
    import("../../agent/tools/view_image.ts"),
    import("../../agent/tools/search.ts"),
    import("../../agent/tools/media.ts"),
    import("../../agent/title.ts"),
    import("./studio.ts"),
    mcp === undefined ? undefined : Promise.all([
      import("../../agent/mcp/client.ts"),
      import("../../agent/mcp/config.ts"),
      import("../../agent/mcp/servers.ts"),
    ]),
  ]);
  return { catalog, files, find, shell, delegate, vision, search };
}

/** Opens the toolbox of a chat; `session` may be another one with every question. */
export async function openToolbox(
  context: Context,
  session: () => ChatSession,
  { hasMcp }: { hasMcp: boolean },
): Promise<Toolbox> {
  const { platform } = context;
  const [config, workspace] = await Promise.all([context.config(), platform.openWorkspace()]);
  const isOn = readToolsets(await config.section("tools"));
  const access = { workspace, hidden: [rootHome(platform)] };
  const { catalog, files, find, shell, delegate, vision, search } = await loadTools(context);
  const mcp = hasMcp && isOn.get("mcp") ? await openMcp(context, await config.section("mcp")) : [];
  const reading = [
    files.createReadFileTool(access),
    find.createListFilesTool(access),
    find.createSearchFilesTool(access),
  ];
  const viewer = () => {
    const { provider, transport } = session();
    // The auxiliary model first; then any that the subscription has.
    const candidates = [provider.auxiliaryModel, ...catalog.list(provider).map(({ id }) => id)]
      .map((model): Target => ({ transport, model, info: catalog.find(provider, model) }));
    return candidates.find((target) => target.info !== undefined && seesImages(target));
  };
  const viewing = vision.createViewImageTool({
    ...access,
    target: () => targetOf(session(), catalog),
    viewer: () => Promise.resolve(viewer()),
  });
  const stored = await context.credentials.list();
  const searchers = new Map<string, AgentTool>();
  for (
    const [kind, what] of [["web_search", "the web"], ["x_search", "posts on X"]] as const
  ) {
    const backend = searchBackend(stored, kind);
    if (backend === undefined) continue;
    const target = async (): Promise<Target> => {
      const { openUpstream } = await import("../upstream.ts");
      const { transport } = await openUpstream(context, backend);
      const model = backend.auxiliaryModel;
      return { transport, model, info: catalog.find(backend, model) };
    };
    searchers.set(kind, search.createSearchTool(kind, what, target));
  }
  const makers = await findAccess(context, "media");
  // A key is spent where the configuration says so, and nowhere else.
  const makesMedia = makers?.kind === "login" ||
    (makers !== undefined && config.get("media.allow_api_key") === "true");
  const media = makesMedia ? await openMedia(context, access) : undefined;
  const making = (["tts", "transcription", "image_gen", "video_gen"] as const)
    .map((id) => ({ id, tool: media?.[id] }));
  const running = shell.createShellTool({ workspace, isSecret, sleep: platform.sleep });
  /** What the present model's own server searches, and what another has to. */
  const searching = () => {
    const { provider } = session();
    const offer = { tools: [] as AgentTool[], serverTools: [] as OpaqueTool[] };
    for (const kind of ["web_search", "x_search"] as const) {
      if (!isOn.get(kind)) continue;
      const tool = searchers.get(kind);
      if (provider.serverTools?.includes(kind)) offer.serverTools.push(search.serverTool(kind));
      else if (tool !== undefined) offer.tools.push(tool);
    }
    return offer;
  };
  const helper = delegate.createDelegateTool({
    target: () => Promise.resolve(auxiliaryOf(session(), catalog)),
    tools: reading,
    serverTools: [],
  });
  return {
    isOn,
    catalog,
    viewer,
    offer: () => {
      const target = targetOf(session(), catalog);
      const { tools: searches, serverTools } = searching();
      const canSee = seesImages(target) || viewer() !== undefined;
      const tools = [
        ...(isOn.get("files") ? reading : []),
        ...(isOn.get("shell") ? [running] : []),
        ...(isOn.get("delegate") ? [helper] : []),
        ...(isOn.get("vision") && canSee ? [viewing] : []),
        ...searches,
        ...making.flatMap(({ id, tool }) => tool !== undefined && isOn.get(id) ? [tool] : []),
        ...(isOn.get("mcp") ? mcp : []),
      ];
      return { tools: target.info?.tools === false ? [] : tools, serverTools };
    },
  };
}

/** The tools that make media. */
async function openMedia(
  context: Context,
  access: FileAccess,
): Promise<ReturnType<typeof createMediaTools>> {
  const [{ createMediaTools }, { openStudio }] = await Promise.all([
    import("../../agent/tools/media.ts"),
    import("./studio.ts"),
  ]);
  return createMediaTools(openStudio(context), access);
}

/** A provider whose server searches, and that the user has signed in to. */
function searchBackend(stored: readonly Credential[], kind: string): Provider | undefined {
  return PROVIDERS.find(({ id, serverTools }) =>
    serverTools?.includes(kind) &&
    stored.some(({ provider, status, source }) =>
      provider === id && status === "active" && source === "login"
    )
  );
}

/** The tools of MCP servers; one that does not come is a warning. */
async function openMcp(context: Context, section: unknown): Promise<AgentTool[]> {
  if (section === undefined) return [];
  const { platform, output } = context;
  const [{ parseMcpConfig }, { connectServers }] = await Promise.all([
    import("../../agent/mcp/config.ts"),
    import("../../agent/mcp/servers.ts"),
  ]);
  const { servers, problems } = await parseMcpConfig(
    section,
    (name) => name.startsWith("GRANTWAY_") ? Promise.resolve(undefined) : context.variable(name),
  );
  for (const problem of problems) output.warn(problem);
  const { tools, close } = await connectServers(servers, {
    workspace: await platform.openWorkspace(),
    isSecret,
    fetch: platform.fetch,
    clientVersion: "1",
    timeoutMs: MCP_TIMEOUT_MS,
    sleep: platform.sleep,
    onWarning: output.warn,
  });
  context.defer(close);
  return tools;
}
