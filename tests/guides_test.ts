// What the vendors' guides promise their readers, statement by statement, as commands of this program.
// Each row runs the command and looks at what its user would see. Pickers are in
// cli/interactive_test.ts and cli/tools_test.ts, and what needs sockets in cli/xai_login_test.ts.

import { MINIMAX_GUIDE } from "./guides/minimax.ts";
import { MINIMAX_USE } from "./guides/minimax_use.ts";
import { XAI_GUIDE } from "./guides/xai.ts";
import { XAI_USE } from "./guides/xai_use.ts";
import { TestMachine } from "./support/platform.ts";

const GUIDES = [
  ["MiniMax", [...MINIMAX_GUIDE, ...MINIMAX_USE]],
  ["xAI", [...XAI_GUIDE, ...XAI_USE]],
] as const;

for (const [guide, rows] of GUIDES) {
  for (const { name, run, setUp } of rows) {
    Deno.test(`${guide} guide: ${name}`, () => run(new TestMachine(setUp)));
  }
}
