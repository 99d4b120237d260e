-- SPDX-License-Identifier: MIT
-- large.lua - a lab of thousands of hosts: how long it takes, and how much memory a host needs
--
--   nslua scripts/large.lua [HOSTS [PORTS]]
--
-- 4000 hosts, unless told otherwise, on switches of PORTS hosts (1000; a bridge has at most 1023
-- ports) that are joined by one more. It is up in one piece, is asked whether the first host
-- reaches the last one, and goes. Exits 1 if it does not.

local lab = require "netns.lab"
local netns = require "netns"

local hosts = math.tointeger(tonumber(arg[1] or 4000))
local ports = math.tointeger(tonumber(arg[2] or 1000))
if not hosts or not ports or hosts < 2 or ports < 1 or ports > 1000 then
	io.stderr:write("usage: nslua scripts/large.lua [HOSTS [PORTS]], at most 1000 ports a switch\n")
	os.exit(2, true)
end

local function read(path, key)
	for line in io.lines(path) do
		local value = line:match("^" .. key .. ":%s+(%d+) kB")
		if value then
			return math.tointeger(tonumber(value))
		end
	end
end

local net <close> = lab.new "large"
local core, last = net:switch "core", nil
for i = 1, math.ceil(hosts / ports) do
	local switch = net:switch("s" .. i)
	local group = net:hosts("h" .. i .. "-", math.min(ports, hosts - (i - 1) * ports))
	net:link(core, switch)
	net:link(group, switch)
	last = group[#group]
end

local own, free, began = read("/proc/self/status", "VmRSS"), read("/proc/meminfo", "MemAvailable"),
	netns.clock()
net:up()
local took = netns.clock() - began
own = read("/proc/self/status", "VmRSS") - own
print(("%d hosts on %d switches: up in %.2f s, %.2f ms a host"):format(hosts,
	math.ceil(hosts / ports) + 1, took, took / hosts * 1000))
print(("memory: %.0f kB a host, of which %.0f kB are this program's (the rest is the kernel's)")
	:format(math.max(0, free - read("/proc/meminfo", "MemAvailable")) / hosts, own / hosts))
local report = net:check { { "h1-1", last, { "icmp", "tcp/80" }, "open" } }
print(report)
os.exit(report.ok and 0 or 1, true)
