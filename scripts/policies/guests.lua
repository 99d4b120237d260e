-- SPDX-License-Identifier: MIT
-- guests.lua - a guest network: guests reach the outside, and neither the house nor each other
--
-- Run it with nslua. It proves the policy, takes each rule away once to see that the table notices,
-- and shows a policy that looks right and is not.

local lab = require "netns.lab"

local routing = [[
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		iifname "guests" oifname "wan" accept
		iifname "house" oifname "wan" accept
	}
}]]

-- On the switch: from guests to the router and back, never from port to port.
local switching = [[
table bridge filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		iifname "router" accept
		oifname "router" accept
	}
}]]

local function network(ruleset)
	local net = lab.new "guests"
	net:router("router", { nft = routing })
	net:switch("air", { nft = ruleset })
	net:hosts { "guest1", "guest2", "printer" }
	net:internet()
	net:link("air", "router", { names = { "router", "guests" } })
	net:link({ "guest1", "guest2" }, "air")
	net:link("printer", "router", { names = { "eth0", "house" } })
	net:link("internet", "router", { names = { "eth0", "wan" } })
	net:up()
	return net
end

local rows = {
	{ { "guest1", "guest2", "printer" }, "internet", { "tcp/443", "udp/53" }, "open" },
	{ { "guest1", "guest2" }, "printer", { "icmp", "tcp/9100" }, "isolated" },
	{ "printer", { "guest1", "guest2" }, { "icmp", "tcp/80" }, "isolated" },
	{ "guest1", "guest2", { "icmp", "tcp/80", "udp/53" }, "isolated" },
	{ "guest2", "guest1", { "icmp", "tcp/80", "udp/53" }, "isolated" },
	{ "internet", { "guest1", "guest2", "printer" }, { "icmp", "tcp/80" }, "isolated" },
}

do
	local net <close> = network(switching)
	print(net:draw())
	print(net:expect(rows))
	local mutation = net:mutate(rows, { strict = true }) -- raises where the table says too little
	print("\nEach rule, policy, route and setting taken away once:\n" .. tostring(mutation))
end

-- The router's firewall says nothing of guests among themselves: their packets never come by it.
do
	local net <close> = network(nil)
	local report = net:check(rows)
	print("\nWith the router's firewall alone:\n" .. report:failures())
	assert(not report.ok)
end
