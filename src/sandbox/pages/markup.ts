/**
 * HTML in which every value is escaped unless it is markup itself.
 *
 * @module
 */

/** A piece of HTML that is safe to be put into a page. */
export class Markup {
  readonly html: string;

  constructor(html: string) {
    this.html = html;
  }
}

export type Part = string | Markup | readonly Part[] | undefined;

/** The tag of a template that is HTML: `undefined` leaves nothing behind, lists are put one after the other. */
export function markup(literals: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return new Markup(literals.map((literal, index) => literal + htmlOf(parts[index])).join(""));
}

function htmlOf(part: Part): string {
  if (part === undefined) return "";
  if (part instanceof Markup) return part.html;
  return typeof part === "string" ? escaped(part) : part.map(htmlOf).join("");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, character => ESCAPES[character] ?? character);
}

/** A name, which is Japanese on a page in any language. */
export function proper(name: string): Markup {
  return markup`<span lang="ja">${name}</span>`;
}

/** What must not be broken at the end of a line, such as a date. */
export function whole(words: string): Markup {
  return markup`<span class="whole">${words}</span>`;
}

/** A host, as it is in the address bar. */
export function host(site: string): Markup {
  return markup`<span class="host" lang="en" dir="ltr">${site}</span>`;
}
