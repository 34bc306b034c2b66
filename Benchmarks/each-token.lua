-- For wrk: whoami with each token of the file PODSTACK_TOKENS in turn, every thread with its own share; again from the
-- start when all were used. The order is always the same; PODSTACK_FIRST says where in it to begin.
local threads = 0

function setup(thread)
    thread:set("place", threads)
    threads = threads + 1
    thread:set("stride", 0)
end

function init()
    stride = tonumber(os.getenv("PODSTACK_THREADS"))
    tokens = {}
    local line = 0
    for token in io.lines(os.getenv("PODSTACK_TOKENS")) do
        if line % stride == place then tokens[#tokens + 1] = token end
        line = line + 1
    end
    for index = #tokens, 2, -1 do
        local other = math.random(index)
        tokens[index], tokens[other] = tokens[other], tokens[index]
    end
    position = math.floor((tonumber(os.getenv("PODSTACK_FIRST")) or 0) / stride)
end

function request()
    position = position % #tokens + 1
    return wrk.format("GET", "/v1/auth/whoami", {["Authorization"] = "Bearer " .. tokens[position]})
end
