/**
 * What only Deno can do here.
 *
 * @module
 */

export { createLoopbackBinder } from "./loopback_listener.ts";
