/** HTML in which nothing is forgotten to be escaped: a value is text, unless it was made here. */

export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Value = Html | string | number | undefined | readonly Html[];

/** `html`<p>${name}</p>``: what is put in is escaped; other `html`, lists of it and `undefined` (nothing) are not. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.map((part, index) => part + (index < values.length ? markupOf(values[index]) : "")).join(""));
}

function markupOf(value: Value): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.markup;
  if (typeof value === "object") return value.map(({ markup }) => markup).join("");
  return String(value).replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
