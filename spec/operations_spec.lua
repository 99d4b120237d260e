-- SPDX-License-Identifier: MIT
-- operations_spec.lua - operations as data: the printed command lines do what applying them does

local netns = require "netns"
local operations = require "netns.operations"
local support = require "spec.support"

local new = operations.new

local function line(...)
	local out = operations.lines(new(...))
	assert.equal(1, #out)
	return out[1]
end

local function fails(f, ...)
	local ok, e = pcall(f, ...)
	assert.is_false(ok)
	assert.equal("netns.error", getmetatable(e) and getmetatable(e).__name, tostring(e))
	return e
end

local function close_all(namespaces)
	for _, ns in pairs(namespaces) do
		ns:close()
	end
end

describe("operations.new", function()
	it("makes plain data that knows its line", function()
		local op = new("web", "add", "addr", { dev = "eth0", addr = "10.0.0.1/24" })
		assert.truthy(op.from:find("operations_spec.lua:%d+$"), op.from)
		op.from = nil
		assert.same({
			ns = "web", verb = "add", object = "addr", spec = { dev = "eth0", addr = "10.0.0.1/24" },
		}, op)
		assert.is_nil(getmetatable(op))
		assert.equal("dmz.lua:12", new("web", "add", "netns", nil, "dmz.lua:12").from)
	end)

	it("takes the natural string for a spec", function()
		assert.same({ name = "eth0" }, new("web", "delete", "link", "eth0").spec)
		assert.same({ dst = "default" }, new("web", "delete", "route", "default").spec)
		assert.same({ addr = "10.0.0.1/24" }, new("web", "delete", "addr", "10.0.0.1/24").spec)
		assert.same({ text = "list ruleset" }, new("web", "run", "nft", "list ruleset").spec)
	end)

	it("refuses what is no operation", function()
		assert.equal("object", fails(new, "web", "add", "lnik", {}).attr)
		assert.equal("verb", fails(new, "web", "append", "link", {}).attr)
		assert.equal("verb", fails(new, "web", "add", "sysctl", {}).attr)
		assert.equal("spec", fails(new, "web", "add", "netns", 5).attr)
		assert.equal("spec", fails(new, "web", "set", "sysctl", "x").attr)
		assert.equal("ns", fails(new, nil, "add", "netns").attr)
		local ns <close> = netns.new()
		assert.equal("ns", fails(new, ns, "add", "link", { name = "x" }).attr)
	end)
end)

describe("operations.lines", function()
	it("writes what is typed by hand", function()
		for _, case in ipairs {
			{ "ip netns add web", "web", "add", "netns" },
			{ "ip netns delete web", "web", "delete", "netns" },
			{ "ip -n web link set dev lo up", "web", "set", "link", { name = "lo", up = true } },
			{ "ip -n web link set dev eth0 name lan0 netns db mtu 1400 down",
				"web", "set", "link",
				{ name = "eth0", rename = "lan0", netns = "db", mtu = 1400, up = false } },
			{ "ip -n web link set dev eth0 nomaster", "web", "set", "link",
				{ name = "eth0", master = 0 } },
			{ "ip -n web link delete dev eth0", "web", "delete", "link", "eth0" },
			{ "ip -n web link add name br0 up type bridge ageing_time 100 vlan_filtering 0",
				"web", "add", "link", { name = "br0", kind = "bridge", up = true,
					data = { vlan_filtering = false, ageing_time = 100 } } },
			{ "ip -n web link add name eth0 mtu 1400 address 02:00:00:00:00:01 type veth "
				.. "peer name eth1 mtu 1400 netns db",
				"web", "add", "link", { name = "eth0", kind = "veth", mtu = 1400,
					mac = "02:00:00:00:00:01", peer = { name = "eth1", netns = "db", mtu = 1400 } } },
			{ "ip -n web addr add 10.0.0.1/24 broadcast 10.0.0.255 label eth0:a dev eth0",
				"web", "add", "addr", { dev = "eth0", addr = "10.0.0.1/24", label = "eth0:a",
					broadcast = "10.0.0.255" } },
			{ "ip -n web addr replace fd00::1/64 nodad home dev eth0", "web", "replace", "addr",
				{ dev = "eth0", addr = "fd00::1/64", flags = { "nodad", "permanent", "homeaddress" } } },
			{ "ip -n web addr change 10.0.0.1/24 valid_lft 120 preferred_lft forever dev eth0",
				"web", "set", "addr", { dev = "eth0", addr = "10.0.0.1/24", valid = "2m",
					preferred = "forever" } },
			{ "ip -n web link add name eth0 type veth peer name eth1", "web", "replace", "link",
				{ name = "eth0", kind = "veth", link = "eth1", state = "up" } },
			{ "ip -n web addr flush dev eth0", "web", "flush", "addr", { dev = "eth0" } },
			{ "ip -n web route add default via 10.0.0.1 metric 5 table 77 mtu 1300",
				"web", "add", "route",
				{ dst = "default", via = "10.0.0.1", mtu = 1300, metric = 5, table = 77 } },
			{ "ip -n web -6 route add default via fd00::1", "web", "add", "route",
				{ dst = "default", via = "fd00::1" } },
			{ "ip -n web route add 10.3.0.0/24 via inet6 fd00::2 dev eth0", "web", "add", "route",
				{ dst = "10.3.0.0/24", via = "fd00::2", dev = "eth0" } },
			{ "ip -n web route add blackhole 10.8.0.0/24", "web", "add", "route",
				{ dst = "10.8.0.0/24", type = "blackhole" } },
			{ "ip -n web route add 10.9.0.0/24 nexthop via 10.0.0.2 dev eth0 weight 2 "
				.. "nexthop via 10.0.0.3 dev eth0 onlink",
				"web", "add", "route", { dst = "10.9.0.0/24", nexthops = {
					{ via = "10.0.0.2", dev = "eth0", weight = 2 },
					{ via = "10.0.0.3", dev = "eth0", onlink = true },
				} } },
			{ "ip -n web route flush table 77", "web", "flush", "route", { table = 77 } },
			{ "bridge -n web vlan add dev p0 vid 10 pvid untagged", "web", "add", "vlan",
				{ dev = "p0", vid = 10, pvid = true, untagged = true } },
			{ "bridge -n web vlan add dev p0 vid 10", "web", "replace", "vlan", { dev = "p0", vid = 10 } },
			{ "bridge -n web vlan add dev p0 vid 10", "web", "set", "vlan",
				{ dev = "p0", vid = 10, pvid = false } },
			{ "bridge -n web vlan del dev p0 vid 10", "web", "delete", "vlan",
				{ dev = "p0", vid = 10, pvid = true } },
			{ "ip netns exec web sysctl -q -w net.ipv4.ip_forward=1", "web", "set", "sysctl",
				{ ["net.ipv4.ip_forward"] = 1 } },
			{ "ip netns exec web sysctl -q -w 'net.ipv4.tcp_rmem=4096 5000 6000'", "web", "set", "sysctl",
				{ ["net.ipv4.tcp_rmem"] = "4096 5000 6000" } },
			{ "ip netns exec web nft flush ruleset", "web", "flush", "nft" },
			{ "ip netns exec web nft -D 'ports={ 80, 443 }' -f - <<'EOF'\nadd table ip t\nEOF",
				"web", "run", "nft", { text = "add table ip t", vars = { ports = { 80, 443 } } } },
			{ "ip netns exec web ls /sys/class/net", "web", "run", "exec", { "ls", "/sys/class/net" } },
		} do
			assert.equal(case[1], line(table.unpack(case, 2)))
		end
	end)

	it("needs a second line for what creation does not take", function()
		assert.same({
			"ip -n web link add name eth0 up type veth peer name eth1 netns db",
			"ip -n db link set dev eth1 up",
		}, operations.lines(new("web", "add", "link", { name = "eth0", kind = "veth", up = true,
			peer = { name = "eth1", netns = "db", up = true } })))
		assert.same({
			"ip -n web link add name br0 type bridge",
			"ip -n web link set dev br0 alias 'the lan' addrgenmode none",
			"ip -n web link set dev br0 up",
		}, operations.lines(new("web", "add", "link", { name = "br0", kind = "bridge", up = true,
			alias = "the lan", addrgenmode = "none" })))
		assert.same({
			"ip -n db tuntap add dev tap0 mode tap",
			"ip -n db link set dev tap0 mtu 1400 up",
			"ip -n db link property add dev tap0 altname upstream altname out",
		}, operations.lines(new("web", "add", "link", { name = "tap0", kind = "tun", netns = "db",
			mtu = 1400, up = true, data = { mode = "tap" }, altnames = { "upstream", "out" } })))
		assert.same({ "ip -n web tuntap add dev tun0 mode tun" },
			operations.lines(new("web", "add", "link", { name = "tun0", kind = "tun" })))
		assert.same({
			"ip -n web link set dev eth0 name lan0 netns db",
			"ip -n db link property add dev lan0 altname inside",
		}, operations.lines(new("web", "set", "link", { name = "eth0", rename = "lan0", netns = "db",
			altnames = { "inside" } })))
		assert.equal("altnames", fails(line, "web", "add", "link",
			{ name = "br0", kind = "bridge", altnames = { "a\0b" } }).attr)
		assert.same({
			"ip -n web link add name eth0 master bond0 type veth peer name eth1",
			"ip -n web link set dev eth0 type bond_slave queue_id 2",
			"ip -n web link set dev eth0 up",
		}, operations.lines(new("web", "add", "link", { name = "eth0", kind = "veth", up = true,
			master = "bond0", bond_slave = { queue_id = 2 }, peer = { name = "eth1" } })))
		assert.same({
			"ip netns exec web sysctl -q -w net.ipv4.ip_forward=1",
			"ip netns exec web sysctl -q -w net/ipv4/conf/all/forwarding=0",
			"ip netns exec web sysctl -q -w net.ipv4.conf.a/1.forwarding=1",
		}, operations.lines(new("web", "set", "sysctl", { ["net.ipv4.conf.a/1.forwarding"] = 1,
			["net/ipv4/conf/all/forwarding"] = 0, ["net.ipv4.ip_forward"] = 1 })))
	end)

	it("takes a list", function()
		assert.same({ "ip netns add a", "ip netns add b" },
			operations.lines { new("a", "add", "netns"), new("b", "add", "netns") })
	end)

	it("quotes for the shell", function()
		assert.equal([[ip -n web link set dev eth0 alias 'it'\''s; rm -rf $HOME']],
			line("web", "set", "link", { name = "eth0", alias = "it's; rm -rf $HOME" }))
		assert.equal("ip netns exec web nft -f - <<'EOF_'\nEOF\nEOF_",
			line("web", "run", "nft", "EOF\n"))
	end)

	it("passes over what only a listing has, and refuses the rest", function()
		assert.equal("ip -n web link add name br0 type bridge", line("web", "add", "link",
			{ name = "br0", kind = "bridge", state = "down", carrier = false, stats = {} }))
		for object, spec in pairs {
			link = { name = "eth0", mtuu = 5 };
			addr = { addr = "10.0.0.1/8", dve = "x" };
			route = { dst = "default", vai = "10.0.0.1" };
		} do
			assert.truthy(fails(line, "web", "add", object, spec).message:find("no word for it"))
		end
		assert.equal("peer: there is no word for it", fails(line, "web", "add", "link",
			{ name = "a", kind = "veth", peer = { name = "b", upp = true } }).message)
		assert.equal("verb", fails(line, "web", "flush", "link").attr)
	end)
end)

describe("operations.apply", function()
	it("says which operation was refused, and from where", function()
		local here = {}
		local list = {
			new("a", "add", "netns"),
			new("a", "set", "link", { name = "lo", up = true }),
			new("a", "add", "addr", { dev = "lo", addr = "10.0.0.1/32" }),
			new("a", "add", "addr", { dev = "lo", addr = "10.0.0.1/32" }, "dmz.lua:12"),
			new("a", "add", "addr", { dev = "lo", addr = "10.0.0.2/32" }),
		}
		local e = fails(operations.apply, list, here)
		finally(function() close_all(here) end)
		assert.equal("EEXIST", e.code)
		assert.equal("addr add", e.op)
		assert.equal(list[4], e.operation)
		assert.equal("dmz.lua:12", e.from)
		assert.is_nil(here.a.addr:get "10.0.0.2/32")
		assert.is_table(here.a.addr:get "10.0.0.1/32")
	end)

	it("sets neighbouring sysctls together, and says which was refused", function()
		local here = { a = netns.new() }
		finally(function() close_all(here) end)
		local list = {
			new("a", "set", "sysctl", { ["net.ipv4.ip_forward"] = 1 }),
			new("a", "set", "sysctl", { ["net.ipv4.ip_default_ttl"] = 300 }, "dmz.lua:7"),
			new("a", "set", "sysctl", { ["net.ipv4.ip_forward"] = 0 }),
		}
		local e = fails(operations.apply, list, here)
		assert.equal("EINVAL", e.code)
		assert.equal("net.ipv4.ip_default_ttl", e.subject)
		assert.equal(list[2], e.operation)
		assert.equal("dmz.lua:7", e.from)
		assert.equal(1, here.a.sysctl["net.ipv4.ip_forward"])
	end)

	it("makes and closes namespaces", function()
		local here = {}
		operations.apply({ new("a", "add", "netns") }, here)
		local a = here.a
		local e = fails(operations.apply, { new("a", "add", "netns") }, here)
		assert.equal("EEXIST", e.code)
		assert.equal("ENOENT", fails(operations.apply, { new("b", "delete", "netns") }, here).code)
		operations.apply({ new("a", "delete", "netns") }, here)
		assert.is_nil(here.a)
		assert.truthy(tostring(a):find("closed"))
		local asked
		operations.apply({ new("c", "add", "netns") }, here, { make = function(name)
			asked = name
			return netns.new()
		end })
		assert.equal("c", asked)
		close_all(here)
	end)

	it("does not change the operations", function()
		local here = { a = netns.new(), b = netns.new() }
		finally(function() close_all(here) end)
		local op = new("a", "add", "link", { name = "v0", kind = "veth",
			peer = { name = "v1", netns = "b" } })
		operations.apply({ op }, here)
		assert.equal("b", op.spec.peer.netns)
		assert.equal("v1", here.b.link:get("v1").name)
	end)
end)

-- The same list twice: through the module, and by a shell with stock `ip`.

local sysctls = {
	["net.ipv4.ip_forward"] = 1;
	["net/ipv4/conf/eth0/forwarding"] = 0;
	["net.ipv4.tcp_rmem"] = "4096\t5000\t6000";
}

local function topology()
	return {
		new("alpha", "add", "netns"),
		new("beta", "add", "netns"),
		new("alpha", "set", "link", { name = "lo", up = true }),
		new("alpha", "add", "link", { name = "eth0", kind = "veth", mtu = 1400, index = 10,
			mac = "02:00:00:00:00:01", up = true, addrgenmode = "none",
			peer = { name = "eth0", netns = "beta", mtu = 1400, index = 11,
				mac = "02:00:00:00:00:02", up = true } }),
		new("beta", "set", "link", { name = "eth0", addrgenmode = "none", group = 5, txqlen = 77 }),
		new("beta", "add", "link", { name = "br0", kind = "bridge", index = 20, up = true,
			mac = "02:00:00:00:00:03", alias = "the lan's bridge", addrgenmode = "none",
			data = { ageing_time = 10000, stp_state = 0, mcast_snooping = false } }),
		new("beta", "add", "link", { name = "p0", kind = "veth", index = 21, addrgenmode = "none",
			mac = "02:00:00:00:00:04", master = "br0", arp = false,
			peer = { name = "p1", index = 22, mac = "02:00:00:00:00:05" } }),
		new("beta", "set", "link", { name = "p1", rename = "lan0", addrgenmode = "none", up = true }),
		new("beta", "set", "link", { name = "br0", data = { ageing_time = 20000 }, kind = "bridge" }),
		new("alpha", "add", "addr", { dev = "eth0", addr = "10.0.0.1/24", label = "eth0:one",
			broadcast = "10.0.0.255" }),
		new("alpha", "add", "addr", { dev = "eth0", addr = "10.0.7.1/32" }),
		new("alpha", "add", "addr", { dev = "eth0", addr = "10.5.0.1", peer = "10.5.0.2/32" }),
		new("alpha", "add", "addr", { dev = "eth0", addr = "fd00::1/64", flags = { "nodad" } }),
		new("alpha", "delete", "addr", { dev = "eth0", addr = "10.0.7.1/32" }),
		new("beta", "add", "addr", { dev = "eth0", addr = "10.0.0.2/24", scope = "global" }),
		new("alpha", "add", "route", { dst = "default", via = "10.0.0.2", metric = 50 }),
		new("alpha", "add", "route", { dst = "default", via = "fd00::2" }),
		new("alpha", "add", "route", { dst = "10.1.0.0/16", via = "10.0.0.2", table = 77, mtu = 1300 }),
		new("alpha", "add", "route", { dst = "10.2.0.0/16", via = "fd00::2", dev = "eth0" }),
		new("alpha", "add", "route", { dst = "10.3.0.0/16", type = "blackhole", proto = "static" }),
		new("alpha", "add", "route", { dst = "fd09::/64", dev = "eth0", metric = 7 }),
		new("alpha", "add", "route", { dst = "10.4.0.0/16", nexthops = {
			{ via = "10.0.0.2", dev = "eth0", weight = 2 }, { via = "10.0.0.3", dev = "eth0" },
		} }),
		new("alpha", "replace", "route", { dst = "10.3.0.0/16", via = "10.0.0.2", src = "10.0.0.1" }),
		new("beta", "add", "route", { dst = "10.6.0.0/16", via = "10.0.0.1" }),
		new("beta", "delete", "route", { dst = "10.6.0.0/16" }),
		support.has "sysctl" and new("beta", "set", "sysctl", sysctls) or nil,
	}
end

local function sorted(list)
	local out = {}
	for i, entry in ipairs(list) do
		local keys, words = {}, {}
		for key in pairs(entry) do
			keys[#keys + 1] = key
		end
		table.sort(keys)
		for n, key in ipairs(keys) do
			local value = entry[key]
			if type(value) == "table" then
				value = table.concat(sorted { value })
			end
			words[n] = key .. "=" .. tostring(value)
		end
		out[i] = table.concat(words, " ")
	end
	table.sort(out)
	return out
end

local function seen(ns)
	local links = ns.link:list()
	for _, link in ipairs(links) do
		-- what two runs cannot have in common, and what `ip` leaves to the kernel's default
		link.stats, link.link_netnsid, link.numtxqueues, link.numrxqueues = nil, nil, nil, nil
		link.state, link.carrier = nil, nil
	end
	return {
		links = sorted(links);
		addrs = sorted(ns.addr:list());
		routes = sorted(ns.route:list { table = "all" });
	}
end

describe("the printed lines", function()
	it("do with stock ip what applying does", function()
		if not os.execute("command -v ip >/dev/null") then
			pending("iproute2 is not there")
			return
		end
		local here, by_hand = {}, {}
		finally(function()
			close_all(here)
			close_all(by_hand)
			os.execute("for n in alpha beta; do ip netns delete $n; done 2>/dev/null")
		end)
		operations.apply(topology(), here)
		local script = "set -e\n" .. table.concat(operations.lines(topology()), "\n")
		local pipe = io.popen("sh -s 2>&1 <<'END'\n" .. script .. "\nEND")
		local output = pipe:read("a")
		assert.truthy(pipe:close(), output)
		assert.equal("", output)
		for _, name in ipairs { "alpha", "beta" } do
			by_hand[name] = netns.open(name)
			local mine, theirs = seen(here[name]), seen(by_hand[name])
			for _, what in ipairs { "links", "addrs", "routes" } do
				assert.same(theirs[what], mine[what], name .. " " .. what)
			end
		end
		if support.has "sysctl" then
			local keys = {}
			for key in pairs(sysctls) do
				keys[#keys + 1] = key
			end
			assert.same(sysctls, here.beta.sysctl:get(keys))
			assert.same(sysctls, by_hand.beta.sysctl:get(keys))
		end
		assert.equal(3, #here.alpha.addr:list { family = "inet", dev = "eth0" } + 1)
	end)
end)
