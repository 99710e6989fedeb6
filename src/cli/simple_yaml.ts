/**
 * Reads the YAML that Grantway itself writes, without a YAML parser: loading one takes a third of the
 * time to the first request of a chat.
 *
 * It understands two levels of plain words and URLs, with comments, and nothing else. Whatever is not
 * so simple is left to the parser; where it does answer, the parser says the same. Sections that a
 * plain chat does not read are passed over: they are for the parser, which then reads all of it.
 *
 * @module
 */

const SECTION = /^([A-Za-z_][\w-]*):(?: +#.*| *)$/;
// Starts with a letter, so it is no number; the words for null and booleans are left to the parser.
const ENTRY =
  /^ {2}([A-Za-z_][\w-]*): +(?!(?:null|true|false)(?:\s|$))([A-Za-z](?:[\w./-]|:(?=[\w./-]))*)[ ]*(?: #.*)?$/i;
/** Sections that this leaves out. */
const PASSED_OVER: readonly string[] = ["gateway", "mcp", "tools"];
const INDENTED = /^ +\S/;
const BLANK = /^[ ]*(?:#.*)?$/;

/** The values by dotted key; undefined for what is not so simple. */
export function readSimpleYaml(text: string): Map<string, string> | undefined {
  const values = new Map<string, string>();
  const sections = new Set<string>();
  let section: string | undefined;
  for (const line of text.split("\n")) {
    if (BLANK.test(line)) continue;
    const name = SECTION.exec(line)?.[1];
    if (name !== undefined) {
      if (sections.has(name)) return undefined;
      sections.add(name);
      section = name;
      continue;
    }
    if (section !== undefined && PASSED_OVER.includes(section) && INDENTED.test(line)) continue;
    const entry = ENTRY.exec(line);
    if (!entry || section === undefined) return undefined;
    const key = `${section}.${entry[1]}`;
    if (values.has(key)) return undefined;
    values.set(key, entry[2]!);
  }
  return values;
}

/** Whether a dotted key lies in a section that {@linkcode readSimpleYaml} leaves out. */
export function isPassedOver(key: string): boolean {
  return PASSED_OVER.includes(key.split(".")[0]!);
}
