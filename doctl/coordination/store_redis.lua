-- Joins a member to a swarm, where it says who it is, and looks into pools: in one step, which no other coordinator's
-- comes between. Redis' own clock decides what is too old, and every key ends by itself. A pool is a sorted set of
-- records, so that looking is one range of it: a key for each record to be fetched took as long as all the rest.
--
-- KEYS  1 prefix of the swarm's keys, 2 the set of all members
-- ARGV  1 lifetime in milliseconds, 2 how many to find in a pool, 3 where to begin in it, from 0 to below 1, since
--       Redis gives scripts the same chance each time, 4 share of the owner, 5 owner, 6 key of the member or nothing
--       to look only, 7 its record; the rest are names of pools, the nearest first
-- gives the records that were taken out, which may still be in other pools, and for each pool the records found
local prefix, everybody = KEYS[1], KEYS[2]
local lifetime, count, chance, share = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local owner, key, record = ARGV[5], ARGV[6], ARGV[7]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pools, out = {}, {}
for i = 8, #ARGV do
    pools[#pools + 1] = prefix .. 'p ' .. ARGV[i]
end

local function remember(set, member)
    redis.call('ZADD', set, now + lifetime, member)
    redis.call('PEXPIRE', set, lifetime)
end

local function forget_old(set)
    redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
end

local function take_out(what)
    redis.call('ZREM', prefix .. 'p every', what)
    for _, pool in ipairs(pools) do
        redis.call('ZREM', pool, what)
    end
    out[#out + 1] = what
end

local function keep_to_share(owned)
    local excess = redis.call('ZCARD', owned) - share
    if excess > 0 then
        local popped = redis.call('ZPOPMIN', owned, excess)
        for i = 1, #popped, 2 do
            local name = prefix .. 'm ' .. popped[i]
            local former = redis.call('GET', name)
            if former then
                take_out(former)
            end
            redis.call('DEL', name)
            redis.call('ZREM', everybody, prefix .. popped[i])
        end
    end
end

local function join()
    local name = prefix .. 'm ' .. key
    local former = redis.call('GET', name)
    if former and former ~= record then
        take_out(former)
    end
    redis.call('SET', name, record, 'PX', lifetime)
    for _, pool in ipairs(pools) do
        remember(pool, record)
    end
    remember(prefix .. 'p every', record)
    forget_old(prefix .. 'p every')
    local owned = prefix .. 'o ' .. owner
    remember(owned, key)
    forget_old(owned)
    keep_to_share(owned)
    remember(everybody, prefix .. key)
    forget_old(everybody)
end

local function look(pool)
    forget_old(pool)
    local start = math.floor(redis.call('ZCARD', pool) * chance)
    local found = redis.call('ZRANGE', pool, start, start + count - 1)
    local rest = math.min(start, count - #found)
    if rest > 0 then
        for _, each in ipairs(redis.call('ZRANGE', pool, 0, rest - 1)) do
            found[#found + 1] = each
        end
    end
    return found
end

if key ~= '' then
    join()
end
local found = {}
for _, pool in ipairs(pools) do
    if count > 0 then
        found[#found + 1] = look(pool)
        if #found[#found] >= count then
            break
        end
    end
end
return {out, found}
