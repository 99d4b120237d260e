-- SPDX-License-Identifier: MIT
-- laws.lua - random operations on all that a namespace holds: a generator for each collection
--
-- What can be named is few, so that operations meet: things are made twice, changed, renamed,
-- deleted under others, or are not there. What must last is apart (`low*`, `w0` and its addresses):
-- else a listing could hold routes through gateways that nothing reaches any more. What the kernel
-- does by the way is left out, too: nothing that was there once brings it back.
local core = require "netns.core"
local link_samples = require "spec.link_samples"
local netns = require "netns"

local laws = {}

local random = math.random

local function one(list)
	return list[random(#list)]
end

-- One time in n.
local function chance(n)
	return random(n) == 1
end

-- Some of the fields, each with the value that its function gives.
local function some(fields, n)
	local spec = {}
	local keys = {}
	for key in pairs(fields) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for _, key in ipairs(keys) do
		if chance(n or 3) then
			local value = fields[key]
			if type(value) == "function" then
				value = value(spec)
			elseif type(value) == "table" then
				value = one(value)
			end
			spec[key] = value
		end
	end
	return spec
end

local function merge(spec, more)
	for key, value in pairs(more) do
		spec[key] = value
	end
	return spec
end

local names = { "l1", "l2", "l3", "l4", "l5", "br1", "vx1" }
local devs = { "l1", "l2", "l3", "l4", "br1", "vx1", "w0", "w0", "lo", "nope" }

local function mac()
	return ("02:00:00:00:%02x:%02x"):format(random(0, 2), random(0, 9))
end

-- What a namespace is made with: nothing happens in it by itself, as far as that can be had.
function laws.world()
	local ns = netns.new()
	ns.sysctl["net.ipv6.conf.default.addr_gen_mode"] = 1
	ns.sysctl["net.ipv6.conf.all.accept_dad"] = 0
	ns.sysctl["net.ipv6.conf.default.accept_dad"] = 0
	return ns
end

function laws.populate(ns)
	ns.link:add {
		{ name = "w0", kind = "veth", up = true, peer = { name = "w1", up = true } },
		{ name = "low0", kind = "veth", up = true, peer = { name = "low1", up = true } },
		{ name = "br1", kind = "bridge", up = true, mac = "02:00:00:00:0b:01" },
		{ name = "vx1", kind = "vxlan", up = true, data = { id = 99, dstport = 4999 } },
		{ name = "l1", kind = "veth", up = true, peer = { name = "l2", up = true } },
	}
	ns.addr:add { { dev = "w0", addr = "10.99.0.1/24" }, { dev = "w0", addr = "fd99::1/64" } }
end

--
-- Links
--

local kinds = {}

local function known_kinds()
	if #kinds == 0 then
		for kind in pairs(link_samples.kinds) do
			-- the first use of some modules brings links of their own into every namespace
			if not ({ gre = 1, gretap = 1, ip6gre = 1, ip6gretap = 1, ip6tnl = 1, ipip = 1, sit = 1 })[kind]
				and netns.supports("link", kind) then
				kinds[#kinds + 1] = kind
			end
		end
		table.sort(kinds)
	end
	return kinds
end

local link_fields = {
	up = { true, true, false }, mtu = { 1280, 1400, 1500, 60000, 70000 }, mac = mac,
	txqlen = { 5, 1000 }, alias = { "one", "another" }, group = { 0, 7 }, promisc = { true, false },
	allmulticast = { true, false }, arp = { true, false }, addrgenmode = { "none" },
	master = { "br1", "br1", "nope" }, altnames = function()
		return { "alt" .. random(4) }
	end,
}

local function kind_of_link(spec)
	local sample = one(link_samples.kinds[spec.kind])
	local data, keys = {}, {}
	for key in pairs(sample) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	for _, key in ipairs(keys) do
		if key ~= "needs" and not chance(4) then
			data[key] = sample[key]
		end
	end
	spec.data = next(data) and data
	if spec.kind == "bridge" then
		-- else it is that of one of its ports, and which one only time told
		spec.mac = "02:00:00:00:0b:01"
	end
	if spec.kind == "veth" or spec.kind == "netkit" then
		spec.peer = merge({ name = one(names) }, some({ up = { true, false }, mac = mac }, 3))
	elseif link_samples.lower[spec.kind] then
		spec.link = one { "low0", "low1", "w1", "nope" }
	end
end

local generators = {}

function generators.link(verb)
	local spec = merge({ name = one(names) }, some(link_fields, 4))
	if verb == "delete" then
		return chance(5) and spec or { name = spec.name }
	elseif verb == "set" then
		if spec.up == false then -- routes go, and come back with nothing
			return { name = spec.name, up = false }
		elseif spec.up then
			return { name = spec.name, up = true }
		end
		spec.mac = nil -- permanent neighbours go with a change, and come back with nothing
		spec.rename = chance(5) and one(names) or nil
		return spec
	end
	if verb == "replace" then
		spec.mac = nil
		if spec.up ~= nil then -- what a refusal behind it would take back
			spec.up, spec.master, spec.altnames, spec.txqlen = true, nil, nil, nil
		end
	end
	spec.kind = one(known_kinds())
	kind_of_link(spec)
	return spec
end

--
-- Addresses, routes, rules, neighbours
--

local addr4 = { "10.1.0.1/24", "10.1.0.2/24", "10.1.0.1/32", "10.2.0.1/16", "127.0.0.9/8" }
local addr6 = { "fd01::1/64", "fd01::2/64", "fd02::1/128", "fe80::9/64" }

function generators.addr()
	local v4 = chance(2)
	local spec = { dev = one(devs), addr = one(v4 and addr4 or addr6) }
	return merge(spec, some({
		metric = { 5, 500 }, scope = { "global", "link", "host" },
		label = function() return spec.dev .. ":1" end,
		broadcast = v4 and { "10.1.0.255", "10.2.255.255" } or { "10.1.0.255" },
		peer = v4 and { "10.3.0.1", "10.3.0.2/30" } or nil,
		flags = function() return { one { "nodad", "noprefixroute", "mngtmpaddr" } } end,
		valid = { 4000, "forever" },
	}, 5))
end

local function via(v4)
	return v4 and one { "10.99.0.2", "10.99.0.3", "224.0.0.1" }
		or one { "fd99::2", "fd99::3", "ff02::1" }
end

local function hops(v4)
	local list = {}
	for i = 1, random(2, 3) do
		list[i] = merge({ via = v4 and "10.99.0." .. i + 1 or "fd99::" .. i + 1, dev = "w0" },
			some({ weight = { 1, 2, 256 } }, 2))
	end
	return list
end

function generators.route(verb)
	local v4 = chance(2)
	local spec = { dst = one(v4 and { "10.50.0.0/16", "10.51.0.0/24", "10.52.0.1", "10.53.0.1/16" }
		or { "fd50::/48", "fd51::1", "fd52::/64" }) }
	if chance(8) then
		spec = { dst = "default", family = v4 and "inet" or "inet6" }
	end
	local way = random(6)
	if way == 1 then
		spec.type = one { "blackhole", "unreachable", "prohibit", "throw" }
	elseif way == 2 and verb ~= "delete" then -- of IPv6 the kernel deletes one hop after the other
		spec.nexthops = hops(v4)
	elseif way <= 4 then
		spec.via, spec.dev = via(v4), chance(2) and "w0" or nil
	elseif verb ~= "delete" or chance(2) then
		spec.dev = one(devs)
	end
	return merge(spec, some({
		metric = { 1, 5, 1024 }, table = { 77, "main", "default", 70000 },
		proto = { "static", "boot", "bgp", 77 }, mtu = { 1300, 1400 }, advmss = { 1000 },
		hoplimit = { 9 }, initcwnd = { 20 }, quickack = { 1 }, scope = { "link", "global", "site" },
		src = v4 and { "10.99.0.1", "192.0.2.9" } or { "fd99::1" }, onlink = { true }, tos = { 4, 8 },
		pref = { "high", "low", "medium" },
	}, 7))
end

function generators.rule()
	local v4 = chance(2)
	local addresses = v4 and { "10.1.0.0/16", "10.1.0.1", "10.2.0.0/24" } or { "fd01::/16", "fd01::1" }
	local spec = { priority = random(10, 15), family = v4 and "inet" or "inet6" }
	if chance(3) then
		spec.action = one { "blackhole", "unreachable", "prohibit", "nop" }
	elseif chance(5) then
		spec["goto"] = random(20, 30)
	else
		spec.table = one { 77, "main", 70000 }
	end
	merge(spec, some({
		from = addresses, to = addresses, iif = { "w0", "l1", "nope" }, oif = { "w0", "lo" },
		fwmark = { 0, 1, 255 }, fwmask = { 255, 0xffffffff }, ipproto = { "tcp", "udp", 99 },
		sport = { 80, "1000-2000" }, dport = { 443, "1-65535" }, uidrange = { "0-5", 0 },
		invert = { true, false }, suppress_prefixlength = { 0, 24 }, proto = { "static", 77 },
		tos = { 4, 16 }, l3mdev = { true },
	}, 6))
	-- the kernel asks its rules about gateways, too: those of the routes are none of theirs
	if spec.invert then
		spec.action, spec["goto"], spec.table = nil, nil, "main"
	elseif not spec.from then
		spec.to = one(addresses)
	end
	return spec
end

function generators.neigh()
	local spec = { dev = one { "w0", "w0", "l1", "l2", "br1", "nope" },
		dst = one { "10.99.0.77", "10.99.0.78", "fd99::77", "fd99::78" } }
	if chance(4) then
		spec.proxy = true
		return spec
	end
	return merge(spec, merge(some({ router = { true }, extern_learn = { true },
		proto = { "static", "bgp" } }, 5), {
		lladdr = mac(), state = one { "permanent", "permanent", "stale", "noarp" },
	}))
end

function generators.fdb()
	if chance(2) then
		return merge({ dev = "vx1", lladdr = one { "00:00:00:00:00:00", mac() },
			dst = one { "10.99.0.5", "10.99.0.6", "fd99::5" } },
			some({ vni = { 99, 100 }, port = { 4999, 99 }, via = { "w0", "nope" },
				state = { "static", "permanent" } }, 4))
	end
	return merge({ dev = one { "l1", "l2", "l3", "w0" }, lladdr = mac() }, some({
		master = { "br1" }, state = { "static", "permanent" }, sticky = { true },
		vlan = { 5 }, extern_learn = { true },
	}, 2))
end

--
-- Queues
--

local qdiscs = {
	{ kind = "tbf", data = { rate = 10000000, burst = 10240, limit = 72740 } },
	{ kind = "tbf", data = { rate = "1mbit", burst = "10kb", latency = "50ms" } },
	{ kind = "htb", data = { default = 16 } }, { kind = "htb", data = { r2q = 5 } },
	{ kind = "pfifo", data = { limit = 17 } }, { kind = "bfifo", data = { limit = 3000 } },
	{ kind = "fq_codel", data = { limit = 1000, flows = 64, ecn = false } },
	{ kind = "netem", data = { delay = "10ms", loss = "1%" } },
	{ kind = "ingress" }, { kind = "clsact" },
	{ kind = "pfifo", parent = "1:10", data = { limit = 3 } },
}

function generators.qdisc(verb)
	local spec = merge({ dev = one { "w0", "w0", "l1", "l2", "br1", "nope" } }, one(qdiscs))
	if verb == "delete" and chance(2) then
		return { dev = spec.dev, kind = spec.kind, parent = spec.parent }
	end
	if spec.kind ~= "ingress" and spec.kind ~= "clsact" and chance(2) then
		spec.handle = spec.parent and "10:" or "1:"
	end
	return spec
end

function generators.class()
	local spec = { dev = one { "w0", "l1" }, kind = "htb" }
	spec.classid = one { "1:1", "1:10", "1:11", "2:1" }
	spec.parent = chance(2) and one { "1:1", "1:", "1:10" } or nil
	spec.data = merge({ rate = one { 1000000, "2mbit" } }, some({
		ceil = { "5mbit", 1000 }, burst = { "10kb" }, cburst = { 20000 }, prio = { 0, 3, 9 },
		quantum = { 1500 },
	}, 3))
	return spec
end

function generators.vlan()
	return merge({ dev = one { "l1", "l2", "br1", "w0" }, vid = random(2, 5) },
		some({ pvid = { true, false }, untagged = { true, false } }, 2))
end

--
-- Mistakes
--

local nonsense = {
	-1, 2 ^ 40, 1.5, "", "nonsense", {}, { {} }, true, false, "10.0.0.0/99", "fd00::/999",
}

-- A spec with a mistake in one of its fields, or a field that nobody knows.
local function spoilt(spec)
	local keys = {}
	for key in pairs(spec) do
		keys[#keys + 1] = key
	end
	table.sort(keys)
	spec[chance(6) and "colour" or one(keys)] = one(nonsense)
	return spec
end

local weights = {
	"link", "link", "link", "link", "addr", "addr", "route", "route", "route", "rule", "neigh", "fdb",
	"qdisc", "class", "vlan",
}
local verbs = { "add", "add", "add", "replace", "replace", "set", "delete" }

-- An operation: collection, verb, spec.
function laws.operation()
	local object, verb = one(weights), one(verbs)
	local spec = generators[object](verb)
	return object, verb, chance(8) and spoilt(spec) or spec
end

--
-- Listings
--

laws.objects = {
	"link", "addr", "route", "rule", "neigh", "proxy", "fdb", "qdisc", "class", "vlan",
}

local filters = { route = { table = "all" }, proxy = { proxy = true } }

-- All entries of a kind; classes are listed link by link, VLANs where the kernel has them.
function laws.list(ns, object)
	if object == "class" then
		local all = {}
		for _, dev in ipairs { "w0", "l1" } do
			if ns.link:get(dev) then
				table.move(ns.class:list { dev = dev }, 1, 100, #all + 1, all)
			end
		end
		return all
	end
	return ns[object == "proxy" and "neigh" or object]:list(filters[object])
end

local schemas = {}

-- The rows of a collection by key: an entry may have fields of its kind, too.
local function rows_of(object)
	object = object == "proxy" and "neigh" or object
	if not schemas[object] then
		local rows = {}
		for _, row in ipairs(core.schema(object)) do
			rows[row.key] = row
		end
		schemas[object] = rows
	end
	return schemas[object]
end

-- Without what only a listing has, and what changes by itself.
local function bare(entry, rows)
	local out = {}
	for key, value in pairs(entry) do
		local row = rows[key]
		local inner = row and (row.fields or row.choices and row.choices[entry.kind])
		if not row or not (row.ro and key ~= "name" and key ~= "via" or row.state) then
			if inner and type(value) == "table" and not value[1] then
				local by_key = {}
				for _, each in ipairs(inner) do
					by_key[each.key] = each
				end
				value = bare(value, by_key)
			end
			out[key] = value
		end
	end
	return out
end

-- Entries that come and go without anybody's asking.
local passing = {
	neigh = function(e)
		-- others are joined or asked for at any time, and may go when the machine has too many
		return e.state ~= "permanent"
	end,
	fdb = function(e, ns)
		-- what was learnt; what devices listen to
		return e.state == "dynamic" or e.state == "stale"
			or e.lladdr:find "^33:33" or e.lladdr:find "^01:"
			or not e.dst and ns.link:get(e.dev).mac == e.lladdr
	end,
	qdisc = function(e)
		return e.handle == "0:"
	end,
	route = function(e)
		-- IPv6 makes its own some time after the address or the link
		return e.proto == "kernel" and e.family == "inet6"
	end,
}

-- A listing as text by which two can be compared.
function laws.texts(ns, object, show)
	local out = {}
	for _, entry in ipairs(laws.list(ns, object)) do
		local plain = bare(entry, rows_of(object))
		for _, key in ipairs { "valid", "preferred" } do
			plain[key] = tonumber(plain[key]) and "a time" or plain[key]
		end
		if not (passing[object] and passing[object](plain, ns)) then
			out[#out + 1] = show(plain)
		end
	end
	table.sort(out)
	return table.concat(out, "\n")
end

return laws
