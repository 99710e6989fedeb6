/**
 * Runs one benchmark by name: `deno task bench startup` runs `scripts/bench/startup.ts`.
 *
 * @module
 */

const [name = "", ...args] = Deno.args;
const folder = new URL("./", import.meta.url);
const names = Array.from(Deno.readDirSync(folder), (entry) => entry.name)
  .filter((file) => file.endsWith(".ts") && file !== "mod.ts")
  .map((file) => file.slice(0, -".ts".length))
  .sort();

if (!names.includes(name)) {
  console.error(`Usage: deno task bench <name>, one of: ${names.join(", ") || "none yet"}`);
  Deno.exit(2);
}
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["run", "--allow-all", new URL(`${name}.ts`, folder).href, ...args],
}).spawn().status;
Deno.exit(code);
