/**
 * `grantway sessions show`: what was said in a conversation.
 *
 * @module
 */

import type { Command } from "commander";
import type { Message } from "../../protocols/event.ts";
import { openHistory } from "../chat/history.ts";
import { printable } from "../chat_session.ts";
import type { Invocation } from "../command.ts";
import type { Context } from "../context.ts";

/** Arguments and options. */
export function define(command: Command): void {
  command
    .argument("<id>", "the conversation, or the end of its id")
    .addHelpText(
      "after",
      `
Prints Markdown; with --json every turn as it is kept.

Example:
  grantway sessions show x7k2m > talk.md`,
    );
}

/** Runs it. */
export async function run(context: Context, command: Invocation): Promise<void> {
  const { output, platform } = context;
  const store = await openHistory(context);
  const { head, title, messages } = await store.read(await store.find(command.args[0]!));
  const { id, provider, model, folder, createdAt } = head;
  const began = new Date(createdAt).toISOString();
  output.json({
    type: "session",
    id,
    title: title ?? null,
    provider,
    model,
    folder,
    createdAt: began,
    messages,
  });
  const shown = platform.stdout.isTerminal ? printable : (text: string) => text;
  output.line(`# ${shown(title ?? (head.preview || id))}\n`);
  output.line(`${id}, ${model}, ${shown(folder)}, ${began}`);
  for (const message of messages) {
    const text = shown(asMarkdown(message));
    if (text !== "") output.line(`\n${text}`);
  }
}

function asMarkdown({ role, content }: Message): string {
  const parts = content.flatMap((block) => {
    switch (block.type) {
      case "text":
      case "refusal":
        return [block.text.trim()];
      case "tool_use":
        return [`\`${block.name}\` ${block.arguments}`];
      case "tool_result": {
        const text = block.content.map((part) => part.type === "text" ? part.text : part.type);
        return [`\`\`\`\n${text.join("\n").trim()}\n\`\`\``];
      }
      case "image":
      case "document":
        return [`[${block.type}]`];
      default:
        return [];
    }
  }).filter((text) => text !== "");
  if (parts.length === 0) return "";
  const isQuestion = role === "user" && content.some(({ type }) => type === "text");
  return (isQuestion ? `## ${role}\n\n` : "") + parts.join("\n\n");
}
