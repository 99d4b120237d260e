-- SPDX-License-Identifier: MIT
-- ntable_spec.lua - ns.ntable
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function pair()
	local ns = netns.new()
	ns.link:add { name = "x", kind = "veth", up = true, peer = { name = "y", up = true } }
	return ns
end

describe("ns.ntable", function()
	it("sets and lists how a link asks for its neighbours", function()
		local a <close> = pair()
		a.ntable:set {
			{ name = "arp_cache", dev = "x", retrans = 100, mcast_probes = 2 },
			{ family = "inet6", dev = "x", retrans = 200 },
		}
		local arp = a.ntable:get { name = "arp_cache", dev = "x" }
		assert.same({ 100, 2, "inet" }, { arp.retrans, arp.mcast_probes, arp.family })
		assert.equal(200, a.ntable:get({ name = "ndisc_cache", dev = "x" }).retrans)
		assert.equal(1000, a.ntable:get({ name = "arp_cache", dev = "y" }).retrans)
	end)

	it("decides how soon a neighbour is given up", function()
		local a <close> = pair()
		a.addr:add { dev = "x", addr = "10.0.0.1/24" }
		a.ntable:set { name = "arp_cache", dev = "x", retrans = 20 }
		local v = netns.probe { from = a, to = "10.0.0.9" }
		assert.equal("no_neighbour", v.verdict)
		assert.is_true(v.observation.watched < 1.5) -- three seconds by default
	end)

	it("lists what it can replace elsewhere", function()
		local a <close> = pair()
		local b <close> = pair()
		a.ntable:set { name = "arp_cache", dev = "x", retrans = 100, locktime = 0 }
		b.ntable:replace(a.ntable:list())
		local x, y = a.ntable:get { name = "arp_cache", dev = "x" },
			b.ntable:get { name = "arp_cache", dev = "x" }
		assert.same({ x.retrans, x.locktime }, { y.retrans, y.locktime })
	end)

	it("tells how full the tables are", function()
		local a <close> = pair()
		local function entries()
			return a.ntable:get({ name = "arp_cache" }).config.entries
		end
		a.addr:add { dev = "x", addr = "10.0.0.1/24" }
		local before = a.ntable:get { name = "arp_cache" }
		local new = {}
		for i = 2, 200 do
			new[#new + 1] = { dev = "x", dst = "10.0.0." .. i, lladdr = "02:00:00:00:00:01" }
		end
		a.neigh:add(new)
		assert.is_true(entries() >= 199)
		assert.is_true(a.ntable:get({ name = "arp_cache" }).stats.allocs >= before.stats.allocs + 199)
	end)

	it("says what cannot be done", function()
		local a <close> = pair()
		refused("EINVAL", "name", a.ntable.add, a.ntable, { name = "arp_cache", dev = "x" })
		refused("EINVAL", "name", a.ntable.delete, a.ntable, "arp_cache")
		refused("EINVAL", "name", a.ntable.flush, a.ntable)
		refused("EINVAL", "name", a.ntable.set, a.ntable, { name = "arp", dev = "x" })
		refused("EINVAL", "dev", a.ntable.set, a.ntable, { name = "arp_cache", retrans = 5 })
		refused("ENODEV", "dev", a.ntable.set, a.ntable, { name = "arp_cache", dev = "ghost" })
	end)
end)
