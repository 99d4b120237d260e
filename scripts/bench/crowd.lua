-- SPDX-License-Identifier: MIT
-- crowd.lua - truth tables over many hosts: who reaches whom, and many silences at once
local lab = require "netns.lab"
local netns = require "netns"

local function timed(f, ...)
	local start = netns.clock()
	f(...)
	return (netns.clock() - start) * 1000
end

local function all_pairs(size)
	local net <close> = lab.star(size)
	net:up()
	local report
	local elapsed = timed(function()
		local _, all = net:matrix("icmp", "inet")
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

return {
	{ name = "all pairs of %d hosts, a truth table", bar = 1.5, size = 32, small = 3,
		floor = { "crowd" }, ours = all_pairs },
	{ name = "%d rows that a rule drops, beside one row", bar = 2, size = 500, small = 2,
		floor = one, ours = silences },
}
