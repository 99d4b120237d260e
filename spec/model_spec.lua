-- SPDX-License-Identifier: MIT
-- model_spec.lua - what ought to be reachable, computed, beside what was probed
local lab = require "netns.lab"
local line = require "spec.labs".line
local refused = require "spec.support".refused

--- Both agree, and on these verdicts between web and db.
local function agree(net, there, back)
	local model = net:model()
	assert.is_true(model.ok, tostring(model))
	assert.equal(2 * 6, model.pairs)
	for _, family in ipairs { "inet", "inet6" } do
		assert.same({ there, back }, { model.predicted.web.db[family], model.predicted.db.web[family] },
			family)
	end
end

local function each_family(net, f)
	f("inet", net:node "db":address "inet", "10.0.2.0/24")
	f("inet6", net:node "db":address "inet6", "fd00:0:0:2::/64")
end

describe("lab:model", function()
	it("agrees with what is there", function()
		local net <close> = line()
		agree(net, "open", "open")
		local model = net:model "tcp/80"
		assert.same({ true, {} }, { model.ok, model.uncovered })
		for _, make in ipairs { "ring", "star", "mesh" } do
			local other <close> = lab[make](4)
			other:up()
			model = other:model()
			assert.is_true(model.ok, tostring(model))
			assert.equal(2 * 12, model.pairs)
		end
	end)

	it("agrees about missing, wrong and special routes", function()
		for _, case in ipairs {
			{ "web", "default", nil, "no_route", "one_way" },
			{ "db", "default", nil, "one_way", "no_route" },
			{ "r1", "net", nil, "rejected", "one_way" },
			{ "r1", "net", "prohibit", "rejected", "one_way" },
			{ "r1", "net", "blackhole", "dropped", "one_way" },
			{ "web", "host", "blackhole", "blackhole", "one_way" },
			{ "web", "host", "prohibit", "prohibited", "one_way" },
			{ "web", "host", "unreachable", "no_route", "one_way" },
			{ "web", "host", "throw", "no_route", "one_way" },
		} do
			local net <close> = line()
			local node, dst, kind, there, back = table.unpack(case, 1, 5)
			each_family(net, function(family, addr, subnet)
				local routes = net:node(node).route
				if dst == "default" then
					routes:flush { dst = "default", family = family }
				elseif dst == "net" then
					routes:flush { dst = subnet }
				end
				if kind then
					routes:add { dst = dst == "net" and subnet or addr, type = kind }
				end
			end)
			agree(net, there, back)
		end
	end)

	it("agrees about the smallest metric, and a circle", function()
		local net <close> = line()
		local r1, r2 = net:node "r1", net:node "r2"
		each_family(net, function(family, addr)
			for _, metric in ipairs { 20, 9, 30 } do
				net:node "web".route:add(metric == 9
					and { dst = addr, metric = metric, via = r1:address(family, "web") }
					or { dst = addr, metric = metric, type = "blackhole" })
			end
			assert.equal(3, #net:node "web".route:list { dst = addr, family = family })
		end)
		agree(net, "open", "open")
		each_family(net, function(family, addr)
			r2.route:add { dst = addr, via = r1:address(family, "r2") }
		end)
		agree(net, "rejected", "one_way")
	end)

	it("agrees about an address that another has, too", function()
		local net <close> = line()
		each_family(net, function(family, addr)
			net:node "www".addr:add { dev = "lo", addr = addr }
			net:node "www".addr:settle(3)
			net:node "web".route:add { dst = addr, via = net:node "www":address(family) }
		end)
		agree(net, "inconclusive", "one_way")
	end)

	it("agrees about links that are down, and who does not forward", function()
		local net <close> = line()
		net:set("web", "lan", { up = false })
		local model = net:model()
		assert.is_true(model.ok, tostring(model))
		assert.same({ "link_down", "rejected", "open" }, { model.predicted.web.db.inet,
			model.predicted.db.web.inet, model.predicted.db.www.inet6 })
		net:set("web", "lan", { up = true })
		net:node "r2".sysctl["net.ipv4.ip_forward"] = 0
		net:node "r2".sysctl["net.ipv6.conf.all.forwarding"] = 0
		agree(net, "dropped", "dropped")
	end)

	it("agrees about rp_filter, where a source has another way back", function()
		local net <close> = line()
		local r2 = net:node "r2"
		r2.sysctl["net.ipv4.conf.all.rp_filter"] = 1
		for family, dst in pairs { inet = "10.0.0.0/24", inet6 = "fd00::/64" } do
			r2.route:flush { dst = dst }
			r2.route:add { dst = dst, via = net:node "db":address(family), dev = "eth1" }
		end
		local model = net:model()
		assert.is_true(model.ok, tostring(model))
		assert.same({ inet = "dropped", inet6 = "one_way" }, model.predicted.web.db)
	end)

	it("agrees about ports of a switch that are isolated, and a neighbour that is gone", function()
		local net <close> = line()
		for _, name in ipairs { "web", "www" } do
			net:node "lan".link:set { name = name, bridge_slave = { isolated = true } }
		end
		local model = net:model()
		assert.same({ "no_neighbour", "open" },
			{ model.predicted.web.www.inet, model.predicted.web.db.inet6 })
		assert.is_true(model.ok, tostring(model))
		local other <close> = line() -- where no neighbour is known yet
		other:node "lan".link:set { name = "br0", up = false }
		agree(other, "no_neighbour", "rejected")
	end)

	it("says which routes and rules it does not cover, and where a way leaves the lab", function()
		local net <close> = line()
		local web, r2 = net:node "web", net:node "r2"
		r2.rule:add { priority = 100, from = "10.9.0.0/16", table = "main" }
		local hops = {}
		for i, name in ipairs { "r1", "db" } do
			hops[i] = { via = net:node(name):address("inet", "r2") }
		end
		r2.route:add { dst = "10.8.0.0/16", nexthops = hops }
		web.link:add { name = "x0", kind = "bridge", up = true }
		web.route:add { dst = net:node "db":address "inet", dev = "x0" }
		local model = net:model()
		assert.same({ "r2: routing rules", "r2: routes with several next hops" }, model.uncovered)
		assert.equal(1, #model.disagreements)
		local found = model.disagreements[1]
		assert.same({ "web", "db", "inconclusive", "no_neighbour", {},
			"it leaves by x0, which is no cable of the lab" }, { found.from, found.to, found.predicted,
			found.verdict, found.uncovered, found.why })
	end)

	it("disagrees where something else decides, and says what it does not cover", function()
		local net <close> = line()
		net:node "r1".nft:run [[table inet f { chain c { type filter hook forward priority 0
			ip daddr 10.0.2.1 drop
		}; }]]
		local model = net:model()
		assert.is_false(model.ok)
		assert.same({ "r1: firewall rules" }, model.uncovered)
		-- web and www to db; of what db asks, the answers are lost
		assert.equal(4, #model.disagreements)
		local found
		for _, each in ipairs(model.disagreements) do
			assert.equal("inet", each.family)
			assert.equal("open", each.predicted)
			assert.same({ "r1: firewall rules" }, each.uncovered)
			found = found or each.from == "web" and each.verdict
		end
		assert.equal("dropped", found)
		assert.truthy(tostring(model):find("web -> db (10.0.2.1): the model says open; it was dropped. ",
			1, true), tostring(model))
		assert.truthy(tostring(model):find("4 of 12 pairs disagree", 1, true), tostring(model))
	end)

	it("needs a lab that is up, and checks what it is asked", function()
		local net = lab.new()
		refused("ENOTCONN", nil, net.model, net)
		local star <close> = lab.star(2)
		star:up()
		refused("EINVAL", "what", star.model, star, "tcp")
	end)
end)
