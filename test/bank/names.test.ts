import { describe, expect, test } from "vitest";
import { compareKana, compareName, type NameComparison } from "../../src/bank/names.js";

describe("names in kanji", () => {
  test.each<[string, string, NameComparison]>([
    ["山田 花子", "山田　花子", "same"],
    ["山田花子", "山田 花子", "same"],
    ["ＪＯＨＮ　ＳＭＩＴＨ", "John Smith", "same"],
    ["葛󠄀城", "葛城", "same"],
    ["神田", "神田", "same"],
    ["髙橋 花子", "高橋 花子", "variant"],
    ["山﨑", "山崎", "variant"],
    ["渡邉", "渡邊", "variant"],
    ["𠮷野家", "吉野家", "variant"],
    ["斎藤", "齋藤", "variant"],
    ["佐々木", "佐佐木", "same"],
    ["豊田", "豐田", "variant"],
    ["山田", "山口", "different"],
    ["髙橋 花子", "高橋 春子", "different"],
    ["", "", "different"],
    [" ", "　", "different"],
  ])("%s, %s: %s", (one, other, expected) => {
    expect(compareName(one, other)).toBe(expected);
    expect(compareName(other, one)).toBe(expected);
  });
});

describe("names in kana", () => {
  test.each<[string, string]>([
    ["ﾎﾝﾏ ﾊﾅｺ", "ホンマ　ハナコ"],
    ["ﾎﾝﾏ ｼﾖｳｺ", "ホンマ ショウコ"],
    ["ﾊﾞﾊﾞ ﾊﾟﾝ", "ババ パン"],
    ["ほんま はなこ", "ホンマ ハナコ"],
    ["ﾛ-ﾗ", "ローラ"],
    ["ローラ", "ロ‐ラ"],
    ["ｲﾂｺ", "イッコ"],
    ["ジョン・スミス", "ｼﾞﾖﾝ ｽﾐｽ"],
    ["ヴァン", "ｳﾞｱﾝ"],
    ["カ゛クト", "ガクト"],
    ["か゛くと", "ガクト"],
  ])("%s is %s", (one, other) => {
    expect(compareKana(one, other)).toBe(true);
    expect(compareKana(other, one)).toBe(true);
  });

  test.each<[string, string]>([
    ["ホンマ", "ホンダ"],
    ["ハハ", "ババ"],
    ["コウダ", "コーダ"],
    ["", ""],
  ])("%s is not %s", (one, other) => {
    expect(compareKana(one, other)).toBe(false);
  });
});
