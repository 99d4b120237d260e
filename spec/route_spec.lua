-- SPDX-License-Identifier: MIT
-- route_spec.lua - ns.route
local json = require "netns.json"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function destinations(list)
	local out = {}
	for i, entry in ipairs(list) do
		out[i] = entry.dst
	end
	return table.concat(out, " ")
end

-- All routes, one a line, whatever their order.
local function everything(ns)
	local lines = {}
	for i, route in ipairs(ns.route:list { table = "all" }) do
		lines[i] = json.encode(route)
	end
	table.sort(lines)
	return table.concat(lines, "\n")
end

describe("ns.route", function()
	local ns

	local function make()
		local new = netns.new()
		new.link:add { name = "p0", kind = "veth", addrgenmode = "none", peer = { name = "p1" } }
		new.link:set {
			{ name = "lo", up = true }, { name = "p0", up = true }, { name = "p1", up = true },
		}
		new.addr:add {
			{ dev = "p0", addr = "10.0.0.1/24" }, { dev = "p0", addr = "fd00::1/64", flags = { "nodad" } },
		}
		return new
	end

	before_each(function()
		ns = make()
	end)

	after_each(function()
		ns:close()
	end)

	it("takes the family of default from the gateway, else inet", function()
		ns.route:add { { dst = "default", via = "10.0.0.2" }, { dst = "default", via = "fd00::2" } }
		assert.equal("10.0.0.2", ns.route:get({ dst = "default", family = "inet" }).via)
		assert.equal("fd00::2", ns.route:get({ dst = "default", family = "inet6" }).via)
		ns.route:delete "default"
		assert.is_nil(ns.route:get({ dst = "default", family = "inet" }))
		assert.equal("inet6", ns.route:get("default").family)
		ns.route:delete { dst = "default", family = "inet6" }
		assert.is_nil(ns.route:get "default")
	end)

	it("lists every field by iproute2's word", function()
		ns.route:add {
			dst = "192.168.0.0/16", via = "10.0.0.2", src = "10.0.0.1", metric = 5, mtu = 1300,
			proto = "static", onlink = true, dev = "p0", tos = 4,
		}
		local route = ns.route:get "192.168.0.0/16"
		assert.same({
			dst = "192.168.0.0/16", via = "10.0.0.2", src = "10.0.0.1", metric = 5, mtu = 1300, tos = 4,
			proto = "static", onlink = true, dev = "p0", table = "main", type = "unicast", family = "inet",
			scope = "global", flags = {},
		}, route)
	end)

	it("shows both families of table main, and other tables when asked", function()
		ns.route:add {
			{ dst = "10.7.0.0/16", via = "10.0.0.2", table = 100 },
			{ dst = "fd07::/64", via = "fd00::2", table = 100 },
		}
		assert.is_nil(ns.route:get "10.7.0.0/16")
		assert.equal("10.7.0.0/16 fd07::/64", destinations(ns.route:list { table = 100 }))
		assert.equal(100, ns.route:get({ dst = "10.7.0.0/16", table = 100 }).table)
		assert.equal("local", ns.route:get({ dst = "10.0.0.1", table = "local" }).table)
		local all, seen = ns.route:list { table = "all" }, {}
		for _, route in ipairs(all) do
			seen[route.table] = true
		end
		assert.same({ main = true, ["local"] = true, [100] = true }, seen)
		assert.equal("", destinations(ns.route:list { table = 4242 }))
	end)

	it("adds blackholes and their kin, and removes them", function()
		for _, kind in ipairs { "blackhole", "unreachable", "prohibit", "throw" } do
			ns.route:add { dst = "10.9.0.0/24", type = kind }
			assert.equal(kind, ns.route:get("10.9.0.0/24").type)
			ns.route:delete { dst = "10.9.0.0/24", type = kind }
			assert.is_nil(ns.route:get "10.9.0.0/24")
		end
	end)

	it("knows several nexthops, and an IPv6 gateway for IPv4", function()
		ns.route:add {
			{
				dst = "10.8.0.0/16",
				nexthops = { { via = "10.0.0.2", weight = 3 }, { via = "10.0.0.3", dev = "p0" } },
			},
			{ dst = "10.6.0.0/16", via = "fd00::2", dev = "p0" },
		}
		assert.same({
			{ via = "10.0.0.2", dev = "p0", weight = 3 }, { via = "10.0.0.3", dev = "p0", weight = 1 },
		}, ns.route:get("10.8.0.0/16").nexthops)
		local mixed = ns.route:get "10.6.0.0/16"
		assert.equal("inet", mixed.family)
		assert.equal("fd00::2", mixed.via)
	end)

	it("finds by nexthops, and by what is not listed when it is off", function()
		local hops = { { via = "10.0.0.2", weight = 3 }, { via = "10.0.0.3", weight = 1 } }
		ns.route:add {
			{ dst = "10.8.0.0/16", nexthops = hops },
			{ dst = "10.9.0.0/16", via = "10.0.0.2", dev = "p0", onlink = true },
			{ dst = "10.7.0.0/16", via = "10.0.0.2", tos = 4 },
		}
		assert.equal("10.8.0.0/16", destinations(ns.route:list { nexthops = hops }))
		hops[2].weight = 2
		assert.equal("", destinations(ns.route:list { nexthops = hops }))
		assert.equal("10.9.0.0/16", destinations(ns.route:list { onlink = true }))
		assert.equal("10.7.0.0/16", destinations(ns.route:list { onlink = false, via = "10.0.0.2" }))
		assert.equal("10.9.0.0/16", destinations(ns.route:list { tos = 0, via = "10.0.0.2" }))
		local index = ns.link:get("p0").index
		assert.equal("10.9.0.0/16", destinations(ns.route:list { dev = index, onlink = true }))
	end)

	it("replaces, sets, flushes", function()
		ns.route:replace { dst = "10.5.0.0/16", via = "10.0.0.2" }
		ns.route:replace { dst = "10.5.0.0/16", via = "10.0.0.3" }
		assert.equal("10.0.0.3", ns.route:get("10.5.0.0/16").via)
		ns.route:set { dst = "10.5.0.0/16", via = "10.0.0.4" }
		assert.equal("10.0.0.4", ns.route:get("10.5.0.0/16").via)
		refused("ENOENT", nil, ns.route.set, ns.route, { dst = "10.4.0.0/16", via = "10.0.0.4" })
		ns.route:flush { proto = "boot" }
		assert.is_nil(ns.route:get "10.5.0.0/16")
		assert.is_table(ns.route:get "10.0.0.0/24")
		ns.route:flush()
		assert.equal("", destinations(ns.route:list()))
	end)

	it("looks up what the kernel would do", function()
		ns.route:add {
			{ dst = "10.5.0.0/16", via = "10.0.0.2" }, { dst = "10.9.0.0/24", type = "prohibit" },
		}
		local route = ns.route:lookup "10.5.1.1"
		assert.equal("10.0.0.2", route.via)
		assert.equal("p0", route.dev)
		assert.equal("10.0.0.1", route.src)
		assert.equal("local", ns.route:lookup("10.0.0.1").type)
		assert.equal("p0", ns.route:lookup("fd00::9").dev)
		refused("ENETUNREACH", nil, ns.route.lookup, ns.route, "172.16.0.1")
		refused("EACCES", nil, ns.route.lookup, ns.route, "10.9.0.1")
		refused("EINVAL", "addr", ns.route.lookup, ns.route, "10.9.0")
	end)

	it("adds thousands at once, and stops where one is refused", function()
		local specs = {}
		for i = 1, 3000 do
			specs[i] = { dst = ("10.%d.%d.0/24"):format(100 + i // 256, i % 256), via = "10.0.0.2" }
		end
		ns.route:add(specs)
		assert.equal(3000, #ns.route:list { proto = "boot" })
		ns.route:delete(specs)
		assert.equal(0, #ns.route:list { proto = "boot" })
		specs[2000] = { dst = "10.99.0.0/24", via = "172.16.0.1" }
		local err = refused("ENETUNREACH", nil, ns.route.add, ns.route, specs)
		assert.equal(2000, err.index)
		assert.equal("10.99.0.0/24", err.subject)
		assert.equal(1999, #ns.route:list { proto = "boot" })
	end)

	it("lists what it can add again", function()
		ns.route:add {
			{ dst = "default", via = "10.0.0.2" }, { dst = "default", via = "fd00::2", metric = 10 },
			{ dst = "10.8.0.0/16", nexthops = { { via = "10.0.0.2" }, { via = "10.0.0.3", weight = 2 } } },
			{ dst = "10.9.0.0/24", type = "blackhole" },
			{ dst = "10.6.0.0/16", via = "fd00::2", dev = "p0", mtu = 1300 },
			{ dst = "10.7.0.7", dev = "p1", scope = "link" },
			{ dst = "10.3.0.0/16", via = "10.0.0.2", table = 77 },
		}
		local other <close> = make()
		other.route:replace(ns.route:list { table = "all" })
		-- the kernel's own come when the links are up, in the order in which they are
		support.eventually(function()
			return everything(ns) == everything(other)
		end)
		assert.equal(everything(ns), everything(other))
	end)

	it("says what is wrong, with the field or in the kernel's words", function()
		local bad = {
			{ "dst", { via = "10.0.0.2" } },
			{ "dst", { dst = "10.0.0.0/40", via = "10.0.0.2" } },
			{ "dst", { dst = "everything", via = "10.0.0.2" } },
			{ "via", { dst = "10.0.0.0/8", via = "10.0.0" } },
			{ "src", { dst = "10.0.0.0/8", src = "fd00::1" } },
			{ "metric", { dst = "10.0.0.0/8", metric = -1 } },
			{ "table", { dst = "10.0.0.0/8", table = "mine" } },
			{ "table", { dst = "10.0.0.0/8", table = 2 ^ 32 } },
			{ "type", { dst = "10.0.0.0/8", type = "wormhole" } },
			{ "family", { dst = "10.0.0.0/8", family = "inet6" } },
			{ "nexthops", { dst = "10.0.0.0/8", nexthops = "10.0.0.2" } },
			{ "nexthops", { dst = "10.0.0.0/8", nexthops = { "10.0.0.2" } } },
			{ "nexthops.weight", { dst = "10.0.0.0/8", nexthops = { { via = "10.0.0.2", weight = 0 } } } },
			{ "nexthops.gateway", { dst = "10.0.0.0/8", nexthops = { { gateway = "10.0.0.2" } } } },
			{ "gateway", { dst = "10.0.0.0/8", gateway = "10.0.0.2" } },
		}
		local before = #ns.route:list { table = "all", proto = "boot" }
		for _, case in ipairs(bad) do
			local err = refused("EINVAL", case[1], ns.route.add, ns.route, case[2])
			assert.is_true(err.misuse)
		end
		assert.equal(before, #ns.route:list { table = "all", proto = "boot" })
		local err = refused("ENETUNREACH", nil, ns.route.add, ns.route,
			{ dst = "10.1.0.0/16", via = "172.16.0.1" })
		assert.equal("Nexthop has invalid gateway", err.message)
		assert.is_string(err.hint)
		err = refused("EINVAL", "dst", ns.route.add, ns.route,
			{ dst = "10.1.0.1/16", via = "10.0.0.2" })
		assert.matches("10.1.0.0/16 expected", err.message)
		refused("EINVAL", "dst", ns.route.delete, ns.route, "10.1.0.1/0")
	end)

	it("takes any number for a table", function()
		ns.route:add { dst = "10.0.0.0/8", type = "blackhole", table = 2 ^ 32 - 1 }
		assert.equal(2 ^ 32 - 1, ns.route:get({ dst = "10.0.0.0/8", table = "all" }).table)
		assert.is_nil(ns.route:get { dst = "10.0.0.0/8" })
	end)

	it("names the first refusal of many, and keeps what came before it", function()
		local list = {}
		for i = 1, 500 do
			list[i] = { dst = ("10.66.%d.%d/32"):format(i // 256, i % 256), type = "blackhole" }
		end
		local function count()
			return #ns.route:list { type = "blackhole" }
		end
		local before = count()
		list[300].dst = list[299].dst
		assert.equal(300, refused("EEXIST", nil, ns.route.add, ns.route, list).index)
		assert.equal(before + 299, count())
		assert.equal(1, refused("EEXIST", nil, ns.route.add, ns.route, list).index)
		assert.equal(before + 299, count())
	end)
end)
