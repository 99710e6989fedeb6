/**
 * Real coding agents, headless, over the sandbox's subscriptions: each has to run a shell command through
 * a tool and report its output. Once started by `grantway run` over each provider, once set up by
 * `grantway connect --write` for a gateway that is already there, and undone afterwards.
 *
 * ```sh
 * deno task agents
 * deno task agents codex opencode --cache ~/agents
 * ```
 *
 * The agents come from npm with the first run, about 800 MB, into a cache folder of their own.
 *
 * @module
 */

const ROOT = decodeURIComponent(new URL("../", import.meta.url).pathname);
const LIMIT_SECONDS = 120;

/** An agent and how it is asked, headless, with every tool allowed. */
interface Agent {
  /** What `grantway run` calls it. */
  id: string;
  package: string;
  version: string;
  command: string;
  /** The tool that runs a shell command, and its input. */
  call: (command: string) => [tool: string, input: Record<string, string>];
  args: (prompt: string) => string[];
  env: (home: string) => Record<string, string>;
}

const AGENTS: readonly Agent[] = [
  {
    id: "claude-code",
    package: "@anthropic-ai/claude-code",
    version: "2.1.329",
    command: "claude",
    call: (command) => ["Bash", { command }],
    args: (prompt) => ["-p", prompt, "--allowedTools", "Bash"],
    env: (home) => ({
      CLAUDE_CONFIG_DIR: `${home}/claude`,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
    }),
  },
  {
    id: "codex",
    package: "@openai/codex",
    version: "0.169.0",
    command: "codex",
    call: (command) => ["exec_command", { cmd: command }],
    args: (prompt) => [
      "exec",
      "--skip-git-repo-check",
      "--dangerously-bypass-approvals-and-sandbox",
      prompt,
    ],
    env: (home) => ({ CODEX_HOME: `${home}/codex` }),
  },
  {
    id: "opencode",
    package: "opencode-ai",
    version: "1.18.33",
    command: "opencode",
    call: (command) => ["bash", { command, description: "as asked" }],
    // It puts quotes around an argument with spaces, and escapes those inside.
    args: (prompt) => [
      "run",
      prompt.replace(/\{.*\}/, (json) => json.replaceAll(" ", "\\u0020")).replaceAll(" ", "\n"),
    ],
    env: () => ({ OPENCODE_DISABLE_AUTOUPDATE: "1", OPENCODE_DISABLE_MODELS_FETCH: "1" }),
  },
];

const PROVIDERS = [
  { id: "minimax-oauth", model: "minimax-oauth/MiniMax-M2.7" },
  { id: "xai-oauth", model: "xai-oauth/grok-4.3" },
];

const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)) as {
  tasks: Record<string, string>;
};
const PERMISSIONS = tasks["cli"]!.split(" ").filter((word) => word.startsWith("--allow-"));
const GRANTWAY = [
  Deno.execPath(),
  "run",
  "--quiet",
  "--no-check",
  ...PERMISSIONS,
  `${ROOT}src/cli.ts`,
];

interface Output {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end, in a process group that a timeout ends as a whole. */
async function run(command: readonly string[], env: Record<string, string>): Promise<Output> {
  const { code, stdout, stderr } = await new Deno.Command("timeout", {
    args: ["-k", "5", String(LIMIT_SECONDS), ...command],
    env,
    clearEnv: true,
    cwd: env["HOME"]!,
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

async function must(command: readonly string[], env: Record<string, string>): Promise<string> {
  const { code, stdout, stderr } = await run(command, env);
  if (code === 0) return stdout;
  throw new Error(`${command.slice(-4).join(" ")} ended with ${code}: ${stderr.slice(-500)}`);
}

/** Installs what is not in the cache yet; returns the folder of its commands. */
async function install(cache: string, agents: readonly Agent[]): Promise<string> {
  await Deno.mkdir(cache, { recursive: true });
  const missing: string[] = [];
  for (const agent of agents) {
    const manifest = `${cache}/node_modules/${agent.package}/package.json`;
    const installed = await Deno.readTextFile(manifest).then(JSON.parse, () => undefined);
    if (installed?.version !== agent.version) missing.push(`${agent.package}@${agent.version}`);
  }
  if (missing.length > 0) {
    console.error(`Installing ${missing.join(", ")} in ${cache}`);
    const { success } = await new Deno.Command("npm", {
      args: ["install", "--prefix", cache, "--no-audit", "--no-fund", "--silent", ...missing],
      stdin: "null",
    }).spawn().status;
    if (!success) throw new Error("npm could not install them");
  }
  return `${cache}/node_modules/.bin`;
}

/** The prompt, and what only who has run the command can say. */
function task(agent: Agent): { prompt: string; expected: string } {
  const [a, b] = crypto.getRandomValues(new Uint16Array(2));
  const [tool, input] = agent.call(`echo "result $((${a} * ${b} + 1)) end"`);
  return {
    prompt: `Run it and report its output: [tool:${tool} ${JSON.stringify(input)}]`,
    expected: `result ${a! * b! + 1} end`,
  };
}

/** What went wrong, if anything. */
function judge({ code, stdout, stderr }: Output, expected: string): string | undefined {
  if (code === 124 || code === 137) return `not done after ${LIMIT_SECONDS} s`;
  if (code !== 0) return `exit code ${code}: ${`${stdout}\n${stderr}`.trim().slice(-400)}`;
  return stdout.includes(expected)
    ? undefined
    : `it does not report "${expected}": ${stdout.trim().slice(-300)}`;
}

/** Starts the gateway that others use; its origin, and how to stop it. */
async function serve(
  env: Record<string, string>,
): Promise<{ origin: string; stop: () => Promise<void> }> {
  const [command, ...args] = GRANTWAY;
  const gateway = new Deno.Command(command!, {
    args: [...args, "gateway", "serve", "--port", "0", "--sandbox", "--json", "--quiet"],
    env,
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = gateway.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let line = "";
  while (!line.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("The gateway did not start");
    line += value;
  }
  return {
    origin: JSON.parse(line.split("\n")[0]!).origin,
    stop: async () => {
      gateway.kill("SIGTERM");
      await reader.cancel();
      await gateway.status;
    },
  };
}

interface Row {
  agent: string;
  way: string;
  seconds: string;
  problem: string | undefined;
}

async function test(agents: readonly Agent[], bin: string, home: string): Promise<Row[]> {
  const base = {
    PATH: `${bin}:${Deno.env.get("PATH") ?? ""}`,
    HOME: home,
    DENO_DIR: await denoDir(),
    DENO_NO_UPDATE_CHECK: "1",
    GRANTWAY_HOME: `${home}/grantway`,
  };
  for (const { id } of PROVIDERS) {
    await must([...GRANTWAY, "auth", "add", id, "--sandbox", "--quiet"], base);
  }
  const rows: Row[] = [];
  const take = async (agent: Agent, way: string, attempt: () => Promise<string | undefined>) => {
    const startedAt = performance.now();
    const problem = await attempt().catch((error) => String(error?.message ?? error));
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    rows.push({ agent: `${agent.id} ${agent.version}`, way, seconds, problem });
    console.error(`${agent.id}, ${way}: ${problem ?? "ok"}`);
  };
  for (const agent of agents) {
    const env = { ...base, ...agent.env(home) };
    for (const path of Object.values(agent.env(home)).filter((value) => value.startsWith(home))) {
      await Deno.mkdir(path, { recursive: true });
    }
    for (const { id, model } of PROVIDERS) {
      await take(agent, `run, ${id}`, async () => {
        const { prompt, expected } = task(agent);
        const words = ["run", "--sandbox", "--model", model, agent.id, ...agent.args(prompt)];
        return judge(await run([...GRANTWAY, ...words], env), expected);
      });
    }
    if (agent.id === "opencode") continue; // connect only prints its configuration
    await take(agent, "connect --write", async () => {
      const before = await tree(home);
      const gateway = await serve(base);
      try {
        const connect = [...GRANTWAY, "connect", agent.id, "--sandbox", "--yes", "--quiet"];
        await must([...connect, "--write", "--gateway", gateway.origin], env);
        const { prompt, expected } = task(agent);
        const problem = judge(await run([agent.command, ...agent.args(prompt)], env), expected);
        await must([...connect, "--undo"], env);
        const left = (await tree(home)).filter((path) => !before.includes(path))
          .filter((path) => /\/(settings\.json|config\.toml)$/.test(path));
        return problem ?? (left.length === 0 ? undefined : `left behind: ${left.join(", ")}`);
      } finally {
        await gateway.stop();
      }
    });
  }
  return rows;
}

/** Deno's cache, which must not follow HOME. */
async function denoDir(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

async function tree(folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    paths.push(`${folder}/${name}`);
    if (isDirectory) paths.push(...await tree(`${folder}/${name}`));
  }
  return paths;
}

const words = [...Deno.args];
const at = words.indexOf("--cache");
const [, given] = at === -1 ? [] : words.splice(at, 2);
const cache = given ??
  `${Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME")}/.cache`}/grantway-agents`;
const unknown = words.filter((word) => !AGENTS.some(({ id }) => id === word));
if (unknown.length > 0 || at !== -1 && given === undefined) {
  const ids = AGENTS.map(({ id }) => id).join(" ");
  console.error(`Usage: deno task agents [--cache FOLDER] [${ids}]`);
  Deno.exit(2);
}
const chosen = words.length > 0 ? words : ["claude-code", "codex"];
const agents = AGENTS.filter(({ id }) => chosen.includes(id));
// Codex takes no folder below the system's temporary one for its home.
await Deno.mkdir(cache, { recursive: true });
const home = await Deno.makeTempDir({ dir: cache, prefix: "home-" });
let rows: Row[];
try {
  rows = await test(agents, await install(cache, agents), home);
} finally {
  await Deno.remove(home, { recursive: true });
}
const width = (key: "agent" | "way") => Math.max(...rows.map((row) => row[key].length));
for (const row of rows) {
  const cells = [row.agent.padEnd(width("agent")), row.way.padEnd(width("way"))];
  console.log(`${cells.join("  ")}  ${row.seconds.padStart(6)} s  ${row.problem ?? "ok"}`);
}
Deno.exit(rows.every(({ problem }) => problem === undefined) ? 0 : 1);
