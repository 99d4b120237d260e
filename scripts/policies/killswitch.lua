-- SPDX-License-Identifier: MIT
-- killswitch.lua - a VPN kill-switch: when the tunnel is down, nothing leaves beside it
--
-- Run it with nslua. The tunnel is a cable called tun0 here, since it is the policy on the laptop
-- that is proved, not the encryption. It proves the policy with the tunnel up and down, takes each
-- rule away once to see that the tables notice, and shows a kill-switch that looks right and is
-- not.

local lab = require "netns.lab"

local rules = [[
table inet killswitch {
	chain output {
		type filter hook output priority filter; policy drop;
		oif "lo" accept
		oifname "tun0" accept
		oifname "wlan0" ip daddr 10.0.0.0/24 udp dport 51820 accept
		oifname "wlan0" ip6 daddr fd00::/64 udp dport 51820 accept
		icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
	}
}]]

-- Two ways to the outside: over the wireless network, and through the tunnel, which is preferred.
local function network(ruleset)
	local net = lab.new "killswitch"
	net:host("laptop", { nft = ruleset })
	net:routers { "access", "vpn" }
	net:link("laptop", "access", { names = { "wlan0", false } })
	net:link("laptop", "vpn", { names = { "tun0", false } })
	net:internet()
	net:link("access", "internet")
	net:link("vpn", "internet")
	net:up()
	local laptop = net:node "laptop"
	laptop.route:flush { dst = "default" }
	for _, family in ipairs { "inet", "inet6" } do
		laptop.route:add {
			{ dst = "default", family = family, via = net:node "vpn":address(family, "laptop"),
				dev = "tun0", metric = 50 },
			{ dst = "default", family = family, via = net:node "access":address(family, "laptop"),
				dev = "wlan0", metric = 600 },
		}
	end
	return net
end

local whats = { "icmp", "tcp/443", "udp/53" }
local tunnel_up = {
	{ "laptop", "internet", whats, "open" },
	{ "laptop", "access", "udp/51820", "open" },
	{ "laptop", "access", { "icmp", "tcp/443" }, "isolated" },
}
local tunnel_down = {
	{ "laptop", "internet", whats, "isolated" },
	{ "laptop", "access", "udp/51820", "open" },
}

local function cut(net)
	net:node "vpn".link:set { name = "eth0", up = false }
	net:node "laptop".link:set { name = "tun0", up = false }
end

do
	local net <close> = network(rules)
	print(net:draw())
	print(net:expect(tunnel_up))
	local mutation = net:mutate(tunnel_up)
	print("\nEach rule, policy, route and setting taken away once (what lies beside the tunnel\n"
		.. "survives here: this table is the one for a tunnel that is up):\n" .. tostring(mutation))
	cut(net)
	print("\nThe tunnel is cut:\n" .. tostring(net:expect(tunnel_down)))
end

-- "The default route goes through the tunnel, so everything does": until the tunnel is down.
do
	local net <close> = network(nil)
	print("\nWith routes alone, the tunnel up:\n" .. tostring(net:check { tunnel_up[1] }))
	cut(net)
	local report = net:check(tunnel_down)
	print("\nWith routes alone, the tunnel cut:\n" .. report:failures())
	assert(not report.ok)
end
