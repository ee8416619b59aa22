-- Joins a member to a swarm, where it says who it is, and looks into pools: in one step, which no other coordinator's
-- comes between. Redis' own clock decides what is too old, and every key ends by itself.
--
-- KEYS  1 prefix of the swarm's keys, 2 the set of all members
-- ARGV  1 lifetime in milliseconds, 2 how many to find in a pool, 3 share of the owner, 4 owner, 5 key of the member or
--       nothing to look only, 6 its record; the rest are names of pools, the nearest first
-- gives the member's former record if that was another one, and for each pool the records found
local prefix, everybody = KEYS[1], KEYS[2]
local lifetime, count, share = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local owner, key, record = ARGV[4], ARGV[5], ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ends = now + lifetime

local function remember(set, member)
    redis.call('ZADD', set, ends, member)
    redis.call('PEXPIRE', set, lifetime)
end

local function forget_old(set)
    redis.call('ZREMRANGEBYSCORE', set, '-inf', now)
end

local function keep_to_share(owned)
    local excess = redis.call('ZCARD', owned) - share
    if excess > 0 then
        local out = redis.call('ZPOPMIN', owned, excess)
        for i = 1, #out, 2 do
            redis.call('DEL', prefix .. 'm ' .. out[i])
            redis.call('ZREM', everybody, prefix .. out[i])
        end
    end
end

local function join()
    local name = prefix .. 'm ' .. key
    local former = redis.call('GET', name)
    redis.call('SET', name, record, 'PX', lifetime)
    for i = 7, #ARGV do
        remember(prefix .. 'p ' .. ARGV[i], key)
    end
    remember(prefix .. 'p every', key)
    forget_old(prefix .. 'p every')
    local owned = prefix .. 'o ' .. owner
    remember(owned, key)
    forget_old(owned)
    keep_to_share(owned)
    remember(everybody, prefix .. key)
    forget_old(everybody)
    return former ~= record and former
end

local function look(pool)
    forget_old(pool)
    local keys, names, found = redis.call('ZRANDMEMBER', pool, count), {}, {}
    for i, each in ipairs(keys) do
        names[i] = prefix .. 'm ' .. each
    end
    if #names > 0 then
        for i, value in ipairs(redis.call('MGET', unpack(names))) do
            if value then
                found[#found + 1] = value
            else
                redis.call('ZREM', pool, keys[i])
            end
        end
    end
    return found
end

local former = key ~= '' and join()
local pools = {}
for i = 7, #ARGV do
    pools[#pools + 1] = look(prefix .. 'p ' .. ARGV[i])
    if #pools[#pools] >= count then
        break
    end
end
return {former, pools}
