/**
 * What xAI's API asks beyond its protocol.
 *
 * @module
 */

import type { ApiRules } from "../provider.ts";
import {
  classifyXaiError,
  explainXaiError,
  explainXaiMediaError,
  XAI_RECOVERIES,
} from "./errors.ts";
import { prepareXaiRequest } from "./request.ts";

/** The rules. */
export const XAI_RULES: ApiRules = {
  prepareRequest: prepareXaiRequest,
  classifyError: classifyXaiError,
  explainError: explainXaiError,
  explainMediaError: explainXaiMediaError,
  recoveries: XAI_RECOVERIES,
};
