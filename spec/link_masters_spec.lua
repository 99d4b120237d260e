-- SPDX-License-Identifier: MIT
-- link_masters_spec.lua - links that stand on others or under them: ports, tagged links, tunnels;
-- and other names
local core = require "netns.core"
local json = require "netns.json"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

-- Fields of a bridge's port, none as it is by itself. `needs`: as in link_samples.lua.
local ports = {
	{ priority = 8, cost = 50, hairpin = true, guard = true, root_block = true, fastleave = true,
		learning = false, flood = false, mcast_flood = false, bcast_flood = false,
		mcast_to_unicast = true, mcast_router = 2, proxy_arp = true, proxy_arp_wifi = true,
		neigh_suppress = true, group_fwd_mask = 8, isolated = true, locked = true,
		backup_port = "p0" },
	{ vlan_tunnel = true, needs = "vlan_tunnel" },
	{ learning = true, locked = true, mab = true, needs = "mab" },
	{ mcast_max_groups = 9, needs = "mcast_max_groups" },
	{ neigh_vlan_suppress = true, needs = "neigh_vlan_suppress" },
}

local function listing(ns)
	local out = {}
	for _, link in ipairs(ns.link:list()) do
		link.stats, link.index, link.state, link.carrier = nil, nil, nil, nil
		out[link.name] = link
		-- those that the kernel changes by itself
		if link.bridge_slave then
			link.bridge_slave.state = nil
		end
		if link.data then
			link.data.active_slave, link.data.topology_change = nil, nil
		end
		link.bond_slave = link.bond_slave and { queue_id = link.bond_slave.queue_id }
	end
	return out
end

local function plain(value)
	return type(value) == "boolean" and (value and 1 or 0) or tonumber(value) or value
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

	local function add(ns, spec)
		local ok, err = pcall(ns.link.add, ns.link, spec)
		if not ok and err.code == "EOPNOTSUPP" then
			pending("the kernel: " .. err.message)
		end
		assert(ok, err)
	end

	local function pair(up)
		a.link:add { name = "e0", kind = "veth", up = up, peer = { name = "e0", netns = b, up = up } }
	end

	-- Do a and b reach each other by the addresses of these links? `net` tells them apart. That they
	-- do not is known after `timeout`.
	local function reach(name, net, spec, timeout)
		for i, ns in ipairs { a, b } do
			if spec then
				ns.addr:add { dev = name, addr = ("10.%d.0.%d/24"):format(net, i) }
			end
		end
		return netns.probe({ from = a, to = b, proto = "icmp", addr = ("10.%d.0.2"):format(net),
			timeout = timeout or 5 }).verdict == "open"
	end

	-- 1. Ports of a bridge

	it("has samples of all fields of a bridge's port", function()
		local fields = {}
		for _, row in ipairs(core.schema "link") do
			for _, field in ipairs(row.key == "bridge_slave" and row.fields or {}) do
				fields[field.key] = not field.state or nil
			end
		end
		for _, sample in ipairs(ports) do
			for key in pairs(sample) do
				fields[key] = nil
			end
		end
		assert.same({}, fields)
	end)

	it("sets what a port of a bridge is, as it says and as `ip` does", function()
		a.link:add {
			{ name = "br0", kind = "bridge" },
			{ name = "p0", kind = "veth", master = "br0", peer = { name = "q0" } },
		}
		local made = {}
		for i, sample in ipairs(ports) do
			local wanted = {}
			for key, value in pairs(sample) do
				wanted[key] = value
			end
			wanted.needs = nil
			local spec = { name = "p" .. i, kind = "veth", master = "br0", bridge_slave = wanted,
				peer = { name = "q" .. i } }
			local ok, err = pcall(a.link.add, a.link, spec)
			assert.is_true(ok or sample.needs ~= nil, tostring(err))
			local found = a.link:get(spec.name)
			for key, value in pairs(found and wanted or {}) do
				if found.bridge_slave[key] ~= nil or not sample.needs then
					assert.equal(value, found.bridge_slave[key], spec.name .. " " .. key)
				end
			end
			made[spec.name] = found
		end
		local compared = 0
		for _, other in ipairs(json.decode(a:exec({ "ip", "-j", "-d", "link" }).stdout)) do
			local mine = made[other.ifname]
			for key, value in pairs(mine and mine.bridge_slave or {}) do
				local says = other.linkinfo.info_slave_data[key]
				if says ~= nil and key ~= "group_fwd_mask" then
					assert.equal(plain(says), plain(value), other.ifname .. " " .. key)
					compared = compared + 1
				end
			end
		end
		assert.is_true(compared > 15)
	end)

	it("makes ports again from a listing, whichever comes first", function()
		a.link:add {
			{ name = "br0", kind = "bridge", up = true },
			{ name = "p0", kind = "veth", master = "br0", up = true, peer = { name = "q0", up = true } },
			{ name = "p1", kind = "veth", master = "br0", peer = { name = "q1" },
				bridge_slave = { cost = 50, isolated = true } },
		}
		a.link:set {
			{ name = "p0", bridge_slave = { backup_port = "p1" } },
			{ name = "p1", bridge_slave = { backup_port = "p0", learning = false } },
		}
		assert.equal(50, a.link:get("p1").bridge_slave.cost)
		local list = a.link:list()
		for _, order in ipairs { 1, -1 } do
			table.sort(list, function(x, y)
				return (x.name < y.name) == (order > 0) and x.name ~= y.name
			end)
			local c <close> = netns.new()
			c.link:replace(list)
			assert.same(listing(a), listing(c))
			c.link:replace(list)
			assert.same(listing(a), listing(c))
		end
	end)

	-- A bridge with a port for a and one for b, where they are called e0.
	local function bridged(hub, data, port)
		add(hub, { name = "br0", kind = "bridge", up = true, data = data })
		for i, ns in ipairs { a, b } do
			hub.link:add { name = "p" .. i, kind = "veth", master = "br0", up = true,
				bridge_slave = port, peer = { name = "e0", netns = ns, up = true } }
		end
	end

	it("lets nothing through a port that is in no vlan, where a bridge filters", function()
		local hub <close> = netns.new()
		bridged(hub, { vlan_filtering = true, vlan_default_pvid = 0 })
		assert.is_false(reach("e0", 0, true, 0.3))
		hub.link:set { name = "br0", kind = "bridge", data = { vlan_default_pvid = 5 } }
		a.neigh:flush() -- the other one could not answer
		assert.is_true(reach("e0", 0))
	end)

	it("keeps isolated ports of a bridge apart", function()
		local hub <close> = netns.new()
		bridged(hub, nil, { isolated = true })
		assert.is_false(reach("e0", 0, true, 0.3))
		hub.link:set { name = "p1", bridge_slave = { isolated = false } }
		a.neigh:flush() -- the other one could not answer
		assert.is_true(reach("e0", 0))
	end)

	it("refuses what only a port can be, and leaves nothing of it", function()
		a.link:add { name = "br0", kind = "bridge" }
		local err = refused("EINVAL", nil, function()
			a.link:add { name = "p0", kind = "veth", bridge_slave = { cost = 5 }, peer = { name = "q0" } }
		end)
		assert.equal("bridge_slave: the link is no port of a bridge", err.message)
		assert.is_nil(a.link:get "p0")
		err = refused("EINVAL", nil, function()
			a.link:add { name = "p0", kind = "veth", master = "br0", bond_slave = { queue_id = 1 },
				peer = { name = "q0" } }
		end)
		assert.equal("bond_slave: the link is no port of a bond", err.message)
		assert.is_nil(a.link:get "q0")
		refused("EINVAL", "bridge_slave.colour", function()
			a.link:add { name = "p0", kind = "veth", master = "br0", bridge_slave = { colour = 1 },
				peer = { name = "q0" } }
		end)
		refused("ENODEV", "bridge_slave.backup_port", function()
			a.link:add { name = "p0", kind = "veth", master = "br0", bridge_slave = { backup_port = "x" },
				peer = { name = "q0" } }
		end)
		assert.is_nil(a.link:get "p0")
	end)

	it("makes a port in another namespace, where its master is", function()
		b.link:add { { name = "br0", kind = "bridge" }, { name = "br1", kind = "bridge" } }
		a.link:add { name = "p1", kind = "veth", netns = b, master = b.link:get("br1").index,
			bridge_slave = { cost = 9 }, peer = { name = "q1" } }
		assert.equal(9, b.link:get("p1").bridge_slave.cost)
		assert.equal("br1", b.link:get("p1").master)
	end)

	-- 2. Bonds

	it("enslaves to a bond, fails over, and makes it again", function()
		add(a, { name = "bond0", kind = "bond", data = { mode = "active-backup", miimon = 20 } })
		a.link:add {
			{ name = "p0", kind = "veth", master = "bond0", up = true, bond_slave = { queue_id = 3 },
				peer = { name = "q0", up = true } },
			{ name = "p1", kind = "veth", master = "bond0", peer = { name = "q1", up = true } },
		}
		a.link:set { name = "bond0", kind = "bond", up = true, data = { primary = "p1" } }
		assert.equal(3, a.link:get("p0").bond_slave.queue_id)
		assert.equal("p1", a.link:get("bond0").data.primary)
		assert.is_true(support.eventually(function()
			return a.link:get("p0").bond_slave.mii_status == "UP"
				and a.link:get("bond0").data.active_slave == "p1"
		end))
		a.link:set { name = "bond0", kind = "bond", data = { active_slave = "p0", primary = "p0" } }
		assert.equal("p0", a.link:get("bond0").data.active_slave)
		assert.equal("ACTIVE", a.link:get("p0").bond_slave.state)
		assert.equal("BACKUP", a.link:get("p1").bond_slave.state)
		local list = a.link:list()
		b.link:replace(list)
		assert.same(listing(a), listing(b))
		b.link:replace(list)
		assert.same(listing(a), listing(b))
	end)

	-- 3. Links on links

	it("carries what is sent: over tagged links with the same id", function()
		pair(true)
		for i, ns in ipairs { a, b } do
			add(ns, { name = "v5", kind = "vlan", link = "e0", up = true, data = { id = 5 } })
			ns.link:add { name = "v6", kind = "vlan", link = "e0", up = true, data = { id = 6 + i } }
		end
		assert.is_true(reach("v5", 5, true))
		assert.is_false(reach("v6", 6, true, 0.3))
	end)

	it("says that a tag cannot be changed, where the kernel is silent", function()
		pair()
		add(a, { name = "v5", kind = "vlan", link = "e0", data = { id = 5 } })
		local spec = { name = "v5", kind = "vlan", data = { id = 6, reorder_hdr = false } }
		for _, verb in ipairs { "replace", "set" } do
			refused("EOPNOTSUPP", "data.id", a.link[verb], a.link, spec)
		end
		spec.data.id = 5
		a.link:replace(spec)
		assert.is_false(a.link:get("v5").data.reorder_hdr)
		assert.equal(5, a.link:get("v5").data.id)
	end)

	it("carries what is sent: ipvlan in two namespaces on one link", function()
		local lower <close> = netns.new()
		lower.link:add { name = "low0", kind = "veth", up = true, peer = { name = "low1", up = true } }
		for _, ns in ipairs { a, b } do
			add(lower, { name = "i0", kind = "ipvlan", link = "low0", netns = ns, up = true,
				data = { mode = "l2" } })
		end
		assert.is_true(reach("i0", 0, true))
	end)

	it("keeps a vrf's routes to itself", function()
		add(a, { name = "red", kind = "vrf", up = true, data = { table = 10 } })
		a.link:add { name = "e0", kind = "veth", master = "red", up = true,
			peer = { name = "e0", netns = b, up = true } }
		a.addr:add { dev = "e0", addr = "10.0.0.1/24" }
		assert.equal(10, a.link:get("e0").vrf_slave.table)
		assert.is_nil(a.route:get "10.0.0.0/24")
		assert.equal("e0", a.route:get({ dst = "10.0.0.0/24", table = 10 }).dev)
	end)

	it("makes a netkit pair as a veth one", function()
		add(a, { name = "n0", kind = "netkit", up = true, data = { mode = "l2" },
			peer = { name = "n0", netns = b, up = true } })
		assert.equal("netkit", b.link:get("n0").kind)
		assert.is_true(reach("n0", 0, true))
	end)

	it("carries what is sent: through tunnels of every kind", function()
		pair(true)
		for i, ns in ipairs { a, b } do
			ns.addr:add { { dev = "e0", addr = ("10.0.0.%d/24"):format(i) },
				{ dev = "e0", addr = ("fd00::%d/64"):format(i), flags = { "nodad" } } }
		end
		local tried, why = 0, nil
		for net, kind in ipairs { "gre", "gretap", "ipip", "sit", "ip6gre", "ip6gretap", "ip6tnl" } do
			local ok = true
			for i, ns in ipairs { a, b } do
				local form = kind:find "^ip6" and "fd00::%d" or "10.0.0.%d"
				local data = { ["local"] = form:format(i), remote = form:format(3 - i) }
				if kind == "sit" or kind == "ip6tnl" then
					data.mode = "any"
				end
				local made, err = pcall(ns.link.add, ns.link, { name = "t" .. net, kind = kind, up = true,
					data = data })
				if not made then
					assert.equal("Unknown device type", err.message)
					ok, why = false, err.message
				end
			end
			if ok then
				assert.is_true(reach("t" .. net, net, true), kind)
				tried = tried + 1
			end
		end
		if tried == 0 then
			pending("the kernel: " .. why)
		end
	end)

	it("changes one field of a tunnel and keeps the others", function()
		local data = { ["local"] = "10.0.0.1", remote = "10.0.0.2", ttl = 9, ikey = 5, okey = 6,
			icsum = true }
		add(a, { name = "g0", kind = "gre", data = data })
		local before = a.link:get("g0").data
		for _, verb in ipairs { "set", "replace" } do
			before.ttl = before.ttl + 1
			a.link[verb](a.link, { name = "g0", kind = "gre", data = { ttl = before.ttl } })
			assert.same(before, a.link:get("g0").data)
		end
		a.link:set { name = "g0", kind = "gre", data = { iseq = true, icsum = false } }
		before.iseq, before.icsum = true, nil
		assert.same(before, a.link:get("g0").data)
	end)

	it("changes one field of a link and says nothing of the others", function()
		a.link:add { name = "x0", kind = "vxlan", data = { id = 5, dstport = 4789, ageing = 50 } }
		a.link:set { name = "x0", kind = "vxlan", data = { id = 5, dstport = 4789, ttl = 9 } }
		assert.equal(50, a.link:get("x0").data.ageing)
		assert.equal(9, a.link:get("x0").data.ttl)
		local err = refused("EINVAL", nil, function()
			a.link:set { name = "x0", kind = "bridge", data = { priority = 1 } }
		end)
		assert.equal("the link of this name is of kind vxlan", err.message)
		refused("ENODEV", nil, function()
			a.link:set { name = "x1", kind = "bridge", data = { priority = 1 } }
		end)
	end)

	it("makes a bridge again whose mtu is not that of its ports", function()
		for _, mtu in ipairs { 1300, 1500, 60000 } do
			local from <close> = netns.new()
			local to <close> = netns.new()
			from.link:add {
				{ name = "br0", kind = "bridge" },
				{ name = "p0", kind = "veth", peer = { name = "q0" }, master = "br0", mtu = 1400 },
			}
			from.link:set { name = "br0", mtu = mtu }
			to.link:replace(from.link:list())
			assert.equal(mtu, to.link:get("br0").mtu)
			assert.equal(1400, to.link:get("p0").mtu)
		end
	end)

	-- 4. Other names

	it("gives links other names, exactly those that it is told", function()
		local long = ("n"):rep(127)
		a.link:add { name = "br0", kind = "bridge", altnames = { "uplink", long } }
		assert.same({ "uplink", long }, a.link:get("br0").altnames)
		local told = json.decode(a:exec({ "ip", "-j", "link", "show", "uplink" }).stdout)
		assert.same({ "uplink", long }, told[1].altnames)
		b.link:replace(a.link:list())
		assert.same({ "uplink", long }, b.link:get("br0").altnames)
		a.link:set { name = "br0", altnames = { "downlink", "uplink" }, mtu = 1400 }
		assert.same({ "uplink", "downlink" }, a.link:get("br0").altnames)
		a.link:replace { name = "br0", kind = "bridge", altnames = { "downlink" } }
		assert.same({ "downlink" }, a.link:get("br0").altnames)
		assert.equal(1400, a.link:get("br0").mtu)
		a.link:set { name = "br0", rename = "br1", altnames = {} }
		assert.is_nil(a.link:get("br1").altnames)
	end)

	it("removes a link whose other name is taken", function()
		a.link:add { name = "br0", kind = "bridge", altnames = { "uplink" } }
		refused("EEXIST", nil, function()
			a.link:add { name = "br1", kind = "bridge", altnames = { "uplink" } }
		end)
		assert.is_nil(a.link:get "br1")
		for _, bad in ipairs { { "a b" }, { "" }, { 5 }, { ("n"):rep(128) }, { "a/b" } } do
			refused("EINVAL", "altnames", function()
				a.link:add { name = "br1", kind = "bridge", altnames = bad }
			end)
			assert.is_nil(a.link:get "br1")
		end
	end)

	it("replaces a tunnel that is a port with what it is", function()
		a.link:add { { name = "br0", kind = "bridge" },
			{ name = "x0", kind = "vxlan", data = { id = 5, dstport = 4789 } } }
		a.link:set { name = "x0", master = "br0" }
		local before = listing(a)
		a.link:replace(a.link:list())
		assert.same(before, listing(a))
	end)
end)
