/**
 * What Redis does in one step, in its own Lua.
 *
 * Under the prefix: `entry:KEY`, a hash of `value`, `version` and a field `:LABEL` for each label; `index:LABEL`, a sorted set
 * of what those fields hold, a label's value and the entry's key; `expiring`, what of the indexes belongs to entries that
 * expire, by their time; `version`, the last version that was given; `lock:KEY`, the owner.
 *
 * Redis forgets an entry that has expired, and leaves its members of the indexes behind: `find` removes those that it
 * meets, `put` some others.
 *
 * @module
 */
import { createHash } from "node:crypto";

/** A script, and the name by which Redis remembers it. */
export interface Script {
  /** The Lua. */
  readonly text: string;
  /** Its SHA-1, for EVALSHA. */
  readonly sha1: string;
}

function script(text: string): Script {
  return Object.freeze({ text, sha1: createHash("sha1").update(text).digest("hex") });
}

const UNINDEX = String.raw`
local function unindex(entry, prefix)
  for _, field in ipairs(redis.call("HKEYS", entry)) do
    if string.sub(field, 1, 1) == ":" then
      local label, member = string.sub(field, 2), redis.call("HGET", entry, field)
      redis.call("ZREM", prefix .. "index:" .. label, member)
      redis.call("ZREM", prefix .. "expiring", label .. "\0\0" .. member)
    end
  end
end
`;

/**
 * KEYS: entry. ARGV: prefix, the version to replace, value, end in milliseconds or empty, then label and member in turn.
 * Returns the new version; nil where the entry has another one.
 *
 * The server's clock makes versions that never repeat, even where the server lost the last of those it gave. What expires
 * is swept a second late: by then no clock of the server takes it for living.
 */
export const PUT: Script = script(
  UNINDEX +
    String.raw`
local entry, prefix, ends = KEYS[1], ARGV[1], tonumber(ARGV[4])
local current = redis.call("HGET", entry, "version") or "0"
if current ~= ARGV[2] then return false end

local time = redis.call("TIME")
local now = time[1] * 1000 + time[2] / 1000
local last = tonumber(redis.call("GET", prefix .. "version") or "0")
local version = string.format("%.0f", math.max(time[1] * 1000000 + time[2], last + 1, current + 1))
redis.call("SET", prefix .. "version", version)

unindex(entry, prefix)
redis.call("DEL", entry)
if not ends or ends > now then
  redis.call("HSET", entry, "value", ARGV[3], "version", version)
  for i = 5, #ARGV, 2 do
    local label, member = ARGV[i], ARGV[i + 1]
    redis.call("HSET", entry, ":" .. label, member)
    redis.call("ZADD", prefix .. "index:" .. label, 0, member)
    if ends then redis.call("ZADD", prefix .. "expiring", ARGV[4], label .. "\0\0" .. member) end
  end
  if ends then redis.call("PEXPIREAT", entry, ARGV[4]) end
end

local before = string.format("(%.0f", now - 1000)
for _, due in ipairs(redis.call("ZRANGEBYSCORE", prefix .. "expiring", "-inf", before, "LIMIT", 0, 16)) do
  redis.call("ZREM", prefix .. "expiring", due)
  local _, cut = string.find(due, "\0\0", 1, true)
  local label, member = string.sub(due, 1, cut - 2), string.sub(due, cut + 1)
  local _, at = string.find(member, "\0\0", 1, true)
  if redis.call("HGET", prefix .. "entry:" .. string.sub(member, at + 1), ":" .. label) ~= member then
    redis.call("ZREM", prefix .. "index:" .. label, member)
  end
end
return version
`,
);

/** KEYS: entry. ARGV: prefix. Returns value and version; nil where there is no entry. */
export const TAKE: Script = script(
  UNINDEX +
    `
local entry = redis.call("HMGET", KEYS[1], "value", "version")
if not entry[2] then return false end
unindex(KEYS[1], ARGV[1])
redis.call("DEL", KEYS[1])
return entry
`,
);

/**
 * KEYS: index. ARGV: prefix, label, first and last member as ZRANGEBYLEX writes them, how many at most.
 * Returns the entries as key, value, version and member; and the member to go on behind, empty where nothing follows.
 *
 * Others wait while it runs: behind a thousand members that stand for nothing it gives up, and is called again.
 */
export const FIND: Script = script(String.raw`
local prefix, label, from, limit = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[5])
local found, passed, batch = {}, 0, math.min(limit, 1000)
while true do
  local members = redis.call("ZRANGEBYLEX", KEYS[1], from, ARGV[4], "LIMIT", 0, batch)
  for _, member in ipairs(members) do
    local _, cut = string.find(member, "\0\0", 1, true)
    local key = string.sub(member, cut + 1)
    local entry = redis.call("HMGET", prefix .. "entry:" .. key, "value", "version", ":" .. label)
    if entry[3] == member then
      found[#found + 1] = { key, entry[1], entry[2], member }
      if #found == limit then return { found, member } end
    else
      redis.call("ZREM", KEYS[1], member)
      passed = passed + 1
    end
  end
  if #members < batch then return { found, "" } end
  if passed >= 1000 then return { found, members[#members] } end
  from = "(" .. members[#members]
end
`);

/** KEYS: lock. ARGV: owner, milliseconds. Returns 1 where the owner has it now. */
export const LOCK: Script = script(`
local owner = redis.call("GET", KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
if tonumber(ARGV[2]) > 0 then redis.call("SET", KEYS[1], ARGV[1], "PX", ARGV[2]) else redis.call("DEL", KEYS[1]) end
return 1
`);

/** KEYS: lock. ARGV: owner. */
export const UNLOCK: Script = script(`
if redis.call("GET", KEYS[1]) == ARGV[1] then redis.call("DEL", KEYS[1]) end
return 1
`);
