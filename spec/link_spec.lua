-- SPDX-License-Identifier: MIT
-- link_spec.lua - ns.link
local core = require "netns.core"
local fallback = require "spec.fallback"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

local function names(list)
	local out = {}
	for _, entry in ipairs(list) do
		out[#out + 1] = not fallback[entry.name] and entry.name or nil
	end
	table.sort(out)
	return table.concat(out, " ")
end

describe("ns.link", function()
	local a, b

	before_each(function()
		a, b = netns.new(), netns.new()
	end)

	after_each(function()
		a:close()
		b:close()
	end)

	it("finds by what a kind adds, and by the lower link", function()
		a.link:add {
			{ name = "br0", kind = "bridge", data = { priority = 5, forward_delay = 200 } },
			{ name = "br1", kind = "bridge", data = { priority = 6, forward_delay = 200 } },
			{ name = "v0", kind = "veth", peer = { name = "v1" } },
		}
		assert.equal("br1", a.link:get({ kind = "bridge", data = { priority = 6 } }).name)
		assert.equal(2, #a.link:list { kind = "bridge", data = { forward_delay = 200 } })
		assert.is_nil(a.link:get { kind = "bridge", data = { priority = 6, forward_delay = 300 } })
		assert.equal("v1", a.link:get({ link = "v0" }).name)
		assert.equal("v1", a.link:get({ link = a.link:get("v0").index }).name)
		refused("EINVAL", "stats", a.link.list, a.link, { stats = {} })
		refused("EINVAL", "rename", a.link.list, a.link, { rename = "x" })
	end)

	it("begins with lo alone, which is down", function()
		local list = a.link:list()
		assert.equal("lo", names(list))
		assert.equal("lo", list[1].name)
		assert.is_false(list[1].up)
		assert.equal(65536, list[1].mtu)
	end)

	it("makes a veth pair across namespaces in one call, both ends as asked", function()
		a.link:add {
			name = "eth0", kind = "veth", up = true, mtu = 1400, mac = "02:00:00:00:00:01",
			alias = "to b", group = 7,
			peer = { name = "eth1", netns = b, mac = "02:00:00:00:00:02", mtu = 1300, up = true },
		}
		assert.is_true(support.eventually(function()
			return b.link:get("eth1").state == "up"
		end))
		local here, there = a.link:get "eth0", b.link:get "eth1"
		assert.equal("veth", here.kind)
		assert.equal(1400, here.mtu)
		assert.equal("02:00:00:00:00:01", here.mac)
		assert.equal("to b", here.alias)
		assert.equal(7, here.group)
		assert.is_true(here.up)
		assert.equal(1300, there.mtu)
		assert.equal("02:00:00:00:00:02", there.mac)
		assert.is_true(there.up)
		assert.is_true(there.carrier)
		assert.equal(there.index, here.link)
		assert.is_number(here.link_netnsid)
		assert.equal(1, here.numtxqueues)
		assert.equal("integer", math.type(there.stats.rx_packets))
	end)

	it("names the peer when it is in the same namespace", function()
		a.link:add { name = "p0", kind = "veth", peer = { name = "p1" } }
		assert.equal("p1", a.link:get("p0").link)
		assert.equal("p0", a.link:get("p1").link)
		assert.is_nil(a.link:get("p0").link_netnsid)
	end)

	it("makes a bridge with its data, and enslaves to it by name", function()
		a.link:add {
			{ name = "br0", kind = "bridge", data = { forward_delay = 300, mcast_snooping = false } },
			{ name = "p0", kind = "veth", master = "br0", peer = { name = "p1" } },
		}
		assert.equal(300, a.link:get("br0").data.forward_delay)
		assert.is_false(a.link:get("br0").data.mcast_snooping)
		assert.equal("br0", a.link:get("p0").master)
		assert.equal("p0", names(a.link:list { master = "br0" }))
		assert.equal("br0", names(a.link:list { kind = "bridge" }))
		a.link:set { name = "p0", master = 0 }
		assert.is_nil(a.link:get("p0").master)
	end)

	it("honours index in add", function()
		a.link:add { name = "p0", kind = "veth", index = 42, peer = { name = "p1", index = 43 } }
		assert.equal(42, a.link:get("p0").index)
		assert.equal(43, a.link:get("p1").index)
		assert.equal("p0", a.link:get({ index = 42 }).name)
	end)

	it("sets: flags, mtu, a new name, another namespace", function()
		a.link:add { name = "p0", kind = "veth", peer = { name = "p1" } }
		a.link:set { name = "p0", up = true, promisc = true, arp = false, mtu = 1280, txqlen = 5 }
		local link = a.link:get "p0"
		assert.is_true(link.up)
		assert.is_true(link.promisc)
		assert.is_false(link.arp)
		assert.equal(1280, link.mtu)
		assert.equal(5, link.txqlen)
		a.link:set { name = "p0", up = false, rename = "lan0", netns = b }
		assert.is_nil(a.link:get "p0")
		assert.equal(1280, b.link:get("lan0").mtu)
	end)

	it("tells IPv6 how to make addresses before a link comes up", function()
		a.link:add { name = "x", kind = "veth", up = true, addrgenmode = "none",
			peer = { name = "y", up = false } }
		a.link:set { name = "y", rename = "z", addrgenmode = "none", up = true }
		assert.is_true(support.eventually(function()
			return a.link:get("x").state == "up" and a.link:get("z").state == "up"
		end))
		assert.same({}, a.addr:list())
		a.link:set { { name = "z", up = false }, { name = "z", addrgenmode = "eui64", up = true } }
		assert.is_true(support.eventually(function() return #a.addr:list { dev = "z" } == 1 end))
	end)

	it("replaces: makes what is missing, changes what is there", function()
		a.link:replace { name = "br0", kind = "bridge", mtu = 1400 }
		a.link:replace { name = "br0", kind = "bridge", mtu = 1300, up = true }
		assert.equal(1300, a.link:get("br0").mtu)
		assert.is_true(a.link:get("br0").up)
	end)

	it("lists what it can add again", function()
		a.link:add {
			{ name = "p0", kind = "veth", mac = "02:00:00:00:00:0a", peer = { name = "p1", mtu = 1300 } },
			{ name = "br0", kind = "bridge", mac = "02:00:00:00:00:0b", data = { forward_delay = 400 } },
		}
		a.link:set { { name = "p0", master = "br0", up = true }, { name = "p1", alias = "x" } }
		local function listing(ns)
			local out = {}
			for _, link in ipairs(ns.link:list()) do
				link.stats, link.index, link.state, link.carrier = nil, nil, nil, nil
				out[link.name] = link
			end
			return out
		end
		b.link:replace(a.link:list())
		assert.same(listing(a), listing(b))
		b.link:replace(a.link:list())
		assert.same(listing(a), listing(b))
	end)

	it("deletes by name, by spec and in arrays; what is not there raises", function()
		a.link:add {
			{ name = "br0", kind = "bridge" }, { name = "br1", kind = "bridge" },
			{ name = "br2", kind = "bridge" },
		}
		a.link:delete "br0"
		a.link:delete { name = "br1" }
		local err = refused("ENODEV", nil, function()
			a.link:delete { "nope", "br2" }
		end)
		assert.equal(1, err.index)
		assert.equal("nope", err.subject)
		a.link:delete { "br2" }
		assert.equal("lo", names(a.link:list()))
	end)

	it("flushes everything but lo", function()
		a.link:add {
			{ name = "p0", kind = "veth", peer = { name = "p1" } }, { name = "br0", kind = "bridge" },
		}
		a.link:flush { kind = "bridge" }
		assert.equal("lo p0 p1", names(a.link:list()))
		a.link:flush()
		assert.equal("lo", names(a.link:list()))
	end)

	it("flushes and deletes what stands on a link that went before it", function()
		local specs = {
			{ name = "br0", kind = "bridge" }, { name = "i0", kind = "ifb", master = "br0" },
		}
		a.link:add(specs)
		a.link:flush()
		assert.equal("lo", names(a.link:list()))
		a.link:add { specs[1], specs[2] }
		a.link:delete { a.link:get "br0", a.link:get "i0" }
		assert.equal("lo", names(a.link:list()))
	end)

	it("stops an array at the first refusal and names it", function()
		local err = refused("EEXIST", nil, function()
			a.link:add {
				{ name = "br0", kind = "bridge" }, { name = "br0", kind = "bridge" },
				{ name = "br1", kind = "bridge" },
			}
		end)
		assert.equal(2, err.index)
		assert.equal("br0 lo", names(a.link:list()))
	end)

	it("takes the kernel's own words into the error, and who and where", function()
		local err = refused("EOPNOTSUPP", nil, function()
			a.link:add { name = "x0", kind = "nosuchkind" }
		end)
		assert.equal("link add", err.op)
		assert.equal("x0", err.subject)
		assert.equal(tostring(a.inode), err.netns)
		assert.equal("Unknown device type", err.message)
		assert.matches("link_spec.lua:%d+", err.where)
		assert.matches("^link add x0 in %d+: Operation not supported %(EOPNOTSUPP%): "
			.. "Unknown device type$", tostring(err))
		err = refused("EINVAL", nil, function()
			a.link:add { name = "br0", kind = "bridge", mtu = 3 }
		end)
		assert.is_nil(err.misuse)
		assert.equal("mtu less than device minimum", err.message)
	end)

	it("says that a kind is missing", function()
		assert.is_true(refused("EINVAL", "kind", a.link.add, a.link, { name = "x0" }).misuse)
		local list = { { name = "x0", kind = "bridge" }, { name = "x1" } }
		assert.equal(2, refused("EINVAL", "kind", a.link.add, a.link, list).index)
		assert.is_nil(a.link:get "x0")
		a.link:replace { name = "lo", up = true } -- which is there
	end)

	it("hints at what helps, and at nothing else", function()
		local function hint(spec)
			local ok, err = pcall(a.link.add, a.link, spec)
			return not ok and err.hint or nil
		end
		assert.matches("netns%.supports", hint { name = "x0", kind = "nosuchkind" })
		assert.is_nil(hint { name = "x0", kind = "dummy", netns = "bogus" })
		assert.is_nil(hint { name = "x0", kind = "veth", peer = { name = "x1", netns = "bogus" } })
		assert.is_nil(hint { name = "x0", kind = "tun", netns = "bogus" })
		-- which some kernels cannot
		assert.is_nil(hint { name = "br0", kind = "bridge", data = { vlan_filtering = true } })
		for _, code in ipairs { "EACCES", "ENOENT" } do
			local _, err = pcall(core.raise,
				{ op = "link add", code = code, message = "/dev/net/tun: no" })
			assert.matches("a tun device", err.hint)
		end
	end)

	it("finds misuse before anything is done", function()
		local bad = {
			{ "name", { kind = "bridge" } },
			{ "name", { name = "", kind = "bridge" } },
			{ "name", { name = "sixteen-bytes-xx", kind = "bridge" } },
			{ "name", { name = "a/b", kind = "bridge" } },
			{ "name", { name = "a b", kind = "bridge" } },
			{ "name", { name = "a%d", kind = "bridge" } },
			{ "name", { name = "a\0b", kind = "bridge" } },
			{ "name", { name = "..", kind = "bridge" } },
			{ "name", { name = 5, kind = "bridge" } },
			{ "mtu", { name = "x", kind = "bridge", mtu = "1500" } },
			{ "mtu", { name = "x", kind = "bridge", mtu = 1.5 } },
			{ "mtu", { name = "x", kind = "bridge", mtu = -1 } },
			{ "mtu", { name = "x", kind = "bridge", mtu = 2 ^ 32 } },
			{ "mtu", { name = "x", kind = "bridge", mtu = 2 ^ 53 + 1 } },
			{ "mtu", { name = "x", kind = "bridge", mtu = 0 / 0 } },
			{ "mtu", { name = "x", kind = "bridge", mtu = 1 / 0 } },
			{ "up", { name = "x", kind = "bridge", up = 1 } },
			{ "mac", { name = "x", kind = "bridge", mac = "02:00:00:00:00:zz" } },
			{ "mac", { name = "x", kind = "bridge", mac = "" } },
			{ "colour", { name = "x", kind = "bridge", colour = "red" } },
			{ "spec", { name = "x", kind = "bridge", [true] = 1 } },
			{ "peer", { name = "x", kind = "bridge", peer = { name = "y" } } },
			{ "peer", { name = "x", kind = "veth", peer = "y" } },
			{ "peer.speed", { name = "x", kind = "veth", peer = { speed = 1 } } },
			{ "peer.netns", { name = "x", kind = "veth", peer = { name = "y", netns = {} } } },
			{ "data", { name = "x", kind = "veth", data = { a = 1 } } },
			{ "data.colour", { name = "x", kind = "bridge", data = { colour = 1 } } },
			{ "rename", { name = "x", kind = "bridge", rename = "y" } },
			{ "alias", { name = "x", kind = "bridge", alias = ("a"):rep(256) } },
			{ "kind", { name = "x", kind = ("k"):rep(16) } },
			{ "index", { name = "x", kind = "bridge", index = 0 } },
			{ "spec", { { name = "ok0", kind = "bridge" }, "x" } },
			{ "spec", { { name = "ok0", kind = "bridge" }, name = "x" } },
			{ "mtu", { { name = "ok0", kind = "bridge" }, { name = "x", kind = "bridge", mtu = {} } } },
			{ "spec", "x" },
			{ "spec", 5 },
			{ "spec", nil },
		}
		for i, case in ipairs(bad) do
			local ok, err = pcall(a.link.add, a.link, case[2])
			assert.is_false(ok, "case " .. i)
			assert.is_true(err.misuse, "case " .. i .. ": " .. tostring(err))
			assert.equal("EINVAL", err.code)
			assert.equal(case[1], err.attr, "case " .. i .. ": " .. tostring(err))
			assert.equal("lo", names(a.link:list()), "case " .. i)
		end
		refused("EINVAL", "colour", a.link.list, a.link, { colour = 1 })
		refused("EINVAL", "self", a.link.list, a.addr)
		refused("EINVAL", "self", a.link.list, nil)
	end)

	it("survives cyclic tables and never calls metamethods of a spec", function()
		local cyclic = { name = "x", kind = "bridge" }
		cyclic.data = cyclic
		local ok, err = pcall(a.link.add, a.link, cyclic)
		assert.is_false(ok)
		assert.is_true(err.misuse)
		assert.matches("^data%.", err.attr)
		local function trap()
			error "called"
		end
		a.link:add(setmetatable({ name = "br0", kind = "bridge" },
			{ __index = trap, __len = trap, __pairs = trap }))
		assert.equal("br0 lo", names(a.link:list()))
	end)

	it("says that the namespace is closed", function()
		local link = a.link
		a:close()
		refused("EBADF", "self", link.list, link)
		refused("EBADF", "self", link.add, link, { name = "x", kind = "bridge" })
		local err = refused("EBADF", "peer.netns", function()
			b.link:add { name = "x", kind = "veth", peer = { name = "y", netns = a } }
		end)
		assert.is_true(err.misuse)
		assert.equal("lo", names(b.link:list()))
	end)

	it("lists many links, each once", function()
		local specs = {}
		for i = 1, 150 do
			specs[i] = { name = "a" .. i, kind = "veth", peer = { name = "b" .. i } }
		end
		a.link:add(specs)
		local seen = {}
		for _, link in ipairs(a.link:list()) do
			assert.is_nil(seen[link.name])
			seen[link.name] = true
		end
		for i = 1, 150 do
			assert.is_true(seen["a" .. i] and seen["b" .. i])
		end
	end)

	it("waits until a link is so", function()
		assert.same({ nil, "timeout" }, { a.link:wait("x", nil, 0.01) })
		a.link:add { name = "x", kind = "veth", up = true, peer = { name = "y", netns = b, up = true } }
		local link = a.link:wait("x", { state = "up" }, 5)
		assert.same({ "x", "up" }, { link.name, link.state })
		assert.equal("x", a.link:wait("x").name)
		assert.same({ nil, "timeout" }, { a.link:wait("x", { state = "down" }, 0) })
		-- others change it meanwhile, and other links before it
		local p <close> = a:spawn { "sh", stdin = "for i in 1 2 3; do ip link add b$i type bridge; done\n"
			.. "ip link set x mtu 1300" }
		assert.equal(1300, a.link:wait("x", { mtu = 1300 }, 10).mtu)
		assert.equal(0, p:wait(5).code)
		local q <close> = a:spawn { "ip", "link", "add", "late", "type", "bridge" }
		assert.equal("bridge", a.link:wait("late", {}, 10).kind)
		assert.equal(0, q:wait(5).code)
	end)

	it("looks again where events were lost while it waited", function()
		a.link:add { name = "x", kind = "bridge" }
		local home, reads = core.home, 0
		finally(function() core.home = home end)
		-- nobody reads that slowly on purpose: a monitor that heard nothing of the change
		function core.home()
			local monitor = setmetatable({}, { __close = function() end })
			function monitor.read()
				reads = reads + 1
				if reads == 1 then
					a.link:set { name = "x", mtu = 1300 }
					return { action = "lost" }
				end
				return nil, "timeout"
			end
			return { monitor = function() return monitor end }
		end
		assert.equal("x", (a.link:wait("x", { mtu = 1300 }, 5) or {}).name)
		assert.equal(1, reads)
	end)

	it("says what it cannot wait for", function()
		refused("EINVAL", "name", a.link.wait, a.link, 5)
		refused("EINVAL", "name", a.link.wait, a.link, "x", { name = "y" })
		refused("EINVAL", "name", a.link.wait, a.link, "a b")
		refused("EINVAL", "filter", a.link.wait, a.link, "x", "up")
		refused("EINVAL", "colour", a.link.wait, a.link, "x", { colour = "red" })
		refused("EINVAL", "timeout", a.link.wait, a.link, "x", {}, -1)
	end)
end)
