/**
 * Forms of tools that this dialect alone has, as functions and back: tools in a namespace, and the
 * shell on the client's machine.
 *
 * Their own form rides along in the extensions of the function, so that this dialect gets it back and
 * every other one sees a function like any other.
 *
 * @module
 */

import { isJsonObject, type JsonObject, parseJsonObject } from "../../core/http.ts";
import type { FunctionTool, Tool } from "../event.ts";
import { fieldsOf, readString } from "./fields.ts";

/** A tool of the client's own machine; also its name as a function. */
export const LOCAL_SHELL = "local_shell";

/** The item in which a client adds tools in the midst of a conversation. */
export const ADDITIONAL_TOOLS = "additional_tools";

/** The function that stands for the local shell. */
export function localShellFunction(value: JsonObject): FunctionTool {
  return {
    type: "function",
    name: LOCAL_SHELL,
    description: "Runs a command on the user's machine and returns its output.",
    parameters: {
      type: "object",
      properties: {
        command: {
          type: "array",
          items: { type: "string" },
          description: "The program and its arguments.",
        },
        working_directory: { type: "string", description: "Where to run it." },
        timeout_ms: { type: "integer", description: "How long it may take, milliseconds." },
      },
      required: ["command"],
    },
    extensions: { dialect: "responses", fields: value },
  };
}

/** The arguments of the function, from the shell's action. */
export function localShellArguments(action: unknown): string {
  if (!isJsonObject(action)) return "{}";
  const { type: _exec, ...rest } = action;
  return JSON.stringify(rest);
}

/** The shell's action, from the arguments of the function. */
export function localShellAction(text: string): JsonObject {
  return { type: "exec", command: [], env: {}, ...parseJsonObject(text) };
}

/** The name as a function of a tool in a namespace. */
export function flatName(namespace: string, name: string): string {
  return namespace.endsWith("__") ? namespace + name : `${namespace}__${name}`;
}

/** The name inside its namespace of a tool that may have been flattened. */
export function memberName(namespace: string, name: string): string {
  const prefix = flatName(namespace, "");
  return name.startsWith(prefix) ? name.slice(prefix.length) : name;
}

/** The namespace of a function, as it was declared, without its tools. */
export function namespaceOf(tool: Tool): JsonObject | undefined {
  if (tool.type !== "function") return undefined;
  const namespace = fieldsOf(tool.extensions)["namespace"];
  return isJsonObject(namespace) ? namespace : undefined;
}

/** Whether a function stands for the local shell. */
export function isLocalShell(tool: Tool): boolean {
  return tool.type === "function" && fieldsOf(tool.extensions)["type"] === LOCAL_SHELL;
}

/** How a client has declared a tool that has a form of its own. */
export type ToolForm = { kind: "namespace"; namespace: string } | { kind: "local_shell" };

/** The forms of the client's tools, by their names as functions. */
export function toolForms(tools: readonly Tool[]): ReadonlyMap<string, ToolForm> {
  const forms = new Map<string, ToolForm>();
  for (const tool of tools) {
    // Of two tools with one name the first counts.
    if (tool.type !== "function" || forms.has(tool.name)) continue;
    const namespace = readString(namespaceOf(tool)?.["name"]);
    if (namespace !== undefined) forms.set(tool.name, { kind: "namespace", namespace });
    else if (isLocalShell(tool)) forms.set(tool.name, { kind: "local_shell" });
  }
  return forms;
}
