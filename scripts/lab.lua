-- SPDX-License-Identifier: MIT
-- lab.lua - the shortest proof of a policy: topology, firewall, what must hold, does it notice
local net <close> = require "netns.lab".new "dmz"
local web, db = net:host "web", net:host "db"
local fw, lan = net:router "fw", net:switch "lan"
net:link(web, lan)
net:link(lan, fw)
net:link(db, fw, { subnet = "10.2.0.0/24" })
net:up()
fw.nft:run [[
table inet filter {
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
		iifname "eth0" tcp dport 5432 accept
	}
}]]
local rows = {
	{ web, db, "tcp/5432", "open" },
	{ web, db, "tcp/22", "isolated" },
	{ db, web, "*", "isolated" },
}
print(net:draw())
print(net:expect(rows))
print(net:explain(web, db, "tcp/22"))
print(net:mutate(rows))
