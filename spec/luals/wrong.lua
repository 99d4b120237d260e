-- SPDX-License-Identifier: MIT
-- wrong.lua - in what is marked, and nothing else, a language server must find a mistake; not run
local netns = require "netns"
local lab = require "netns.lab"
local web, net = netns.new(), lab.new()
local a, b = net:host "a", net:host "b"
web.link:add { nme = "eth0" } -- wrong
web.link:add { name = "eth0", knd = "veth" } -- wrong
web.link:add { { name = "eth0" }, { nme = "x" } } -- wrong
web.link:add { name = "x", kind = "veth", peer = { nme = "y" } } -- wrong
web.link:add { name = "x", mtu = "big" } -- wrong
web.link:add { name = "x", up = "yes" } -- wrong
web.link:add { name = "x", kind = "vxlan", data = { idd = 3 } } -- wrong
web.link:set { name = "x", bridge_slave = { hairpn = true } } -- wrong
web.link:add() -- wrong
web.link:add(3) -- wrong
web.link:wait() -- wrong
web.link:list { kid = "veth" } -- wrong
web.link:delete { nam = "veth" } -- wrong
web.lnk:add { name = "x" } -- wrong
web.link:ad { name = "x" } -- wrong
for _, link in ipairs(web.link:list()) do
	print(link.nme) -- wrong
	link.mtu = "x" -- wrong
end
web.addr:add { dev = "eth0", adr = "10.0.0.1/24" } -- wrong
web.addr:add { dev = "eth0", addr = 10 } -- wrong
web.addr:list { family = "ipv4" } -- wrong
web.route:add { dst = "default", gateway = "10.0.0.1" } -- wrong
web.route:add { dst = "default", nexthops = { { vai = "10.0.0.1" } } } -- wrong
web.route:add { dst = "default", type = "nope" } -- wrong
web.route:list { table = "everything" } -- wrong
web.rule:add { prio = 3 } -- wrong
web.neigh:add { dev = "x", dst = "10.0.0.1", mac = "x" } -- wrong
web.qdisc:add { dev = "x", kind = "netem", data = { dely = 3 } } -- wrong
web.filter:add { dev = "x", kind = "fw", data = { clasid = "1:1" } } -- wrong
web.filter:add { dev = "x", knd = "fw" } -- wrong
web.vlan:add { dev = "x", vid = "3" } -- wrong
web.sysctl["net.ipv4.ip_forward"] = true -- wrong
web.nft:run() -- wrong
web.nft:exec "list ruleset" -- wrong
web:exec { "true", timeot = 3 } -- wrong
web:exec { "true", stdout = "captured" } -- wrong
web:exec { "true", true } -- wrong
web:exec "true" -- wrong
print(web:exec({ "true" }).stdot) -- wrong
web:spawn { "true", unshare = { "net" } } -- wrong
web:spawn { "true", limits = { files = 3 } } -- wrong
web:spawn { "true", pty = { row = 3 } } -- wrong
web:monitor { "links" } -- wrong
web:capture { dev = "eth0" } -- wrong
web:capture { file = "x", dve = "eth0" } -- wrong
web:sockets { protocl = "tcp" } -- wrong
netns.add() -- wrong
netns.opn "x" -- wrong
netns.supports("lnk") -- wrong
netns.probe { from = web, to = web, prt = 80 } -- wrong
netns.probe { from = web, to = web, proto = "sctp" } -- wrong
netns.probe { { from = web, to = web, prt = 3 } } -- wrong
print(netns.probe({ from = web, to = web }).verdit) -- wrong
net:host() -- wrong
net:host("x", { sysct = "x" }) -- wrong
net:host("x", { exec = { { "true", redy = "x" } } }) -- wrong
net:link(a) -- wrong
net:link(a, b, { dely = "5ms" }) -- wrong
net:link(a, b, { mtu = "x" }) -- wrong
net:up { routing = "ospf" } -- wrong
net:up { name = "x" } -- wrong
net:expect { { a, b, "icmp", "opn" } } -- wrong
net:expect { { a, b, "icmp" } } -- wrong
net:expect { { a, b, "icmp", "open", famly = "inet" } } -- wrong
net:check({ { a, b, "icmp", "open" } }, { expl = "all" }) -- wrong
net:mutate({ { a, b, "icmp", "open" } }, { strickt = true }) -- wrong
a.lnk:list() -- wrong
a:exec { "true", chek = false } -- wrong
a.adress = 3 -- wrong
web.mtu = 3 -- wrong
print(net:expect({})[1].verdit) -- wrong
lab.new { nam = "x" } -- wrong
lab.new { nodes = { { name = "x", knd = "host" } } } -- wrong
lab.star() -- wrong
net:explain(a, b) -- wrong
net:mutat() -- wrong
