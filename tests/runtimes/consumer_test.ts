import { assert, assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { bundle } from "../support/bundle.ts";
import { testIf } from "../support/requires.ts";
import { startWorkerd } from "../support/workerd.ts";
import { EXPECTED, report } from "./consumer/program.ts";

/** Entry points for Deno alone. */
const DENO_ENTRY_POINTS = ["./cli", "./adapters/deno"];

Deno.test("the package works by name on Deno", async () => {
  assertEquals(await report(), EXPECTED);
});

testIf("node", "the package works in a bundle on Node", async (node) => {
  const folder = await Deno.makeTempDir({ prefix: "grantway-consumer-" });
  try {
    const modules = await bundle("runtimes/consumer/node.ts");
    for (const [name, code] of modules) await Deno.writeTextFile(`${folder}/${name}`, code);
    await Deno.writeTextFile(`${folder}/package.json`, '{ "type": "module" }');
    const [main] = modules.keys();
    const { stdout, stderr } = await new Deno.Command(node, { args: [`${folder}/${main}`] })
      .output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(JSON.parse(new TextDecoder().decode(stdout)), EXPECTED);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the package works in a bundle on workerd", async () => {
  await using workerd = await startWorkerd(await bundle("runtimes/consumer/worker.ts"));
  const response = await fetch(workerd.origin);
  assertEquals(await response.json(), EXPECTED);
});

Deno.test("the consumer uses every entry point that is not for Deno alone", async () => {
  const source = await Deno.readTextFile(new URL("./consumer/program.ts", import.meta.url));
  for (const path of Object.keys(config.exports)) {
    if (DENO_ENTRY_POINTS.includes(path)) continue;
    const name = `@grantway/grantway${path.slice(1)}`;
    assert(source.includes(`from "${name}"`), `${name} is not imported`);
  }
});

for (const path of DENO_ENTRY_POINTS) {
  Deno.test(`importing @grantway/grantway${path.slice(1)} on Deno starts nothing`, async () => {
    const module = await import(`@grantway/grantway${path.slice(1)}`);
    assertEquals(typeof module, "object");
  });
}
