-- SPDX-License-Identifier: MIT
-- mutate_spec.lua - does a table notice what is missing?
local lab = require "netns.lab"
local scratch = require "spec.scratch"
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
		local web, db = net:node "web", net:node "db"
		local m = net:mutate { -- nodes of the lab itself: the copies have others
			{ web, "db", "tcp/80", "open" },
			{ { "web" }, { db }, "tcp/22", "isolated" },
			{ db, web, "icmp", "isolated" },
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

	it("kills nothing by a mutant that changes nothing, and says which could not be made", function()
		local finder = require "netns.proof.mutants"
		local find = finder.find
		finally(function() finder.find = find end)
		local function mutant(what, apply)
			return { node = "web", what = what, apply = apply }
		end
		function finder.find()
			return {
				mutant("nothing", function() end),
				mutant("the impossible", function(ns) ns.route:delete "9.9.9.0/24" end),
				mutant("the way", function(ns) ns.route:flush { dst = "default" } end),
			}
		end
		local net <close> = dmz()
		local m = net:mutate { { "web", "db", "tcp/80", "open" } }
		assert.same({ { "web nothing" }, { "web the impossible" }, { "web the way" }, false },
			{ whats(m.survived), whats(m.void), whats(m.killed), m.ok })
		assert.truthy(m.void[1].why:find("route delete 9.9.9.0/24 in web", 1, true), m.void[1].why)
		assert.truthy(m.killed[1].why:find("row 1 is no_route", 1, true))
		assert.truthy(tostring(m):find "1 killed, 1 survived, 1 void")
	end)

	local some = { { "web", "db", "tcp/80", "open" }, { "web", "db", "tcp/22", "isolated" } }

	it("raises when it is asked to and some survived, with the result", function()
		local net <close> = dmz()
		local err = support.refused("EXPECT", nil, net.mutate, net, some, { strict = true })
		assert.matches("1 of 7 mutants survived", tostring(err))
		assert.matches("\n  fw: rule in inet f forward: udp dport 53 accept", tostring(err))
		assert.equal(6, #err.mutation.killed)
		assert.is_false(err.mutation.ok)
		local all = { some[1], some[2], { "web", "db", "udp/53", "open" } }
		local m = net:mutate(all, { strict = true })
		assert.is_true(m.ok, tostring(m))
	end)

	it("does not call a table good that killed nothing", function()
		local net <close> = lab.new { pools = { inet6 = false } }
		net:hosts { "a", "b" }
		net:link("a", "b")
		net:up()
		local rows = { { "a", "b", "icmp", "open" } }
		local m = net:mutate(rows)
		assert.same({ 0, 0, 0, false }, { #m.survived, #m.killed, #m.void, m.ok })
		local err = support.refused("EXPECT", nil, net.mutate, net, rows, { strict = true })
		assert.matches("kills nothing", tostring(err))
	end)

	it("ends a script with status 1 for survivors, if that is asked for", function()
		local function run(options, port)
			return require "netns".current():exec { support.interpreter, "-", check = false, stdin = ([[
				local net <close> = require "netns.lab".new { pools = { inet6 = false } }
				net:hosts { "a", "b" }
				net:link("a", "b")
				net:up()
				net:node "b".nft:run "table ip t { chain c { type filter hook input priority 0; }; }"
				net:node "b".nft:run "add rule ip t c tcp dport 1 drop"
				net:mutate({ { "a", "b", "tcp/%%d", "%%s" } }, %s)
			]]):format(options):format(port, port == 1 and "isolated" or "open") }
		end
		for _, each in ipairs { { "nil", 2, 0 }, { "{ strict = true }", 2, 1 },
			{ "{ strict = true }", 1, 0 } } do
			local r = run(each[1], each[2])
			assert.equal(each[3], r.code, r.stderr)
			assert.equal(each[3] == 1, r.stderr:find("b: rule in ip t c: tcp dport 1 drop", 1, true) ~= nil)
		end
	end)

	it("refuses options that it does not know", function()
		local net <close> = lab.star(2)
		net:up()
		support.refused("EINVAL", "strikt", net.mutate, net, some, { strikt = true })
		support.refused("EINVAL", "strict", net.mutate, net, some, { strict = 1 })
		support.refused("EINVAL", "options", net.mutate, net, some, true)
	end)

	it("tells a terminal how far it is", function()
		local dir <close> = scratch.new()
		local file = dir:write("mutate.lua", [[
			local net <close> = require "netns.lab".star(2)
			net:up()
			net:node "h2".nft:run "table ip t { chain c { type filter hook input priority 0; }; }"
			net:node "h2".nft:run "add rule ip t c tcp dport 1 drop"
			print(net:mutate { { "h1", "h2", "tcp/1", "isolated", family = "inet" } })
		]])
		local here <close> = require "netns".current()
		local r = here:exec { support.interpreter, file, pty = true }
		assert.matches("mutant 1 of 1", r.stdout)
		assert.matches("1 killed, 0 survived, 0 void", r.stdout)
		r = here:exec { support.interpreter, file }
		assert.is_nil((r.stdout .. r.stderr):find "mutant 1 of")
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
