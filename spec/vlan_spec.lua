-- SPDX-License-Identifier: MIT
-- vlan_spec.lua - ns.vlan: the VLANs of a bridge's ports
local json = require "netns.json"
local netns = require "netns"
local support = require "spec.support"

local refused = support.refused

describe("ns.vlan", function()
	local hub, hosts, lacking

	before_each(function()
		hub, hosts = netns.new(), {}
		hub.link:add { name = "br0", kind = "bridge", up = true }
		local ok, err = pcall(hub.link.set, hub.link,
			{ name = "br0", kind = "bridge", data = { vlan_filtering = true } })
		lacking = not ok and "this kernel has no VLAN filtering: " .. err.message
		for i = 1, 3 do
			hosts[i] = netns.new()
			hub.link:add { name = "p" .. i, kind = "veth", master = "br0", up = true,
				peer = { name = "e0", netns = hosts[i], up = true } }
			hosts[i].addr:add { dev = "e0", addr = ("10.0.0.%d/24"):format(i) }
		end
	end)

	after_each(function()
		hub:close()
		for _, host in ipairs(hosts) do
			host:close()
		end
	end)

	local function test(name, f)
		it(name, function()
			if lacking then
				pending(lacking)
			end
			f()
		end)
	end

	local function reach(from, to, timeout)
		hosts[from].neigh:flush()
		return netns.probe({ from = hosts[from], to = hosts[to], proto = "icmp",
			addr = "10.0.0." .. to, timeout = timeout or 5 }).verdict == "open"
	end

	local function sorted(list)
		table.sort(list, function(a, b)
			return a.dev .. ("%5d"):format(a.vid) < b.dev .. ("%5d"):format(b.vid)
		end)
		return list
	end

	test("begins with VLAN 1 everywhere", function()
		local expected = {}
		for i, dev in ipairs { "br0", "p1", "p2", "p3" } do
			expected[i] = { dev = dev, vid = 1, pvid = true, untagged = true }
		end
		assert.same(expected, sorted(hub.vlan:list()))
	end)

	test("keeps apart what is in different VLANs, and together what is in one", function()
		assert.is_true(reach(1, 2))
		hub.vlan:add {
			{ dev = "p1", vid = 10, pvid = true, untagged = true },
			{ dev = "p3", vid = 10, pvid = true, untagged = true },
		}
		assert.is_false(reach(1, 2, 0.3))
		assert.is_true(reach(1, 3))
		-- it gave its old one up, but is still in it
		assert.same({ dev = "p1", vid = 1, untagged = true }, hub.vlan:get { dev = "p1", vid = 1 })
		hub.vlan:delete { { dev = "p1", vid = 1 }, { dev = "p3", vid = 1 } }
		assert.same({ { dev = "p1", vid = 10, pvid = true, untagged = true } },
			hub.vlan:list { dev = "p1" })
		hub.vlan:set { dev = "p2", vid = 10, pvid = true, untagged = true }
		assert.is_true(reach(1, 2))
	end)

	test("gives tags to those who want them", function()
		hub.vlan:add { { dev = "p1", vid = 10, pvid = true, untagged = true }, { dev = "p2", vid = 10 } }
		hosts[2].link:add { name = "v10", kind = "vlan", link = "e0", up = true, data = { id = 10 } }
		hosts[2].addr:delete { dev = "e0", addr = "10.0.0.2/24" }
		hosts[2].addr:add { dev = "v10", addr = "10.0.0.2/24" }
		assert.is_true(reach(1, 2))
	end)

	test("lists what `bridge vlan` does", function()
		hub.vlan:add { { dev = "p1", vid = 10 }, { dev = "p1", vid = 11, untagged = true },
			{ dev = "br0", vid = 4094 }, { dev = "p2", vid = 2, pvid = true } }
		local ours, theirs = {}, {}
		for _, entry in ipairs(hub.vlan:list()) do
			ours[#ours + 1] = ("%s %d %s%s"):format(entry.dev, entry.vid, entry.pvid and "PVID " or "",
				entry.untagged and "Egress Untagged" or "")
		end
		for _, port in ipairs(json.decode(hub:exec({ "bridge", "-j", "vlan" }).stdout)) do
			for _, vlan in ipairs(port.vlans) do
				local flags = " " .. table.concat(vlan.flags or {}, " ") .. " "
				theirs[#theirs + 1] = ("%s %d %s%s"):format(port.ifname, vlan.vlan,
					flags:find " PVID " and "PVID " or "", flags:find "Untagged" and "Egress Untagged" or "")
			end
		end
		table.sort(ours)
		table.sort(theirs)
		assert.equal(8, #ours)
		assert.same(theirs, ours)
	end)

	test("finds, changes and removes", function()
		local many = {}
		for vid = 2, 200 do
			many[#many + 1] = { dev = "p1", vid = vid }
		end
		hub.vlan:add(many)
		assert.equal(200, #hub.vlan:list { dev = "p1" })
		assert.same({ dev = "p1", vid = 77 }, hub.vlan:get(77))
		assert.equal(1, #hub.vlan:list { dev = "p1", pvid = true })
		hub.vlan:replace { dev = "p1", vid = 77, untagged = true }
		assert.is_true(hub.vlan:get(77).untagged)
		hub.vlan:flush { dev = "p1", pvid = false }
		assert.same({ { dev = "p1", vid = 1, pvid = true, untagged = true } },
			hub.vlan:list { dev = "p1" })
		hub.vlan:flush()
		assert.same({}, hub.vlan:list())
	end)

	test("is made again from its listing", function()
		hub.vlan:flush()
		hub.vlan:add { { dev = "p1", vid = 10, pvid = true, untagged = true },
			{ dev = "p2", vid = 10 }, { dev = "br0", vid = 10, untagged = true } }
		hub.link:set { name = "br0", kind = "bridge", data = { vlan_default_pvid = 0 } }
		local copy <close> = netns.new()
		copy.link:replace(hub.link:list())
		copy.vlan:replace(hub.vlan:list())
		assert.same(sorted(hub.vlan:list()), sorted(copy.vlan:list()))
	end)

	test("says what is wrong", function()
		refused("EINVAL", "dev", hub.vlan.add, hub.vlan, { vid = 5 })
		refused("EINVAL", "vid", hub.vlan.add, hub.vlan, { dev = "p1" })
		refused("EINVAL", "vid", hub.vlan.add, hub.vlan, { dev = "p1", vid = 4095 })
		refused("ENODEV", "dev", hub.vlan.add, hub.vlan, { dev = "p9", vid = 5 })
		refused("EINVAL", "pvid", hub.vlan.add, hub.vlan, { dev = "p1", vid = 5, pvid = 1 })
		refused("ENOENT", nil, hub.vlan.delete, hub.vlan, { dev = "p1", vid = 5 })
		refused("EINVAL", "dev", hub.vlan.delete, hub.vlan, 5)
		refused("EOPNOTSUPP", nil, hosts[1].vlan.add, hosts[1].vlan, { dev = "e0", vid = 5 })
	end)
end)
