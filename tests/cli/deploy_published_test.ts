// `grantway gateway deploy --dry-run` of a package that was not checked out: the command line runs from
// a URL, in an empty folder, and bundles the Worker from there. The server does what a registry does
// with a package: names of dependencies become their full specifiers.

import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { denoDir, downloadEnv } from "../support/cli.ts";
import { jsonLines } from "../support/platform.ts";

const ROOT = new URL("../../", import.meta.url);
const IMPORTS: Readonly<Record<string, string>> = config.imports;

function publish(path: string, text: string): string {
  const linked = text.replace(
    /((?:from|import)\s*\(?\s*")([^"./][^"]*)"/g,
    (whole, before: string, name: string) => {
      const found = Object.keys(IMPORTS).find((key) => name === key || name.startsWith(`${key}/`));
      return found === undefined ? whole : `${before}${IMPORTS[found]}${name.slice(found.length)}"`;
    },
  );
  if (!path.endsWith(".tsx")) return linked;
  return `/** @jsxRuntime automatic */\n/** @jsxImportSource ${IMPORTS["hono"]}/jsx */\n${linked}`;
}

const TYPES: Readonly<Record<string, string>> = {
  ts: "text/typescript",
  tsx: "text/tsx",
  json: "application/json",
};

async function serveFile(request: Request): Promise<Response> {
  const path = new URL(request.url).pathname.slice(1);
  const isPublished = config.publish.include.some((name) =>
    path === name || path.startsWith(`${name}/`)
  );
  const type = TYPES[path.split(".").at(-1)!];
  if (!isPublished || type === undefined) return new Response(null, { status: 404 });
  try {
    const text = await Deno.readTextFile(new URL(path, ROOT));
    return new Response(publish(path, text), { headers: { "content-type": type } });
  } catch {
    return new Response(null, { status: 404 });
  }
}

Deno.test("gateway deploy --dry-run bundles a package that came from a URL", async () => {
  const user = await Deno.makeTempDir({ prefix: "grantway-published-" });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, serveFile);
  const host = `127.0.0.1:${server.addr.port}`;
  const permissions = config.tasks.cli.split(" ").filter((word) => word.startsWith("--allow-"));
  try {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-config",
        "--no-lock",
        "--no-check",
        `--allow-import=${host}`,
        ...permissions,
        `http://${host}/src/cli.ts`,
        ..."gateway deploy --dry-run --json".split(" "),
      ],
      cwd: user,
      clearEnv: true,
      env: {
        ...downloadEnv(),
        PATH: Deno.env.get("PATH") ?? "",
        HOME: user,
        DENO_DIR: await denoDir(),
        DENO_NO_UPDATE_CHECK: "1",
      },
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    const [{ bundle, folder }] = jsonLines(text.decode(stdout));
    assert(bundle.bytes > 100_000, JSON.stringify(bundle));
    const modules = Array.from(Deno.readDirSync(folder), ({ name }) => `${folder}/${name}`)
      .filter((path) => path.endsWith(".js"));
    assert(modules.includes(`${folder}/worker.js`));
    const sizes = modules.map((path) => Deno.statSync(path).size);
    assertEquals(sizes.reduce((sum, size) => sum + size), bundle.bytes);
  } finally {
    await server.shutdown();
    await Deno.remove(user, { recursive: true });
    // What came from this port is of use to nobody.
    const cached = `${await denoDir()}/remote/http/127.0.0.1_PORT${server.addr.port}`;
    await Deno.remove(cached, { recursive: true });
  }
});
