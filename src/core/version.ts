/**
 * The version, as `deno.json` has it. To import that file would put all of it into the Worker.
 *
 * @module
 */

/** The package's version. */
export const VERSION = "0.1.0";
