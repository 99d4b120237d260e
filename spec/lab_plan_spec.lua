-- SPDX-License-Identifier: MIT
-- lab_plan_spec.lua - describing and planning a lab: nothing here touches the kernel
local lab = require "netns.lab"
local refused = require "spec.support".refused

local function line()
	local info = debug.getinfo(2, "Sl")
	return info.short_src .. ":" .. info.currentline
end

local function dmz()
	local net = lab.new "dmz"
	local web, db = net:host "web", net:host "db"
	local fw, lan = net:router "fw", net:switch "lan"
	net:link(web, lan)
	net:link(lan, fw)
	net:link(db, fw, { subnet = "10.2.0.0/24", mtu = 9000 })
	return net
end

--- The specs of one object in one node.
local function specs(ops, ns, object, verb)
	local list = {}
	for _, op in ipairs(ops) do
		if op.ns == ns and op.object == object and (not verb or op.verb == verb) then
			list[#list + 1] = op.spec
		end
	end
	return list
end

local function values(list, key)
	local out = {}
	for i, spec in ipairs(list) do
		out[i] = spec[key]
	end
	return out
end

describe("a lab's description", function()
	it("is plain data, and gives the same lab again", function()
		local net = dmz()
		net:host("c", { sysctl = { ["net.ipv4.tcp_ecn"] = 1 }, nft = "table inet t {}",
			mac = "02:00:00:00:00:07" })
		net:link("c", "lan", { names = { "up0" }, addresses = { { "10.0.0.77/24" } } })
		local described = net:describe()
		assert.same(described, lab.new(described):describe())
		assert.same(net:plan(), lab.new(described):plan())
		described.nodes[1].name = "other"
		assert.equal("web", net:describe().nodes[1].name)
	end)

	it("takes groups of nodes, and arrays of them in links", function()
		local net = lab.new()
		local hosts = net:hosts("h", 3, { mtu = 1400 })
		local named = net:hosts { "x", "y" }
		net:switches("s", 2)
		net:link(hosts, "s1")
		net:link("s2", named)
		assert.same({ "h1", "h2", "h3", "x", "y", "s1", "s2" }, values(net:describe().nodes, "name"))
		assert.equal(5, #net:describe().links)
		assert.equal(1400, net:describe().nodes[2].mtu)
		assert.equal(hosts[2], net:node "h2")
		assert.is_nil(net:node "h4")
	end)

	it("refuses at once what one call can see to be wrong", function()
		local net = lab.new()
		for _, name in ipairs { "", "a b", "../x", "a\0b", "a/b", "ü", ("x"):rep(64), 5, false } do
			refused("EINVAL", "name", net.host, net, name)
		end
		refused("EINVAL", "colour", net.host, net, "a", { colour = 1 })
		refused("EINVAL", "mtu", net.host, net, "a", { mtu = 1.5 })
		refused("EINVAL", "sysctl", net.host, net, "a", { sysctl = { ["kernel.panic"] = 1 } })
		refused("EINVAL", "sysctl", net.host, net, "a", { sysctl = { 1 } })
		refused("EINVAL", "exec", net.host, net, "a", { exec = { "x", ready = "yes" } })
		refused("EINVAL", "exec", net.host, net, "a", { exec = { { "x" }, { "x", ready = "yes" } } })
		refused("EINVAL", "sysctl", net.host, net, "a", { sysctl = 1 })
		refused("EINVAL", "from", net.link, net, 5, "a")
		refused("EINVAL", "to", net.link, net, "a", nil)
		refused("EINVAL", "to", net.link, net, { "a" }, { "b" })
		refused("EINVAL", "delay", net.link, net, "a", "b", { delay = {} })
		refused("EINVAL", "names", net.link, net, "a", "b", { names = { 1, 2 } })
		refused("EINVAL", "mtu", net.link, net, "a", "b", { mtu = 67 })
		refused("EINVAL", "to", net.link, net, "a", lab.new():host "b")
		refused("EINVAL", "nodes[1].kind", lab.new, { nodes = { { name = "a", kind = "cat" } } })
		refused("EINVAL", "extra", lab.new, { extra = 1 })
		refused("EINVAL", "pools.ipx", lab.new, { pools = { ipx = "1" } })
		refused("EINVAL", "count", net.hosts, net, "h", -1)
	end)
end)

describe("a lab's plan", function()
	it("is the same every time", function()
		assert.same(dmz():plan(), dmz():plan())
	end)

	it("is data that knows the line of the script", function()
		local net = lab.new()
		net:host "a"
		net:host "b"
		local here = line(); net:link("a", "b")
		for _, op in ipairs(net:plan()) do
			assert.is_string(op.from)
			if op.object == "link" and op.verb == "add" then
				assert.equal(here, op.from)
			end
		end
	end)

	it("numbers hosts from the bottom and routers from the top, both families alike", function()
		local ops = dmz():plan()
		assert.same({ "10.0.0.1/24", "fe80::1/64", "fd00::1/64" },
			values(specs(ops, "web", "addr"), "addr"))
		assert.same({ "10.2.0.1/24", "fe80::1/64", "fd00:0:0:1::1/64" },
			values(specs(ops, "db", "addr"), "addr"))
		assert.same({ "10.0.0.254/24", "10.2.0.254/24", "fe80::fe/64", "fd00::fe/64", "fe80::fe/64",
			"fd00:0:0:1::fe/64" }, values(specs(ops, "fw", "addr"), "addr"))
		assert.same({}, specs(ops, "lan", "addr"))
	end)

	it("answers for addresses before it is built", function()
		local net = dmz()
		assert.equal("10.0.0.1", net:node "web":address())
		assert.equal("fd00:0:0:1::1", net:node "db":address "inet6")
		assert.equal("10.2.0.254", net:node "fw":address("inet", "db"))
		assert.equal("10.0.0.254", net:node "fw":address("inet", net:node "web"))
		assert.equal("10.0.0.254", net:node "fw":address(nil, "lan"))
		assert.is_nil(net:node "web":address("inet", "db"))
		refused("EINVAL", "family", net:node "web".address, net:node "web", "ipx")
	end)

	it("keeps to what the user gave", function()
		local net = lab.new { pools = { inet = "172.16.0.0/12", inet6 = false } }
		net:host("a", { mac = "02:00:00:00:00:0A" })
		net:hosts("h", 2)
		net:router "r"
		net:switch "s"
		net:link("a", "s", { names = { "lan0", "door" }, addresses = { "172.20.0.9/29" } })
		net:link({ "h1", "h2", "r" }, "s")
		net:host "far"
		net:link("far", "r", { subnet = "192.168.7.0/30", macs = { false, "02:00:00:00:00:0b" } })
		local ops = net:plan()
		assert.same({ "172.20.0.9/29" }, values(specs(ops, "a", "addr"), "addr"))
		assert.same({ "172.20.0.11/29" }, values(specs(ops, "h2", "addr"), "addr"))
		assert.same({ "172.20.0.14/29", "192.168.7.2/30" }, values(specs(ops, "r", "addr"), "addr"))
		local door = specs(ops, "s", "link", "add")[2]
		assert.same({ "door", "lan0", "02:00:00:00:00:0a", "a" },
			{ door.name, door.peer.name, door.peer.mac, door.peer.netns })
		assert.equal("02:00:00:00:00:0b", specs(ops, "far", "link", "add")[1].peer.mac)
	end)

	it("gives larger subnets to larger segments, around those that are given", function()
		local net = lab.new { pools = { inet6 = false } }
		net:switches("s", 3)
		net:link(net:hosts("a", 300), "s1")
		net:link(net:hosts("b", 2), "s2")
		net:link("b1", "s3", { subnet = "10.0.0.0/24" })
		local ops = net:plan()
		assert.equal("10.0.2.1/23", specs(ops, "a1", "addr")[1].addr)
		assert.equal("10.0.3.44/23", specs(ops, "a300", "addr")[1].addr)
		assert.equal("10.0.4.2/24", specs(ops, "b2", "addr")[1].addr)
	end)

	it("joins switches to one segment, and leaves out what is told to be without addresses", function()
		local net = lab.new { pools = { inet6 = false } }
		net:switches("s", 3)
		net:link("s1", "s2")
		net:hosts("h", 3)
		net:link("h1", "s1")
		net:link("h2", "s2")
		net:link("h3", "s3", { subnet = false })
		net:link("h1", "s3")
		local ops = net:plan()
		assert.equal("10.0.0.1/24", specs(ops, "h1", "addr")[1].addr)
		assert.equal("10.0.0.2/24", specs(ops, "h2", "addr")[1].addr)
		assert.same({}, specs(ops, "h3", "addr"))
	end)

	it("gives every interface a MAC address of its own that only it has", function()
		local net = lab.new()
		net:link(net:hosts("h", 500), net:switch "s")
		local seen, count = {}, 0
		for _, op in ipairs(net:plan()) do
			local ends = op.object == "link" and op.spec.peer and { op.spec, op.spec.peer } or {}
			for _, spec in ipairs(ends) do
				assert.truthy(spec.mac:find("^02:%x%x:%x%x:%x%x:%x%x:%x%x$"))
				assert.is_nil(seen[spec.mac])
				seen[spec.mac], count = true, count + 1
			end
		end
		assert.equal(1000, count)
	end)

	it("brings switches up last, and forwards on routers only", function()
		local ops = dmz():plan()
		assert.same({ "lan", "set", "link", { name = "br0", up = true } },
			{ ops[#ops].ns, ops[#ops].verb, ops[#ops].object, ops[#ops].spec })
		assert.equal(1, specs(ops, "fw", "sysctl")[1]["net.ipv4.ip_forward"])
		assert.is_nil(specs(ops, "web", "sysctl")[1]["net.ipv4.ip_forward"])
	end)
end)

describe("a lab's routes", function()
	local function routes(net, name)
		local list = {}
		for _, spec in ipairs(specs(net:plan(), name, "route")) do
			list[#list + 1] = spec.dst .. " " .. spec.via .. " " .. spec.dev
		end
		return list
	end

	local function chain(n)
		local net = lab.new { pools = { inet6 = false } }
		net:routers("r", n)
		for i = 1, n - 1 do
			net:link("r" .. i, "r" .. i + 1)
		end
		return net
	end

	it("lead hosts through their router, and routers to every other segment", function()
		local net = chain(3)
		net:host "a"
		net:link("a", "r1")
		assert.same({ "default 10.0.2.254 eth0" }, routes(net, "a"))
		assert.same({ "10.0.1.0/24 10.0.0.253 eth0" }, routes(net, "r1"))
		assert.same({ "10.0.2.0/24 10.0.0.254 eth0" }, routes(net, "r2"))
		assert.same({ "10.0.0.0/24 10.0.1.254 eth0", "10.0.2.0/24 10.0.1.254 eth0" }, routes(net, "r3"))
	end)

	it("take the shorter way round", function()
		local net = chain(5)
		net:link("r5", "r1")
		assert.same({ "10.0.1.0/24 10.0.0.253 eth0", "10.0.2.0/24 10.0.0.253 eth0",
			"10.0.3.0/24 10.0.4.254 eth1" }, routes(net, "r1"))
	end)

	it("send a host with two routers to each for what is nearer by it", function()
		local net = lab.new { pools = { inet6 = false } }
		net:switch "s"
		net:host "h"
		net:routers("r", 2)
		net:link({ "h", "r1", "r2" }, "s")
		net:hosts("x", 3)
		net:link("x1", "r1")
		net:link("x2", "r2")
		net:link("x3", "r2")
		assert.same({ "default 10.0.0.253 eth0", "10.0.1.0/24 10.0.0.254 eth0" }, routes(net, "h"))
	end)

	it("do not go through hosts, and lead nowhere where nothing leads", function()
		local net = lab.new { pools = { inet6 = false } }
		net:hosts("h", 3)
		net:link("h1", "h2")
		net:link("h2", "h3")
		assert.same({}, routes(net, "h1"))
	end)

	it("lead to the outside, and back", function()
		local net = chain(2)
		net:internet()
		net:host "h"
		net:link("r2", "internet")
		net:link("h", "r1")
		assert.same({ "default 10.0.1.254 eth0" }, routes(net, "h"))
		assert.same({ "default 10.0.0.253 eth0", "192.0.2.0/28 10.0.0.253 eth0" }, routes(net, "r1"))
		assert.same({ "10.0.0.0/24 192.0.2.14 eth0", "10.0.1.0/24 192.0.2.14 eth0" },
			routes(net, "internet"))
		assert.equal("203.0.113.1/32", specs(net:plan(), "internet", "addr")[2].addr)
	end)

	it("are left out when the user wants none", function()
		for _, op in ipairs(dmz():plan { routing = "none" }) do
			assert.not_equal("route", op.object)
		end
	end)
end)

describe("mistakes", function()
	it("are found all at once, each with its line", function()
		local net = lab.new()
		local expected = {}
		local function expect(from, pattern)
			expected[#expected + 1] = { from, pattern }
		end
		net:host "a"; local first = line()
		expect(line(), "the name 'a' is taken %(" .. first:gsub("%p", "%%%0") .. "%)"); net:host "a"
		net:hosts { "b", "c", "d", "e" }
		net:router "r"
		net:switches("s", 2)
		net:link("a", "r", { subnet = "10.0.0.0/24" })
		expect(line(), "there is no node 'ghost'"); net:link("a", "ghost")
		expect(line(), "linked to itself"); net:link("a", "a")
		local overlapping = { subnet = "10.0.0.128/25" }
		expect(line(), "10.0.0.128/25 overlaps with 10.0.0.0/24"); net:link("b", "r", overlapping)
		expect(line(), "host bits"); net:link("c", "r", { subnet = "10.9.0.1/24" })
		expect(line(), "no prefix"); net:link("c", "r", { subnet = "10.9.0.0" })
		local long = { names = { "much-too-long-name" } }
		expect(line(), "'much%-too%-long%-name'"); net:link("c", "r", long)
		net:link("c", "r", { subnet = "10.5.0.0/24", addresses = { "10.6.0.1/24" } })
		expected[#expected + 1] = { nil, "10.6.0.1/24 %(of c%) is not in 10.5.0.0/24" }
		net:link("c", "r", { addresses = { "10.6.0.1" } })
		expected[#expected + 1] = { nil, "10.6.0.1 %(of c%) needs its prefix length" }
		net:link("c", "d")
		expect(line(), "port of a switch"); net:link("d", "s1", { addresses = { {}, "10.8.0.1/24" } })
		expect(line(), "subnet is for a cable"); net:link("s1", "s2", { subnet = "10.8.0.0/24" })
		expect(line(), "no MAC address"); net:link("c", "r", { macs = { "02:00" } })
		expect(line(), "multicast"); net:link("c", "r", { macs = { "01:00:00:00:00:01" } })
		net:link("c", "r", { subnet = "10.7.0.0/24", addresses = { "10.7.0.5", "10.7.0.5" } })
		expected[#expected + 1] = { nil, "10.7.0.5 %(of r%) is c's already" }
		expected[#expected + 1] = { nil, "e is connected to nothing" }
		local err = refused("EINVAL", nil, net.plan, net)
		assert.equal(#expected, #err.mistakes, tostring(err))
		for _, each in ipairs(expected) do
			local found = false
			for _, mistake in ipairs(err.mistakes) do
				found = found or mistake.message:find(each[2]) and (not each[1] or each[1] == mistake.from)
			end
			assert.is_truthy(found, each[2] .. "\n" .. tostring(err))
			assert.truthy(tostring(err):find(each[2]))
		end
	end)

	it("are an MTU that IPv6 does not go with, and too many ports", function()
		local net = lab.new()
		net:hosts { "a", "b" }
		net:host("c", { mtu = 900 })
		net:link("a", "b", { mtu = 1279 })
		net:link("c", "a")
		local err = refused("EINVAL", nil, net.plan, net)
		assert.equal(3, #err.mistakes) -- both ends of one cable, one of the other
		assert.truthy(tostring(err):find("an MTU of 1279 (eth0 of a) is too small for IPv6", 1, true))
		assert.truthy(tostring(err):find("an MTU of 900 (eth0 of c)", 1, true))
		local described = net:describe()
		described.pools = { inet6 = false }
		assert.truthy(lab.new(described):plan())
		net = lab.new()
		net:link(net:hosts("h", 1024), net:switch "s")
		err = refused("EINVAL", nil, net.plan, net)
		assert.truthy(tostring(err):find("s has 1024 cables, and a bridge has at most 1023", 1, true))
	end)

	it("are told when a pool or a subnet is too small", function()
		local net = lab.new { pools = { inet = "10.0.0.0/24", inet6 = false } }
		net:hosts("h", 3)
		net:link("h1", "h2")
		net:link("h2", "h3")
		assert.truthy(tostring(refused("EINVAL", nil, net.plan, net)):find "no subnet left")
		net = lab.new { pools = { inet6 = false } }
		net:switch "s"
		net:link(net:hosts("h", 3), "s", { subnet = "10.0.0.0/30" })
		assert.truthy(tostring(refused("EINVAL", nil, net.plan, net)):find "no address left for h3")
	end)
end)
