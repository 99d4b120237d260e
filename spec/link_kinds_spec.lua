-- SPDX-License-Identifier: MIT
-- link_kinds_spec.lua - what each kind of link adds: made, listed, made again, and as `ip` says it
local core = require "netns.core"
local json = require "netns.json"
local netns = require "netns"
local refused = require "spec.support".refused

-- Samples of every kind: together they give each field that can be written a value which is not its
-- default. `low0` is a veth that is there.
local samples = {
	bridge = { { forward_delay = 400, hello_time = 300, max_age = 1900, ageing_time = 20000,
		stp_state = 1, priority = 4096, group_fwd_mask = 8, group_address = "01:80:c2:00:00:05",
		mcast_snooping = false, mcast_router = 2, mcast_querier = true, mcast_query_use_ifaddr = true,
		mcast_igmp_version = 3, mcast_mld_version = 2, nf_call_iptables = true,
		nf_call_ip6tables = true, nf_call_arptables = true },
		{ vlan_filtering = true, vlan_protocol = "802.1ad", vlan_default_pvid = 7,
		vlan_stats_enabled = true, needs = "VLAN filtering" } },
	macvlan = { { mode = "private", flag = { "nodst" }, bcqueuelen = 500 },
		{ mode = "bridge" },
		{ mode = "source", macaddr = { "02:00:00:00:00:07", "02:00:00:00:00:08" } },
		{ mode = "passthru", flag = { "nopromisc" } } },
	macvtap = { { mode = "vepa", flag = { "nodst" }, bcqueuelen = 500 },
		{ mode = "source", macaddr = { "02:00:00:00:00:07" } } },
	tun = { { mode = "tun", user = 0, group = 0 }, { mode = "tap", pi = true, multi_queue = true },
		{ mode = "tap", vnet_hdr = true } },
	vxlan = { { id = 5, remote = "10.0.0.1", ["local"] = "10.0.0.2", dev = "low0", dstport = 4789,
		srcport = { min = 1000, max = 2000 }, ttl = "inherit", tos = "inherit", df = "set",
		learning = false, proxy = true, rsc = true, l2miss = true, l3miss = true, ageing = 50,
		maxaddress = 9, udpcsum = false, remcsumtx = true, remcsumrx = true, gbp = true },
		{ id = 6, group = "ff05::100", dev = "low0", dstport = 4790, ttl = 9, tos = 4, flowlabel = 77,
		udp6zerocsumtx = true, udp6zerocsumrx = true, df = "inherit" },
		{ id = 7, group = "239.0.0.1", dev = "low0", dstport = 4791, ttl = "auto", df = "unset" },
		{ external = true, id = 0, dstport = 4792, vnifilter = true },
		{ external = true, id = 0, dstport = 4793, gpe = true, learning = false },
		{ id = 8, remote = "10.0.0.1", dstport = 4794, localbypass = false, needs = "localbypass" } },
	ifb = { {} },
}

-- Where it stands on another link.
local lower = { macvlan = true, macvtap = true }

-- How `ip -j -d link` calls a field of data, where it is not called the same: another key, or a
-- function of its info_data. false: it does not tell.
local function macvlan_flags(info)
	local found = {}
	for _, flag in ipairs { "nopromisc", "nodst" } do
		found[#found + 1] = info[flag] and flag
	end
	return found
end

local in_ip = {
	bridge = { group_address = "group_addr", group_fwd_mask = "group_fwd_mask_str" },
	macvlan = { flag = macvlan_flags, macaddr = "macaddr_data" },
	macvtap = { flag = macvlan_flags, macaddr = "macaddr_data" },
	tun = { mode = "type", user = false, group = false },
	vxlan = {
		dev = "link", dstport = "port", udpcsum = "udp_csum", udp6zerocsumtx = "udp_zero_csum6_tx",
		udp6zerocsumrx = "udp_zero_csum6_rx", remcsumtx = "remcsum_tx", remcsumrx = "remcsum_rx",
		maxaddress = "limit", flowlabel = "label",
		srcport = function(info)
			return { min = info.port_range.low, max = info.port_range.high }
		end,
		ttl = function(info)
			return info.ttl == 0 and "auto" or info.ttl
		end,
		tos = function(info)
			return info.tos == "0x1" and "inherit" or info.tos
		end,
	},
}

-- Values that are written in more than one way: switches as numbers, numbers in base 16.
local function plain(value)
	if type(value) == "boolean" then
		return value and 1 or 0
	elseif type(value) == "table" then
		local out = { table.unpack(value) }
		table.sort(out) -- the kernel has its own order
		if #out > 0 then
			return out
		end
		for key, each in pairs(value) do
			out[key] = plain(each)
		end
		return out
	end
	return tonumber(value) or value
end

local function by_name(list)
	local out = {}
	for _, link in ipairs(list) do
		out[link.name or link.ifname] = link
	end
	return out
end

-- Listings without what no spec can say.
local function listing(ns)
	local out = by_name(ns.link:list())
	for _, link in pairs(out) do
		link.stats, link.index, link.state, link.carrier = nil, nil, nil, nil
	end
	return out
end

local function writable(kind)
	local fields = {}
	for _, row in ipairs(core.schema "link") do
		for _, field in ipairs(row.choices and row.choices[kind] or {}) do
			fields[field.key] = not field.ro and field or nil
		end
	end
	return fields
end

-- Why the kernel cannot do it, if that is why it refused.
local function lacks(err, needs)
	local no_device = err.message and err.message:find "^/dev/net/tun:"
	if err.code == "EOPNOTSUPP" and (err.message == "Unknown device type" or needs) or no_device then
		return ("%s: %s"):format(needs or "the kernel", err.message)
	end
end

describe("a kind of link", function()
	local a, b

	before_each(function()
		a, b = netns.new(), netns.new()
		a.link:add { name = "low0", kind = "veth", peer = { name = "low1" } }
	end)

	after_each(function()
		a:close()
		b:close()
	end)

	-- Make a link of each sample that the kernel takes; why it takes none of them, or not all.
	local function make(kind)
		local made, reason = {}, nil
		for i, sample in ipairs(samples[kind]) do
			local spec = { name = ("x%d"):format(i), kind = kind, mac = ("02:00:00:00:01:%02x"):format(i),
				data = {} }
			for key, value in pairs(sample) do
				spec.data[key] = value
			end
			spec.data.needs = nil
			spec.data = next(spec.data) and spec.data
			if sample.mode == "tun" or sample.gpe or sample.mode == "passthru" then
				spec.mac = nil -- it has none, or that of the lower link
			end
			if lower[kind] then
				-- some modes want the lower link for themselves
				spec.link = "low" .. i .. "x"
				a.link:add { name = spec.link, kind = "veth", peer = { name = "p" .. i } }
			end
			local ok, err = pcall(a.link.add, a.link, spec)
			if ok then
				made[#made + 1] = spec
			else
				reason = lacks(err, sample.needs)
				assert.is_truthy(reason, tostring(err))
			end
		end
		if #made == 0 then
			pending(reason)
		end
		return made
	end

	for kind in pairs(samples) do
		it(kind .. " has samples of all its fields", function()
			local fields = writable(kind)
			for _, sample in ipairs(samples[kind]) do
				for key in pairs(sample) do
					fields[key] = nil
				end
			end
			assert.is_nil(next(fields))
		end)

		it(kind .. " is listed as it was made", function()
			for _, spec in ipairs(make(kind)) do
				local found = a.link:get(spec.name)
				assert.equal(kind, found.kind)
				assert.equal(spec.mac or found.mac, found.mac)
				assert.equal(spec.link, found.link)
				local filter = { kind = kind, data = {} }
				for key, value in pairs(spec.data or {}) do
					filter.data[key] = key ~= "macaddr" and value or nil
					assert.same(plain(value), plain(found.data[key]), spec.name .. " " .. key)
				end
				filter.data = next(filter.data) and filter.data
				assert.is_truthy(by_name(a.link:list(filter))[spec.name])
				for key, value in pairs(filter.data or {}) do
					if type(value) == "boolean" then
						filter.data = { [key] = not value }
						assert.is_nil(by_name(a.link:list(filter))[spec.name], key)
					end
				end
			end
		end)

		it(kind .. " is what `ip -j -d link` says that it is", function()
			make(kind)
			local told = by_name(json.decode(a:exec({ "ip", "-j", "-d", "link" }).stdout))
			for _, link in ipairs(a.link:list { kind = kind }) do
				local other = told[link.name]
				local where = link.name .. " "
				local flags = " " .. table.concat(other.flags, " ") .. " "
				assert.equal(other.ifindex, link.index, where .. "index")
				assert.equal(other.mtu, link.mtu, where .. "mtu")
				assert.equal(other.address, link.mac, where .. "mac")
				assert.equal(other.txqlen, link.txqlen, where .. "txqlen")
				assert.equal(other.link, link.link, where .. "link")
				assert.equal(other.num_tx_queues, link.numtxqueues, where .. "numtxqueues")
				assert.equal(other.num_rx_queues, link.numrxqueues, where .. "numrxqueues")
				assert.equal(other.operstate:lower(), link.state, where .. "state")
				assert.equal(other.inet6_addr_gen_mode, link.addrgenmode, where .. "addrgenmode")
				assert.equal(flags:find(" UP ", 1, true) ~= nil, link.up, where .. "up")
				assert.equal(flags:find(" NOARP ", 1, true) == nil, link.arp, where .. "arp")
				assert.equal(flags:find(" PROMISC ", 1, true) ~= nil, link.promisc, where .. "promisc")
				assert.equal(other.linkinfo.info_kind, link.kind, where .. "kind")
				local info = other.linkinfo.info_data or {}
				for key, value in pairs(link.data or {}) do
					local called = in_ip[kind][key]
					if called == nil then
						called = key
					end
					local says = type(called) == "function" and called(info) or info[called]
					-- a switch that is off is mostly not told, and what this `ip` does not know never
					if called and says ~= nil then
						assert.same(plain(says), plain(value), where .. key)
					end
				end
			end
		end)

		it(kind .. " can be made again from its listing", function()
			make(kind)
			local all = a.link:list()
			-- what others stand on comes last
			for i = 1, #all // 2 do
				all[i], all[#all + 1 - i] = all[#all + 1 - i], all[i]
			end
			b.link:replace(all)
			assert.same(listing(a), listing(b))
			b.link:replace(all)
			assert.same(listing(a), listing(b))
		end)
	end
end)

describe("ns.link with other kinds", function()
	local a, b, c

	before_each(function()
		a, b, c = netns.new(), netns.new(), netns.new()
		a.link:add { name = "low0", kind = "veth", up = true, peer = { name = "low1", up = true } }
	end)

	after_each(function()
		a:close()
		b:close()
		c:close()
	end)

	local function tun(ns, spec)
		local ok, err = pcall(ns.link.add, ns.link, spec)
		if not ok and lacks(err) then
			pending(lacks(err))
		end
		assert(ok, err)
	end

	it("stands on a link of another namespace", function()
		a.link:add { name = "m0", kind = "macvlan", link = "low0", netns = b, data = { mode = "bridge" } }
		assert.is_nil(a.link:get "m0")
		local found = b.link:get "m0"
		assert.equal(a.link:get("low0").index, found.link)
		assert.is_number(found.link_netnsid)
		b.link:add { name = "m1", kind = "macvlan", link = found.link, link_netnsid = found.link_netnsid }
		assert.equal(found.link, b.link:get("m1").link)
		assert.equal(found.link_netnsid, b.link:get("m1").link_netnsid)
		refused("EINVAL", "link", function()
			b.link:add { name = "m2", kind = "macvlan", link = "low0", link_netnsid = found.link_netnsid }
		end)
		refused("EINVAL", nil, function()
			c.link:add { name = "m2", kind = "macvlan", link = found.link, link_netnsid = 5 }
		end)
		assert.equal(1, #c.link:list())
		-- a link here with that very index is another one
		c.link:add { name = "br0", kind = "bridge", index = found.link }
		a.link:add { name = "x0", kind = "vxlan", netns = c, data = { id = 3, dev = "low0",
			group = "239.0.0.1", dstport = 4789 } }
		found = c.link:get "x0"
		assert.equal(a.link:get("low0").index, found.data.dev)
		assert.is_number(found.link_netnsid)
	end)

	it("carries what is sent: two macvlans of one link in two namespaces", function()
		for i, ns in ipairs { b, c } do
			a.link:add { name = "m0", kind = "macvlan", link = "low0", netns = ns, up = true,
				data = { mode = "bridge" } }
			ns.addr:add { dev = "m0", addr = ("10.0.0.%d/24"):format(i) }
		end
		local probe = { from = b, to = c, proto = "icmp", timeout = 0.3 }
		assert.equal("open", netns.probe(probe).verdict)
		b.link:set { name = "m0", kind = "macvlan", data = { mode = "private" } }
		c.link:set { name = "m0", kind = "macvlan", data = { mode = "private" } }
		assert.not_equal("open", netns.probe(probe).verdict)
	end)

	it("carries what is sent: through a vxlan, and only with the same id", function()
		b.link:add { name = "e0", kind = "veth", up = true, peer = { name = "e0", netns = c, up = true } }
		for i, ns in ipairs { b, c } do
			ns.addr:add { dev = "e0", addr = ("10.0.0.%d/24"):format(i) }
			ns.link:add {
				{ name = "x0", kind = "vxlan", up = true, data = { id = 5,
					remote = ("10.0.0.%d"):format(3 - i), dstport = 4789 } },
				{ name = "x1", kind = "vxlan", up = true, data = { id = 5 + i,
					remote = ("10.0.0.%d"):format(3 - i), dstport = 4789 } },
			}
			ns.addr:add { { dev = "x0", addr = ("10.1.0.%d/24"):format(i) },
				{ dev = "x1", addr = ("10.2.0.%d/24"):format(i) } }
		end
		local probe = { from = b, to = c, proto = "icmp", timeout = 0.3, addr = "10.1.0.2" }
		assert.equal("open", netns.probe(probe).verdict)
		probe.addr = "10.2.0.2"
		assert.not_equal("open", netns.probe(probe).verdict)
	end)

	it("replaces: says so where the kernel cannot change what differs", function()
		local spec = { name = "x0", kind = "vxlan", data = { id = 5, dstport = 4789 } }
		a.link:replace(spec)
		spec.data.ageing, spec.mtu = 50, nil
		a.link:replace(spec)
		assert.equal(50, a.link:get("x0").data.ageing)
		a.link:replace { name = "x0", kind = "vxlan", mtu = 1300, data = spec.data }
		assert.equal(1300, a.link:get("x0").mtu)
		spec.data.dstport = 4790
		refused("EOPNOTSUPP", nil, a.link.replace, a.link, spec)
		assert.equal(4789, a.link:get("x0").data.dstport)
		local err = refused("EEXIST", nil, a.link.replace, a.link, { name = "x0", kind = "bridge" })
		assert.equal("the link of this name is of kind vxlan", err.message)
	end)

	it("makes tun devices as `ip tuntap` lists them", function()
		tun(a, { name = "t0", kind = "tun", mtu = 1400, alias = "to nobody", up = true,
			data = { mode = "tap", multi_queue = true, user = 0 } })
		tun(a, { name = "t1", kind = "tun", netns = b, index = 77 })
		local found = a.link:get "t0"
		assert.equal(1400, found.mtu)
		assert.equal("to nobody", found.alias)
		assert.is_true(found.up)
		assert.is_true(found.data.persist)
		assert.equal(77, b.link:get("t1").index)
		assert.is_nil(a.link:get "t1")
		assert.matches("^t0: tap multi_queue persist user 0",
			a:exec({ "ip", "tuntap" }).stdout)
		a.link:delete "t0"
		assert.is_nil(a.link:get "t0")
	end)

	it("makes no tun device that is not as it was asked for", function()
		tun(b, { name = "t0", kind = "tun" })
		local before = listing(a)
		local function bad(code, attr, spec)
			spec.name, spec.kind = spec.name or "t0", spec.kind or "tun"
			local err = refused(code, attr, a.link.add, a.link, spec)
			assert.same(before, listing(a))
			return err
		end
		bad("EEXIST", nil, { name = "low0" })
		bad("EINVAL", nil, { mtu = 1 })
		bad("ENODEV", "master", { master = "nope" })
		bad("EINVAL", "data.mode", { data = { mode = "tube" } })
		bad("EINVAL", "data.user", { data = { user = -1 } })
		bad("EINVAL", nil, { addrgenmode = "stable_secret" })
		bad("EINVAL", "kind", { kind = "tap" })
		a.link:add { name = "t0", kind = "tun" }
		before = listing(a)
		bad("EEXIST", nil, {})
	end)

	it("removes what it made when the rest of a spec is refused", function()
		for _, up in ipairs { true, false } do
			refused("EINVAL", nil, function()
				a.link:add { name = "br0", kind = "bridge", up = up, addrgenmode = "stable_secret" }
			end)
			assert.is_nil(a.link:get "br0")
		end
		refused("EINVAL", nil, function()
			a.link:add { name = "e0", kind = "veth", netns = b, addrgenmode = "stable_secret",
				peer = { name = "e1", netns = c } }
		end)
		assert.equal(1, #b.link:list())
		assert.equal(1, #c.link:list())
	end)

	it("names the field of `data` that the kernel points at", function()
		refused("EINVAL", "data.df", function()
			a.link:add { name = "x0", kind = "vxlan", data = { id = 1, dstport = 4789, df = 9 } }
		end)
	end)

	it("finds misuse of a kind's fields before anything is done", function()
		local bad = {
			{ "data.mode", "macvlan", { mode = "bus" } },
			{ "data.mode", "macvlan", { mode = 2 ^ 32 } },
			{ "data.flag", "macvlan", { flag = { "loud" } } },
			{ "data.macaddr", "macvlan", { mode = "source", macaddr = "02:00:00:00:00:01" } },
			{ "data.macaddr", "macvlan", { mode = "source", macaddr = { "x" } } },
			{ "data.id", "vxlan", { id = 2 ^ 24 } },
			{ "data.group", "vxlan", { id = 1, group = "10.0.0.1" } },
			{ "data.remote", "vxlan", { id = 1, remote = "239.0.0.1" } },
			{ "data.local", "vxlan", { id = 1, remote = "10.0.0.1", ["local"] = "fd00::1" } },
			{ "data.ttl", "vxlan", { id = 1, ttl = "forever" } },
			{ "data.ttl", "vxlan", { id = 1, ttl = 256 } },
			{ "data.srcport.low", "vxlan", { id = 1, srcport = { low = 1 } } },
			{ "data.srcport.max", "vxlan", { id = 1, srcport = { min = 1, max = 65536 } } },
			{ "data.srcport", "vxlan", { id = 1, srcport = 5 } },
			{ "data.learning", "vxlan", { id = 1, learning = 1 } },
		}
		local before = listing(a)
		for i, case in ipairs(bad) do
			local ok, err = pcall(a.link.add, a.link,
				{ name = "x0", kind = case[2], link = "low0", data = case[3] })
			assert.is_false(ok, "case " .. i)
			assert.is_true(err.misuse, "case " .. i .. ": " .. tostring(err))
			assert.equal(case[1], err.attr, "case " .. i)
			assert.same(before, listing(a))
		end
	end)
end)
