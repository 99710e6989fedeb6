/**
 * Every property.
 *
 * @module
 */

import { CALLBACKS } from "./callbacks.ts";
import { LOGIN_ANSWERS } from "./login_answers.ts";
import type { FuzzProperty } from "./property.ts";
import { STORED } from "./stored.ts";
import { UPSTREAM } from "./streams.ts";
import { TERMINAL } from "./terminal.ts";
import { TOKEN_ANSWERS } from "./token_answers.ts";

/** Every property. */
export const PROPERTIES: readonly FuzzProperty[] = [
  ...TOKEN_ANSWERS,
  ...LOGIN_ANSWERS,
  ...STORED,
  ...CALLBACKS,
  ...UPSTREAM,
  ...TERMINAL,
];
