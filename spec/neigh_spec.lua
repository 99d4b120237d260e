-- SPDX-License-Identifier: MIT
-- neigh_spec.lua - ns.neigh and ns.fdb
local json = require "netns.json"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function pair()
	local ns = netns.new()
	ns.link:add { name = "x", kind = "veth", up = true, addrgenmode = "none", peer = { name = "y" } }
	ns.link:set { name = "y", addrgenmode = "none", up = true }
	ns.addr:add { dev = "x", addr = "10.0.0.1/24" }
	return ns
end

describe("ns.neigh", function()
	local a

	before_each(function()
		a = pair()
	end)

	after_each(function()
		a:close()
	end)

	local samples = {
		{ dev = "x", dst = "10.0.0.2", lladdr = "02:00:00:00:00:02", state = "permanent" },
		{ dev = "x", dst = "fd00::2", lladdr = "02:00:00:00:00:03", state = "stale", router = true },
		{ dev = "y", dst = "10.0.0.3", lladdr = "02:00:00:00:00:04", state = "reachable" },
	}

	it("lists what was added, as ip does", function()
		a.neigh:add(samples)
		for _, sample in ipairs(samples) do
			local listed = a.neigh:get { dst = sample.dst }
			for key, value in pairs(sample) do
				assert.equal(value, listed[key], key)
			end
		end
		local theirs = {}
		for _, entry in ipairs(json.decode(a:exec { "ip", "-j", "neigh" }.stdout)) do
			theirs[entry.dst] = { entry.dev, entry.lladdr, entry.state[1]:lower(),
				entry.router == json.null }
		end
		local ours = {}
		for _, entry in ipairs(a.neigh:list()) do
			ours[entry.dst] = { entry.dev, entry.lladdr, entry.state, entry.router == true }
		end
		assert.same(theirs, ours)
	end)

	it("is permanent unless it says otherwise, and answers with it", function()
		a.neigh:add { dev = "x", dst = "10.0.0.2", lladdr = "02:00:00:00:00:02" }
		assert.equal("permanent", a.neigh:get("10.0.0.2").state)
		assert.equal("no_neighbour", netns.probe { from = a, to = "10.0.0.9" }.verdict)
		assert.not_equal("no_neighbour", netns.probe { from = a, to = "10.0.0.2", timeout = 0.1 }.verdict)
	end)

	it("changes, replaces, deletes by address alone, flushes", function()
		a.neigh:add(samples)
		a.neigh:set { dev = "x", dst = "10.0.0.2", lladdr = "02:00:00:00:00:22" }
		assert.equal("02:00:00:00:00:22", a.neigh:get("10.0.0.2").lladdr)
		refused("ENOENT", nil, a.neigh.set, a.neigh,
			{ dev = "x", dst = "10.0.0.7", lladdr = "02:00:00:00:00:22" })
		refused("EEXIST", nil, a.neigh.add, a.neigh, samples[1])
		a.neigh:add { dev = "x", dst = "10.0.0.7", lladdr = "02:00:00:00:00:77", state = "noarp" }
		a.neigh:delete "10.0.0.2"
		assert.is_nil(a.neigh:get "10.0.0.2")
		assert.equal(1, #a.neigh:list { dev = "y" })
		a.neigh:flush { dev = "x", state = "stale" }
		assert.is_nil(a.neigh:get "fd00::2")
		a.neigh:flush()
		assert.same({ "10.0.0.7" }, { a.neigh:list()[1].dst, a.neigh:list()[2] })
	end)

	it("keeps proxies apart", function()
		a.neigh:add { dev = "x", dst = "10.0.0.77", proxy = true }
		assert.same({}, a.neigh:list())
		local proxy = a.neigh:list { proxy = true }[1]
		assert.same({ "x", "10.0.0.77" }, { proxy.dev, proxy.dst })
		a.neigh:delete { dev = "x", dst = "10.0.0.77", proxy = true }
		assert.same({}, a.neigh:list { proxy = true })
	end)

	it("lists what it can add again", function()
		a.neigh:add(samples)
		local b <close> = pair()
		b.neigh:replace(a.neigh:list())
		local function sorted(ns)
			local list = ns.neigh:list()
			table.sort(list, function(p, q) return p.dst < q.dst end)
			return list
		end
		assert.same(sorted(a), sorted(b))
	end)

	it("lists what it can add again: proxies, and those that need no question", function()
		a.neigh:add {
			{ dev = "x", dst = "10.0.0.8", lladdr = "02:00:00:00:00:08", state = "noarp" },
			{ dev = "x", dst = "10.0.0.9", proxy = true },
		}
		local b <close> = pair()
		b.neigh:replace(a.neigh:list())
		b.neigh:replace(a.neigh:list { proxy = true })
		assert.same(a.neigh:get "10.0.0.8", b.neigh:get "10.0.0.8")
		assert.same(a.neigh:list { proxy = true }, b.neigh:list { proxy = true })
		-- a group's is the kernel's
		b.neigh:replace { dev = "x", dst = "239.0.0.1", lladdr = "01:00:5e:00:00:01", state = "noarp" }
		assert.is_nil(b.neigh:get "239.0.0.1")
	end)

	it("says what is missing", function()
		refused("EINVAL", "dev", a.neigh.add, a.neigh, { dst = "10.0.0.2" })
		refused("EINVAL", "dst", a.neigh.add, a.neigh, { dev = "x" })
		refused("EINVAL", "state", a.neigh.add, a.neigh, { dev = "x", dst = "10.0.0.2", state = "happy" })
		refused("ENODEV", "dev", a.neigh.add, a.neigh, { dev = "ghost", dst = "10.0.0.2" })
		refused("EINVAL", "family", a.neigh.add, a.neigh,
			{ dev = "x", dst = "10.0.0.2", family = "inet6" })
	end)
end)

describe("ns.fdb", function()
	local a

	before_each(function()
		a = pair()
		a.link:add { name = "br0", kind = "bridge", up = true }
		a.link:set { name = "x", master = "br0" }
		a.link:add { name = "vx", kind = "vxlan", up = true,
			data = { id = 5, dstport = 4789, dev = "y" } }
	end)

	after_each(function()
		a:close()
	end)

	local samples = {
		{ dev = "x", lladdr = "02:00:00:00:00:05", master = "br0", state = "static" },
		{ dev = "vx", lladdr = "02:00:00:00:00:06", dst = "10.0.0.9", state = "permanent" },
		{ dev = "vx", lladdr = "02:00:00:00:00:07", dst = "10.0.0.9", vni = 7, port = 4790, via = "x",
			state = "permanent" },
	}

	it("lists what was added, as bridge does", function()
		a.fdb:add(samples)
		for _, sample in ipairs(samples) do
			local listed = a.fdb:get(sample.lladdr)
			for key, value in pairs(sample) do
				assert.equal(value, listed[key], key)
			end
		end
		assert.equal(2, #a.fdb:list { dev = "vx" })
		if not support.has "bridge" then
			pending "bridge (of iproute2) is not installed"
		end
		local theirs, ours = {}, {}
		for _, entry in ipairs(json.decode(a:exec { "bridge", "-j", "fdb" }.stdout)) do
			theirs[#theirs + 1] = ("%s %s %s"):format(entry.mac, entry.ifname, entry.dst or "")
		end
		for _, entry in ipairs(a.fdb:list()) do
			ours[#ours + 1] = ("%s %s %s"):format(entry.lladdr, entry.dev, entry.dst or "")
		end
		table.sort(theirs)
		table.sort(ours)
		assert.same(theirs, ours)
	end)

	local function entries(ns, filter)
		local out = {}
		for i, entry in ipairs(ns.fdb:list(filter)) do
			out[i] = ("%s %s %s"):format(entry.lladdr, entry.dst, entry.state)
		end
		table.sort(out)
		return out
	end

	it("has several ends behind the unknown and behind groups", function()
		local zeros, group = "00:00:00:00:00:00", "01:00:5e:01:02:03"
		a.fdb:add {
			{ dev = "vx", lladdr = zeros, dst = "10.0.0.8" },
			{ dev = "vx", lladdr = zeros, dst = "10.0.0.9" },
			{ dev = "vx", lladdr = group, dst = "10.0.0.8" },
			{ dev = "vx", lladdr = group, dst = "10.0.0.9" },
		}
		local all = { zeros .. " 10.0.0.8 permanent", zeros .. " 10.0.0.9 permanent",
			group .. " 10.0.0.8 permanent", group .. " 10.0.0.9 permanent" }
		assert.same(all, entries(a, { dev = "vx" }))
		refused("EEXIST", nil, a.fdb.add, a.fdb, { dev = "vx", lladdr = zeros, dst = "10.0.0.9" })
		a.fdb:add { dev = "vx", lladdr = zeros, dst = "10.0.0.9", port = 99 }
		a.fdb:delete { dev = "vx", lladdr = zeros, dst = "10.0.0.9", port = 99 }
		local b <close> = pair()
		b.link:add { name = "vx", kind = "vxlan", up = true,
			data = { id = 5, dstport = 4789, dev = "y" } }
		for _ = 1, 2 do
			b.fdb:replace(a.fdb:list { dev = "vx" })
			assert.same(all, entries(b, { dev = "vx" }))
		end
	end)

	it("lists a vxlan's default end, and can add it again", function()
		local spec = { name = "vy", kind = "vxlan", up = true,
			data = { id = 6, dstport = 4790, remote = "10.0.0.1" } }
		a.link:add(spec)
		local listed = a.fdb:list { dev = "vy" }
		assert.same({ "00:00:00:00:00:00 10.0.0.1 permanent" }, entries(a, { dev = "vy" }))
		local b <close> = pair()
		b.link:add(spec)
		b.fdb:replace(listed)
		assert.same(listed, b.fdb:list { dev = "vy" })
	end)

	it("replaces what users made permanent, and not what the kernel did", function()
		a.link:add { name = "m", kind = "macvlan", link = "y", data = { mode = "passthru" } }
		a.fdb:add {
			{ dev = "x", lladdr = "02:00:00:00:00:05", master = "br0" },
			{ dev = "y", lladdr = "02:00:00:00:00:06" }, { dev = "m", lladdr = "02:00:00:00:00:07" },
			{ dev = "br0", lladdr = "02:00:00:00:00:08", extern_learn = true },
		}
		local b <close> = pair()
		b.link:replace(a.link:list())
		for _ = 1, 2 do
			b.fdb:replace(a.fdb:list())
			for i = 5, 8 do
				local lladdr = "02:00:00:00:00:0" .. i
				assert.same(a.fdb:get(lladdr), b.fdb:get(lladdr))
				assert.is_not_nil(b.fdb:get(lladdr), lladdr)
			end
		end
		a.fdb:flush()
		assert.is_nil(a.fdb:get "02:00:00:00:00:05")
		assert.is_not_nil(a.fdb:get { dev = "x", lladdr = a.link:get("x").mac })
	end)

	it("deletes, with or without the link, and what it lists", function()
		a.fdb:add(samples)
		a.fdb:delete(samples[1])
		a.fdb:delete "02:00:00:00:00:06"
		a.fdb:delete(a.fdb:get "02:00:00:00:00:07")
		assert.same({}, a.fdb:list { dev = "vx" })
		assert.is_nil(a.fdb:get "02:00:00:00:00:05")
	end)

	it("says what is missing", function()
		refused("EINVAL", "dev", a.fdb.add, a.fdb, { lladdr = "02:00:00:00:00:05" })
		refused("EINVAL", "lladdr", a.fdb.add, a.fdb, { dev = "x" })
		refused("EINVAL", "vlan", a.fdb.add, a.fdb,
			{ dev = "x", lladdr = "02:00:00:00:00:05", vlan = 4095 })
		refused("EEXIST", nil, a.fdb.add, a.fdb, { samples[2], samples[2] })
	end)
end)
