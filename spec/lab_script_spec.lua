-- SPDX-License-Identifier: MIT
-- lab_script_spec.lua - a lab as a shell script, which builds the same lab; ready-made topologies
local json = require "netns.json"
local lab = require "netns.lab"
local netns = require "netns"
local support = require "spec.support"

--- What `ip -j` says, but for what differs from one namespace to the next, or from second to
--- second.
local noise = { link_netnsid = true, stats = true, stats64 = true, group = true, gc_timer = true,
	hello_timer = true, topology_change_timer = true, tcn_timer = true, timer = true, bridge_id = true,
	root_id = true }

local function cleaned(value)
	if type(value) ~= "table" then
		return value
	end
	local out = {}
	for key, each in pairs(value) do
		if not noise[key] and not tostring(key):find "_timer$" then
			out[key] = cleaned(each)
		end
	end
	return out
end

local function picture(ns, words)
	local list = cleaned(json.decode(ns:exec { "ip", "-j", "-d", table.unpack(words) }.stdout))
	for i, each in ipairs(list) do
		list[i] = json.encode(each)
	end
	table.sort(list)
	return list
end

describe("lab:script", function()
	it("builds what lab:up builds", function()
		if not support.has "ip" or not support.has "sysctl" or not support.has "nft" then
			pending("ip, sysctl and nft are not all installed")
		end
		local net <close> = lab.new "same"
		net:hosts { "a", "b" }
		net:host("c", { nft = "table inet t {}", sysctl = { ["net.ipv4.conf.eth0.arp_announce"] = 2 } })
		net:router "r"
		net:switches("s", 2)
		net:link({ "a", "b", "r" }, "s1")
		net:link("s1", "s2")
		net:link("c", "r", { mtu = 1400 })
		net:link("c", "s2", { up = false })
		net:up()
		local here <close> = netns.current()
		finally(function()
			for _, name in ipairs(netns.list()) do
				netns.delete(name)
			end
		end)
		here:exec { "sh", stdin = net:script() }
		for _, node in ipairs(net:describe().nodes) do
			local there <close> = netns.open(node.name)
			local ours = net:node(node.name)
			for _, words in ipairs { { "link" }, { "addr" }, { "route", "show", "table", "all" },
				{ "-6", "route", "show", "table", "all" } } do
				-- the kernel takes IPv6 addresses into use in the background
				local expected
				assert.is_true(support.eventually(function()
					expected = picture(ours, words)
					return pcall(assert.same, expected, picture(there, words))
				end) or assert.same(expected, picture(there, words)))
			end
			assert.equal(ours.nft:list(), there.nft:list())
			for _, key in ipairs { "net.ipv4.ip_forward", "net.ipv4.icmp_ratemask",
				"net.ipv6.conf.all.forwarding", "net.ipv6.conf.default.disable_ipv6" } do
				assert.equal(ours.sysctl[key], there.sysctl[key], key)
			end
		end
	end)
end)

describe("a ready-made topology", function()
	local sizes = {
		star = { { 5 }, 6, 5 }, line = { { 3 }, 5, 4 }, ring = { { 4 }, 8, 8 }, mesh = { { 4 }, 8, 10 },
		tree = { { 3, 2 }, 15, 14 }, leaf_spine = { { 2, 2, 3 }, 12, 12 },
	}

	for name, size in pairs(sizes) do
		it("called " .. name .. " connects all its hosts", function()
			local net <close> = lab[name](table.unpack(size[1]))
			assert.same({ size[2], size[3] }, { #net:describe().nodes, #net:describe().links })
			net:up()
			local hosts, rows = {}, {}
			for _, node in ipairs(net:describe().nodes) do
				hosts[#hosts + 1] = node.kind == "host" and net:node(node.name) or nil
			end
			for _, from in ipairs(hosts) do
				for _, to in ipairs(hosts) do
					rows[#rows + 1] = from ~= to and { from = from, to = to, family = "inet6" } or nil
				end
			end
			for i, verdict in ipairs(netns.probe(rows)) do
				assert.equal("open", verdict.verdict, i .. " " .. verdict.why)
			end
		end)
	end

	it("has a size that is checked", function()
		support.refused("EINVAL", "n", lab.star, 0)
		support.refused("EINVAL", "n", lab.ring, 2.5)
		support.refused("EINVAL", "fanout", lab.tree, 2)
	end)
end)
