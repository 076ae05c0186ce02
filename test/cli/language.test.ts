import { afterEach, expect, test, vi } from "vitest";
import { languageOf } from "../../src/cli/language.js";

afterEach(() => {
  vi.unstubAllEnvs();
});

test.each([
  ["--lang comes first", "en", { LANG: "ja_JP.UTF-8" }, "en"],
  ["then LC_ALL", undefined, { LC_ALL: "ja_JP.UTF-8", LANG: "en_US.UTF-8" }, "ja"],
  ["then LC_MESSAGES", undefined, { LC_MESSAGES: "en_US.UTF-8", LANG: "ja_JP.UTF-8" }, "en"],
  ["then LANG", undefined, { LANG: "ja_JP.UTF-8" }, "ja"],
  ["any other language gets English", undefined, { LANG: "fr_FR.UTF-8" }, "en"],
] as const)("%s", (_, option, environment, expected) => {
  expect(languageOf(option, environment)).toBe(expected);
});

test.each(["C", "C.UTF-8", "POSIX", ""])("a machine in Japan without a language (%j) speaks Japanese", LANG => {
  vi.stubEnv("TZ", "Asia/Tokyo");
  expect(languageOf(undefined, { LANG })).toBe("ja");
  vi.stubEnv("TZ", "Europe/Paris");
  expect(languageOf(undefined, { LANG })).toBe("en");
});

test("any other --lang is refused", () => {
  expect(() => languageOf("fr")).toThrow("--lang must be ja or en");
});
