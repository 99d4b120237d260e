-- SPDX-License-Identifier: MIT
-- example.lua - two namespaces, a cable and a firewall: one port is open, one is not, and why
local netns = require "netns"
local web <close> = netns.new()
local db <close> = netns.new()
web.link:add { name = "eth0", kind = "veth", up = true,
	peer = { name = "eth0", netns = db, up = true } }
web.addr:add { dev = "eth0", addr = "10.0.0.1/24" }
db.addr:add { dev = "eth0", addr = "10.0.0.2/24" }
db.nft:run [[
table inet fw {
	chain input { type filter hook input priority filter; policy drop; tcp dport 5432 accept; }
}]]
for _, row in ipairs { { 5432, "open" }, { 22, "dropped" } } do
	local v = netns.probe { from = web, to = db, proto = "tcp", port = row[1], listen = true }
	print("tcp/" .. row[1], v.verdict, v.why)
	assert(v.verdict == row[2])
end
