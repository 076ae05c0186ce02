/**
 * The subject of a certificate, from the way that people write it (RFC 4514) into DER.
 *
 * @module
 */
import * as der from "../../sandbox/tls/der.js";
import { UsageError } from "../usage.js";

interface AttributeType {
  readonly oid: string;
  /** The most characters that RFC 5280 appendix A.1 allows. */
  readonly most: number;
  readonly form: "utf8" | "printable" | "ia5" | "country";
}

/** The names of RFC 4514 section 3, and those that authorities ask companies for. */
const TYPES: Readonly<Record<string, AttributeType>> = {
  CN: { oid: "2.5.4.3", most: 64, form: "utf8" },
  SERIALNUMBER: { oid: "2.5.4.5", most: 64, form: "printable" },
  C: { oid: "2.5.4.6", most: 2, form: "country" },
  L: { oid: "2.5.4.7", most: 128, form: "utf8" },
  ST: { oid: "2.5.4.8", most: 128, form: "utf8" },
  STREET: { oid: "2.5.4.9", most: 128, form: "utf8" },
  O: { oid: "2.5.4.10", most: 64, form: "utf8" },
  OU: { oid: "2.5.4.11", most: 64, form: "utf8" },
  BUSINESSCATEGORY: { oid: "2.5.4.15", most: 128, form: "utf8" },
  ORGANIZATIONIDENTIFIER: { oid: "2.5.4.97", most: 256, form: "utf8" },
  UID: { oid: "0.9.2342.19200300.100.1.1", most: 256, form: "utf8" },
  DC: { oid: "0.9.2342.19200300.100.1.25", most: 63, form: "ia5" },
  EMAILADDRESS: { oid: "1.2.840.113549.1.9.1", most: 255, form: "ia5" },
};

// One `type=value` and what follows it. In a value these stand for themselves only behind a backslash: " + , ; < > \
const ATTRIBUTE =
  /\s*([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*((?:\\[0-9A-Fa-f]{2}|\\[ "#+,;<=>\\]|[^\\"+,;<>\p{Cc}])*)([,+]|$)/uy;
const PIECES = /\\[0-9A-Fa-f]{2}|\\.|[^\\]/gsu;

/**
 * The Name (RFC 5280 section 4.1.2.4) of a subject such as `CN=partner,O=株式会社かもめ,C=JP`. The order is turned round, as
 * RFC 4514 has it: what is written last comes first in the certificate.
 *
 * @throws UsageError that says what is wrong with it.
 */
export function subjectName(text: string): Buffer {
  const relative: Buffer[][] = [[]];
  let follows = ",";
  for (ATTRIBUTE.lastIndex = 0; follows !== ""; ) {
    const from = ATTRIBUTE.lastIndex;
    const [, type = "", value = "", next = ""] = ATTRIBUTE.exec(text) ?? unreadable(text, from);
    relative.at(-1)?.push(attribute(type, value));
    if (next === ",") relative.push([]);
    follows = next;
  }
  // DER has the parts of a set in the order of their bytes (X.690 section 11.6).
  return der.sequence(...relative.reverse().map(parts => der.set(...parts.sort(Buffer.compare))));
}

function attribute(type: string, written: string): Buffer {
  const { oid, most, form } = typeOf(type);
  const value = textOf(type, written);
  if (value === "") throw wrong(`${type} has no value`, `${type} の値がありません`);
  if ([...value].length > most)
    throw wrong(`${type} must have at most ${most} characters`, `${type} は ${most} 文字以内です`);
  return der.sequence(der.oid(oid), encoded(type, value, form));
}

function typeOf(type: string): AttributeType {
  const dotted = /^\d/.test(type);
  const known = dotted ? Object.values(TYPES).find(({ oid }) => oid === type) : TYPES[type.toUpperCase()];
  if (known !== undefined) return known;
  if (dotted && /^([01]\.[123]?\d|2\.[1-4]?\d)(\.(0|[1-9]\d{0,8}))+$/.test(type)) {
    return { oid: type, most: 256, form: "utf8" };
  }
  throw wrong(
    `${type} is none of ${Object.keys(TYPES).join(", ")}, nor an object identifier such as 2.5.4.3`,
    `${type} は ${Object.keys(TYPES).join(", ")} のいずれでも、2.5.4.3 のようなオブジェクト識別子でもありません`,
  );
}

function textOf(type: string, written: string): string {
  if (written.startsWith("#"))
    throw wrong(
      `${type} must be text: a # at its start is written \\#`,
      `${type} は文字列です。先頭の # は \\# と書きます`,
    );
  const pieces = written.match(PIECES) ?? [];
  while (pieces.at(-1) === " ") pieces.pop();
  const bytes = pieces.map(piece => {
    if (/^\\[0-9A-Fa-f]{2}$/.test(piece)) return Buffer.from(piece.slice(1), "hex");
    return Buffer.from(piece.startsWith("\\") ? piece.slice(1) : piece);
  });
  try {
    // Composed: some keyboards write が as か and a mark, which an authority would take for another name.
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(bytes)).normalize("NFC");
  } catch {
    throw wrong(
      `${type} is not UTF-8 where it has bytes such as \\E3`,
      `${type} の \\E3 のようなバイトが UTF-8 ではありません`,
    );
  }
}

function encoded(type: string, value: string, form: AttributeType["form"]): Buffer {
  if (/\p{Cc}/u.test(value)) throw wrong(`${type} has a control character`, `${type} に制御文字があります`);
  switch (form) {
    case "country":
      if (!/^[A-Z]{2}$/.test(value))
        throw wrong(`${type} must be two capital letters, such as JP`, `${type} は JP のような大文字 2 文字です`);
      return der.printableString(value);
    case "printable":
      if (!/^[A-Za-z0-9 '()+,./:=?-]+$/.test(value))
        throw wrong(
          `${type} may have letters, digits and '()+,-./:=? only`,
          `${type} に使えるのは英数字と '()+,-./:=? だけです`,
        );
      return der.printableString(value);
    case "ia5":
      if (!/^[ -~]+$/.test(value)) throw wrong(`${type} must be in ASCII`, `${type} は ASCII で指定します`);
      return der.ia5String(value);
    case "utf8":
      return der.utf8String(value);
  }
}

function unreadable(text: string, from: number): never {
  const rest = text.slice(from).trim();
  const at = `"${rest.slice(0, 30)}"`;
  const where = rest === "" ? { en: "at its end", ja: "末尾" } : { en: `at ${at}`, ja: `${at} ` };
  throw wrong(
    `it can't be read ${where.en}; in a value, write \\, for a comma, and so for " + ; < > and \\`,
    `${where.ja}を解釈できません。値に含まれるコンマは \\, と書きます(" + ; < > \\ も同様)`,
  );
}

function wrong(en: string, ja: string): UsageError {
  return new UsageError({
    en: `--subject must be like "CN=partner.example,O=株式会社…,C=JP": ${en}`,
    ja: `--subject は "CN=partner.example,O=株式会社…,C=JP" の形で指定してください: ${ja}`,
  });
}
