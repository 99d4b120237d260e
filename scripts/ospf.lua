-- SPDX-License-Identifier: MIT
-- ospf.lua - three routers that find their routes by OSPF, lose a cable, and find others
--
-- Run it with nslua. BIRD 2 runs in each router; no route is given. It ends with exit status 77
-- where BIRD is not installed (Debian: bird2).

local lab = require "netns.lab"
local netns = require "netns"

local here <close> = netns.current()
local installed, why = pcall(here.exec, here, { "bird", "--version" })
if not installed then
	io.stderr:write("skipped: ", tostring(why), "\n")
	os.exit(77, true)
end

--- BIRD's configuration for a router: OSPF on every interface, twice (IPv4 and IPv6).
local function configuration(id)
	return ([[
router id 192.0.2.%d;
protocol device { scan time 1; }
protocol kernel { ipv4 { import none; export all; }; }
protocol kernel { ipv6 { import none; export all; }; }
protocol ospf v2 { ipv4 { import all; export all; };
	area 0 { interface "eth*" { hello 1; dead 4; wait 2; type broadcast; }; }; }
protocol ospf v3 { ipv6 { import all; export all; };
	area 0 { interface "eth*" { hello 1; dead 4; wait 2; type broadcast; }; }; }
]]):format(id)
end

local net <close> = lab.new "ospf"
for i = 1, 3 do
	local router = net:router("r" .. i, { exec = { "bird", "-f", "-c", "/dev/stdin",
		"-s", ("/run/bird-r%d.ctl"):format(i), stdin = configuration(i) } })
	net:link(net:host("h" .. i), router)
end
net:link("r1", "r2")
net:link("r2", "r3")
net:link("r3", "r1")

--- Through whom r1 goes to h2; nil while it knows no way.
local function way()
	local routes = net:node "r1".route
	local known, route = pcall(routes.lookup, routes, net:node "h2":address())
	return known and route.via or nil
end

--- How long until r1 goes to h2 through `router`, and every host reaches every other one.
local function converge(what, router)
	local began = netns.clock()
	local expected = net:node(router):address("inet", "r1")
	while way() ~= expected and netns.clock() < began + 60 do
		netns.sleep(0.05)
	end
	local report = net:eventually({ { "*", "*", { "icmp", "tcp/80" }, "open" } }, 60)
	if way() ~= expected or not report.ok then
		print(("r1 goes to h2 through %s"):format(tostring(way())), report)
		os.exit(1, true)
	end
	print(("%-44s %4.1f s"):format(what, netns.clock() - began))
end

net:up { routing = "none" }
for i = 1, 3 do -- hosts speak no OSPF
	for _, family in ipairs { "inet", "inet6" } do
		net:node("h" .. i).route:add { dst = "default", family = family,
			via = net:node("r" .. i):address(family, "h" .. i) }
	end
end
print(net:draw())
converge("All hosts reach each other after", "r2")
net:set("r1", "r2", { up = false })
converge("The cable r1 -- r2 is cut; again after", "r3")
net:set("r1", "r2", { up = true })
converge("The cable is back; r1 uses it again after", "r2")
