-- SPDX-License-Identifier: MIT
-- refusals_spec.lua - a refused call leaves a namespace as it was, also where the kernel does not
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

describe("a refused change of a link", function()
	local a

	before_each(function()
		a = netns.new()
		a.link:add {
			{ name = "x", kind = "veth", mtu = 1400, alias = "old", altnames = { "ex" },
				addrgenmode = "none", peer = { name = "y" } },
			{ name = "br0", kind = "bridge", up = true },
			{ name = "m", kind = "macvlan", link = "y", data = { mode = "private" } },
		}
	end)

	after_each(function()
		a:close()
	end)

	-- What users can say of the links.
	local function links()
		local list = a.link:list()
		for _, link in ipairs(list) do
			link.stats, link.state, link.carrier = nil, nil, nil
			if link.bridge_slave then
				link.bridge_slave.state = nil
			end
		end
		return list
	end

	local function unchanged(code, attr, verb, spec)
		local before = links()
		local err = refused(code, attr, a.link[verb], a.link, spec)
		assert.same(before, links())
		return err
	end

	it("takes back the fields that the kernel had taken", function()
		unchanged("EEXIST", nil, "set",
			{ name = "x", mtu = 1300, mac = "02:00:00:00:00:01", rename = "y" })
		unchanged("EEXIST", nil, "set", { name = "x", group = 7, up = true, rename = "br0" })
		unchanged("ELOOP", nil, "set", { name = "br0", mtu = 1300, alias = "new", promisc = true,
			up = false, master = "br0" })
		a.link:set { name = "x", master = "br0" }
		unchanged("EEXIST", nil, "set", { name = "x", master = 0, mtu = 1300, txqlen = 5, rename = "y" })
	end)

	it("takes back the fields of a kind, and other names", function()
		unchanged("EEXIST", nil, "set", { name = "m", kind = "macvlan", data = { mode = "bridge" },
			mtu = 1300, rename = "x" })
		unchanged("EEXIST", nil, "replace", { name = "m", kind = "macvlan", data = { mode = "vepa" },
			mtu = 1300, altnames = { "em", "ex" } })
		unchanged("EEXIST", nil, "set", { name = "x", altnames = { "one", "two", "br0", "three" } })
		unchanged("EINVAL", nil, "set", { name = "x", mtu = 1300, bridge_slave = { cost = 5 } })
	end)

	it("has the name of the field that is missing", function()
		for _, kind in ipairs { "macvlan", "macvtap", "ipvlan", "vlan" } do
			assert.is_true(unchanged("EINVAL", "link", "add", { name = "z", kind = kind }).misuse)
		end
	end)
end)

describe("a refused neighbour", function()
	it("has the name of the field that is missing, and is not there", function()
		local a <close> = netns.new()
		a.link:add { name = "x", kind = "veth", peer = { name = "y" } }
		for _, verb in ipairs { "add", "replace" } do
			refused("EINVAL", "lladdr", a.neigh[verb], a.neigh, { dev = "x", dst = "10.0.0.2" })
			assert.same({}, a.neigh:list())
		end
		a.neigh:add { dev = "x", dst = "10.0.0.2", proxy = true }
	end)
end)
