/**
 * Which tools and which `tool_choice` xAI takes.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { SandboxQuirks } from "../quirks.ts";
import { check, NO_TOOLS } from "./errors.ts";
import type { XaiModel } from "./models.ts";
import { checkSchema } from "./schema.ts";

/** A function of the client. */
export interface FunctionTool {
  name: string;
  parameters: JsonObject;
}

/** Tools of a request. */
export interface Tools {
  functions: readonly FunctionTool[];
  /** Types of the tools that run on the server. */
  hosted: ReadonlySet<string>;
}

/** Which tool the model may or must call. */
export interface ToolChoice {
  mode: "none" | "auto" | "required";
  /** Functions it may call; `undefined`: all. */
  names: readonly string[] | undefined;
}

const MOST_TOOLS = 128;
const TOOL_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** A function so named collides with a tool of the server. */
const RESERVED = ["web_search", "x_search", "tool_search"];
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const FUNCTION_FIELDS = ["type", "name", "description", "parameters", "strict"];

/** Name of a hosted tool -> its own name; some have two. */
const HOSTED: ReadonlyMap<string, string> = new Map([
  ["web_search", "web_search"],
  ["x_search", "x_search"],
  ["code_interpreter", "code_interpreter"],
  ["code_execution", "code_interpreter"],
  ["file_search", "file_search"],
  ["collections_search", "file_search"],
  ["mcp", "mcp"],
  ["image_generation", "image_generation"],
]);

/** Reads `tools`. */
export function readTools(value: unknown, model: XaiModel, quirks: SandboxQuirks): Tools {
  const functions: FunctionTool[] = [];
  const hosted = new Set<string>();
  if (value !== undefined && value !== null) {
    check(Array.isArray(value), "tools must be an array");
    check(value.length <= MOST_TOOLS, `At most ${MOST_TOOLS} tools are allowed`);
    for (const tool of value) {
      check(isJsonObject(tool), "A tool must be an object");
      if (tool["type"] === "function") functions.push(readFunction(tool, quirks));
      else hosted.add(readHosted(tool, model));
    }
  }
  const names = functions.map(({ name }) => name);
  check(new Set(names).size === names.length, "Tool names must be unique");
  check(
    functions.length === 0 || model.takesFunctions,
    `Client side tools are not supported on this model: ${model.id}`,
  );
  return { functions, hosted };
}

function readFunction(tool: JsonObject, quirks: SandboxQuirks): FunctionTool {
  const { name, description, parameters } = tool;
  check(typeof name === "string" && TOOL_NAME.test(name), "A function needs a valid name");
  check(!RESERVED.includes(name), `The function name ${name} is reserved`);
  check(
    description === undefined || typeof description === "string",
    "description must be a string",
  );
  if (quirks.unknownFields === "refuse") {
    const unknown = Object.keys(tool).find((field) => !FUNCTION_FIELDS.includes(field));
    check(unknown === undefined, `unknown field \`${unknown}\` of a function`);
  }
  checkSchema(parameters, quirks);
  return { name, parameters };
}

function readHosted(tool: JsonObject, model: XaiModel): string {
  const type = HOSTED.get(tool["type"] as string);
  check(type !== undefined, `unknown variant \`${String(tool["type"])}\` of tools`);
  switch (type) {
    case "web_search": {
      const filters = isJsonObject(tool["filters"]) ? tool["filters"] : {};
      checkLists(filters, "allowed_domains", "excluded_domains", 5);
      break;
    }
    case "x_search":
      checkLists(tool, "allowed_x_handles", "excluded_x_handles", 10);
      for (const name of ["from_date", "to_date"]) {
        const date = tool[name];
        check(
          date === undefined || (typeof date === "string" && DATE.test(date)),
          `${name} must be YYYY-MM-DD`,
        );
      }
      break;
    case "file_search": {
      const ids = tool["vector_store_ids"];
      check(
        Array.isArray(ids) && ids.length > 0 && ids.length <= 10,
        "vector_store_ids takes one to ten ids",
      );
      break;
    }
    case "mcp":
      check(
        typeof tool["server_label"] === "string" && typeof tool["server_url"] === "string",
        "An MCP tool needs server_label and server_url",
      );
      break;
    case "image_generation":
      check(model.isNewest, `image_generation is not supported on this model: ${model.id}`);
  }
  return type;
}

/** Two lists that exclude each other, each of at most `most` entries. */
function checkLists(object: JsonObject, one: string, other: string, most: number): void {
  const lists = [object[one], object[other]].filter((list) => list !== undefined && list !== null);
  check(lists.length < 2, `${one} and ${other} exclude each other`);
  check(
    lists.every((list) => Array.isArray(list) && list.length <= most),
    `${one} and ${other} take at most ${most} entries`,
  );
}

/** Reads `tool_choice`. */
export function readToolChoice(value: unknown, { functions, hosted }: Tools): ToolChoice {
  if (value === undefined || value === null) return { mode: "auto", names: undefined };
  check(functions.length + hosted.size > 0, NO_TOOLS);
  if (value === "none" || value === "auto" || value === "required") {
    return { mode: value, names: undefined };
  }
  check(isJsonObject(value), "tool_choice is not valid");
  if (value["type"] === "function") {
    const name = readName(value, functions);
    return { mode: "required", names: [name] };
  }
  check(
    value["type"] === "allowed_tools",
    `unknown variant \`${String(value["type"])}\` of tool_choice`,
  );
  const { mode, tools } = value;
  check(mode === "auto" || mode === "required", "mode of allowed_tools is not valid");
  check(Array.isArray(tools) && tools.length > 0, "allowed_tools names no tools");
  const names: string[] = [];
  for (const tool of tools) {
    check(isJsonObject(tool), "An allowed tool must be an object");
    if (tool["type"] === "function") names.push(readName(tool, functions));
    else {
      const type = HOSTED.get(tool["type"] as string);
      check(type !== undefined && hosted.has(type), "allowed_tools names a tool that is not there");
    }
  }
  return { mode, names };
}

function readName(choice: JsonObject, functions: readonly FunctionTool[]): string {
  const name = choice["name"];
  const tool = functions.find((candidate) => candidate.name === name);
  check(tool !== undefined, "tool_choice names a function that is not there");
  return tool.name;
}
