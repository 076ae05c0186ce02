import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BenchCase, Figures } from "./case.js";
import { optionsFrom } from "./options.js";
import { pageWith } from "./page.js";
import { rotated } from "./race.js";
import { goalsOf, sectionOf } from "./report.js";
import { type RaceResult, type Result, resultOfCount, resultOfRace } from "./result.js";
import { median, percentile, ratio, spread } from "./statistics.js";
import { shown } from "./table.js";

describe("the arithmetic", () => {
  it("takes percentiles by nearest rank", () => {
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect([percentile(hundred, 50), percentile(hundred, 99), percentile(hundred, 100)]).toEqual([50, 99, 100]);
    expect([percentile([7], 50), percentile([7], 99), percentile([1, 2, 3], 50)]).toEqual([7, 7, 2]);
  });

  it("takes the median of what is in no order, and the mean of the two in the middle", () => {
    expect([median([10, 2, 9]), median([4, 1, 3, 2]), median([5])]).toEqual([9, 2.5, 5]);
    expect(spread([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  });

  it("takes ratios round by round: a round that was slow for both says nothing", () => {
    // The quotient of the medians would be 20 / 20.
    expect(ratio([10, 20, 90], [20, 40, 10])).toEqual({ median: 0.5, least: 0.5, most: 9 });
  });

  it("shows as many digits as count", () => {
    expect([12_345.6, 123.4, 12.34, 1.234, 0.126, Number.NaN].map(shown)).toEqual([
      ...["12,346", "123", "12.3", "1.23", "0.13", "–"],
    ]);
  });

  it("lets everybody come first once", () => {
    expect([0, 1, 2, 3].map(round => rotated(["a", "b", "c"], round).join(""))).toEqual(["abc", "bca", "cab", "abc"]);
  });
});

const figures = (callsPerSecond: number, cpu: number): Figures => ({
  ...{ callsPerSecond, cpu, p50: 1, p99: 2, loopDelay: 0 },
});
const records = [
  { name: "floor", rounds: [figures(100, 10), figures(200, 10), figures(50, 10)], bytes: 1000 },
  { name: "ours", rounds: [figures(80, 12), figures(170, 14), figures(45, 13)], bytes: 1500 },
];
const race: BenchCase = {
  ...{ kind: "race", name: "one", title: "A race", needs: [], callers: 1, calls: 1, floor: "floor" },
  contenders: () => [],
  goals: [
    { figure: "callsPerSecond", of: "ours", atLeast: 0.85 },
    { figure: "cpu", of: "ours", atMost: 1.25 },
    { figure: "bytes", of: "ours", against: "floor", atMost: 1.5 },
    { figure: "p50", of: "ours", atMost: 1, beforeNode: 22 },
    { figure: "p50", of: "ours", atMost: 0.5, sinceNode: 22 },
  ],
};

describe("the goals", () => {
  const measured = ({ goals }: RaceResult) => goals.map(goal => [goal.measured, goal.reached]);

  it("are ratios of the same round, and depend on Node where they say so", () => {
    expect(measured(resultOfRace(race, records, 20))).toEqual([
      ...[[0.85, true] as const, [1.3, false] as const, [1.5, true] as const, [1, true] as const],
    ]);
    expect(measured(resultOfRace(race, records, 26)).at(-1)).toEqual([1, false]);
  });

  it("are not reached by what could not be measured", () => {
    const lame = [records[0]!, { ...records[1]!, rounds: [] }];
    expect(measured(resultOfRace(race, lame, 20))[0]).toEqual([Number.NaN, false]);
  });

  it("name nobody who did not take part", () => {
    const goals = [{ figure: "p50", of: "theirs", atMost: 1 }] as const;
    expect(() => resultOfRace({ ...race, goals }, records, 20)).toThrow('No contender is called "theirs".');
  });

  it("are those counts that say what they should be", () => {
    const one = { kind: "count", name: "two", title: "Counts", needs: [], run: async () => [] } as const;
    const counts = [
      { name: "handshakes", value: 1, unit: "", atMost: 1 },
      { name: "rows", value: 7, unit: "" },
      { name: "memory", value: 65, unit: "MB", atMost: 64 },
    ];
    const result = resultOfCount(one, counts);
    expect(result.goals.map(({ what, reached }) => [what, reached])).toEqual([
      ...[["handshakes", true] as const, ["memory", false] as const],
    ]);
    expect(goalsOf([result]).split("\n").at(-1)).toMatch(/^\| two +\| memory +\| +≤ 64 MB \| +65 MB \| +no \|$/);
  });
});

describe("the page", () => {
  const machine = (node: string) => ({ node, dependencies: {}, cpu: "A CPU", cores: 2, memory: 8, date: "2026-04-01" });
  const results: readonly Result[] = [{ kind: "skipped", name: "one", title: "One", why: "there is none." }];

  it("has a section for each line of Node, in their order, and replaces one where it stands", () => {
    const first = pageWith("", machine("26.1.0"), 5, results);
    const both = pageWith(first, machine("20.19.0"), 5, results);
    const renewed = pageWith(both, machine("20.20.1"), 7, results);
    expect(renewed.match(/^## .*$/gm)).toEqual(["## Node 20", "## Node 26"]);
    expect(renewed).toContain("Node 20.20.1");
    expect(renewed).not.toContain("Node 20.19.0");
    expect(renewed).toContain("Node 26.1.0");
    expect(pageWith(renewed, machine("20.20.1"), 7, results)).toBe(renewed);
  });

  it("says what was skipped, and why", () => {
    expect(results.map(sectionOf)).toEqual(["### One\n\nSkipped: there is none."]);
  });
});

describe("the options", () => {
  it.each([
    ["--rounds 0", "--rounds must be a whole number, 1 at least."],
    ["--rounds many", "--rounds must be a whole number, 1 at least."],
    ["--only one,none", '--only knows no case "none". There are one.'],
    ["--write --short", "--write puts a whole run on the page: leave out --short and --only."],
    ["--fast", "Unknown option '--fast'"],
  ])("%s: %s", (line, message) => {
    expect(() => optionsFrom(line.split(" "), [race])).toThrow(message);
  });

  it("have defaults", () => {
    expect(optionsFrom([], [race])).toMatchObject({
      rounds: 5,
      short: false,
      json: ".build/bench.json",
      cases: [race],
    });
    expect(optionsFrom(["--short", "--only", "one"], [race])).toMatchObject({ rounds: 2, short: true, cases: [race] });
  });
});

describe("a run", () => {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const folder = mkdtempSync(join(tmpdir(), "minna-bench-test-"));
  const run = promisify(execFile);

  beforeAll(() =>
    run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "test/bench"], { cwd: root }),
  );
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("measures every contender against a bank in another process", async () => {
    const json = join(folder, "bench.json");
    const how = ["--short", "--rounds", "1", "--only", "debit-memory", "--json", json];
    const { stdout } = await run(process.execPath, [join(root, ".build/bench/main.js"), ...how], { cwd: root });
    expect(stdout).toContain("### A debit, its journal in memory");
    const { machine, results } = JSON.parse(readFileSync(json, "utf8"));
    expect(machine).toMatchObject({ node: process.version.slice(1), dependencies: { undici: expect.any(String) } });
    const [{ contenders }] = results as RaceResult[] & [RaceResult];
    expect(contenders.map(({ name }) => name)).toEqual(["undici request", "minna-baas"]);
    for (const { figures: measured } of contenders) {
      for (const figure of ["callsPerSecond", "p50", "p99", "cpu", "bytes"] as const) {
        expect(measured[figure].is.median, figure).toBeGreaterThan(0);
      }
    }
  }, 120_000);

  it("says what is wrong with an option", async () => {
    const failed = run(process.execPath, [join(root, ".build/bench/main.js"), "--only", "nothing"], { cwd: root });
    await expect(failed).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining("There are balance-1,") });
  });
});
