-- SPDX-License-Identifier: MIT
-- right.lua - what a language server must find nothing in; it is read, not run
local netns = require "netns"
local lab = require "netns.lab"

-- namespaces
local web <close> = netns.new()
local db <close> = netns.new()
local named = netns.add "web"
local other = netns.open(1)
local box = netns.open { container = "web" }
local by_path = netns.open "/proc/1/ns/net"
print(web.inode, web.name, web == db, tostring(web), netns.list()[1], netns.current().inode)
print(web:call(function(a) return a end, 1), #web:pids())
local there, why = netns.supports("link", "vlan")
print(there, why, netns.supports "nft")
named:delete()
netns.close_wait({ web, db }, 3)
netns.close_wait({ other, box, by_path }, "3s")
print(netns.clock() + 1)
netns.sleep "10ms"

-- links
web.link:add { name = "eth0", kind = "veth", up = true, mtu = 1400,
	peer = { name = "eth0", netns = db, up = true } }
web.link:add { { name = "br0", kind = "bridge", data = { vlan_filtering = true } }, { name = "d", kind = "dummy" } }
web.link:set { name = "eth0", master = "br0", bridge_slave = { hairpin = true } }
web.link:set { name = "eth0", up = true, rename = "lan0", netns = db }
web.link:add { name = "vx", kind = "vxlan", link = "eth0", data = { id = 7, dstport = 4789, remote = "10.0.0.2" } }
web.link:add { name = "wg", kind = "wireguard", data = { listen_port = 51820, peers = { { public_key = "x", allowed_ips = { "10.0.0.0/8" } } } } }
web.link:delete "d"
web.link:delete { "d", { name = "e" } }
for _, link in ipairs(web.link:list()) do
	print(link.name:upper(), link.mtu + 1, link.stats.rx_packets + 1, link.up, link.kind)
	web.link:replace(link)
end
db.link:replace(web.link:list())
for _, link in ipairs(web.link:list { kind = "veth" }) do
	link.up = true
	web.link:set(link)
end
local eth0 = web.link:get "eth0"
if eth0 then
	print(eth0.mtu + 1, eth0.data and eth0.data.vlan_filtering)
end
print(assert(web.link:get { name = "eth0" }).mtu + 1)
local up = web.link:wait("eth0", { state = "up" }, 5)
print(up and up.carrier)
local specs = {}
for i = 1, 3 do
	specs[i] = { name = "d" .. i, kind = "dummy" }
end
specs[#specs + 1] = { name = "x", kind = "dummy", up = true }
web.link:add(specs)
local spec = { name = "y", kind = "dummy" }
spec.mtu = 1400
web.link:add(spec)
web.link:flush()

-- addresses, routes and so on
web.addr:add { dev = "eth0", addr = "10.0.0.1/24", valid = "forever", preferred = 60 }
web.addr:add { { dev = "eth0", addr = "10.0.0.1/24" }, { dev = "eth0", addr = "fd00::1/64", flags = { "nodad" } } }
assert(web.addr:settle(3))
for _, address in ipairs(web.addr:list { family = "inet" }) do
	print(address.addr:match "^[^/]+")
end
web.route:add { dst = "default", via = "10.0.0.254" }
web.route:add { dst = "10.0.0.0/8", nexthops = { { via = "10.0.0.2", weight = 2 }, { via = "10.0.0.3" } } }
web.route:replace(db.route:list { table = "all" })
web.route:delete "default"
print(web.route:lookup("10.0.0.2").dev, web.route:get { dst = "default", table = 7 })
web.rule:add { priority = 100, from = "10.0.0.0/8", table = 7 }
web.rule:delete(100)
web.neigh:add { dev = "eth0", dst = "10.0.0.2", lladdr = "02:00:00:00:00:01" }
web.fdb:add { dev = "vx", lladdr = "02:00:00:00:00:01", dst = "10.0.0.2" }
web.vlan:add { dev = "eth0", vid = 10, pvid = true, untagged = true }
web.qdisc:add { dev = "eth0", kind = "netem", data = { delay = "10ms", loss = 0.1 } }
web.qdisc:replace { dev = "eth0", kind = "tbf", data = { rate = "10mbit", burst = 10000, latency = "50ms" } }
web.qdisc:delete "eth0"
web.class:add { dev = "eth0", kind = "htb", parent = "1:", classid = "1:10", data = { rate = "1mbit" } }
web.filter:add { dev = "eth0", kind = "fw", handle = 3, data = { classid = "1:10", actions = { { kind = "gact", action = "drop" } } } }
web.filter:add { { dev = "eth0", kind = "u32", data = { match = { { at = 0, value = 1, mask = 1 } }, ip_proto = "tcp", dst_port = 80 } } }
for _, one in ipairs(web.filter:list { dev = "eth0" }) do print(one.prio + 1) end
web.ntable:set { family = "inet", dev = "eth0", retrans = 20 }
web.sysctl["net.ipv4.ip_forward"] = 1
web.sysctl:set { ["net.ipv4.ip_forward"] = 1 }
print(web.sysctl["net.ipv4.ip_forward"] == 1, web.sysctl:get "net.ipv4.ip_forward")
print(web.sysctl:get({ "net.ipv4.ip_forward" })["net.ipv4.ip_forward"])
web.nft:run([[add table inet f; add set inet f p { type inet_service; elements = $ports; }]], { ports = { 22, 80 } })
print(web.nft:list(), web.nft:json().nftables, web.nft:check "list ruleset")
for _, socket in ipairs(web:sockets { proto = "tcp", state = "listening" }) do
	print(socket.sport, socket.inode + 1)
end
local monitor <close> = web:monitor { "link", "addr", rcvbuf = 65536 }
for event in monitor do
	print(event.action, event.object)
	break
end
print(monitor:read(0))
local capture <close> = web:capture { dev = "eth0", file = "x.pcap", filter = "tcp", snaplen = 96 }
print(capture:stop().packets + 1)

-- processes
local p <close> = web:spawn { "nginx", "-g", "daemon off;", stdout = "capture", env = { LANG = "C", FOO = false } }
assert(p:listening("tcp/80", 5))
print(p:expect("ready (%d+)", 5))
print(p.pid + 1, p:kill "TERM", p:wait(3))
local r = web:exec { "ip", "-br", "addr" }
print(r.stdout, r.elapsed + 1)
local s = web:exec { "cat", 12, stdin = "x", check = false, timeout = "1s", unshare = { "pid" }, limits = { nofile = 64, core = { 0, 0 } } }
print(s.code == 0, s.signal, s.timed_out)
web:spawn { "sh", pty = { rows = 30 }, root = "overlay", unshare = "all", caps = {}, seccomp = "default", user = "nobody" }
local log = assert(io.open("/dev/null", "w"))
web:spawn { "ls", stdout = log, stderr = "stdout", stdin = true, masked = false }
for line in p:lines() do print(line:upper()) end
netns.wait({ p, monitor, capture }, 3)

-- probes
local v = netns.probe { from = web, to = db, proto = "tcp", port = 80, listen = true }
print(v.verdict == "open", v.why:upper(), v.rtt)
local vs = netns.probe({ { from = web, to = db }, { from = web, to = "10.0.0.2", timeout = "1s" } }, { settle = 0.1 })
print(vs[1].verdict, #vs)
local questions = {}
for port = 1, 10 do
	questions[port] = { from = web, to = db, proto = "udp", port = port }
end
for _, answer in ipairs(netns.probe(questions)) do
	print(answer.verdict)
end

-- labs
local net <close> = lab.new "dmz"
local a, b = net:host "a", net:host("b", { sysctl = { ["net.ipv4.tcp_syncookies"] = 0 }, nft = "list ruleset", mac = "02:00:00:00:00:01",
	exec = { { "sleep", "100" }, { "sh", "-c", "echo ok", stdout = "capture", ready = "ok" } } })
local fw, lan = net:router "fw", net:switch "lan"
net:link(a, lan)
net:link({ lan, "b" }, fw, { subnet = { "10.2.0.0/24" }, delay = "5ms", loss = "1%", rate = "100mbit", mtu = 9000, names = { "x", false } })
local group = net:hosts("h", 3)
net:hosts({ "x", "y" }, { mtu = 1400 })
net:link(group, lan)
net:link("a", net:internet(), { addresses = { "10.3.0.1", { "10.3.0.2", "fd00::2" } }, up = false, subnet = false })
net:up { named = true, routing = "none" }
a.link:set { name = "eth0", up = false }
a:exec { "true" }
fw.nft:run "flush ruleset"
net:node "a".route:flush { dst = "default" }
print(a:address(), a:address("inet", b), a:address("inet6", "b"), a.name, a.inode)
netns.probe { from = a, to = b, proto = "icmp" }
a.link:add { name = "v", kind = "veth", peer = { name = "w", netns = b } }
local rows = {
	{ a, b, "tcp/5432", "open" },
	{ a, "b", "tcp/22", { "isolated", "refused" }, family = "inet" },
	{ { a, fw }, "*", { "icmp", "udp/53" }, "isolated", size = 1400 },
}
rows[#rows + 1] = { a, b, "*", "isolated" }
local report = net:expect(rows)
print(report.ok, report[1].verdict, report[1].verdicts[1].why, #report, report:tap())
for i, entry in ipairs(report) do print(i, entry.why:upper()) end
net:check({ { a, b, "icmp", "open" } }, { explain = "all", neighbours = "known" }):html "x.html"
net:eventually(rows, "5s")
local m = net:matrix "icmp"
print(m.a.b, net:explain(a, "b", "tcp/22").ended.why, net:model().ok)
local mutation = net:mutate(rows, { strict = true })
for _, mutant in ipairs(mutation.survived) do print(mutant.node, mutant.what) end
for _, op in ipairs(net:plan()) do print(op.verb, op.object, op.spec) end
print(net:script(), net:draw "x.svg", net:shell(a) + 1)
local description = net:describe()
print(description.nodes[1].name, description.links[1][1])
local copy = lab.new(description)
copy:apply(net)
lab.new { name = "x", pools = { inet = "10.0.0.0/8", inet6 = false } }
lab.new { nodes = { { name = "a", kind = "host", mtu = 1400 }, { name = "b", kind = "host" } }, links = { { "a", "b", delay = 0.1 } } }
lab.star(3, { name = "star", pools = { inet6 = false } })
lab.leaf_spine(2, 2, 3)
net:set(a, b, { up = false })
net:unlink(a, b)
net:stop(a)
net:down()

-- errors
local ok, err = pcall(netns.open, "nope")
if not ok then
	local e = err --[[@as netns.error]]
	print(e.code, e.attr, e.hint, tostring(e))
end
