-- SPDX-License-Identifier: MIT
-- lab_vlan_spec.lua - VLANs of switch ports: planned everywhere, built where the kernel has them
local lab = require "netns.lab"
local netns = require "netns"
local operations = require "netns.operations"
local support = require "spec.support"

local refused = support.refused

--- Two switches, joined; red in VLAN 10 and blue in 20 on both; one host in none; r in both.
local function floors()
	local net = lab.new "floors"
	net:switches("s", 2)
	net:link("s1", "s2")
	net:hosts { "red1", "red2", "blue1", "blue2", "plain" }
	net:router "r"
	net:link({ "red1", "blue1" }, "s1")
	net:link({ "red2", "blue2" }, "s2")
	local described = net:describe()
	for _, link in ipairs(described.links) do
		link.vlan = link[1]:find "^red" and 10 or link[1]:find "^blue" and 20 or nil
	end
	net = lab.new(described)
	net:link("plain", "s1")
	net:link("r", "s1", { vlan = 10 })
	net:link("r", "s2", { vlan = 20 })
	return net
end

--- Why this kernel's bridges have no VLANs; nil when they do.
local function lacking()
	local ns <close> = netns.new()
	local made, e = pcall(ns.link.add, ns.link,
		{ name = "b", kind = "bridge", data = { vlan_filtering = true } })
	return not made and "this kernel's bridges have no VLANs: " .. tostring(e.message) or nil
end

describe("a VLAN of a switch's port", function()
	it("is a segment of its own, with a subnet of its own, across switches that are joined", function()
		local net = floors()
		local function subnet(name)
			return net:node(name):address():match "^%d+%.%d+%.%d+"
		end
		assert.equal(subnet "red1", subnet "red2")
		assert.equal(subnet "blue1", subnet "blue2")
		assert.not_equal(subnet "red1", subnet "blue1")
		assert.not_equal(subnet "red1", subnet "plain")
		assert.not_equal(subnet "blue1", subnet "plain")
		assert.truthy(net:draw():find "vlan 10")
	end)

	it("is planned: access ports without tags, cables between switches with", function()
		local found = {}
		for _, op in ipairs(floors():plan()) do
			if op.object == "vlan" then
				found[#found + 1] = operations.lines(op)[1]
			end
		end
		table.sort(found)
		assert.same({
			"bridge -n s1 vlan add dev blue1 vid 20 pvid untagged",
			"bridge -n s1 vlan add dev r vid 10 pvid untagged",
			"bridge -n s1 vlan add dev red1 vid 10 pvid untagged",
			"bridge -n s1 vlan add dev s2 vid 10", "bridge -n s1 vlan add dev s2 vid 20",
			"bridge -n s1 vlan del dev blue1 vid 1", "bridge -n s1 vlan del dev r vid 1",
			"bridge -n s1 vlan del dev red1 vid 1",
			"bridge -n s2 vlan add dev blue2 vid 20 pvid untagged",
			"bridge -n s2 vlan add dev r vid 20 pvid untagged",
			"bridge -n s2 vlan add dev red2 vid 10 pvid untagged",
			"bridge -n s2 vlan add dev s1 vid 10", "bridge -n s2 vlan add dev s1 vid 20",
			"bridge -n s2 vlan del dev blue2 vid 1", "bridge -n s2 vlan del dev r vid 1",
			"bridge -n s2 vlan del dev red2 vid 1",
		}, found)
		for _, op in ipairs(lab.star(2):plan()) do -- nothing of it where nobody asks
			assert.not_equal("vlan", op.object)
			assert.is_nil(op.spec.data)
		end
	end)

	it("is checked", function()
		local net = lab.new()
		net:hosts { "a", "b" }
		net:switches("s", 2)
		refused("EINVAL", "vlan", net.link, net, "a", "s1", { vlan = 4095 })
		refused("EINVAL", "vlan", net.link, net, "a", "s1", { vlan = "10" })
		net:link("a", "b", { vlan = 1 })
		net:link("s1", "s2", { vlan = 1 })
		local err = refused("EINVAL", nil, net.plan, net)
		assert.equal(2, #err.mistakes)
		assert.truthy(tostring(err):find("neither a nor b is a switch", 1, true))
		assert.truthy(tostring(err):find("between s1 and s2 all VLANs go", 1, true))
	end)

	it("is refused before anything is built where the kernel has none", function()
		if not lacking() then
			pending("this kernel has VLANs of bridges")
			return
		end
		local net = floors()
		local err = refused("EOPNOTSUPP", nil, net.up, net)
		assert.truthy(tostring(err):find("CONFIG_BRIDGE_VLAN_FILTERING", 1, true))
	end)

	it("keeps apart and together what it should, and changes while the lab is up", function()
		if lacking() then
			pending(lacking())
			return
		end
		local net <close> = floors()
		net:up()
		local l2 = { "ethernet", "multicast" }
		local rows = {
			{ "red1", "red2", { "icmp", "tcp/80", "arp", "nd", "ethernet", "multicast" }, "open" },
			{ "blue1", "blue2", { "icmp", "ethernet" }, "open" },
			{ "red1", { "blue1", "blue2", "plain" }, l2, "isolated" },
			{ "blue2", { "red1", "plain" }, l2, "isolated" },
			{ "red1", { "blue1", "blue2" }, "icmp", "open" }, -- by the router
		}
		net:expect(rows)
		net:set("blue1", "s1", { vlan = 10 })
		net:expect {
			{ "blue1", "red2", "ethernet", "open" }, { "blue1", "blue2", "ethernet", "isolated" },
		}
		net:set("blue1", "s1", { vlan = 20 })
		net:expect(rows)
		-- without any, back to one segment
		local described = net:describe()
		for _, link in ipairs(described.links) do
			link.vlan = nil
		end
		net:apply(described)
		net:expect { { "red1", { "blue2", "plain" }, { "ethernet", "icmp" }, "open" } }
		assert.is_nil((net:node "s1".link:get "br0".data or {}).vlan_filtering)
	end)

	it("is what mutation takes away", function()
		if lacking() then
			pending(lacking())
			return
		end
		local net <close> = lab.new()
		net:switch "s"
		net:hosts { "a", "b", "c" }
		net:link({ "a", "c" }, "s", { vlan = 10 })
		net:link("b", "s", { vlan = 20 })
		net:up()
		local m = net:mutate { { "a", "b", "ethernet", "isolated" }, { "a", "c", "ethernet", "open" } }
		assert.is_true(m.ok, tostring(m))
		assert.equal("vlan_filtering of br0", m.killed[1].what)
	end)
end)
