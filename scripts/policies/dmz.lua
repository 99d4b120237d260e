-- SPDX-License-Identifier: MIT
-- dmz.lua - a DMZ: the outside reaches the web server, the web server its database, and no more
--
-- Run it with nslua. It proves the policy, takes each rule away once to see that the table notices,
-- and shows a policy that looks right and is not.

local lab = require "netns.lab"

local rules = [[
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		iifname "wan" oifname "dmz" tcp dport 443 accept
		iifname "dmz" ip daddr 10.0.1.1 tcp dport 5432 accept
		iifname "dmz" ip6 daddr fd00:0:0:1::1 tcp dport 5432 accept
		iifname "lan" oifname "wan" accept
	}
	chain input {
		type filter hook input priority filter; policy drop;
		ct state established accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
		iifname "lan" icmp type echo-request accept
		iifname "lan" icmpv6 type echo-request accept
	}
}]]

local function network(ruleset)
	local net = lab.new "dmz"
	net:router("fw", { nft = ruleset })
	net:hosts { "web", "db", "desk" }
	net:switch "office"
	net:link(net:internet(), "fw", { names = { "eth0", "wan" } })
	net:link("web", "fw", { names = { "eth0", "dmz" } })
	net:link("office", "fw", { names = { false, "lan" } })
	net:link({ "db", "desk" }, "office")
	net:up()
	return net
end

local rows = {
	{ "internet", "web", "tcp/443", "open" },
	{ "internet", "web", { "icmp", "tcp/22", "tcp/5432" }, "isolated" },
	{ "internet", { "db", "desk", "fw" }, "*", "isolated" },
	{ "web", "db", "tcp/5432", "open" },
	{ "web", "db", { "icmp", "tcp/22", "udp/53" }, "isolated" },
	{ "web", { "desk", "internet", "fw" }, "*", "isolated" },
	{ "desk", "internet", { "tcp/443", "udp/53", "icmp" }, "open" },
	{ "desk", "fw", "icmp", "open" },
	{ "desk", "fw", { "tcp/22", "tcp/443" }, "isolated" },
	{ "desk", "web", "*", "isolated" },
	{ "fw", "internet", "icmp", "open" },
}

do
	local net <close> = network(rules)
	print(net:draw())
	print(net:expect(rows))
	local mutation = net:mutate(rows, { strict = true }) -- raises where the table says too little
	print("\nEach rule, policy, route and setting taken away once:\n" .. tostring(mutation))
end

-- "The database is in the office, so let 5432 through to the office": to every desk, too.
do
	local net <close> = network((rules:gsub("ip daddr %S+ tcp", 'oifname "lan" tcp')))
	local report = net:check(rows)
	print("\nWith `oifname \"lan\"` instead of the database's address:\n" .. report:failures())
	assert(not report.ok)
end
