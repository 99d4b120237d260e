-- SPDX-License-Identifier: MIT
-- corpus.lua - seeds for the fuzz targets: what this kernel says of links, addresses and routes of
-- all kinds that it has, and texts as users write them
--
--   nslua spec/fuzz/corpus.lua PROGRAM DIRECTORY
--
-- PROGRAM is fuzz-dump, which is run in a namespace; DIRECTORY gets a folder for each target.
local netns = require "netns"

local program, directory = ...
assert(directory, "usage: nslua spec/fuzz/corpus.lua PROGRAM DIRECTORY")

local function write(target, i, text)
	local file <close> = assert(io.open(("%s/%s/t%03d"):format(directory, target, i), "wb"))
	assert(file:write(text))
end

-- What this kernel lacks is left out.
local function try(collection, spec)
	local ok, err = pcall(collection.add, collection, spec)
	if not ok and err.misuse then
		error(err, 0)
	end
end

local ns <close> = netns.new()
local other <close> = netns.new()

for _, spec in ipairs {
	{ name = "br0", kind = "bridge", alias = "a bridge", mtu = 1400 },
	{ name = "v0", kind = "veth", peer = { name = "v1", netns = other }, mac = "02:00:00:00:00:01" },
	{ name = "v2", kind = "veth", peer = { name = "v3" }, master = "br0", group = 5 },
	{ name = "mv0", kind = "macvlan", link = "v0", data = { mode = "bridge" } },
	{ name = "vx0", kind = "vxlan",
		data = { id = 5, group = "239.0.0.1", dev = "v0", dstport = 4789 } },
	{ name = "vx6", kind = "vxlan", data = { id = 6, remote = "fd00::9", dstport = 4789, ttl = 5 } },
	{ name = "ifb0", kind = "ifb" }, { name = "tun0", kind = "tun" }, { name = "dm0", kind = "dummy" },
} do
	try(ns.link, spec)
end
ns.link:set { { name = "lo", up = true }, { name = "br0", up = true }, { name = "v0", up = true } }
other.link:set { name = "v1", up = true }
for _, spec in ipairs {
	{ dev = "br0", addr = "10.0.0.1/24", broadcast = "10.0.0.255", label = "br0:x" },
	{ dev = "br0", addr = "10.0.0.2/24", valid = "1h", preferred = "10m", metric = 7 },
	{ dev = "v0", addr = "10.1.0.1", peer = "10.1.0.2/32" },
	{ dev = "br0", addr = "fd00::1/64", flags = { "nodad" } },
} do
	try(ns.addr, spec)
end
for _, spec in ipairs {
	{ dst = "10.2.0.0/16", via = "10.0.0.9", metric = 5, mtu = 1300, src = "10.0.0.1" },
	{ dst = "10.3.0.0/16", nexthops = { { via = "10.0.0.8", weight = 2 }, { via = "10.0.0.9" } } },
	{ dst = "10.4.0.0/16", type = "blackhole" }, { dst = "10.5.0.0/16", via = "fd00::5", dev = "br0" },
	{ dst = "fd01::/64", via = "fd00::5", table = 100, pref = "high" },
	{ dst = "default", via = "10.0.0.9" }, { dst = "default", via = "fd00::5" },
} do
	try(ns.route, spec)
end
for _, spec in ipairs {
	{ priority = 100, from = "10.0.0.0/8", table = 5, sport = "80-90", ipproto = "tcp" },
	{ priority = 101, iif = "v0", action = "prohibit", fwmark = 7, fwmask = 15, invert = true },
	{ priority = 102, to = "fd00::/8", oif = "br0", table = "main" },
} do
	try(ns.rule, spec)
end
try(ns.neigh, { dev = "br0", dst = "10.0.0.9", lladdr = "02:00:00:00:00:09" })
try(ns.neigh, { dev = "br0", dst = "fd00::9", proxy = true })
try(ns.fdb, { dev = "vx0", lladdr = "02:00:00:00:00:08", dst = "10.0.0.8" })
try(ns.fdb, { dev = "v2", lladdr = "02:00:00:00:00:07", master = "br0" })
for _, spec in ipairs {
	{ dev = "v0", kind = "htb", handle = "1:", data = { default = 1 } },
	{ dev = "br0", kind = "tbf", data = { rate = "10mbit", burst = 5000, latency = "50ms" } },
	{ dev = "v2", kind = "netem", data = { delay = "10ms", loss = "1%", rate = "1mbit" } },
	{ dev = "v3", kind = "fq_codel" }, { dev = "v3", kind = "pfifo", data = { limit = 7 } },
	{ dev = "v3", kind = "clsact" },
} do
	try(ns.qdisc, spec)
end
try(ns.class, { dev = "v0", kind = "htb", classid = "1:1", data = { rate = "1mbit" } })
for _, spec in ipairs {
	{ kind = "u32", data = { src_ip = "10.0.0.0/9", ip_proto = "udp", dst_port = 9,
		classid = "1:1", match = { { at = 24, value = 1, mask = 3 } } } },
	{ kind = "u32", data = { dst_ip = "fd00::/40",
		actions = { { kind = "mirred", mode = "mirror", dev = "v2" } } } },
	{ kind = "flower", data = { src_ip = "fd00::/40", ip_proto = "tcp", dst_port = 9,
		actions = { { kind = "police", rate = "1mbit", burst = 9999 } } } },
	{ kind = "fw", handle = 5, data = { mask = 7, actions = { { kind = "gact", action = "drop" } } } },
} do
	spec.dev = "v0"
	try(ns.filter, spec)
end

local mkdir = { "mkdir", "-p" }
for _, target in ipairs { "decode", "conversation", "text", "encode" } do
	table.insert(mkdir, directory .. "/" .. target)
end
ns:exec(mkdir)
ns:exec { program, directory }

-- What nftables says of a packet, which needs one to say it: attributes of NFT_MSG_TRACE by number.
local function attribute(kind, bytes)
	return string.pack("=I2I2", 4 + #bytes, kind) .. bytes .. ("\0"):rep(-#bytes % 4)
end

local function be32(n)
	return string.pack(">i4", n)
end

local trace = table.concat {
	attribute(1, "filter\0"), attribute(2, "input\0"), attribute(3, string.pack(">i8", 7)),
	attribute(4, be32(3)), attribute(5, attribute(1, be32(-3)) .. attribute(2, "other\0")),
	attribute(6, be32(99)), attribute(10, be32(1)), attribute(12, be32(2)), attribute(16, be32(1)),
}
local head = string.pack("=I4I2I2I4I4", 20 + #trace, 0, 0, 0, 0) .. "\1\0\0\0"
write("decode", 1, "\9\0\0\0\0" .. head .. trace)

-- { which of text.c's rows, text }
local texts = {
	{ 0, "10.0.0.1" }, { 0, "fd00::1" }, { 0, "::ffff:1.2.3.4" }, { 1, "10.0.0.0/8" },
	{ 1, "fd00::/64" }, { 1, "10.0.0.1" }, { 2, "default" }, { 2, "10.0.0.1/32" },
	{ 3, "02:00:00:00:00:01" }, { 4, "eth0" },
	{ 4, "veth-a.1@b_2" }, { 5, "an alias" }, { 6, "br0" }, { 7, "lo" }, { 8, "web" }, { 9, "10ms" },
	{ 9, "1.5s" }, { 9, "2min" }, { 1, "10.0.0.0/33" }, { 1, "fe80::1%lo/64" }, { 3, "0:1:2" },
}
for i, text in ipairs(texts) do
	write("text", i, string.char(text[1]) .. text[2])
end

-- Any bytes are a table for encode.c; the same ones each time.
math.randomseed(1)
for i = 1, 40 do
	local bytes = {}
	for j = 1, 80 do
		bytes[j] = string.char(math.random(0, 255))
	end
	write("encode", i, string.char(i % 3, math.random(0, 255)) .. table.concat(bytes))
end
