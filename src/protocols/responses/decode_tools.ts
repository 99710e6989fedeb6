/**
 * The tools that a client offers, and its choice among them.
 *
 * @module
 */

import { isJsonObject, type JsonObject } from "../../core/http.ts";
import type { FunctionTool, Tool, ToolChoice } from "../event.ts";
import { invalid, optional, readString, restOf } from "./fields.ts";
import { ADDITIONAL_TOOLS, flatName, LOCAL_SHELL, localShellFunction } from "./tool_forms.ts";

/** The tools of a request, and those that its input adds. */
export function decodeTools(body: JsonObject): Tool[] | undefined {
  const { tools, input } = body;
  const declared = Array.isArray(tools)
    ? tools.flatMap((tool, index) => decodeTool(tool, `tools[${index}]`))
    : undefined;
  const added = (Array.isArray(input) ? input : []).flatMap((item, index): Tool[] =>
    isJsonObject(item) && item["type"] === ADDITIONAL_TOOLS && Array.isArray(item["tools"])
      ? item["tools"].flatMap((tool, i) => decodeTool(tool, `input[${index}].tools[${i}]`))
        .flatMap(markAdditional)
      : []
  );
  return added.length === 0 ? declared : [...declared ?? [], ...added];
}

/** Their item is written again as it came, so they must not be written twice. */
function markAdditional(tool: Tool): Tool[] {
  if (tool.type === "opaque") return [];
  const fields = { ...tool.extensions?.fields, [ADDITIONAL_TOOLS]: true };
  return [{ ...tool, extensions: { dialect: "responses", fields } }];
}

function decodeTool(value: unknown, at: string): Tool[] {
  if (!isJsonObject(value)) throw invalid(at, "an object");
  const type = readString(value["type"]) ?? "function";
  switch (type) {
    case "function":
      return [decodeFunction(value, at)];
    case "custom":
      return [decodeCustom(value, at)];
    case "namespace":
      return decodeNamespace(value, at);
    case LOCAL_SHELL:
      return [localShellFunction(value)];
    default:
      return [{ type: "opaque", dialect: "responses", kind: type, value }];
  }
}

function nameOf(value: JsonObject, at: string): string {
  const name = readString(value["name"]);
  if (name === undefined) throw invalid(`${at}.name`, "a string");
  return name;
}

function decodeFunction(value: JsonObject, at: string): FunctionTool {
  const { parameters, strict } = value;
  return {
    type: "function",
    name: nameOf(value, at),
    ...optional("description", readString(value["description"])),
    ...optional("parameters", isJsonObject(parameters) ? parameters : undefined),
    ...optional("strict", typeof strict === "boolean" ? strict : undefined),
    ...optional(
      "extensions",
      restOf(value, ["type", "name", "description", "parameters", "strict"]),
    ),
  };
}

function decodeCustom(value: JsonObject, at: string): FunctionTool {
  const format = isJsonObject(value["format"]) ? value["format"] : {};
  const syntax = readString(format["syntax"]);
  const definition = readString(format["definition"]);
  const grammar = syntax === undefined || definition === undefined
    ? undefined
    : { syntax, definition };
  return {
    type: "function",
    name: nameOf(value, at),
    custom: true,
    ...optional("description", readString(value["description"])),
    ...optional("grammar", grammar),
    ...optional(
      "extensions",
      restOf(value, ["type", "name", "description", ...(grammar ? ["format"] : [])]),
    ),
  };
}

/** The tools of a namespace as functions. One that only this dialect can say has no name to call. */
function decodeNamespace(value: JsonObject, at: string): Tool[] {
  const { tools, ...namespace } = value;
  const name = nameOf(value, at);
  if (!Array.isArray(tools)) throw invalid(`${at}.tools`, "an array");
  return tools.flatMap((tool, index) => decodeTool(tool, `${at}.tools[${index}]`))
    .map((tool): Tool =>
      tool.type === "opaque" ? tool : {
        ...tool,
        name: flatName(name, tool.name),
        extensions: {
          dialect: "responses",
          fields: { ...tool.extensions?.fields, namespace },
        },
      }
    );
}

/** A choice; `undefined` for none. */
export function decodeToolChoice(value: unknown): ToolChoice | undefined {
  if (value === "auto" || value === "required" || value === "none") return { kind: value };
  if (!isJsonObject(value)) return undefined;
  const { type, tools } = value;
  if (type === "allowed_tools" && Array.isArray(tools)) {
    const names = tools.map(namedTool);
    if (names.every((name) => name !== undefined)) {
      return { kind: "allowed", mode: value["mode"] === "required" ? "required" : "auto", names };
    }
  }
  const name = namedTool(value);
  return name === undefined
    ? { kind: "opaque", dialect: "responses", value }
    : { kind: "tool", name };
}

/** The name of the client's own tool that an object refers to. */
function namedTool(value: unknown): string | undefined {
  if (!isJsonObject(value)) return undefined;
  const { type, name, namespace } = value;
  if (type === LOCAL_SHELL) return LOCAL_SHELL;
  if ((type !== "function" && type !== "custom") || typeof name !== "string") return undefined;
  return typeof namespace === "string" ? flatName(namespace, name) : name;
}
