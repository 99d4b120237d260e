-- SPDX-License-Identifier: MIT
-- monitor_spec.lua - ns:monitor: what changes in a namespace
local core = require "netns.core"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

describe("ns:monitor", function()
	local a, b

	before_each(function()
		a, b = netns.new(), netns.new()
	end)

	after_each(function()
		a:close()
		b:close()
	end)

	local function cable(up)
		a.link:add { name = "x", kind = "veth", up = up, peer = { name = "y", netns = b, up = up } }
		a.link:set { name = "x", addrgenmode = "none" }
	end

	-- An iterator over what has come by now.
	local function now(m)
		return function()
			return (m:read(0))
		end
	end

	-- The next event that is so; what comes before it is passed over.
	local function find(m, object, action, fits)
		local event
		repeat
			event = m:read(5)
		until not event or event.object == object and event.action == action
			and (not fits or fits(event.entry))
		return event
	end

	local function none(m)
		assert.same({ nil, "timeout" }, { m:read(0) })
	end

	local function by(key, value)
		return function(entry)
			return entry[key] == value
		end
	end

	it("tells of links, and says what a listing says", function()
		local m <close> = a:monitor { "link" }
		a.link:add { name = "br0", kind = "bridge", mtu = 1400, group = 5 }
		local event, listed = assert(find(m, "link", "new", by("name", "br0"))), a.link:get "br0"
		for _, link in ipairs { event.entry, listed } do
			link.stats, link.data.bridge_id, link.data.root_id = nil, nil, nil
		end
		assert.same(listed, event.entry)
		a.link:set { name = "br0", mtu = 1300 }
		assert.equal(1300, assert(find(m, "link", "new")).entry.mtu)
		a.link:set { name = "br0", rename = "br1" }
		assert.truthy(find(m, "link", "new", by("name", "br1")))
		a.link:delete "br1"
		assert.equal("br1", assert(find(m, "link", "delete")).entry.name)
		none(m)
	end)

	-- collection, what is added, and what says which one it is
	for object, row in pairs {
		addr = { "addr", { dev = "x", addr = "fd00::1/64", flags = { "nodad" } } },
		route = { "dst", { dst = "10.5.0.0/16", dev = "x", table = 7 } },
		rule = { "priority", { priority = 5, from = "10.0.0.0/8", table = 7 } },
		neigh = { "dst", { dev = "x", dst = "10.0.0.2", lladdr = "02:00:00:00:00:02" } },
		fdb = { "lladdr", { dev = "vx", lladdr = "02:00:00:00:00:03", dst = "10.0.0.3" } },
		qdisc = { "kind", { dev = "x", kind = "bfifo", data = { limit = 5000 } } },
	} do
		it("tells of " .. object .. ", and says what a listing says", function()
			cable(true)
			a.link:add { name = "vx", kind = "vxlan", data = { id = 1, dstport = 4789 } }
			local m <close> = a:monitor { object }
			local key, spec = row[1], row[2]
			a[object]:add(spec)
			local event = assert(find(m, object, "new", by(key, spec[key])))
			local listed = a[object]:get { [key] = spec[key], table = spec.table }
			event.entry.stats, listed.stats = nil, nil
			assert.same(listed, event.entry)
			a[object]:delete(listed)
			assert.equal(spec[key], assert(find(m, object, "delete", by(key, spec[key]))).entry[key])
		end)
	end

	it("tells of the ids that other namespaces get", function()
		local m <close> = a:monitor { "nsid" }
		cable()
		assert.equal(a.link:get("x").link_netnsid, find(m, "nsid", "new").entry.nsid)
		b:close()
		assert.truthy(find(m, "nsid", "delete"))
	end)

	it("tells of those objects that were named, else of all", function()
		cable(true)
		local all <close> = a:monitor()
		local some <close> = a:monitor { "rule", "addr", rcvbuf = 100000 }
		a.rule:add { priority = 5, table = 7 }
		a.link:add { name = "br0", kind = "bridge" }
		a.addr:add { dev = "br0", addr = "10.0.0.1/24" }
		local heard = {}
		for event in now(some) do
			heard[#heard + 1] = event.object
		end
		assert.same({ "rule", "addr" }, heard)
		heard = {}
		for event in now(all) do
			heard[event.object] = true
		end
		-- a bridge knows its own address
		assert.same({ addr = true, fdb = true, link = true, route = true, rule = true }, heard)
	end)

	it("knows the names of links that are gone", function()
		cable(true)
		local m <close> = a:monitor { "addr" }
		a.addr:add { dev = "x", addr = "10.0.0.1/24" }
		a.link:set { name = "x", up = false }
		a.link:set { name = "x", rename = "z" }
		a.link:delete "z"
		assert.equal("x", find(m, "addr", "new", by("addr", "10.0.0.1/24")).entry.dev)
		assert.equal("z", find(m, "addr", "delete", by("addr", "10.0.0.1/24")).entry.dev)
		-- another one with that very index
		local index = 99
		a.link:add { name = "old", kind = "bridge", index = index }
		a.link:delete "old"
		a.link:add { name = "young", kind = "bridge", index = index }
		a.addr:add { dev = "young", addr = "10.0.0.2/24" }
		assert.equal("young", find(m, "addr", "new", by("addr", "10.0.0.2/24")).entry.dev)
	end)

	it("does not take a port that leaves its bridge for a link that goes", function()
		cable()
		a.link:add { name = "br0", kind = "bridge" }
		local m <close> = a:monitor { "link" }
		a.link:set { name = "x", master = "br0" }
		assert.truthy(find(m, "link", "new", by("master", "br0")))
		a.link:set { name = "x", master = 0 }
		for event in now(m) do
			assert.equal("new", event.action)
		end
	end)

	it("says nothing of what is put as it is already", function()
		cable(true)
		a.link:add { name = "br0", kind = "bridge", up = true,
			data = { no_linklocal_learn = true, forward_delay = 400 } }
		a.link:set { name = "x", master = "br0" }
		-- until the kernel has come to rest
		assert.is_true(support.eventually(function()
			return a.link:get("x").bridge_slave.state == "forwarding" and a.link:get("br0").state == "up"
		end))
		local bridge = a.link:get "br0"
		local m <close> = a:monitor { "link" }
		a.link:replace(bridge)
		none(m)
		bridge.data.no_linklocal_learn = false
		a.link:replace(bridge)
		assert.equal("br0", find(m, "link", "new").entry.name)
	end)

	it("says where events were lost, behind all that is older", function()
		cable(true)
		a.link:add { name = "old", kind = "bridge" }
		local m <close> = a:monitor { "route", "addr", rcvbuf = 4096 }
		local routes = {}
		for i = 1, 400 do
			routes[i] = { dst = ("10.%d.%d.0/24"):format(i // 256 + 1, i % 256), dev = "x" }
		end
		a.route:add(routes)
		a.route:delete(routes)
		a.link:set { name = "old", rename = "young" } -- nor is this heard
		local heard, lost = 0, nil
		for event in now(m) do
			lost = event.action == "lost" and event
			if lost then
				break
			end
			heard = heard + 1
		end
		assert.same({ action = "lost" }, lost)
		assert.is_true(heard > 0 and heard < 400)
		a.addr:add { dev = "young", addr = "10.9.0.1/24" }
		assert.equal("young", find(m, "addr", "new").entry.dev)
	end)

	it("waits, for as long as it is told", function()
		local m <close> = a:monitor { "link" }
		assert.same({ nil, "timeout" }, { m:read(0.01) })
		cable()
		-- the carrier comes when the kernel gets round to it
		b.link:set { name = "y", up = true }
		a.link:set { name = "x", up = true }
		local found
		for event in m do
			if event.entry.state == "up" then
				found = event
				break
			end
		end
		assert.equal("x", found.entry.name)
	end)

	it("is waited for beside others", function()
		local m <close> = a:monitor { "link", "addr" }
		local p <close> = a:spawn { "cat", stdin = true, stdout = "capture" }
		assert.same({ nil, "timeout" }, { netns.wait({ m, p }, 0.01) })
		p:write "hello\n"
		assert.same({ p }, netns.wait({ m, p }, 5))
		assert.equal("hello\n", p:read(5))
		cable()
		a.link:add { name = "br0", kind = "bridge" }
		assert.same({ m }, netns.wait({ m, p }, 5))
		assert.is_nil(m:timeout())
		assert.truthy(m:read(0))
		-- what is left was read together with it: nothing is in the socket now
		assert.equal(0, m:timeout())
		assert.same({ m }, netns.wait({ m, p }))
		while m:read(0) do end
		assert.is_nil(m:timeout())
	end)

	it("outlives the namespace's handle, and is closed once", function()
		local c = netns.new()
		local m = c:monitor { "link" }
		assert.equal(("netns.monitor (%d)"):format(c.inode), tostring(m))
		c.link:set { name = "lo", up = true }
		c:close()
		assert.equal("lo", find(m, "link", "new").entry.name)
		m:close()
		m:close()
		assert.equal("netns.monitor (closed)", tostring(m))
		for _, method in ipairs { "read", "pollfd", "events", "timeout" } do
			refused("EBADF", "self", m[method], m)
		end
		refused("EBADF", "self", c.monitor, c)
	end)

	it("refuses what it does not know", function()
		refused("EINVAL", "object", a.monitor, a, { "link", "nothing" })
		refused("EINVAL", "object", a.monitor, a, { 5 })
		refused("EINVAL", "object", a.monitor, a, { "ntable" })
		refused("EINVAL", "rcvbuf", a.monitor, a, { rcvbuf = 0 })
		refused("EINVAL", "colour", a.monitor, a, { colour = "red" })
		refused("EINVAL", "spec", a.monitor, a, "link")
		local m <close> = a:monitor {}
		refused("EINVAL", "timeout", m.read, m, -1)
		refused("EINVAL", "self", m.read, a)
	end)

	it("tells of all objects that it says it does", function()
		for object in pairs(core.monitored) do
			a:monitor({ object }):close()
		end
	end)
end)
