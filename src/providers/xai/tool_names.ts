/**
 * Names of tools that xAI has given to its own.
 *
 * @module
 */

/**
 * Tools that the API has itself. A function of the same name was seen to be refused, or to lead to
 * turns that never end.
 */
export const NATIVE_TOOLS: readonly string[] = [
  "web_search",
  "x_search",
  "tool_search",
  "code_interpreter",
  "code_execution",
  "file_search",
  "collections_search",
  "image_generation",
  "mcp",
];
