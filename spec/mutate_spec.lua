-- SPDX-License-Identifier: MIT
-- mutate_spec.lua - does a table notice what is missing?
local lab = require "netns.lab"
local support = require "spec.support"
local texts = require "netns.proof.ruleset".rule_texts

local function dmz()
	local net = lab.new { name = "dmz", pools = { inet6 = false } }
	net:hosts { "web", "db" }
	net:router "fw"
	net:link("web", "fw")
	net:link("db", "fw")
	net:up()
	net:node "fw".nft:run [[
	table inet f {
		chain forward {
			type filter hook forward priority filter; policy drop;
			ct state established accept
			tcp dport { 80, 443 } accept
			udp dport 53 accept
		}
	}]]
	return net
end

local function whats(list)
	local out = {}
	for i, each in ipairs(list) do
		out[i] = each.node .. " " .. each.what
	end
	table.sort(out)
	return out
end

describe("lab:mutate", function()
	it("kills what a row notices, and names what none does", function()
		local net <close> = dmz()
		local m = net:mutate {
			{ "web", "db", "tcp/80", "open" },
			{ "web", "db", "tcp/22", "isolated" },
			{ "db", "web", "icmp", "isolated" },
		}
		assert.is_false(m.ok)
		assert.same({ "fw rule in inet f forward: udp dport 53 accept" }, whats(m.survived))
		assert.same({
			"db route default via 10.0.1.254", "fw policy drop of inet f forward",
			"fw rule in inet f forward: ct state established accept",
			"fw rule in inet f forward: tcp dport { 80, 443 } accept", "fw sysctl net.ipv4.ip_forward = 1",
			"web route default via 10.0.0.254",
		}, whats(m.killed))
		assert.truthy(tostring(m):find "6 killed, 1 survived, 0 void")
	end)

	it("leaves the lab as it is", function()
		local net <close> = dmz()
		local before = net:node "fw".nft:list()
		net:mutate { { "web", "db", "tcp/80", "open" } }
		assert.equal(before, net:node "fw".nft:list())
		assert.is_true(net:check { { "web", "db", "tcp/80", "open" } }.ok)
	end)

	it("copies what was changed after up, routes too", function()
		local net <close> = dmz()
		net:node "web".route:delete "default"
		local m = net:mutate { { "web", "db", "tcp/80", "no_route" } }
		for _, each in ipairs(m.killed) do
			assert.not_equal("web", each.node)
		end
		assert.equal(0, #m.killed)
	end)

	it("takes settings back, also those that came after up, and of one link", function()
		local net <close> = dmz()
		local fw = net:node "fw"
		fw.nft:flush()
		fw.sysctl["net.ipv4.conf.eth1.forwarding"] = 0
		fw.sysctl["net.ipv4.tcp_syncookies"] = 0
		local m = net:mutate { { "db", "web", "tcp/80", "isolated" } }
		assert.same({ "fw sysctl net.ipv4.conf.eth1.forwarding = 0" }, whats(m.killed))
		local survived = table.concat(whats(m.survived), "\n")
		assert.truthy(survived:find("fw sysctl net.ipv4.tcp_syncookies = 0", 1, true), survived)
		assert.truthy(survived:find("fw sysctl net.ipv4.ip_forward = 1", 1, true), survived)
		assert.is_false(m.ok)
	end)

	it("takes a port's isolation away, also where it came after up", function()
		local net <close> = lab.new()
		net:hosts { "a", "b", "c" }
		net:switch "lan"
		net:link({ "a", "b", "c" }, "lan")
		net:up()
		for _, name in ipairs { "a", "b" } do
			net:node "lan".link:set { name = name, bridge_slave = { isolated = true } }
		end
		local m = net:mutate { { "a", "b", "icmp", "isolated" }, { "c", { "a", "b" }, "icmp", "open" } }
		assert.same({ "lan isolated port a", "lan isolated port b" }, whats(m.killed))
		assert.is_true(m.ok, tostring(m))
	end)

	it("refuses a table that does not hold by itself", function()
		local net <close> = dmz()
		local err = support.refused("EXPECT", nil, net.mutate, net, { { "web", "db", "tcp/22", "open" } })
		assert.truthy(tostring(err):find "unchanged copy")
	end)

	it("needs a lab that is up", function()
		support.refused("ENOTCONN", nil, lab.new().mutate, lab.new(), {})
	end)

	it("reads rules that go over several lines", function()
		assert.same({ ["inet f c"] = {
			"ip saddr { 1.1.1.1, 2.2.2.2 } accept", 'log prefix "a { b" drop' } }, texts [[
table inet f {
	chain c {
		type filter hook input priority filter; policy accept;
		ip saddr { 1.1.1.1,
			 2.2.2.2 } accept
		log prefix "a { b" drop
	}
}]])
	end)
end)
