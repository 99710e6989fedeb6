import { report } from "./program.ts";

export default { fetch: async (): Promise<Response> => Response.json(await report()) };
