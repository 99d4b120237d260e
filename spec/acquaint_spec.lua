-- SPDX-License-Identifier: MIT
-- acquaint_spec.lua - truth tables whose hosts are told beforehand which link-layer addresses the
-- others have
local core = require "netns.core"
local lab = require "netns.lab"
local support = require "spec.support"

local refused = support.refused
local told = { neighbours = "known" }

-- What a node knows of others, but for what the kernel needs no question for: "address state".
local function known(node)
	local list = {}
	for _, entry in ipairs(node.neigh:list()) do
		list[#list + 1] = entry.state ~= "noarp" and entry.dst .. " " .. entry.state or nil
	end
	table.sort(list)
	return list
end

local function star(n)
	local net = lab.star(n)
	net:up()
	return net
end

-- A host that hears no ARP.
local function deafen(node)
	node.nft:run "table arp deaf { chain c { type filter hook input priority 0; policy drop; }; }"
end

describe("neighbours that are known beforehand", function()
	it("are not asked for, and forgotten afterwards", function()
		local net <close> = star(3)
		for i = 1, 3 do
			deafen(net:node("h" .. i))
		end
		assert.equal("no_neighbour", net:matrix("icmp", "inet").h1.h2)
		for _, name in ipairs { "h1", "h2", "h3" } do
			net:node(name).neigh:flush()
		end
		local m = net:matrix({ "icmp", "tcp/80" }, "inet", told)
		for _, from in ipairs { "h1", "h2", "h3" } do
			assert.same({}, known(net:node(from)))
			for _, to in ipairs { "h1", "h2", "h3" } do
				assert.equal(from ~= to and "open" or nil, m[from][to])
			end
		end
	end)

	it("are those of IPv6, too", function()
		local net <close> = star(2)
		for _, name in ipairs { "h1", "h2" } do
			net:node(name).nft:run [[table ip6 deaf {
				chain c { type filter hook input priority 0; icmpv6 type nd-neighbor-solicit drop; }
			}]]
		end
		assert.equal("no_neighbour", net:matrix("icmp", "inet6").h1.h2)
		net:node "h1".neigh:flush()
		net:node "h2".neigh:flush()
		assert.equal("open", net:matrix("icmp", "inet6", told).h1.h2)
		assert.same({ {}, {} }, { known(net:node "h1"), known(net:node "h2") })
	end)

	it("are as their kernels have them", function()
		local net <close> = star(2)
		deafen(net:node "h1")
		net:node "h2".link:set { name = "eth0", mac = "02:00:00:00:77:77" }
		net:node "h1".neigh:flush()
		net:expect({ { "h1", "h2", "icmp", "open", family = "inet" } }, told)
	end)

	it("do not overrule what somebody knows, or set by hand", function()
		local net <close> = star(3)
		local h1, h2, h3 = net:node "h1", net:node "h2", net:node "h3"
		h1.neigh:add { dev = "eth0", dst = h2:address "inet", lladdr = "02:00:00:00:00:ff" }
		h1.neigh:add { dev = "eth0", dst = h3:address "inet", lladdr = h3.link:get "eth0".mac,
			state = "stale" }
		local before = known(h1)
		assert.equal(2, #before)
		local report = net:check({ { "h1", "h2", "icmp", "open", family = "inet" },
			{ "h1", "h3", "icmp", "open", family = "inet" } }, told)
		assert.matches("^It looks like dropped", report[1].why) -- and nobody else was asked as a control
		assert.equal("open", report[2].verdict)
		assert.matches(" permanent$", known(h1)[1])
		assert.equal(2, #known(h1))
	end)

	it("are those of a segment: a router is asked for", function()
		local net <close> = lab.new()
		net:hosts { "web", "db" }
		net:router "fw"
		net:link("web", "fw")
		net:link("db", "fw")
		net:up()
		local rows = { { "web", "db", "icmp", "open", family = "inet" },
			{ "web", "fw", "icmp", "open", family = "inet" } }
		net:expect(rows, told)
		deafen(net:node "db")
		for _, name in ipairs { "web", "db", "fw" } do
			net:node(name).neigh:flush()
		end
		assert.is_false(net:check(rows, told).ok)
	end)

	it("are taken back when telling fails", function()
		local net <close> = star(3)
		local methods = core.collections.neigh
		local add, calls = methods.add, 0
		finally(function() methods.add = add end)
		function methods.add(...)
			calls = calls + 1
			if calls == 3 then
				core.raise { op = "neigh add", code = "ENOBUFS", message = "so it goes" }
			end
			return add(...)
		end
		refused("ENOBUFS", nil, net.matrix, net, "icmp", "inet", told)
		assert.equal(3, calls)
		for i = 1, 3 do
			assert.same({}, known(net:node("h" .. i)))
		end
	end)

	it("are told of in the report", function()
		local net <close> = star(2)
		local rows, words = { { "h1", "h2", "icmp", "open" } }, "told beforehand"
		local report = net:check(rows, told)
		assert.equal("known", report:data().neighbours)
		for _, text in ipairs { tostring(report), report:tap(), report:html() } do
			assert.truthy(text:find(words, 1, true), text)
		end
		report = net:check(rows)
		assert.equal("asked", report:data().neighbours)
		for _, text in ipairs { tostring(report), report:tap(), report:html() } do
			assert.is_nil(text:find(words, 1, true))
		end
	end)

	it("are wanted in so many words", function()
		local net <close> = star(2)
		local rows = { { "h1", "h2", "icmp", "open" } }
		refused("EINVAL", "neighbours", net.check, net, rows, { neighbours = "pinned" })
		refused("EINVAL", "neighbours", net.check, net, rows, { neighbours = "words" })
		refused("EINVAL", "neighbour", net.check, net, rows, { neighbour = "known" })
		refused("EINVAL", "options", net.check, net, rows, "known")
	end)
end)
