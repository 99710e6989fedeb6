/**
 * What MiniMax's API asks beyond its protocol.
 *
 * @module
 */

import type { ApiRules } from "../provider.ts";
import { classifyMinimaxError, prepareMinimaxRequest } from "./request.ts";

/** The rules. */
export const MINIMAX_RULES: ApiRules = {
  prepareRequest: prepareMinimaxRequest,
  classifyError: classifyMinimaxError,
};
