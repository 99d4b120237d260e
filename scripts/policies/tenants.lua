-- SPDX-License-Identifier: MIT
-- tenants.lua - two tenants on one router: each has the shared service, none has the other
--
-- Run it with nslua. It proves the policy, takes each rule away once to see that the table notices,
-- and shows a policy that looks right and is not.

local lab = require "netns.lab"

local rules = [[
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		iifname { "red", "blue" } oifname "shared" udp dport 53 accept
	}
}]]

local function network(ruleset)
	local net = lab.new "tenants"
	net:router("host", { nft = ruleset })
	net:switches { "red-net", "blue-net" }
	net:hosts { "red1", "red2", "blue1", "dns" }
	net:link("red-net", "host", { names = { false, "red" } })
	net:link("blue-net", "host", { names = { false, "blue" } })
	net:link({ "red1", "red2" }, "red-net")
	net:link("blue1", "blue-net")
	net:link("dns", "host", { names = { "eth0", "shared" } })
	net:up()
	return net
end

local rows = {
	{ { "red1", "red2" }, "blue1", { "icmp", "tcp/80", "udp/53" }, "isolated" },
	{ "blue1", { "red1", "red2" }, { "icmp", "tcp/80", "udp/53" }, "isolated" },
	{ { "red1", "red2", "blue1" }, "dns", "udp/53", "open" },
	{ { "red1", "blue1" }, "dns", { "icmp", "tcp/22" }, "isolated" },
	{ "dns", { "red1", "blue1" }, "*", "isolated" },
	{ "red1", "red2", "tcp/80", "open" },
}

do
	local net <close> = network(rules)
	print(net:draw())
	print(net:expect(rows))
	local mutation = net:mutate(rows, { strict = true }) -- raises where the table says too little
	print("\nEach rule, policy, route and setting taken away once:\n" .. tostring(mutation))
end

-- The usual accident: the rules are written for IPv4 (`table ip`), and IPv6 is there, too.
do
	local net <close> = network((rules:gsub("table inet", "table ip")))
	local report = net:check(rows)
	print("\nWith `table ip` instead of `table inet`:\n" .. report:failures())
	assert(not report.ok)
end
