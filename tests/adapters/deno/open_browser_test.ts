// L12: an opener that is missing, fails, prints or hangs; X10: what is opened goes there as one argument.

import { assertEquals } from "@std/assert";

const MODULE = new URL("../../../src/adapters/deno/open_browser.ts", import.meta.url).href;
const URL_WITH_TRICKS = "https://acme.example/a?x=1&calc=$(id)%20`ls`#-flag";

const OPENERS: { name: string; script?: string; opens: boolean }[] = [
  { name: "is missing", opens: false },
  { name: "fails", script: "exit 1", opens: false },
  { name: "prints", script: "echo to stdout; echo to stderr >&2", opens: true },
  { name: "hangs", script: "exec sleep 4", opens: true },
];

Deno.test({
  name: "L12: an opener may be missing, fail, print or hang; the program goes on",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "grantway-test-" });
    const open = async (script: string | undefined, path: string) => {
      await Deno.mkdir(path);
      if (script !== undefined) {
        const text = `#!/bin/sh\nprintf '%s\\n' "$#" "$1" >"${path}/seen"\n${script}\n`;
        await Deno.writeTextFile(`${path}/xdg-open`, text, { mode: 0o755 });
      }
      const program = `import { openBrowser } from ${JSON.stringify(MODULE)};
        console.log(await openBrowser(${JSON.stringify(URL_WITH_TRICKS)}));`;
      const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["eval", "--no-config", "--quiet", program],
        clearEnv: true,
        env: {
          PATH: `${path}:/usr/bin:/bin`.slice(0, script === undefined ? path.length : undefined),
        },
      }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    try {
      await Promise.all(OPENERS.map(async ({ name, script, opens }, n) => {
        assertEquals(await open(script, `${folder}/${n}`), `${opens}\n`, name);
        if (script === undefined) return;
        const seen = await Deno.readTextFile(`${folder}/${n}/seen`);
        assertEquals(seen, `1\n${new URL(URL_WITH_TRICKS).href}\n`, name);
      }));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
