/**
 * Compares names as people would, for what a bank and a partner write differently. What is stored stays as it is.
 *
 * @module
 */

import { ArgumentError } from "../errors.js";

/** How two names in kanji relate: `variant` differs only in forms of a character (髙, 高), which a person should look at. */
export type NameComparison = "same" | "variant" | "different";

/**
 * Compares two names (氏名): width, spaces and forms of compatibility do not count.
 *
 * @throws {@link ArgumentError} when one of them is no string.
 * @example
 * ```ts
 * compareName("髙橋　花子", "高橋 花子"); // "variant"
 * ```
 */
export function compareName(one: string, other: string): NameComparison {
  const [left, right] = [plain(one), plain(other)];
  if (left === "" || right === "") return "different";
  if (left === right) return "same";
  return withoutVariants(left) === withoutVariants(right) ? "variant" : "different";
}

/**
 * Whether two names in kana (氏名カナ) are the same: half-width or full-width, ひらがな or カタカナ, with small kana enlarged
 * as banks do, whichever mark stands for the long vowel, with spaces or without.
 *
 * @example
 * ```ts
 * compareKana("ﾎﾝﾏ ｼﾖｳｺ", "ホンマ　ショウコ"); // true
 * ```
 */
export function compareKana(one: string, other: string): boolean {
  const left = kana(one);
  return left !== "" && left === kana(other);
}

/** NFKC joins what half-width kana write apart, too; variation selectors choose a form and no character. */
function plain(text: string): string {
  if (typeof text !== "string") throw new ArgumentError("name", "A name to compare must be a string.");
  return (
    text
      .normalize("NFKC")
      .replace(/\s|\p{Variation_Selector}/gu, "")
      // A voiced mark that stood apart joins its letter once the space before it is gone.
      .normalize("NFKC")
      .replace(/(\p{Script=Han})々/gu, "$1$1")
      .toLowerCase()
  );
}

const SMALL = "ァィゥェォッャュョヮヵヶ";
const LARGE = "アイウエオツヤユヨワカケ";

function kana(text: string): string {
  return plain(text)
    .replace(/[ぁ-ゖ]/g, letter => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0x60))
    .replace(/[ァィゥェォッャュョヮヵヶ]/g, letter => LARGE[SMALL.indexOf(letter)] ?? letter)
    .replace(/[-‐‑‒–—―−ｰー]/g, "ー")
    .replace(/[・･.]/g, "");
}

/** Forms of one character that stand in names, the usual one first. Common ones, not all there are. */
const VARIANTS = [
  "高髙",
  "崎﨑嵜碕",
  "辺邊邉",
  "斉齊斎齋",
  "沢澤",
  "浜濱濵",
  "広廣",
  "島嶋嶌",
  "吉𠮷",
  "桑桒",
  "富冨",
  "真眞",
  "恵惠",
  "国國",
  "竜龍",
  "桜櫻",
  "栄榮",
  "徳德",
  "関關",
  "黒黑",
  "条條",
  "瀬瀨",
  "郎郞",
  "礼禮",
  "静靜",
  "実實",
  "寿壽",
  "増增",
  "曽曾",
  "滝瀧",
  "館舘",
  "鶴靏",
  "鉄鐵",
  "宝寶",
  "万萬",
  "亀龜",
  "与與",
  "円圓",
  "学學",
  "会會",
  "塩鹽",
  "巌巖",
  "峰峯",
  "略畧",
  "凛凜",
  "遥遙",
  "弥彌",
  "穂穗",
  "応應",
  "桧檜",
  "薮藪",
  "籠篭",
  "猪豬",
  "豊豐",
  "戸戶",
  "奥奧",
  "清淸",
  "蔵藏",
  "来來",
  "頼賴",
  "薫薰",
  "彦彥",
  "渋澁",
  "渕淵",
  "槙槇",
  "柳栁",
];
const USUAL: ReadonlyMap<string, string> = new Map(
  VARIANTS.flatMap(([usual = "", ...others]) => others.map(other => [other.normalize("NFKC"), usual] as const)),
);

function withoutVariants(text: string): string {
  return [...text].map(letter => USUAL.get(letter) ?? letter).join("");
}
