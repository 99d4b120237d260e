-- SPDX-License-Identifier: MIT
-- link_kinds_spec.lua - what each kind of link adds: made, listed, made again, and as `ip` says it
local as_ip = require "spec.as_ip"
local core = require "netns.core"
local json = require "netns.json"
local netns = require "netns"
local operations = require "netns.operations"
local link_samples = require "spec.link_samples"
local refused = require "spec.support".refused

local plain, samples = as_ip.plain, link_samples.kinds

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
			fields[field.key] = not (field.ro or field.wo or field.state) and field or nil
		end
	end
	return fields
end

-- Why the kernel cannot do it, if that is why it refused.
local function lacks(err, needs)
	local no_device = err.message and err.message:find "^/dev/net/tun:"
	if err.code == "EOPNOTSUPP" and err.message == "Unknown device type" or no_device or needs
		or err.lacking then
		return ("%s: %s"):format(needs or "the kernel", err.message)
	end
end

-- Older kernels pass by what they do not know.
local function passed_by(link, sample)
	for key in pairs(sample.needs and sample or {}) do
		if key ~= "needs" and link.data[key] == nil then
			return true
		end
	end
end

describe("a kind of link", function()
	local by_hand = "kinds-by-hand"
	local a, b

	before_each(function()
		a, b = netns.new(), netns.new()
		a.link:add { name = "low0", kind = "veth", peer = { name = "low1" } }
	end)

	after_each(function()
		pcall(netns.delete, by_hand)
		a:close()
		b:close()
	end)

	-- Make a link of each sample that the kernel takes, by `add` or else by ns.link:add; why it takes
	-- none of them, or not all.
	local function make(kind, add)
		local made, reason = {}, nil
		for i, sample in ipairs(samples[kind]) do
			local spec = { name = ("x%d"):format(i), kind = kind, mac = ("02:00:00:00:01:%02x"):format(i),
				data = {} }
			for key, value in pairs(sample) do
				spec.data[key] = value
			end
			spec.data.needs = nil
			spec.data = next(spec.data) and spec.data
			spec.peer = kind == "netkit" and { name = "y" .. i } or nil
			if not link_samples.has_mac(kind, sample) then
				spec.mac = nil
			end
			if link_samples.lower[kind] then
				spec.link = "low" .. i .. "x"
				a.link:add { name = spec.link, kind = "veth", peer = { name = "p" .. i } }
			end
			local ok, err = pcall(add or a.link.add, a.link, spec)
			if ok and passed_by(a.link:get(spec.name), sample) then
				a.link:delete(spec.name)
				ok, err = false, { message = "passed by in silence" }
			end
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
			for key in pairs(link_samples.apart[kind] or {}) do
				fields[key] = nil
			end
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
				assert.equal(spec.link or spec.peer and spec.peer.name or found.link, found.link)
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
				as_ip.same_link(told[link.name], link)
			end
		end)

		it(kind .. " is made by the commands that do it by hand", function()
			a:attach(by_hand)
			local said = {}
			local made = make(kind, function(_, spec)
				a.link:add(spec)
				said[spec.name] = listing(a)[spec.name]
				a.link:delete(spec.name)
				local op = operations.new(by_hand, "add", "link", spec)
				local ok, lines = pcall(operations.lines, op)
				if not ok then
					assert.equal("there is no word for it", lines.message)
					error({ message = lines.message, lacking = true })
				end
				for _, line in ipairs(lines) do
					local result = a:exec { "sh", "-c", line, check = false }
					if result.stderr:find "^Garbage" then
						error({ message = "this `ip` does not know the kind", lacking = true })
					end
					assert(result.code == 0, result.stderr)
				end
			end)
			for _, spec in ipairs(made) do
				local found = listing(a)[spec.name]
				if not spec.mac then
					found.mac, said[spec.name].mac = nil, nil
				end
				-- what is not said, `ip` presets in its own way
				for key in pairs(spec.data or {}) do
					assert.same(said[spec.name].data[key], found.data[key], spec.name .. " " .. key)
				end
				said[spec.name].data, found.data = nil, nil
				assert.same(said[spec.name], found)
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
		assert.is_nil(c.link:get "m2")
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
		assert.is_nil(b.link:get "e0")
		assert.is_nil(c.link:get "e1")
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
			{ "data.srcport", "vxlan", { id = 1, srcport = { min = 1 } } },
			{ "data.srcport.low", "vxlan", { id = 1, srcport = { min = 1, max = 2, low = 1 } } },
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
