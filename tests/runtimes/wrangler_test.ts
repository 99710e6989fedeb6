import { assert, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";

Deno.test("wrangler accepts wrangler.toml and builds the Worker", async () => {
  const outdir = await Deno.makeTempDir();
  try {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "worker:deploy", "--dry-run", `--outdir=${outdir}`],
      cwd: new URL("../../", import.meta.url),
      env: {
        NO_COLOR: "1",
        // Its [build] command runs `deno` in a shell.
        PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`,
      },
      stdin: "null",
    }).output();
    const output = new TextDecoder().decode(stdout);
    assert(success, output + new TextDecoder().decode(stderr));
    for (const name of ["env.KV", "env.CREDENTIALS", "env.USAGE"]) {
      assertStringIncludes(output, name);
    }
    const { size } = await Deno.stat(`${outdir}/worker.js`);
    assert(size > 0);
    // What is loaded lazily is uploaded, too.
    const names = Array.from(Deno.readDirSync(outdir), ({ name }) => name);
    assert(names.some((name) => name.startsWith("admin-")), names.join(", "));
  } finally {
    await Deno.remove(outdir, { recursive: true });
  }
});
