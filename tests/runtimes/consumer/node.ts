import { report } from "./program.ts";

console.log(JSON.stringify(await report()));
