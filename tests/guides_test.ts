// What the vendors' guides promise their readers, statement by statement, as commands of this program.
// Each row runs the command and looks at what its user would see. Pickers are in
// cli/interactive_test.ts, and what needs sockets in cli/xai_login_test.ts.

import { MINIMAX_GUIDE } from "./guides/minimax.ts";
import { XAI_GUIDE } from "./guides/xai.ts";
import { TestMachine } from "./support/platform.ts";

for (const [guide, rows] of [["MiniMax", MINIMAX_GUIDE], ["xAI", XAI_GUIDE]] as const) {
  for (const { name, run, setUp } of rows) {
    Deno.test(`${guide} guide: ${name}`, () => run(new TestMachine(setUp)));
  }
}
