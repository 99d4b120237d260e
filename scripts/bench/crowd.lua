-- SPDX-License-Identifier: MIT
-- crowd.lua - truth tables over many hosts: who reaches whom, and many silences at once
local lab = require "netns.lab"
local netns = require "netns"

local here = netns.current()
local others = loadfile "scripts/bench/others.lua" ()

-- Mininet writes sysctls of the whole machine when it starts, unless it believes that it did.
local mininet = [[
import sys, time
from mininet.net import Mininet
from mininet.nodelib import LinuxBridge
from mininet.log import setLogLevel
from mininet.topo import SingleSwitchTopo
Mininet.inited = True
setLogLevel("error")
net = Mininet(topo=SingleSwitchTopo(int(sys.argv[1])), switch=LinuxBridge, controller=None)
net.start()
try:
    start = time.monotonic()
    lost = net.pingAll()
    elapsed = time.monotonic() - start
finally:
    net.stop()
assert lost == 0
print(elapsed * 1000)
]]

-- Its arguments are NAMESPACE=ADDRESS.
local shell_loop = [[
for from in "$@"; do
	for to in "$@"; do
		[ "$from" = "$to" ] ||
			ip netns exec "${from%=*}" ping -c 1 -W 1 -q "${to#*=}" >/dev/null || exit
	done
done
]]

local function timed(f, ...)
	local start = netns.clock()
	f(...)
	return (netns.clock() - start) * 1000
end

local function all_pairs(size, options)
	local net <close> = lab.star(size)
	net:up()
	local report
	local elapsed = timed(function()
		local _, all = net:matrix("icmp", "inet", options)
		report = all
	end)
	for _, entry in ipairs(report) do
		assert(entry.verdict == "open", entry.why)
	end
	assert(#report == size * (size - 1))
	return elapsed
end

-- Rows that a router drops.
local function silences(size)
	local net <close> = lab.new "silences"
	local a, b, fw = net:host "a", net:host "b", net:router "fw"
	net:link(a, fw)
	net:link(b, fw)
	net:up()
	fw.nft:run [[
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy accept;
		tcp dport 1000-9999 drop
	}
}]]
	local rows = {}
	for i = 1, size do
		rows[i] = { a, b, "tcp/" .. 999 + i, "dropped" }
	end
	return timed(net.expect, net, rows)
end

local function one()
	return silences(1)
end

local python, no_mininet = others.mininet()
local no_ping = others.lacks("ping (iputils)", { "ping", "-V" })

local function ping_all(size)
	return tonumber(here:exec({ python, "-c", mininet, tostring(size) }).stdout)
end

local function loop(size)
	local net <close> = lab.star(size)
	net:up { named = true }
	local argv = { "sh", "-c", shell_loop, "sh" }
	for i = 1, size do
		local node = net:node("h" .. i)
		argv[#argv + 1] = ("%s=%s"):format(node.name, node:address "inet")
	end
	return timed(here.exec, here, argv)
end

local function all_pairs_told(size)
	return all_pairs(size, { neighbours = "known" })
end

local function half_a_second()
	return 500
end


return {
	{ name = "all pairs of %d hosts, a truth table", bar = 1.5, size = 32, small = 3,
		floor = { "crowd" }, ours = all_pairs },
	{ name = "the same %d, beside Mininet's pingAll", faster = 50, size = 32, small = 3,
		skip = no_mininet or no_ping, floor = ping_all, ours = all_pairs },
	{ name = "the same %d, beside a shell loop of ping", faster = 80, size = 32, small = 3,
		skip = others.lacks("ip (iproute2)", { "ip", "-V" }) or no_ping,
		floor = loop, ours = all_pairs },
	{ name = "all pairs of %d hosts by ARP, beside half a second", bar = 1, size = 100, small = 3,
		floor = half_a_second, ours = all_pairs },
	{ name = "the same %d, with neighbours known beforehand", bar = 1, size = 100, small = 3,
		floor = half_a_second, ours = all_pairs_told },
	{ name = "%d rows that a rule drops, beside one row", bar = 2, size = 500, small = 2,
		floor = one, ours = silences },
}
