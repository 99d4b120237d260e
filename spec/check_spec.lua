-- SPDX-License-Identifier: MIT
-- check_spec.lua - truth tables over a lab: lab:check, expect, eventually, matrix
local json = require "netns.json"
local lab = require "netns.lab"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused

local policy = [[
table inet f {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		ip saddr 10.0.0.0/24 tcp dport 5432 accept
		ip6 saddr fd00::/64 tcp dport 5432 accept
		tcp dport 23 reject
	}
}]]

--- web on a switch with others, db behind a router.
local function dmz(options)
	local net = lab.new "dmz"
	net:hosts({ "web", "www" }, options)
	net:host "db"
	net:router("fw", { nft = policy })
	net:switch "lan"
	net:link({ "web", "www", "fw" }, "lan")
	net:link("db", "fw")
	net:up()
	return net
end

--- The verdict that decided the only row.
local function decided(net, ...)
	local report = net:check { { ... } }
	return report[1].verdict, report[1]
end

describe("lab:check", function()
	it("proves a policy, in both families, in the order of the rows", function()
		local net <close> = dmz()
		local web, db = net:node "web", net:node "db"
		local rows = {
			{ web, db, "tcp/5432", "open" },
			{ web, db, "tcp/22", "isolated" },
			{ { "web", "www" }, db, { "tcp/23", "udp/53" }, { "rejected", "dropped" } },
			{ db, "web", "*", "isolated" },
			{ "*", "fw", "icmp", "open" },
			{ "web", "www", "tcp/1", "open", family = "inet6" },
		}
		local report = net:expect(rows)
		assert.is_true(report.ok)
		assert.equal(#rows, #report)
		assert.same({ "open", "dropped", "rejected" },
			{ report[1].verdict, report[2].verdict, report[3].verdicts[1].verdict })
		assert.equal(2, #report[1].verdicts)
		-- icmp, tcp/5432, tcp/22, tcp/23, tcp/1 and udp/53, in two families
		assert.equal(12, #report[4].verdicts)
		assert.equal(rows[2], report[2].row)
		assert.truthy(report[2].why:find "Control: web reached fw")
	end)

	it("fails for what is open and should not be, and says why", function()
		local net <close> = dmz()
		local err = refused("EXPECT", nil, net.expect, net, {
			{ "web", "db", "tcp/5432", "open" }, { "web", "db", "tcp/5432", "isolated" },
		})
		assert.truthy(tostring(err):find "1 of 2 rows do not hold")
		assert.truthy(tostring(err):find "FAILED  #2 web %-> db tcp/5432 is isolated, but it was open")
		assert.is_true(err.report[1].ok)
		assert.is_false(err.report[2].ok)
	end)

	it("asks for every address of a target that has to be isolated", function()
		local net <close> = dmz()
		local _, entry = decided(net, "web", "fw", "tcp/1", "isolated")
		assert.equal(4, #entry.verdicts)
		_, entry = decided(net, "web", "fw", "tcp/1", "open")
		assert.equal(2, #entry.verdicts)
	end)

	it("tells fifty refusals of one router apart from silence", function()
		local net <close> = dmz()
		net:node "fw".nft:run "flush chain inet f forward; add rule inet f forward reject"
		local rows = {}
		for port = 1, 50 do
			rows[port] = { "web", "db", "tcp/" .. port, "rejected" }
		end
		assert.is_true(net:check(rows).ok)
	end)

	it("leaves a port closed that some row calls refused", function()
		local net <close> = dmz()
		assert.is_true(net:check {
			{ "web", "www", "tcp/7", "refused" }, { "db", "www", "tcp/7", { "refused", "dropped" } },
			{ "web", "www", "udp/7", "refused" }, { "web", "www", "tcp/8", "open" },
		}.ok)
	end)

	it("refuses rows that mean nothing, and names them", function()
		local net <close> = dmz()
		local function bad(attr, ...)
			local err = refused("EINVAL", attr, net.check, net, { { "web", "db", "icmp", "open" }, { ... } })
			assert.equal(2, err.index)
		end
		bad("to", "web", "ghost", "icmp", "open")
		bad("from", nil, "web", "icmp", "open")
		bad("to", "web", "lan", "icmp", "open")
		bad("what", "web", "db", "tcp", "open")
		bad("what", "web", "db", "tcp/0", "open")
		bad("what", "web", "db", nil, "open")
		bad("expected", "web", "db", "icmp")
		bad("expected", "web", "db", "icmp", "closed")
		bad("expected", "web", "db", "icmp", "inconclusive")
		bad("5", "web", "db", "icmp", "open", "x")
		bad("to", "web", "web", "icmp", "open")
		bad("to", "web", net:node "web", "icmp", "open")
		refused("EINVAL", "rows", net.check, net, "web")
		for _, row in ipairs { { "web", "db", "icmp", "open" },
			{ net:node "web", "db", "icmp", "open" } } do
			local e = refused("EINVAL", "rows", net.check, net, row) -- not in an array
			assert.same({ 1, true }, { e.index, e.message:find("{ from, to, what", 1, true) ~= nil })
		end
	end)

	it("proves nothing by a table without rows", function()
		local net <close> = dmz()
		for _, ask in ipairs { "check", "expect", "eventually", "mutate" } do
			refused("EINVAL", "rows", net[ask], net, {})
		end
	end)

	it("names the field of a row, and a lab that is not up", function()
		local net <close> = dmz()
		local err = refused("EINVAL", "family", net.check, net,
			{ { "web", "db", "icmp", "open", family = "ipx" } })
		assert.equal(1, err.index)
		net:down()
		refused("ENOTCONN", nil, net.check, net, {})
	end)

	it("asks about isolation in each family in which the target has an address", function()
		local net <close> = lab.new { pools = { inet6 = false } }
		net:hosts { "old", "web" }
		net:link("old", "web")
		net:up()
		net:node "web".addr:add { addr = "fd00:5::1/64", dev = "eth0" }
		local verdict, entry = decided(net, "old", "web", "tcp/80", "isolated")
		assert.equal("open", verdict)
		local seen = {}
		for _, each in ipairs(entry.verdicts) do
			seen[each.family] = each.verdict
		end
		assert.same({ inet = "open", inet6 = "no_route" }, seen)
	end)

	it("takes a row of whose ends one has no address for inconclusive", function()
		local net <close> = dmz()
		net:node "web".addr:flush()
		local described = net:describe()
		described.pools = { inet = false, inet6 = false }
		local bare <close> = lab.new(described)
		bare:up()
		local verdict, entry = decided(bare, "web", "www", "icmp", "isolated")
		assert.equal("inconclusive", verdict)
		assert.is_false(entry.ok)
	end)
end)

describe("a silence", function()
	it("is located: the last node that saw the packet, and the rule that dropped it", function()
		local net <close> = dmz()
		net:node "fw".nft:run "insert rule inet f forward tcp dport 25 drop"
		local report = net:check { { "web", "db", { "tcp/22", "tcp/25" }, "open", family = "inet" } }
		local policy_drop, rule_drop = report[1].verdicts[1].at, report[1].verdicts[2].at
		assert.same({ "fw", "inet f forward", true },
			{ policy_drop.node, policy_drop.rule.chain, policy_drop.rule.policy })
		assert.same({ "fw", "tcp dport 25 drop" }, { rule_drop.node, rule_drop.rule.text })
		assert.truthy(report[1].why:find "Last seen at fw: the policy of inet f forward dropped it")
		assert.is_nil(net:check({ { "web", "db", "tcp/22", "dropped" } })[1].verdicts[1].at)
		local all = net:check({ { "web", "db", "tcp/22", "dropped" } }, { explain = "all" })
		assert.truthy(all[1].verdicts[1].at)
		refused("EINVAL", "explain", net.check, net, {}, { explain = true })
	end)
end)

describe("a person", function()
	local script = [==[
		local net <close> = require "netns.lab".star(2)
		net:up()
		net:node "h2".nft:run [=[
			table inet t { chain c { type filter hook input priority 0; tcp dport 22 drop; }; }
		]=]
		net:expect { { "h1", "h2", "tcp/22", "open" } }
	]==]

	it("gets a shell in the sender of the row that does not hold", function()
		local dir <close> = scratch.new()
		local file = dir:write("row.lua", script)
		local here <close> = require "netns".current()
		local p <close> = here:spawn { support.interpreter, file, pty = true,
			env = { NSLUA_KEEP = "1", SHELL = "/bin/sh", NO_COLOR = "1" } }
		p:expect("NSLUA_KEEP: a shell in h1", 10)
		p:write "echo links $(ls /sys/class/net)\n"
		p:expect("links eth0 lo", 10)
		p:write "exit\n"
		p:expect("1 of 1 rows do not hold %(EXPECT%)", 10)
		assert.equal(1, p:wait(10).code)
	end)

	it("gets none where nobody is at a terminal", function()
		local here <close> = require "netns".current()
		local r = here:exec { support.interpreter, "-", stdin = script,
			env = { NSLUA_KEEP = "1" }, check = false }
		assert.same({ 1, nil }, { r.code, r.stderr:find "NSLUA_KEEP" })
		assert.truthy(r.stderr:find "1 of 1 rows do not hold")
	end)
end)

describe("lab:eventually", function()
	it("waits for convergence, and looks once more", function()
		local net <close> = dmz()
		local late = net:node "fw":spawn { "sh", "-c",
			"sleep 0.3; nft add rule inet f forward tcp dport 22 accept" }
		local report = net:eventually({ { "web", "db", "tcp/22", "open" } }, 5)
		assert.is_true(report.ok, tostring(report))
		late:close()
	end)

	it("takes nothing for steady that held once", function()
		local net <close> = dmz()
		local answers, asked = { false, true, false, true, true, false }, 0
		function net.check()
			asked = asked + 1
			return { ok = answers[asked] }
		end
		assert.is_true(net:eventually({ { "web", "db", "tcp/22", "open" } }, 5).ok)
		assert.equal(5, asked)
	end)

	it("gives the report of the last try when time runs out", function()
		local net <close> = dmz()
		local report = net:eventually({ { "web", "db", "tcp/22", "open" } }, 0)
		assert.is_false(report.ok)
		assert.equal("dropped", report[1].verdict)
	end)
end)

describe("lab:matrix", function()
	it("is data by name, and a table on a terminal", function()
		local net <close> = dmz()
		local m = net:matrix "tcp/5432"
		assert.same({ "open", "open", "dropped" }, { m.web.db, m.web.www, m.db.web })
		assert.is_nil(m.web.web)
		local names = {}
		for name in pairs(m) do
			names[#names + 1] = name
		end
		table.sort(names)
		assert.same({ "db", "web", "www" }, names)
		assert.truthy(tostring(m):find "db +%- +dropped +dropped")
		local _, report = net:matrix("icmp")
		assert.truthy(tostring(report):find "web %-> db icmp is one of %d+ verdicts\n")
	end)
end)

describe("a report", function()
	it("is a table for people, TAP and JSON for machines", function()
		local net <close> = dmz()
		local report = net:check {
			{ net:node "web", { "db", "www" }, "tcp/5432", "open" }, { "web", "db", "tcp/22", "open" },
		}
		local line = debug.getinfo(1, "l").currentline - 3
		local where = ("%s:%d"):format(debug.getinfo(1, "S").short_src, line)
		local text = tostring(report)
		assert.truthy(text:find "ok      #1 web %-> db,www tcp/5432 is open\n")
		assert.truthy(text:find("FAILED  #2 web -> db tcp/22 is open, but it was dropped (" .. where
			.. ")\n", 1, true), text)
		assert.truthy(text:find "1 of 2 rows do not hold.$")
		assert.is_nil(text:find "\27")
		assert.truthy(report:text(true):find "\27")
		local tap = report:tap()
		assert.truthy(tap:find "^TAP version 13\n1..2\nok 1 %- web")
		assert.truthy(tap:find "\nnot ok 2 %- web %-> db tcp/22 is open\n")
		assert.truthy(tap:find('\n  at: "' .. where:gsub("/", "\\/") .. '"\n', 1, true)
			or tap:find('\n  at: "' .. where .. '"\n', 1, true), tap)
		local data = json.decode(report:json())
		assert.same({ false, "dmz", 2 }, { data.ok, data.name, #data.rows })
		assert.same({ "web", "db", "tcp/22", "inet", "dropped" }, (function(v)
			return { v.from, v.to, v.what, v.family, v.verdict }
		end)(data.rows[2].verdicts[1]))
		assert.is_true(data.rows[2].verdicts[1].control.sender)
		assert.same({ 2, where }, { data.rows[2].index, data.rows[2].where })
	end)

	it("has colours on a terminal, and where it is told to", function()
		local script = [[
			local net <close> = require "netns.lab".star(2)
			net:up()
			local report = net:check { { "h1", "h2", "icmp", "open" } }
			print(report:text())
			assert(not tostring(report):find "\27")
		]]
		local dir <close> = scratch.new()
		local file = dir:write("report.lua", script)
		local here <close> = require "netns".current()
		local function shown(spec)
			local argv = { support.interpreter, file, env = { NO_COLOR = false } }
			for key, value in pairs(spec) do
				argv[key] = value
			end
			return here:exec(argv).stdout:find "\27%[32mok" ~= nil
		end
		assert.is_true(shown { pty = true })
		assert.is_false(shown {})
		assert.is_false(shown { pty = true, env = { NO_COLOR = "1" } })
		assert.is_true(shown { pty = true, env = { NO_COLOR = "" } })
	end)

	it("is JUnit XML that says the same", function()
		local net <close> = dmz()
		net:node "db".addr:flush()
		local xml = net:check {
			{ "web", "www", "tcp/80", "open" }, { "web", "www", "tcp/80", "isolated" },
		}:junit()
		assert.truthy(xml:find('<testsuites name="netns" tests="2" failures="1" errors="0"', 1, true))
		assert.truthy(xml:find('<testcase classname="dmz" name="#2 web -&gt; www tcp/80 is isolated"',
			1, true))
		assert.truthy(xml:find('<failure message="The SYN was seen in the receiver', 1, true))
		assert.truthy(xml:find('<property name="kernel" value="%d'))
		assert.truthy(xml:find "<system%-out>row 2, [^<]*check_spec.lua:%d+</system%-out>")
	end)

	it("is one page that needs no other file", function()
		local net <close> = dmz()
		local report = net:check {
			{ "web", "www", "tcp/80", "open" },
			{ "web", "db", "tcp/22", "isolated" },
		}
		local dir <close> = scratch.new()
		report:html(dir.path .. "/report.html")
		local page = dir:read "report.html"
		assert.truthy(page:find("^<!DOCTYPE html>"))
		assert.truthy(page:find("2 of 2 rows hold", 1, true))
		assert.truthy(page:find('<span class="isolated">tcp/22 dropped</span>', 1, true))
		assert.truthy(page:find("10.0.0.1/24", 1, true))
		assert.truthy(page:find("<tr><td>2</td><td class=\"ok\">", 1, true))
		assert.truthy(page:find "<td>[^<]*check_spec.lua:%d+</td></tr>")
		assert.truthy(page:find("<details><summary>web &rarr; www tcp/80", 1, true))
		assert.is_nil(page:find("<script", 1, true))
		assert.is_nil(page:find('src="', 1, true))
		refused("ENOENT", nil, report.html, report, "/nonexistent/x.html")
	end)

	it("is right about more pairs than the kernel has room for neighbours", function()
		local net <close> = lab.star(36)
		net:up()
		-- another program may fill the table, too: then it says so, and is asked again
		assert.is_true(support.eventually(function()
			local _, report = net:matrix(nil, "inet")
			assert.equal(36 * 35, #report)
			local whole = true
			for _, entry in ipairs(report) do
				if entry.verdict == "inconclusive" then
					assert.matches("neighbour table, which all namespaces share", entry.why, 1, true)
					whole = false
				else
					assert.equal("open", entry.verdict, entry.why)
				end
			end
			return whole
		end, 60))
	end)
end)
