-- SPDX-License-Identifier: MIT
-- addr_spec.lua - ns.addr
local netns = require "netns"
local refused = require "spec.support".refused

local function addrs(list)
	local out = {}
	for i, entry in ipairs(list) do
		out[i] = entry.addr
	end
	return table.concat(out, " ")
end

describe("ns.addr", function()
	local ns

	before_each(function()
		ns = netns.new()
		ns.link:add { name = "p0", kind = "veth", peer = { name = "p1" }, addrgenmode = "none" }
	end)

	after_each(function()
		ns:close()
	end)

	it("deletes by addresses alone, all that are named or none", function()
		ns.addr:add { { dev = "p0", addr = "10.0.0.1/24" }, { dev = "p0", addr = "10.0.1.1/24" } }
		refused("EADDRNOTAVAIL", nil, ns.addr.delete, ns.addr, { "10.0.0.1/24", "10.0.2.1/24" })
		assert.equal("10.0.0.1/24 10.0.1.1/24", addrs(ns.addr:list { family = "inet" }))
		ns.addr:delete { "10.0.0.1/24", "10.0.1.1" }
		assert.equal("", addrs(ns.addr:list { family = "inet" }))
	end)

	it("keeps long lifetimes, and finds by them and by flags", function()
		ns.addr:add {
			{ dev = "p0", addr = "10.0.0.1/24", valid = 2000000000 }, { dev = "p0", addr = "10.0.1.1/24" },
		}
		assert.is_true(ns.addr:get("10.0.0.1").valid > 1999999000)
		assert.equal("10.0.1.1/24", addrs(ns.addr:list { valid = "forever", family = "inet" }))
		assert.equal("10.0.1.1/24", addrs(ns.addr:list { flags = { "permanent" }, family = "inet" }))
		assert.equal("", addrs(ns.addr:list { flags = { "permanent", "secondary" } }))
	end)

	it("adds and lists both families with iproute2's words", function()
		ns.addr:add {
			dev = "p0", addr = "10.0.0.1/24", broadcast = "10.0.0.255", label = "p0:1", metric = 7,
		}
		ns.addr:add {
			dev = "p0", addr = "fd00::1/64", flags = { "nodad" }, valid = 3600, preferred = "30m",
		}
		local four, six = ns.addr:get "10.0.0.1/24", ns.addr:get "fd00::1"
		assert.equal("10.0.0.1/24", four.addr)
		assert.equal("10.0.0.255", four.broadcast)
		assert.equal("p0:1", four.label)
		assert.equal("inet", four.family)
		assert.equal("global", four.scope)
		assert.equal("forever", four.valid)
		assert.equal(7, four.metric)
		assert.same({ "permanent" }, four.flags)
		assert.equal("inet6", six.family)
		assert.is_true(six.valid > 3590 and six.valid <= 3600)
		assert.is_true(six.preferred > 1790 and six.preferred <= 1800)
	end)

	it("knows point-to-point addresses", function()
		ns.addr:add { dev = "p0", addr = "10.1.0.1", peer = "10.1.0.2/32" }
		ns.addr:add { dev = "p1", addr = "fd01::1", peer = "fd01::2/64", flags = "nodad" }
		local four = ns.addr:get "10.1.0.1"
		assert.equal("10.1.0.1/32", four.addr)
		assert.equal("10.1.0.2", four.peer)
		assert.equal("fd01::2", ns.addr:get("fd01::1").peer)
	end)

	it("filters in the kernel and here, whatever the spelling", function()
		ns.addr:add {
			{ dev = "p0", addr = "10.0.0.1/24" }, { dev = "p1", addr = "10.0.1.1/24" },
			{ dev = "p1", addr = "fd00::a/64", flags = { "nodad" } },
		}
		assert.equal("10.0.0.1/24", addrs(ns.addr:list { dev = "p0" }))
		assert.equal("10.0.1.1/24 fd00::a/64", addrs(ns.addr:list { dev = "p1" }))
		assert.equal("fd00::a/64", addrs(ns.addr:list { family = "inet6" }))
		assert.equal("fd00::a/64", addrs(ns.addr:list { addr = "fd00:0:0::000a" }))
		assert.equal("", addrs(ns.addr:list { addr = "fd00::a/65" }))
		assert.equal("10.0.1.1/24", addrs(ns.addr:list { dev = "p1", scope = "global", family = "inet" }))
		assert.is_nil(ns.addr:get "10.9.9.9")
	end)

	it("changes lifetimes with set and replace, refuses set of what is not there", function()
		ns.addr:replace { dev = "p0", addr = "10.0.0.1/24" }
		ns.addr:replace { dev = "p0", addr = "10.0.0.1/24", valid = 100, preferred = 50 }
		assert.is_true(ns.addr:get("10.0.0.1").valid <= 100)
		ns.addr:set { dev = "p0", addr = "10.0.0.1/24", valid = "forever" }
		assert.equal("forever", ns.addr:get("10.0.0.1").valid)
	end)

	it("deletes nothing that is not named", function()
		ns.link:set { name = "lo", up = true }
		local before = #ns.addr:list()
		refused("EINVAL", "spec", ns.addr.delete, ns.addr, { {} })
		refused("EINVAL", "spec", ns.addr.delete, ns.addr, { family = "inet" })
		assert.equal(before, #ns.addr:list())
	end)

	it("deletes by address alone, by spec, and what was listed", function()
		ns.addr:add {
			{ dev = "p0", addr = "10.0.0.1/24" }, { dev = "p0", addr = "10.0.0.2/24" },
			{ dev = "p0", addr = "10.0.0.3/24" },
		}
		ns.addr:delete "10.0.0.3/24"
		ns.addr:delete { dev = "p0", addr = "10.0.0.2/24" }
		ns.addr:delete(ns.addr:list())
		assert.equal("", addrs(ns.addr:list()))
		local err = refused("EADDRNOTAVAIL", nil, ns.addr.delete, ns.addr, "10.0.0.1/24")
		assert.equal("10.0.0.1/24", err.subject)
	end)

	it("flushes one link or all", function()
		ns.addr:add {
			{ dev = "p0", addr = "10.0.0.1/24" }, { dev = "p0", addr = "10.0.0.2/24" },
			{ dev = "p1", addr = "10.0.1.1/24" },
		}
		ns.addr:flush { dev = "p0" }
		assert.equal("10.0.1.1/24", addrs(ns.addr:list()))
		ns.addr:flush()
		assert.equal("", addrs(ns.addr:list()))
	end)

	it("takes back what the kernel did behind the refused one of an array", function()
		local specs = {}
		for i = 1, 300 do
			specs[i] = { dev = "p0", addr = ("10.1.%d.%d/32"):format(i // 250, i % 250 + 1) }
		end
		specs[200] = specs[150]
		local err = refused("EEXIST", nil, ns.addr.add, ns.addr, specs)
		assert.equal(200, err.index)
		local list = ns.addr:list()
		assert.equal(199, #list)
		for i = 1, 199 do
			assert.equal(specs[i].addr, list[i].addr)
		end
	end)

	it("lists what it can add again", function()
		ns.link:set { { name = "lo", up = true }, { name = "p0", up = true }, { name = "p1", up = true } }
		ns.addr:add {
			{ dev = "p0", addr = "10.0.0.1/24", broadcast = "10.0.0.255" },
			{ dev = "p0", addr = "10.0.0.2/24", label = "p0:2" },
			{ dev = "p1", addr = "fd00::1/64", flags = { "nodad" } },
			{ dev = "p1", addr = "10.3.0.1/32", peer = "10.3.0.2", valid = 5000 },
		}
		local other <close> = netns.new()
		other.link:add { name = "p0", kind = "veth", peer = { name = "p1" }, addrgenmode = "none" }
		other.link:set {
			{ name = "lo", up = true }, { name = "p0", up = true }, { name = "p1", up = true },
		}
		local function listing(from)
			local out = {}
			for _, entry in ipairs(from.addr:list()) do
				if entry.scope ~= "link" then
					entry.valid = entry.valid == "forever" or entry.valid // 100
					entry.preferred = entry.preferred == "forever" or entry.preferred // 100
					out[entry.addr] = entry
				end
			end
			return out
		end
		other.addr:replace(ns.addr:list())
		assert.same(listing(ns), listing(other))
	end)

	it("says what is wrong, with the field, and changes nothing", function()
		local bad = {
			{ "addr", { dev = "p0" } },
			{ "dev", { addr = "10.0.0.1/24" } },
			{ "addr", { dev = "p0", addr = "10.0.0.1/33" } },
			{ "addr", { dev = "p0", addr = "10.0.0.1/-1" } },
			{ "addr", { dev = "p0", addr = "10.0.0.1/" } },
			{ "addr", { dev = "p0", addr = "10.0.0.1/2x" } },
			{ "addr", { dev = "p0", addr = "fd00::1/129" } },
			{ "addr", { dev = "p0", addr = "" } },
			{ "addr", { dev = "p0", addr = "1.2.3" } },
			{ "addr", { dev = "p0", addr = "010.0.0.1" } },
			{ "addr", { dev = "p0", addr = "::1%lo" } },
			{ "addr", { dev = "p0", addr = "10.0.0.1\0/24" } },
			{ "addr", { dev = "p0", addr = 10 } },
			{ "peer", { dev = "p0", addr = "10.0.0.1", peer = "fd00::1" } },
			{ "family", { dev = "p0", addr = "10.0.0.1", family = "inet6" } },
			{ "family", { dev = "p0", addr = "10.0.0.1", family = "ipx" } },
			{ "scope", { dev = "p0", addr = "10.0.0.1", scope = "galaxy" } },
			{ "scope", { dev = "p0", addr = "10.0.0.1", scope = 256 } },
			{ "flags", { dev = "p0", addr = "10.0.0.1", flags = { "nodad", "bogus" } } },
			{ "valid", { dev = "p0", addr = "10.0.0.1", valid = -1 } },
			{ "valid", { dev = "p0", addr = "10.0.0.1", valid = "soon" } },
			{ "dev", { dev = "no/such", addr = "10.0.0.1" } },
			{ "label", { dev = "p0", addr = "10.0.0.1", label = ("l"):rep(16) } },
			{ "gateway", { dev = "p0", addr = "10.0.0.1", gateway = "10.0.0.2" } },
		}
		for _, case in ipairs(bad) do
			local err = refused("EINVAL", case[1], ns.addr.add, ns.addr, case[2])
			assert.is_true(err.misuse)
			assert.equal("", addrs(ns.addr:list()))
		end
		local err = refused("ENODEV", "dev", ns.addr.add, ns.addr, { dev = "nope", addr = "10.0.0.1/24" })
		assert.equal("dev", err.attr)
		assert.matches("no such link", tostring(err))
	end)
end)
