-- SPDX-License-Identifier: MIT
-- lab_build_spec.lua - building a lab, using it, changing it while it is up, taking it down
local lab = require "netns.lab"
local netns = require "netns"
local scratch = require "spec.scratch"
local support = require "spec.support"

local refused = support.refused

local function dmz()
	local net = lab.new "dmz"
	net:hosts { "web", "db" }
	net:router "fw"
	net:switch "lan"
	net:link("web", "lan")
	net:link("lan", "fw")
	net:link("db", "fw", { subnet = "10.2.0.0/24" })
	return net
end

--- The verdicts of ICMP probes between nodes, both families, as one line.
local function reach(net, from, to)
	local verdicts = {}
	for i, family in ipairs { "inet", "inet6" } do
		local v = netns.probe { from = net:node(from), to = net:node(to), timeout = 0.3,
			addr = net:node(to):address(family) }
		verdicts[i] = v.verdict
	end
	return table.concat(verdicts, " ")
end

describe("a lab", function()
	it("is usable when up returns, and its nodes are namespaces", function()
		local net <close> = dmz()
		local web, db = net:node "web", net:node "db"
		assert.equal(net, net:up())
		assert.equal("open open", reach(net, "web", "db"))
		assert.equal("open open", reach(net, "db", "fw"))
		assert.equal("eth0", web.link:get("eth0").name)
		assert.truthy(web:exec { "cat", "/proc/net/dev" }.stdout:find "eth0")
		assert.is_true(web:call(function() return netns.current().inode == web.inode end))
		assert.equal("netns.lab.node (web)", tostring(web))
		assert.equal("netns.lab (dmz, up)", tostring(net))
		db.link:add { name = "extra", kind = "veth", peer = { name = "extra1", netns = web } }
		assert.truthy(web.link:get "extra1")
	end)

	it("says what is described and not built yet", function()
		local net <close> = dmz()
		net:up()
		local late = net:host "late"
		net:link(late, "web")
		for _, f in ipairs {
			function() return late.link end,
			function() net:check { { "web", "db", "icmp", "open" } } end,
			function() net:mutate { { "web", "db", "icmp", "open" } } end,
			function() net:explain("web", late, "icmp") end,
		} do
			local e = refused("ENOTCONN", nil, f)
			assert.same({ "late", "call lab:apply()" }, { e.subject, e.hint })
		end
		net:apply()
		assert.truthy(late.link:get "eth0")
		net:link("late", "web")
		local e = refused("ENOTCONN", nil, net.check, net, { { "web", "db", "icmp", "open" } })
		assert.truthy(e.message:find "a cable")
	end)

	it("says that it is not up, before and after", function()
		local net <close> = dmz()
		local web = net:node "web"
		assert.truthy(tostring(refused(
			"ENOTCONN", nil, function() return web.link end)):find "lab is not up")
		net:up()
		refused("EALREADY", nil, net.up, net)
		net:down()
		net:down()
		refused("ENOTCONN", nil, function() return web.link end)
		refused("ENOTCONN", nil, netns.probe, { from = web, to = web })
		net:up()
		assert.equal("open open", reach(net, "web", "db"))
	end)

	it("is the same network every time", function()
		local function picture()
			local net <close> = dmz()
			net:up()
			local out = {}
			for _, name in ipairs { "web", "db", "fw", "lan" } do
				local node = net:node(name)
				local addrs, links = {}, {}
				for i, addr in ipairs(node.addr:list()) do
					addrs[i] = addr.dev .. " " .. addr.addr
				end
				for i, link in ipairs(node.link:list()) do
					links[i] = ("%d %s %s"):format(link.index, link.name, tostring(link.mac))
				end
				out[name] = { addrs, #node.route:list(), name ~= "lan" and links or #links }
			end
			return out
		end
		assert.same(picture(), picture())
	end)

	it("does what its sysctls, firewall texts and commands say", function()
		local net <close> = dmz()
		local server = net:host("server", {
			sysctl = { ["net.ipv4.icmp_echo_ignore_all"] = 1, ["net.ipv4.conf.eth0.arp_announce"] = 2 };
			nft = "table inet t { chain c { type filter hook input priority 0; tcp dport 81 drop; }; }";
			exec = { { "sh", "-c", "sleep 0.02; echo ready; exec sleep 1000", stdout = "capture",
				ready = "ready\n" } };
		})
		net:link(server, "lan")
		net:up()
		assert.equal(1, server.sysctl["net.ipv4.icmp_echo_ignore_all"])
		assert.equal(2, server.sysctl["net.ipv4.conf.eth0.arp_announce"])
		assert.truthy(server.nft:list():find "dport 81")
		assert.equal(1, #server:pids())
	end)

	it("has names that resolve inside every node, and nowhere else", function()
		local net <close> = dmz()
		net:up()
		local function ask(name)
			return net:node "web":exec { "getent", "ahostsv4", name, check = false }.stdout:match "^%S+"
		end
		assert.same({ "10.2.0.1", "10.0.0.254", "127.0.0.1" }, { ask "db", ask "fw", ask "localhost" })
		local here <close> = netns.current()
		assert.is_nil(support.read("/etc/hosts"):find "10.2.0.1")
		assert.is_nil(here:exec({ "cat", "/etc/hosts" }).stdout:find "10.2.0.1")
		net:host "late"
		net:link("late", "lan")
		net:apply()
		assert.equal("10.0.0.2", ask "late")
		-- its /sys is still its own
		assert.truthy(net:node "web":exec { "ls", "/sys/class/net" }.stdout:find "eth0")
	end)

	it("is all or nothing: a refusal names operation and line, and leaves nothing", function()
		local net = dmz()
		local info = debug.getinfo(1, "l")
		net:host("bad", { nft = "table inet t { chain c { nonsense } }" })
		net:link("bad", "lan")
		local err = refused("EINVAL", nil, net.up, net)
		assert.equal("bad", err.operation.ns)
		assert.equal("nft", err.operation.object)
		assert.truthy(err.from:find(":" .. info.currentline + 1 .. "$"))
		refused("ENOTCONN", nil, function() return net:node "web".link end)
		local before = netns.list()
		refused("EINVAL", nil, net.up, net, { named = "half-" })
		assert.same(before, netns.list())
	end)

	it("has every link and address in use when up returns", function()
		local net <close> = lab.star(30)
		net:up()
		for _, node in ipairs(net:describe().nodes) do
			local handle = net:node(node.name)
			for _, link in ipairs(handle.link:list()) do
				if link.name == "lo" or link.kind == "veth" or link.kind == "bridge" then -- not sit0 ...
					assert.equal(link.name == "lo" and "unknown" or "up", link.state)
				end
			end
			local address = node.kind ~= "switch" and handle:address "inet6"
			assert.equal("local", address and handle.route:lookup(address).type or "local")
		end
	end)

	it("raises when a command ends before it is ready", function()
		local net = dmz()
		net:host("bad", { exec = { "sh", "-c", "exit 3", ready = "tcp/80" } })
		net:link("bad", "lan")
		refused("ECHILD", nil, net.up, net)
	end)

	it("can bear names, and gives them back", function()
		local before = netns.list()
		do
			local net <close> = dmz()
			net:up { named = "dmz-" }
			assert.equal("dmz-web", net:node "web".link and netns.open "dmz-web".name)
			assert.equal(#before + 4, #netns.list())
			refused("EEXIST", nil, dmz().up, dmz(), { named = "dmz-" })
			assert.equal(#before + 4, #netns.list())
		end
		assert.same(before, netns.list())
	end)

	it("checks its options", function()
		refused("EINVAL", "routing", dmz().up, dmz(), { routing = "ospf" })
		refused("EINVAL", "names", dmz().up, dmz(), { names = true })
		refused("EINVAL", "named", dmz().up, dmz(), { named = 1 })
	end)

	it("stands a hundred hosts on one switch", function()
		local net <close> = lab.new()
		net:link(net:hosts("h", 100), net:switch "lan")
		net:up()
		local rows = {}
		for i = 1, 100 do
			rows[i] = { from = net:node("h" .. i), to = net:node("h" .. i % 100 + 1),
				family = i % 2 == 0 and "inet6" or nil }
		end
		for i, v in ipairs(netns.probe(rows)) do
			assert.equal("open", v.verdict, i .. " " .. v.why)
		end
	end)

	it("has a chain of routers longer than the usual TTL", function()
		local net <close> = lab.new { pools = { inet6 = false } }
		net:routers("r", 70)
		for i = 1, 69 do
			net:link("r" .. i, "r" .. i + 1)
		end
		net:up()
		assert.equal("open", netns.probe { from = net:node "r1", to = net:node "r70",
			addr = net:node "r70":address() }.verdict)
	end)

	it("has an outside that answers", function()
		local net <close> = dmz()
		net:internet()
		net:link("fw", "internet")
		net:up()
		assert.equal("open open", reach(net, "web", "internet"))
		assert.equal("203.0.113.1",
			net:node "internet".addr:list { dev = "lo", family = "inet" }[2].addr:match "^[^/]+")
	end)
end)

describe("a lab at the prompt", function()
	it("is loaded by nslua -i, and can be asked", function()
		local dir <close> = scratch.new()
		local file = dir:write("star.lua", "net = require 'netns.lab'.star(2):up()")
		local here <close> = netns.current()
		local r = here:exec { support.interpreter, "-i", file, check = false, stdin =
			'net:check { { "h1", "h2", "icmp", "open" } }\nnet:node "h1".link:get("eth0").state\n' }
		assert.truthy(r.stdout:find("ok      #1 h1 -> h2 icmp is open", 1, true), r.stdout .. r.stderr)
		assert.truthy(r.stdout:find "%f[%w]up%f[%W]")
	end)
end)

describe("a lab that takes long to build", function()
	-- as if two seconds had gone by since it began
	local script = [[
		local netns = require "netns"
		local clock, asked = netns.clock, 0
		function netns.clock()
			asked = asked + 1
			return clock() + (asked > 1 and 2 or 0)
		end
		local net <close> = require "netns.lab".star(3)
		net:up()
		print "built"
	]]

	it("tells a terminal how far it is, and takes that back", function()
		local dir <close> = scratch.new()
		local file = dir:write("long.lua", script)
		local here <close> = netns.current()
		local p <close> = here:spawn { support.interpreter, file, pty = true }
		p:expect("\27%[Klab: step %d+ of %d+", 10)
		p:expect("\r\27%[Kbuilt", 10)
		assert.equal(0, p:wait(10).code)
	end)

	it("tells nobody else", function()
		local r = support.script(script)
		assert.same({ 0, "built\n", "" }, { r.code, r.stdout, r.stderr })
	end)
end)

describe("a lab that is up", function()
	it("loses a cable, and gets it back", function()
		local net <close> = dmz()
		net:up()
		net:set("db", "fw", { up = false })
		assert.equal("rejected no_route",
			reach(net, "web", "fw") == "open open" and reach(net, "web", "db")
			:gsub("rejected rejected", "rejected no_route") or "fw is gone too")
		net:set("db", "fw", { up = true })
		assert.equal("open open", reach(net, "web", "db"))
	end)

	it("stops a node and starts it again", function()
		local net <close> = lab.new()
		net:host("a", { exec = { "sleep", "1000" } })
		net:host "b"
		net:link("a", "b")
		net:up()
		assert.equal(1, #net:node "a":pids())
		net:stop "a"
		assert.equal(0, #net:node "a":pids())
		assert.is_false(net:node "b".link:get("eth0").carrier)
		net:start "a"
		assert.equal(1, #net:node "a":pids())
		assert.equal("open open", reach(net, "b", "a"))
	end)

	it("takes what is added, and moves a cable", function()
		local net <close> = dmz()
		net:up()
		net:host "c"
		net:link("c", "lan")
		net:apply()
		assert.equal("open open", reach(net, "c", "db"))
		net:unlink("c", "lan")
		net:link("c", "fw")
		net:apply()
		assert.equal("open open", reach(net, "db", "c"))
		assert.is_nil(net:node "lan".link:get "c")
	end)

	it("becomes what another description says, and keeps addresses of what stays", function()
		local net <close> = lab.new()
		net:switch "lan"
		net:link(net:hosts("h", 3), "lan")
		net:up()
		local gone, stays = net:node "h1", net:node "h2"
		local inode, index = stays.inode, stays.link:get("eth0").index
		local other = lab.new()
		other:hosts { "h2", "h3", "h4" }
		other:switch "lan"
		other:link({ "h2", "h3", "h4" }, "lan", { mtu = 1400 })
		net:apply(other)
		assert.equal(inode, stays.inode)
		assert.equal(index, stays.link:get("eth0").index)
		assert.equal(1400, stays.link:get("eth0").mtu)
		assert.equal("10.0.0.2", stays:address())
		assert.is_nil(net:node "h1")
		refused("ENOTCONN", nil, function() return gone.link end)
		assert.equal("open open", reach(net, "h4", "h3"))
	end)

	it("loses no packet of an unchanged cable while others change", function()
		local net <close> = dmz()
		net:up()
		local sender = net:node "web":spawn { support.interpreter, "--host", "-", net:node "db":address(),
			stdout = "capture", stdin = [[
			local netns = require "netns"
			local here, sent, lost = netns.current(), 0, 0
			io.write("begun\n"):flush()
			while sent < 200 do
				local v = netns.probe { from = here, to = arg[1] } -- sent again after a quarter of a second
				sent, lost = sent + 1, lost + (v.rtt and v.observation.resent == 0 and 0 or 1)
			end
			print(lost .. " lost")
		]] }
		sender:expect "begun"
		local n = 0
		while not sender:wait(0) do
			n = n + 1
			net:host("x" .. n)
			net:link("x" .. n, n % 2 == 0 and "fw" or "lan")
			net:apply()
			net:set("x" .. n, n % 2 == 0 and "fw" or "lan", { mtu = 1280 })
		end
		assert.equal("0 lost", sender:wait().stdout:match "%d+ lost")
		sender:close()
		net:unlink("x1", "lan")
		assert.equal("open open", reach(net, "web", "db"))
	end)

	it("changes firewall and sysctls, back to the kernel's own", function()
		local net <close> = lab.new()
		net:host("a", { nft = "table inet one {}", sysctl = { ["net.ipv4.tcp_ecn"] = 1 } })
		net:host "b"
		net:link("a", "b")
		net:up()
		local usual = net:node "b".sysctl["net.ipv4.tcp_ecn"]
		local described = net:describe()
		described.nodes[1].nft = "table inet two {}"
		described.nodes[1].sysctl = nil
		net:apply(described)
		assert.equal("table inet two {\n}\n", net:node "a".nft:list())
		assert.equal(usual, net:node "a".sysctl["net.ipv4.tcp_ecn"])
		described.nodes[1].nft = nil
		net:apply(described)
		assert.equal("", net:node "a".nft:list())
	end)

	it("is as it was when a change is refused", function()
		local net <close> = dmz()
		net:up()
		local before = net:describe()
		local described = net:describe()
		table.remove(described.nodes, 2)
		table.remove(described.links, 3)
		table.insert(described.nodes, { name = "bad", kind = "host", nft = "nonsense" })
		table.insert(described.links, { "bad", "lan" })
		refused("EINVAL", nil, net.apply, net, described)
		assert.same(before, net:describe())
		assert.equal("open open", reach(net, "web", "db"))
		assert.is_nil(net:node "bad")
		assert.is_nil(net:node "lan".link:get "bad")
	end)

	it("takes only the description over while it is down", function()
		local net = dmz()
		net:apply { name = "other", nodes = { { name = "a", kind = "host" } } }
		assert.equal("other", net:describe().name)
		assert.is_nil(net:node "web")
	end)
end)
