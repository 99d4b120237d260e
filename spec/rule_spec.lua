-- SPDX-License-Identifier: MIT
-- rule_spec.lua - ns.rule
local json = require "netns.json"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local samples = {
	{ priority = 100, from = "10.0.0.0/8", table = 100 },
	{ priority = 101, to = "10.1.0.1", iif = "x", fwmark = 5, fwmask = 255, ipproto = "tcp",
		dport = "80-90", sport = 1,
		table = "main" },
	{ priority = 102, action = "prohibit", family = "inet6", invert = true, uidrange = 0 },
	{ priority = 103, suppress_prefixlength = 0, table = "main" },
	{ priority = 104, ["goto"] = 32766 },
	{ priority = 105, oif = "y", tos = 16, action = "blackhole" },
	{ priority = 106, from = "fd00::/64", table = "default", proto = "static" },
}

describe("ns.rule", function()
	local a

	before_each(function()
		a = netns.new()
		a.link:add { name = "x", kind = "veth", peer = { name = "y" } }
	end)

	after_each(function()
		a:close()
	end)

	it("begins with the kernel's own rules, of both families", function()
		local seen = {}
		for i, rule in ipairs(a.rule:list()) do
			seen[i] = ("%s %d %s"):format(rule.family, rule.priority, rule.table)
		end
		assert.same({ "inet 0 local", "inet 32766 main", "inet 32767 default", "inet6 0 local",
			"inet6 32766 main" }, seen)
	end)

	it("lists every field as it was added", function()
		a.rule:add(samples)
		for _, sample in ipairs(samples) do
			local listed = a.rule:get(sample.priority)
			for key, value in pairs(sample) do
				assert.equal(value, listed[key], key .. " of " .. sample.priority)
			end
		end
		assert.equal("boot", a.rule:get(100).proto)
		assert.same({ "inet", "inet6" }, { a.rule:get(103).family, a.rule:get(106).family })
	end)

	it("says what ip says", function()
		a.rule:add(samples)
		local theirs = json.decode(a:exec { "ip", "-j", "rule" }.stdout)
		assert.equal(8, #theirs)
		for i, rule in ipairs(a.rule:list { family = "inet" }) do
			local other = theirs[i]
			assert.equal(other.priority, rule.priority)
			assert.equal(other.table, rule.table and tostring(rule.table))
			assert.equal(other.src ~= "all" and other.src .. (other.srclen and "/" .. other.srclen or "")
				or nil, rule.from)
			assert.equal(other.iif, rule.iif)
			assert.equal(other.oif, rule.oif)
			assert.equal(other.ipproto, rule.ipproto)
		end
	end)

	it("refuses the same rule twice, and what means nothing", function()
		a.rule:add(samples[1])
		refused("EEXIST", nil, a.rule.add, a.rule, samples[1])
		refused("EINVAL", "dport", a.rule.add, a.rule, { priority = 1, dport = "80-" })
		refused("EINVAL", "dport", a.rule.add, a.rule, { priority = 1, dport = "90-80" })
		refused("EINVAL", "sport", a.rule.add, a.rule, { priority = 1, sport = 65536 })
		refused("EINVAL", "action", a.rule.add, a.rule, { priority = 1, action = "jump" })
		refused("EINVAL", "family", a.rule.add, a.rule, { from = "fd00::1", family = "inet" })
		refused("EINVAL", "colour", a.rule.add, a.rule, { priority = 1, colour = 1 })
		assert.equal(6, #a.rule:list())
	end)

	it("replaces without making twins, sets by priority, deletes by it", function()
		a.rule:replace(samples)
		a.rule:replace(samples)
		assert.equal(5 + #samples, #a.rule:list())
		a.rule:set { priority = 100, from = "11.0.0.0/8", table = 101 }
		assert.same({ "11.0.0.0/8", 101 }, { a.rule:get(100).from, a.rule:get(100).table })
		assert.equal(5 + #samples, #a.rule:list())
		refused("ENOENT", nil, a.rule.set, a.rule, { priority = 999, table = 1 })
		refused("EINVAL", "priority", a.rule.set, a.rule, { table = 1 })
		a.rule:delete(100)
		a.rule:delete { priority = 102, family = "inet6" }
		assert.is_nil(a.rule:get(100))
		assert.is_nil(a.rule:get(102))
		refused("EADDRNOTAVAIL", nil, a.rule.delete, a.rule, 4711)
		a.rule:flush()
		assert.equal(5, #a.rule:list())
	end)

	it("deletes nothing that is not named", function()
		for _, spec in ipairs { { {} }, { family = "inet" }, { { family = "inet6" } },
			{ { priority = 32766 }, {} }, { family = "inet", invert = false } } do
			local err = refused("EINVAL", "spec", a.rule.delete, a.rule, spec)
			assert.is_true(err.misuse)
			assert.matches("must be named", err.message)
			assert.equal(5, #a.rule:list())
		end
		a.rule:add { from = "10.0.0.0/8", table = 100 }
		a.rule:delete { from = "10.0.0.0/8" }
		a.rule:delete {}
		assert.equal(5, #a.rule:list())
	end)

	it("lists what it can add again", function()
		a.rule:add(samples)
		local b <close> = netns.new()
		b.link:add { name = "x", kind = "veth", peer = { name = "y" } }
		b.rule:replace(a.rule:list())
		assert.same(a.rule:list(), b.rule:list())
	end)

	it("replaces a rule beside one that asks for more", function()
		a.rule:add { priority = 20, table = 100, iif = "x" }
		for _ = 1, 2 do
			a.rule:replace { { priority = 20, table = 100 }, { priority = 21, table = 100, fwmark = 1 } }
			assert.equal(2, #a.rule:list { priority = 20 })
			assert.equal(1, #a.rule:list { priority = 21 })
		end
		a.rule:replace { priority = 21, table = 100, fwmark = 1, fwmask = 255 }
		assert.equal(2, #a.rule:list { priority = 21 })
	end)

	it("tells a mark of 0 where there is a mask", function()
		a.rule:add { priority = 20, table = 100, fwmark = 0, fwmask = 255 }
		assert.same({ 0, 255 }, { a.rule:get(20).fwmark, a.rule:get(20).fwmask })
	end)

	it("decides which table is looked up", function()
		a.link:set { { name = "x", up = true }, { name = "y", up = true } }
		a.addr:add { dev = "x", addr = "10.0.0.1/24" }
		a.route:add { dst = "default", via = "10.0.0.2", table = 100 }
		refused("ENETUNREACH", nil, a.route.lookup, a.route, "192.0.2.1")
		a.rule:add { priority = 50, to = "192.0.2.0/24", table = 100 }
		assert.equal("10.0.0.2", a.route:lookup("192.0.2.1").via)
	end)
end)
