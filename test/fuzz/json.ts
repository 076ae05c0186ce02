/** JSON that nobody should send: the text of valid documents, changed. */
import fc from "fast-check";

const DEEP = 3_000;

/** Values as JSON text, some of which no JSON library would write. */
const VALUES = [
  "null",
  "true",
  "false",
  "0",
  "-0",
  "-1",
  "0.1",
  "1e3",
  "1e308",
  "1e400",
  "-1e400",
  "9007199254740991",
  "9007199254740993",
  "123456789012345678901234567890",
  "NaN",
  "Infinity",
  "undefined",
  '""',
  '"0"',
  '"-0"',
  '"1980"',
  '"+1"',
  '"1.0"',
  '"9007199254740993"',
  '"１９８０"',
  '"NaN"',
  '"\\u0000"',
  '"\\ud800"',
  '"a\\r\\nb: c"',
  '"ﾎﾝ 髙﨑 👍"',
  '"__proto__"',
  '"javascript:alert(1)"',
  '"http://auth.bank.example/"',
  '"https://attacker.example/"',
  '"https://user:password@attacker.example:99999/"',
  "[]",
  "{}",
  "[[]]",
  "[null]",
  '[{"__proto__":null}]',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":1,"valueOf":1,"then":1,"toJSON":1}',
  '{"length":1e9}',
] as const;

const NAMES = ["__proto__", "constructor", "prototype", "toString", "then", "length", "", "0", "error"];

/** Any JSON value, as text. */
const value: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom<string>(...VALUES) },
  { weight: 3, arbitrary: fc.json({ maxDepth: 2 }) },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 40 }).map(text => JSON.stringify(text)) },
  { weight: 2, arbitrary: fc.double().map(String) },
  { weight: 2, arbitrary: fc.bigInt().map(String) },
  { weight: 1, arbitrary: fc.constantFrom("[", '{"a":').map(nested) },
);

function nested(opening: string): string {
  return opening.repeat(DEEP) + (opening === "[" ? "]" : "1}").padEnd(DEEP, opening === "[" ? "]" : "}");
}

type Change =
  | { readonly kind: "replace" | "add"; readonly at: number; readonly text: string; readonly name: string }
  | { readonly kind: "delete" | "list" | "twice" | "truncate" | "flip" | "drop"; readonly at: number }
  | { readonly kind: "before" | "after"; readonly text: string };

const at = fc.nat(10_000);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("replace" as const), at, text: value, name: fc.constant("") }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("add" as const), at, text: value, name: fc.constantFrom(...NAMES) }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("delete" as const, "list" as const, "twice" as const, "truncate", "flip", "drop"),
      at,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom("before" as const, "after" as const),
      text: fc.constantFrom("\ufeff", "\ufeff\ufeff", " ", "\u0000", ")]}',\n", "{}", "<!--", "\u2028"),
    }),
  },
);

/** A document with up to three changes, as text; none of them leaves it as it is. */
export function changed(document: unknown): fc.Arbitrary<string> {
  return fc.array(change, { maxLength: 3 }).map(changes => changes.reduce(applyTo, JSON.stringify(document)));
}

/** Whatever a body can be: a changed document, any JSON, a page, or noise. */
export function body(document: unknown): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 10, arbitrary: changed(document) },
    { weight: 1, arbitrary: value },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.constantFrom("", "<html><h1>メンテナンス中</h1>", "null", "error=invalid_grant&a=b") },
  );
}

function applyTo(text: string, one: Change): string {
  switch (one.kind) {
    case "before":
      return one.text + text;
    case "after":
      return text + one.text;
    case "truncate":
      return text.slice(0, one.at % (text.length + 1));
    case "drop": {
      const place = one.at % (text.length + 1);
      return text.slice(0, place) + text.slice(place + 1);
    }
    case "flip": {
      const place = one.at % (text.length + 1);
      const flipped = String.fromCharCode((text.charCodeAt(place) || 0) ^ (1 << (one.at % 7)));
      return text.slice(0, place) + flipped + text.slice(place + 1);
    }
    default:
      return changeMember(text, one);
  }
}

const MARK = "@@here@@";

interface Place {
  readonly holder: Record<string, unknown>;
  readonly name: string;
}

/** Changes one member, wherever it is in the document. Text that is no JSON any more stays as it is. */
function changeMember(text: string, one: Exclude<Change, { readonly kind: "before" | "after" }>): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return text;
  }
  const places = placesOf(document);
  const place = places[one.at % Math.max(places.length, 1)];
  if (place === undefined) return "text" in one ? one.text : text;
  const { holder, name } = place;
  const before = JSON.stringify(holder[name]);
  switch (one.kind) {
    case "delete":
      delete holder[name];
      return JSON.stringify(document);
    case "replace":
      return marked(document, holder, name, one.text);
    case "add":
      // In front of a member, so that the later one wins where both have the same name.
      return marked(document, holder, name, `${before},${JSON.stringify(one.name)}:${one.text}`);
    case "list":
      return marked(document, holder, name, `[${before}]`);
    case "twice":
      return marked(document, holder, name, `${before},${JSON.stringify(name)}:${before}`);
    default:
      return text;
  }
}

function marked(document: unknown, holder: Record<string, unknown>, name: string, replacement: string): string {
  Object.defineProperty(holder, name, { value: MARK, enumerable: true, configurable: true, writable: true });
  return JSON.stringify(document).replace(JSON.stringify(MARK), () => replacement);
}

function placesOf(document: unknown, depth = 0): Place[] {
  if (typeof document !== "object" || document === null || depth > 20) return [];
  const holder = document as Record<string, unknown>;
  return Object.keys(holder).flatMap(name => [{ holder, name }, ...placesOf(holder[name], depth + 1)]);
}
