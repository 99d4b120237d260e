-- SPDX-License-Identifier: MIT
-- peers.lua - running a program in a namespace, beside what others do for that
local netns = require "netns"

local nslua = ...
local programs = nslua:match("^.*/") .. "bench/"
local here = netns.current()
local others = loadfile "scripts/bench/others.lua" ()

-- NSPopen keeps a server beside each program, so it is let go, too.
local pyroute2 = [[
import statistics, subprocess, sys, time
from pyroute2 import NSPopen
times = []
for _ in range(int(sys.argv[2])):
    start = time.monotonic()
    p = NSPopen(sys.argv[1], ["/bin/true"], stdout=subprocess.PIPE)
    p.communicate()
    assert p.wait() == 0
    p.release()
    times.append(time.monotonic() - start)
print(statistics.median(times) * 1000)
]]

-- With a namespace that has a name; what f returns.
local function with_name(f)
	local ns <close> = netns.add(("bench-%08x"):format(math.random(0, 0xffffffff)))
	local ok, result = pcall(f, ns)
	ns:delete()
	return ok and result or error(result, 0)
end

-- A row's other side: the command that argv(name, size) gives prints milliseconds.
local function theirs(argv)
	return function(size)
		return with_name(function(ns)
			return tonumber(here:exec(argv(ns.name, size)).stdout)
		end)
	end
end

local function ours(size)
	return with_name(function(ns)
		local times = {}
		for i = 1, size do
			local start = netns.clock()
			ns:exec { "/bin/true" }
			times[i] = (netns.clock() - start) * 1000
		end
		table.sort(times)
		return (times[(size + 1) // 2] + times[size // 2 + 1]) / 2
	end)
end

local function start(size, ...)
	return { programs .. "start", tostring(size), ... }
end

local python, no_pyroute2 = others.python "pyroute2"

return {
	{ name = "ns:exec against ip netns exec (median of %d)", bar = 1, size = 100, small = 2,
		ours = ours, skip = others.lacks("ip (iproute2)", { "ip", "-V" }),
		floor = theirs(function(name, size)
			return start(size, "ip", "netns", "exec", name, "/bin/true")
		end) },
	{ name = "the same against nsenter", bar = 1, size = 100, small = 2, ours = ours,
		skip = others.lacks("nsenter (util-linux)", { "nsenter", "--version" }),
		floor = theirs(function(name, size)
			return start(size, "nsenter", "--net=/run/netns/" .. name, "/bin/true")
		end) },
	{ name = "the same against pyroute2's NSPopen", bar = 1, size = 100, small = 2, ours = ours,
		skip = no_pyroute2,
		floor = theirs(function(name, size)
			return { python, "-c", pyroute2, name, tostring(size) }
		end) },
}
