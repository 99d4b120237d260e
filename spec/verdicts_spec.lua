-- SPDX-License-Identifier: MIT
-- verdicts_spec.lua - every cause by a real situation, over IPv4 and IPv6: verdict, who refused,
-- where a silence began
--
-- One lab has many causes at once, each behind ports or hosts of its own, so that a table of all of
-- them also shows that they are told apart.
local json = require "netns.json"
local lab = require "netns.lab"
local netns = require "netns"
local support = require "spec.support"

local families = { "inet", "inet6" }
local both = "meta l4proto { tcp, udp } th dport "

--- web on a switch, r1, r2, and behind it a switch with `hosts`.
local function line(hosts)
	local net = lab.new "line"
	net:host "web"
	net:routers("r", 2)
	net:switches { "lan", "far" }
	net:link({ "web", "r1" }, "lan")
	net:link("r1", "r2")
	net:link("far", "r2")
	net:link(net:hosts(hosts or { "db" }), "far")
	net:up()
	return net
end

--- Each answer of a report's only row, by family: f(verdict, family).
local function each(net, row, f)
	local report = net:check({ row }, { explain = "all" })
	local seen = {}
	for _, verdict in ipairs(report[1].verdicts) do
		seen[verdict.family] = true
		f(verdict, verdict.family)
	end
	for _, family in ipairs(row.family and { row.family } or families) do
		assert.is_true(seen[family], "nothing was asked over " .. family)
	end
end

local function is(net, expected, from, to, what, family)
	each(net, { from, to, what, expected, family = family }, function(verdict)
		assert.equal(expected, verdict.verdict, verdict.addr .. ": " .. verdict.why)
	end)
end

describe("a refusal by a rule", function()
	local codes = {
		inet = { "net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable",
			"net-prohibited", "host-prohibited", "admin-prohibited" },
		inet6 = { "no-route", "admin-prohibited", "addr-unreachable", "port-unreachable", "policy-fail",
			"reject-route" },
	}
	local words = { inet = "ipv4 %s reject with icmp %s", inet6 = "ipv6 %s reject with icmpv6 %s" }

	--- A chain that refuses each port, from 1001 on, with a code of its own.
	local function rules(hook)
		local lines = {}
		for family, list in pairs(codes) do
			for i, code in ipairs(list) do
				lines[#lines + 1] = "meta nfproto " .. words[family]:format(both .. 1000 + i, code)
			end
		end
		lines[#lines + 1] = "tcp dport 1100 reject with tcp reset"
		return ("table inet f { chain c { type filter hook %s priority 0\n%s\n}\n}"):format(hook,
			table.concat(lines, "\n"))
	end

	for hook, node in pairs { forward = "r1", input = "db" } do
		it("in " .. hook .. " tells its code, in whatever words, and its sender", function()
			local net <close> = line()
			net:node(node).nft:run(rules(hook))
			local whats = { "tcp/1100" }
			for i = 1, 7 do
				whats[#whats + 1], whats[#whats + 2] = "tcp/" .. 1000 + i, "udp/" .. 1000 + i
			end
			local report, n = net:check { { "web", "db", whats, { "rejected", "open" } } }, 0
			for _, verdict in ipairs(report[1].verdicts) do
				local code = codes[verdict.family][tonumber(verdict.what:match "%d+") - 1000]
				if verdict.what == "tcp/1100" then
					assert.same({ "rejected", nil }, { verdict.verdict, verdict.icmp }, verdict.why)
					assert.matches("A reset came back .* a firewall sent it", verdict.why)
				elseif code then
					n = n + 1
					assert.equal("rejected", verdict.verdict, verdict.why)
					assert.equal(code, verdict.icmp.name)
					assert.equal(net:node(node):address(verdict.family, node == "r1" and "web" or nil), verdict.by)
				else
					assert.equal("open", verdict.verdict, verdict.why)
				end
				assert.equal(verdict.verdict == "open", verdict.delivered)
			end
			assert.equal(2 * (7 + 6), n)
		end)
	end
end)

describe("a refusal by a rule of a bridge", function()
	it("comes in the name of the target, and was not its own", function()
		local net <close> = line()
		local made, e = pcall(function()
			net:node "lan".nft:run [[table bridge f { chain c { type filter hook prerouting priority 0
				tcp dport 1001 reject with tcp reset
				udp dport 1001 reject with icmpx admin-prohibited
			}; }]]
		end)
		if not made and e.code == "ENOENT" then
			pending("this kernel has no reject for bridges (nft_reject_bridge)")
			return
		end
		assert.is_true(made, tostring(e))
		each(net, { "web", "db", { "tcp/1001", "udp/1001" }, "rejected" }, function(verdict)
			assert.same({ "rejected", false }, { verdict.verdict, verdict.delivered }, verdict.why)
			assert.equal(verdict.what == "udp/1001" and "admin-prohibited" or nil,
				verdict.icmp and verdict.icmp.name)
		end)
	end)
end)

describe("a silence", function()
	-- port -> node, chain, and the rule's text with which it begins
	local drops = {
		[2001] = { "r1", "inet f pre" }, [2002] = { "r1", "inet f ingress" },
		[2003] = { "r1", "inet f fw" }, [2004] = { "r1", "inet f post" },
		[2005] = { "r1", "netdev e egress" }, [2006] = { "db", "inet f inp" },
		[2007] = { "lan", "bridge f fw" }, [2008] = { "lan", "bridge f pre" },
		[2009] = { "lan", "bridge f post" }, [2010] = { "r1", "inet pol fw", policy = true },
		[2011] = { "r2", "ip f fw", family = "inet" }, [2012] = { "r2", "ip6 f fw", family = "inet6" },
	}

	local function chain(name, hook, port, priority)
		return ("chain %s { type filter hook %s priority %d; %s%d drop; }\n"):format(name, hook,
			priority or 0, both, port)
	end

	it("in each hook is located: the node, the chain and the handle of the rule", function()
		local net <close> = line()
		net:node "r1".nft:run("table inet f {\n" .. chain("pre", "prerouting", 2001)
			.. chain("ingress", 'ingress device "eth0"', 2002) .. chain("fw", "forward", 2003)
			.. chain("post", "postrouting", 2004) .. "}\ntable netdev e {\n"
			.. chain("egress", 'egress device "eth1"', 2005) .. [[
			}
			table inet pol { chain fw { type filter hook forward priority 10; policy drop
				meta l4proto { tcp, udp } th dport != 2010 accept
				meta l4proto { icmp, icmpv6 } accept
			}
		}]])
		net:node "db".nft:run("table inet f {\n" .. chain("inp", "input", 2006) .. "}")
		net:node "lan".nft:run("table bridge f {\n" .. chain("fw", "forward", 2007)
			.. chain("pre", "prerouting", 2008) .. chain("post", "postrouting", 2009) .. "}")
		net:node "r2".nft:run("table ip f {\n" .. chain("fw", "forward", 2011) .. "}\ntable ip6 f {\n"
			.. chain("fw", "forward", 2012) .. "}")
		local whats = {}
		for port in pairs(drops) do
			whats[#whats + 1] = (port % 2 == 0 and "tcp/" or "udp/") .. port
		end
		each(net, { "web", "db", whats, { "dropped", "open" } }, function(verdict, family)
			local wanted = drops[tonumber(verdict.what:match "%d+")]
			if wanted.family and wanted.family ~= family then
				assert.equal("open", verdict.verdict, verdict.why)
				return
			end
			assert.equal("dropped", verdict.verdict, verdict.what .. ": " .. verdict.why)
			assert.equal(wanted[1], verdict.at.node, verdict.why)
			assert.truthy(verdict.at.rule, verdict.why)
			assert.same({ wanted[2], wanted.policy }, { verdict.at.rule.chain, verdict.at.rule.policy })
			assert.equal(not wanted.policy, math.type(verdict.at.rule.handle) == "integer")
		end)
	end)

	it("is told so by a process that stood still when it was to ask again", function()
		local net <close> = lab.new "still"
		local a, b, r = net:host "a", net:host "b", net:router "r"
		net:link(a, r)
		net:link(b, r)
		net:up()
		a.nft:run [[table inet f { chain c { type filter hook output priority 0
			tcp dport 1 counter drop
		}; }]]
		local other <close> = b:spawn { "sleep", "60" }
		local script = ([[
			local netns = require "netns"
			local here <close> = netns.current()
			local there <close> = netns.open(%d)
			print(netns.probe({ from = here, to = there, proto = "tcp", port = 1 },
				{ settle = 0.4 }).verdict)
		]]):format(other.pid)
		local p <close> = a:spawn { support.interpreter, "--host", "-e", script, stdout = "capture" }
		-- its sockets are closed for the pause before the last attempt
		assert.is_true(support.eventually(function()
			return tonumber(a.nft:list():match "packets (%d+)") >= 4
				and not a:sockets({ proto = "tcp" })[1]
		end))
		p:kill "STOP"
		netns.sleep(1) -- over the last attempt, and the end
		p:kill "CONT"
		assert.equal("local_denied\n", p:wait(10).stdout)
	end)

	it("of a packet that the sender's own rules keep is told by its kernel", function()
		local net <close> = line()
		net:node "web".nft:run("table inet f {\n" .. chain("out", "output", 2001)
			.. chain("post", "postrouting", 2002) .. "}")
		is(net, "local_denied", "web", "db", { "tcp/2001", "udp/2001", "tcp/2002", "udp/2002" })
	end)

	it("of ICMP is located, too", function()
		local net <close> = line()
		net:node "r2".nft:run [[table inet f { chain fw { type filter hook forward priority 0
			icmp type echo-request drop
			icmpv6 type echo-request drop
		}; }]]
		each(net, { "web", "db", "icmp", "dropped" }, function(verdict)
			assert.same({ "dropped", "r2", "inet f fw" },
				{ verdict.verdict, verdict.at.node, verdict.at.rule.chain }, verdict.why)
		end)
	end)

	it("by the way back of a source is rp_filter's, and in IPv6 a rule's", function()
		local net <close> = line()
		local r2 = net:node "r2"
		r2.sysctl["net.ipv4.conf.all.rp_filter"] = 1
		r2.nft:run [[table ip6 rpf { chain c { type filter hook prerouting priority raw
			icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept
			fib saddr . iif oif missing drop
		}; }]]
		for _, family in ipairs(families) do -- the way back to web leads into the other link
			local dst = family == "inet" and "10.0.0.0/24" or "fd00::/64"
			r2.route:delete { dst = dst, via = net:node "r1":address(family, "r2"), dev = "eth0" }
			r2.route:add { dst = dst, via = net:node "db":address(family), dev = "eth1" }
		end
		local why = { inet = "rp_filter dropped it", inet6 = "ip6 rpf c dropped it: fib saddr" }
		each(net, { "web", "db", { "icmp", "tcp/80" }, "dropped" }, function(verdict, family)
			assert.equal("dropped", verdict.verdict, verdict.why)
			assert.equal("r2", verdict.at.node, verdict.why)
			assert.truthy(verdict.at.why:find(why[family], 1, true), verdict.at.why)
		end)
	end)
end)

describe("a route", function()
	it("of a router: what it swallows, forbids, calls unreachable or lacks", function()
		local net <close> = line { "hole", "banned", "away", "lost", "fine" }
		local r1 = net:node "r1"
		for name, type in pairs { hole = "blackhole", banned = "prohibit", away = "unreachable",
			lost = "throw" } do
			for _, family in ipairs(families) do
				r1.route:add { dst = net:node(name):address(family), type = type }
			end
		end
		local codes = {
			banned = { inet = "admin-prohibited", inet6 = "admin-prohibited" },
			away = { inet = "host-unreachable", inet6 = "no-route" },
			lost = { inet = "net-unreachable", inet6 = "no-route" },
		}
		local all = { "tcp/80", "udp/80" } -- 6 over IPv4, one more than the kernel answers at once
		each(net, { "web", { "banned", "away", "lost" }, all, "rejected" }, function(verdict, family)
			assert.equal("rejected", verdict.verdict, verdict.to .. ": " .. verdict.why)
			assert.equal(codes[verdict.to][family], verdict.icmp.name)
			assert.equal(r1:address(family, "web"), verdict.by)
		end)
		each(net, { "web", "hole", "icmp", "dropped" }, function(verdict)
			assert.same({ "dropped", "r1" }, { verdict.verdict, verdict.at.node }, verdict.why)
			assert.truthy(verdict.at.why:find("blackhole", 1, true), verdict.at.why)
		end)
		is(net, "open", "web", "fine", all)
	end)

	it("that is wrong on the way back makes one_way of it", function()
		local net <close> = line()
		local db = net:node "db"
		for _, family in ipairs(families) do -- to a neighbour that is nobody
			db.route:delete { dst = "default", family = family }
			db.route:add { dst = "default", dev = "eth0",
				via = family == "inet" and "10.0.2.77" or "fd00:0:0:2::77" }
		end
		is(net, "one_way", "web", "db", { "icmp", "tcp/80", "udp/80" })
	end)

	it("that goes in circles, or too few hops, end the packet's time", function()
		local net <close> = line()
		local web = net:node "web"
		web.sysctl["net.ipv4.ip_default_ttl"] = 1
		web.sysctl["net.ipv6.conf.all.hop_limit"] = 1
		web.sysctl["net.ipv6.conf.eth0.hop_limit"] = 1
		each(net, { "web", "db", { "icmp", "tcp/80", "udp/80" }, "rejected" }, function(verdict, family)
			assert.same({ "rejected", "ttl-exceeded", net:node "r1":address(family, "web") },
				{ verdict.verdict, verdict.icmp and verdict.icmp.name, verdict.by }, verdict.why)
		end)
		net:node "web".sysctl["net.ipv4.ip_default_ttl"] = 64
		net:node "web".sysctl["net.ipv6.conf.eth0.hop_limit"] = 64
		for _, family in ipairs(families) do -- r2 sends what is for db back to r1
			net:node "r2".route:add { dst = net:node "db":address(family), dev = "eth0",
				via = net:node "r1":address(family, "r2") }
		end
		each(net, { "web", "db", { "icmp", "tcp/80", "udp/80" }, "rejected" }, function(verdict)
			assert.equal("ttl-exceeded", verdict.icmp and verdict.icmp.name, verdict.why)
		end)
	end)
end)

describe("a link that is down", function()
	local all = { "icmp", "tcp/80", "udp/80" }

	it("at the sender's end, or at the other one, is link_down", function()
		for _, node in ipairs { "a", "b" } do
			local net <close> = lab.new()
			net:hosts { "a", "b" }
			net:link("a", "b")
			net:up()
			net:node(node).link:set { name = "eth0", up = false }
			is(net, "link_down", "a", "b", all)
		end
	end)

	it("is the one that the longest prefix leads to, though its routes are gone", function()
		local net <close> = lab.new()
		net:hosts { "a", "b", "c" }
		net:routers("r", 2)
		net:link({ "r1", "r2" }, "a")
		net:link("b", "r1")
		net:link("c", "r2")
		net:up()
		for _, dev in ipairs { "eth0", "eth1" } do
			net:node "a".link:set { name = dev, up = false }
		end
		local by = { b = "eth0", r1 = "eth0", c = "eth1", r2 = "eth1" } -- r1 has the default route
		each(net, { "a", { "b", "c", "r1", "r2" }, "icmp", "link_down" }, function(verdict)
			assert.same({ "link_down", by[verdict.to] },
				{ verdict.verdict, verdict.why:match "link (%S+) is down" }, verdict.why)
		end)
	end)

	it("behind a router, and a neighbour that is silent, are the router's refusals", function()
		local net <close> = line()
		net:node "db".link:set { name = "eth0", up = false }
		each(net, { "web", "db", all, "rejected" }, function(verdict, family)
			assert.same({ "rejected", net:node "r2":address(family, "r1"),
				family == "inet" and "host-unreachable" or "addr-unreachable" },
				{ verdict.verdict, verdict.by, verdict.icmp and verdict.icmp.name }, verdict.why)
		end)
		is(net, "no_neighbour", "r2", "db", all)
	end)
end)

describe("translation", function()
	it("of the source leaves a probe what it is", function()
		local net <close> = line()
		net:node "r2".nft:run [[table inet n { chain c { type nat hook postrouting priority srcnat
			oifname "eth1" masquerade
		}; }]]
		is(net, "open", "web", "db", { "icmp", "tcp/80", "udp/80" })
		-- nobody comes back through it by himself
		net:node "r2".nft:run [[table inet f { chain c { type filter hook forward priority 0
			ct state established accept
			iifname "eth1" drop
		}; }]]
		is(net, "open", "web", "db", { "icmp", "tcp/80", "udp/80" })
		is(net, "dropped", "db", "web", "udp/80")
	end)

	it("of the target is somebody else's answer, and proves nothing of the target", function()
		local net <close> = line { "db", "other" }
		net:node "r1".nft:run(([[table inet n { chain c { type nat hook prerouting priority dstnat
			meta nfproto ipv4 meta l4proto tcp dnat ip to %s
			meta nfproto ipv6 meta l4proto tcp dnat ip6 to %s
		}; }]]):format(net:node "other":address "inet", net:node "other":address "inet6"))
		local server = net:node "other":spawn { support.interpreter, "--host", "-", stdout = "capture",
			stdin = [[
			local socket = require "socket"
			local server = assert(socket.bind("*", 80))
			local six = assert(socket.tcp6())
			six:setoption("ipv6-v6only", true)
			assert(six:bind("::", 80))
			assert(six:listen())
			io.write "ready\n"
			io.flush()
			require "netns".sleep(60)
		]] }
		server:expect("ready", 5)
		each(net, { "web", "db", "tcp/80", "isolated" }, function(verdict)
			assert.equal("inconclusive", verdict.verdict, verdict.why)
			assert.truthy(verdict.why:find("something else answers", 1, true), verdict.why)
		end)
		server:close()
	end)
end)

describe("length", function()
	--- b behind two routers, between which packets of 1280 bytes get through.
	local function narrow()
		local net = lab.new "narrow"
		net:hosts { "a", "b" }
		net:routers("r", 2)
		net:link("a", "r1")
		net:link("r1", "r2", { mtu = 1280 })
		net:link("r2", "b")
		net:up()
		return net
	end

	local both_kinds = { "icmp", "udp/9" }

	it("is why a router refuses a packet, and it is told", function()
		local net <close> = narrow()
		local codes = { inet = "frag-needed", inet6 = "packet-too-big" }
		each(net, { "a", "b", both_kinds, "rejected", size = 1281 }, function(verdict, family)
			assert.same({ "rejected", codes[family], "open", net:node "r1":address(family, "a") },
				{ verdict.verdict, verdict.icmp.name, verdict.short, verdict.by }, verdict.why)
		end)
		local report = net:check { { "a", "b", both_kinds, "open", size = 1280 },
			{ "a", "b", both_kinds, "isolated", size = 1281 },
			{ "a", "b", "icmp", "open", size = 1501 } }
		-- packets that are too long are no isolation, and what the own link does not carry no question
		assert.same({ true, "open", false, "open", false, "inconclusive" }, { report[1].ok,
			report[1].verdict, report[2].ok, report[2].verdict, report[3].ok, report[3].verdict })
		assert.truthy(tostring(report):find("a -> b icmp,udp/9 of 1281 bytes is isolated", 1, true))
		local row = json.decode(report:json()).rows[2]
		assert.same({ 1281, 1281, "open" }, { row.row.size, row.verdicts[1].size, row.verdicts[1].short })
	end)

	it("is why a packet vanishes where the refusal is filtered: a black hole", function()
		local net <close> = narrow()
		net:node "r1".nft:run [[table inet f { chain c { type filter hook output priority 0
			icmp type destination-unreachable drop
			icmpv6 type packet-too-big drop
		}; }]]
		each(net, { "a", "b", both_kinds, "dropped", size = 1281 }, function(verdict)
			assert.same({ "dropped", "open", "r1" }, { verdict.verdict, verdict.short, verdict.at.node })
			assert.truthy(verdict.why:find("black hole", 1, true), verdict.why)
			assert.truthy(verdict.at.why:find("carries 1280 bytes, and it has 1281", 1, true))
		end)
		assert.is_false(net:check({ { "a", "b", both_kinds, "isolated", size = 1281 } }).ok)
		is(net, "open", "a", "b", both_kinds)
		-- told apart from a drop of all
		net:node "r2".nft:run [[table inet f { chain c { type filter hook forward priority 0
			policy drop; }; }]]
		each(net, { "a", "b", "icmp", "dropped", size = 1280 }, function(verdict)
			assert.same({ "dropped", nil, "r2" }, { verdict.verdict, verdict.short, verdict.at.node })
		end)
		assert.is_true(net:check({ { "a", "b", both_kinds, "isolated", size = 1281 } }).ok)
	end)

	it("is checked", function()
		local net <close> = narrow()
		for _, size in ipairs { 63, 9217, 100.5, "100" } do
			support.refused("EINVAL", "size", net.check, net, { { "a", "b", "icmp", "open", size = size } })
		end
		support.refused("EINVAL", "size", net.check, net, { { "a", "b", "tcp/1", "open", size = 100 } })
		support.refused("EINVAL", "size", net.check, net, { { "a", "b", "arp", "open", size = 100 } })
	end)
end)

describe("state", function()
	it("that a router keeps lets answers pass, and nothing that was not asked for", function()
		local net <close> = line()
		net:node "r1".nft:run [[table inet f { chain c { type filter hook forward priority 0; policy drop
			ct state established,related accept
			iifname "eth0" ct state new accept
		}; }]]
		is(net, "open", "web", "db", { "icmp", "tcp/80", "udp/80" })
		each(net, { "db", "web", { "icmp", "tcp/80", "udp/80" }, "dropped" }, function(verdict)
			assert.same({ "dropped", "r1", true },
				{ verdict.verdict, verdict.at.node, verdict.at.rule and verdict.at.rule.policy }, verdict.why)
		end)
	end)
end)

describe("a port", function()
	it("is closed, one's own, a program's, or open on another address only", function()
		local net <close> = line()
		local db = net:node "db"
		local server = db:spawn { support.interpreter, "--host", "-", stdout = "capture", stdin = ([[
			local socket = require "socket"
			local list = {}
			for i, where in ipairs { { "%s", 81 }, { "%s", 81 }, { "127.0.0.1", 82 }, { "::1", 82 } } do
				list[i] = assert(where[1]:find ":" and socket.tcp6() or socket.tcp4())
				assert(list[i]:bind(where[1], where[2]))
				assert(list[i]:listen())
				local u = assert(where[1]:find ":" and socket.udp6() or socket.udp4())
				assert(u:setsockname(where[1], where[2]))
				list[-i] = u
			end
			io.write "ready\n"
			io.flush()
			require "netns".sleep(60)
		]]):format(db:address "inet", db:address "inet6") }
		server:expect("ready", 5)
		local function listener(expected, verdict, what)
			each(net, { "web", "db", what, verdict }, function(v)
				assert.same({ verdict, expected }, { v.verdict, v.listener }, v.why)
				assert.is_true(v.delivered)
			end)
		end
		listener("own", "open", { "tcp/80", "udp/80" })
		listener(nil, "refused", { "tcp/80", "udp/80" })
		listener("service", "open", { "tcp/81", "udp/81" })
		listener(nil, "refused", { "tcp/82", "udp/82" }) -- it is there, and not for us
		server:close()
	end)
end)
