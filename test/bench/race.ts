/** A race: every contender in its own process, in turns, round after round. */
import { ROOMY } from "./allocations.js";
import type { Addresses, BenchCase, Figures, Thoroughness } from "./case.js";
import { type Lane, openLane } from "./lane.js";
import type { Load } from "./round.js";
import { serversAt } from "./server.js";

/** What a contender did, round by round. */
export interface RaceRecord {
  readonly name: string;
  readonly rounds: readonly Figures[];
  /** Bytes that a call allocates. */
  readonly bytes: number;
}

/** A short run makes as much fewer calls. */
const SHORTER = 8;
const MOST_HEATS = 10;

export async function race(one: BenchCase, addresses: Addresses, how: Thoroughness): Promise<readonly RaceRecord[]> {
  const names = one.contenders(serversAt(addresses)).map(({ name }) => name);
  const { callers, calls } = one;
  const load: Load = { callers, calls: Math.ceil(calls / (how.short ? SHORTER : 1)) };
  const rounds = await inTurns(one, names, addresses, load, how);
  // All at once: no clock runs.
  const bytes = await Promise.all(names.map(name => allocatedBy(one, name, addresses, load)));
  return names.map((name, index) => ({ name, rounds: rounds.get(name) ?? [], bytes: bytes[index] ?? Number.NaN }));
}

async function inTurns(
  race: BenchCase,
  names: readonly string[],
  addresses: Addresses,
  load: Load,
  how: Thoroughness,
): Promise<ReadonlyMap<string, readonly Figures[]>> {
  const lanes = new Map<string, Lane>();
  const figures = new Map<string, Figures[]>(names.map(name => [name, []]));
  try {
    await Promise.all(names.map(async name => lanes.set(name, await openLane(race, name, addresses))));
    // A round that does not count, in which everything is connected and compiled: that takes calls, also in a short run.
    const warmUp = { ...load, calls: Math.ceil(Math.max(load.calls, race.calls / 4)) };
    for (const lane of lanes.values()) {
      await lane.heat(warmUp);
      await lane.figures();
    }
    const heats = heatsOf(load);
    for (let round = 0; round < how.rounds; round++) {
      for (const [heat, part] of heats.entries()) {
        for (const name of rotated(names, round + heat)) await lanes.get(name)?.heat(part);
      }
      for (const [name, lane] of lanes) figures.get(name)?.push(await lane.figures());
    }
  } finally {
    await Promise.all([...lanes.values()].map(lane => lane.close()));
  }
  return figures;
}

/** Parts of a round, short enough that what disturbs the machine meets everybody in each round; every caller has calls in each. */
export function heatsOf({ callers, calls }: Load): readonly Load[] {
  const count = Math.max(1, Math.min(MOST_HEATS, Math.floor(calls / (callers * 4))));
  return Array.from({ length: count }, (_, heat) => ({
    callers,
    calls: Math.floor((calls * (heat + 1)) / count) - Math.floor((calls * heat) / count),
  }));
}

/** Nobody always comes after the same one. */
export function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const start = by % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

async function allocatedBy(race: BenchCase, name: string, addresses: Addresses, load: Load): Promise<number> {
  const lane = await openLane(race, name, addresses, ROOMY);
  try {
    return await lane.allocated({ ...load, calls: Math.min(load.calls, 500) });
  } finally {
    await lane.close();
  }
}
