/** What a start costs: a function that is started for one call waits for it. */
import type { Count, CountCase } from "../case.js";
import { fresh } from "../fresh-process.js";
import { rotated } from "../race.js";
import { median, ratio, spread } from "../statistics.js";
import { shown } from "../table.js";
import { loadedBy } from "./loaded-packages.js";

/** What one start tells. */
export interface Start {
  readonly milliseconds: number;
  /** Megabytes afterwards. */
  readonly rss: number;
  readonly heapUsed: number;
}

const SCRIPT = new URL("cold-start.js", import.meta.url);
const STARTS = [
  "nothing",
  "package",
  "client",
  "dependencies",
  "first balance: minna-baas",
  "first balance: undici request",
] as const;

export const cold: CountCase = {
  kind: "count",
  name: "cold-start",
  title: "Starting: fresh processes, in turns; memory is what comes to that of Node",
  needs: ["bank", "sandbox"],
  async run(servers, { short }) {
    const addresses = JSON.stringify(servers.addresses);
    const seen = new Map<string, Start[]>(STARTS.map(what => [what, []]));
    for (let round = 0; round < (short ? 3 : 15); round++) {
      for (const what of rotated(STARTS, round)) {
        const args = what.startsWith("first") ? [what, addresses] : [what];
        seen.get(what)?.push(await fresh<Start>(SCRIPT, args));
      }
    }
    const of = (what: (typeof STARTS)[number], figure: keyof Start) => seen.get(what)?.map(one => one[figure]) ?? [];
    const added = (what: (typeof STARTS)[number], figure: "rss" | "heapUsed") => {
      const base = of("nothing", figure);
      return of(what, figure).map((value, index) => value - (base[index] ?? Number.NaN));
    };
    return [
      timed("import of minna-baas", of("package", "milliseconds")),
      timed("import of its dependencies alone", of("dependencies", "milliseconds")),
      over(
        "import: minna-baas / dependencies",
        of("package", "milliseconds"),
        of("dependencies", "milliseconds"),
        1.15,
      ),
      over(
        "import and what comes with the first client: minna-baas / dependencies",
        of("client", "milliseconds"),
        of("dependencies", "milliseconds"),
      ),
      timed("first balance: minna-baas", of("first balance: minna-baas", "milliseconds")),
      timed("first balance: undici request", of("first balance: undici request", "milliseconds")),
      // What an import leaves for later is paid here.
      size("memory after the first balance: minna-baas", added("first balance: minna-baas", "rss")),
      size("memory after the first balance: undici request", added("first balance: undici request", "rss")),
      size("memory after import: minna-baas", added("package", "rss")),
      size("memory after import: dependencies", added("dependencies", "rss")),
      over("memory: minna-baas / dependencies", added("package", "rss"), added("dependencies", "rss"), 1.15),
      size("heap after import: minna-baas", added("package", "heapUsed")),
      size("heap after import: dependencies", added("dependencies", "heapUsed")),
      over("heap: minna-baas / dependencies", added("package", "heapUsed"), added("dependencies", "heapUsed"), 1.15),
      over(
        "memory with the first client: minna-baas / dependencies",
        added("client", "rss"),
        added("dependencies", "rss"),
      ),
      await loaded("the import", ["package"]),
      await loaded("the first balance", ["first balance: minna-baas", addresses]),
      ...(await Promise.all(
        (["fapi1-advanced", "fapi2-security", "fapi2-message-signing"] as const).map(profile =>
          loaded(`the first link of ${profile}`, [`first link: ${profile}`, addresses]),
        ),
      )),
    ];
  },
};

function timed(name: string, values: readonly number[]): Count {
  return { name, value: median(values), unit: "ms", note: between(values) };
}

/** Beyond what Node itself takes. */
function size(name: string, values: readonly number[]): Count {
  return { name, value: median(values), unit: "MB", note: between(values) };
}

function over(name: string, values: readonly number[], others: readonly number[], atMost?: number): Count {
  const { median: value, least, most } = ratio(values, others);
  const note = `${shown(least)}–${shown(most)}`;
  return { name, value, unit: "×", ...(atMost === undefined ? {} : { atMost }), note };
}

function between(values: readonly number[]): string {
  const { least, most } = spread(values);
  return `${shown(least)}–${shown(most)}`;
}

async function loaded(by: string, args: readonly string[]): Promise<Count> {
  const packages = await loadedBy(SCRIPT, args);
  const files = [...packages].sort().map(([one, count]) => `${one} (${count} files)`);
  return { name: `packages loaded by ${by}`, value: packages.size, unit: "", note: files.join(", ") };
}
