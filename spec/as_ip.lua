-- SPDX-License-Identifier: MIT
-- as_ip.lua - what iproute2 says of a namespace, in our words: to be compared with our listings
local assert = require "luassert"
local json = require "netns.json"
local link_samples = require "spec.link_samples"
local support = require "spec.support"

local as_ip = {}

local function ask(ns, words)
	local argv = {}
	for word in words:gmatch "%S+" do
		argv[#argv + 1] = word
	end
	local text = ns:exec(argv).stdout
	return text:find "%S" and json.decode(text) or {}
end

-- Values that are written in more than one way: switches as numbers, numbers in base 16.
function as_ip.plain(value)
	if type(value) == "boolean" then
		return value and 1 or 0
	elseif type(value) == "table" then
		local out = { table.unpack(value) }
		if type(out[1]) == "string" then
			table.sort(out) -- the kernel has its own order
			return out
		end
		for key, each in pairs(value) do
			out[key] = as_ip.plain(each)
		end
		return out
	end
	return tonumber(value) or value
end

-- One link, as list() has it, is what `ip -j -d link` says that it is.
function as_ip.same_link(other, link)
	local plain, where = as_ip.plain, link.name .. " "
	local flags = " " .. table.concat(other.flags, " ") .. " "
	assert.equal(other.ifindex, link.index, where .. "index")
	assert.equal(other.mtu, link.mtu, where .. "mtu")
	if other.link_type == "ether" then -- `ip` shows those of tunnels as addresses
		assert.equal(other.address, link.mac, where .. "mac")
	end
	assert.equal(other.txqlen or 0, link.txqlen, where .. "txqlen")
	assert.equal(other.link ~= json.null and other.link or nil, link.link, where .. "link")
	assert.equal(other.num_tx_queues, link.numtxqueues, where .. "numtxqueues")
	assert.equal(other.num_rx_queues, link.numrxqueues, where .. "numrxqueues")
	assert.equal(other.operstate:lower(), link.state, where .. "state")
	assert.equal(other.inet6_addr_gen_mode, link.addrgenmode, where .. "addrgenmode")
	assert.equal(other.master, link.master, where .. "master")
	assert.equal(other.ifalias, link.alias, where .. "alias")
	assert.equal(other.group == "default" and 0 or tonumber(other.group), link.group, where .. "group")
	assert.same(plain(other.altnames or {}), plain(link.altnames or {}), where .. "altnames")
	assert.equal(flags:find(" UP ", 1, true) ~= nil, link.up, where .. "up")
	assert.equal(flags:find(" NOARP ", 1, true) == nil, link.arp, where .. "arp")
	assert.equal(flags:find(" PROMISC ", 1, true) ~= nil, link.promisc, where .. "promisc")
	assert.equal(flags:find(" ALLMULTI ", 1, true) ~= nil, link.allmulticast, where .. "allmulticast")
	local told = other.linkinfo or {}
	assert.equal(told.info_kind, link.kind, where .. "kind")
	local info = told.info_data or {}
	for key, value in pairs(link.data or {}) do
		local called = (link_samples.in_ip[link.kind] or {})[key]
		if called == nil then
			called = key
		end
		local says = type(called) == "function" and called(info) or info[called]
		-- a switch that is off is mostly not told, and what this `ip` does not know never
		if called and says ~= nil then
			assert.same(plain(says), plain(value), where .. key)
		end
	end
end

-- { ours = theirs }: the entry of ours that has their values.
local function renamed(other, names)
	local out = {}
	for ours, theirs in pairs(names) do
		out[ours] = other[theirs]
	end
	return out
end

local function number_or_name(text)
	return math.tointeger(tonumber(text)) or text
end

local function lifetime(seconds)
	return seconds == 4294967295 and "forever" or seconds
end

local addr_flags = {
	secondary = "secondary", temporary = "secondary", nodad = "nodad", optimistic = "optimistic",
	dadfailed = "dadfailed", home = "homeaddress", deprecated = "deprecated",
	tentative = "tentative", mngtmpaddr = "mngtmpaddr", noprefixroute = "noprefixroute",
	autojoin = "mcautojoin", ["stable-privacy"] = "stable_privacy",
}

function as_ip.addr(ns)
	local out = {}
	for _, link in ipairs(ask(ns, "ip -j -d addr")) do
		for _, each in ipairs(link.addr_info) do
			local entry = renamed(each, { family = "family", broadcast = "broadcast", scope = "scope",
				label = "label", metric = "metric", peer = "address" })
			entry.dev = link.ifname
			entry.addr = each["local"] .. "/" .. each.prefixlen
			entry.valid = lifetime(each.valid_life_time)
			entry.preferred = lifetime(each.preferred_life_time)
			entry.flags = { not each.dynamic and "permanent" or nil }
			for theirs, ours in pairs(addr_flags) do
				entry.flags[#entry.flags + 1] = each[theirs] and ours or nil
			end
			out[#out + 1] = entry
		end
	end
	return out
end

local route_names = {
	type = "type", dst = "dst", via = "gateway", dev = "dev", src = "prefsrc", metric = "metric",
	proto = "protocol", scope = "scope", pref = "pref", from = "from",
}

local function gateway(entry, other)
	if other.via then
		entry.via = other.via.host
	end
end

local function nexthop(other)
	local entry = renamed(other, { via = "gateway", dev = "dev", weight = "weight" })
	gateway(entry, other)
	for _, flag in ipairs(other.flags) do
		entry.onlink = flag == "onlink" or entry.onlink
	end
	return entry
end

function as_ip.route(ns)
	local out = {}
	for _, option in ipairs { "-4", "-6" } do
		for _, each in ipairs(ask(ns, "ip -j -d " .. option .. " route show table all")) do
			local entry = renamed(each, route_names)
			entry.family = option == "-4" and "inet" or "inet6"
			entry.table = number_or_name(each.table)
			entry.tos = each.tos and tonumber(each.tos)
			entry.proto, entry.scope = number_or_name(entry.proto), number_or_name(entry.scope)
			entry.flags = {}
			gateway(entry, each)
			for _, flag in ipairs(each.flags) do
				if flag == "onlink" then
					entry.onlink = true
				else
					table.insert(entry.flags, flag)
				end
			end
			for key, value in pairs(each.metrics and each.metrics[1] or {}) do
				entry[key] = value
			end
			for i, hop in ipairs(each.nexthops or {}) do
				entry.nexthops = entry.nexthops or {}
				entry.nexthops[i] = nexthop(hop)
			end
			out[#out + 1] = entry
		end
	end
	return out
end

local function range(other, key)
	local from, to = other[key .. "_start"], other[key .. "_end"]
	return from and (from == to and from or ("%d-%d"):format(from, to)) or other[key]
end

local function prefix(address, length)
	if address ~= "all" then
		return length and ("%s/%d"):format(address, length) or address
	end
end

function as_ip.rule(ns)
	local out = {}
	for _, option in ipairs { "-4", "-6" } do
		for _, each in ipairs(ask(ns, "ip -j -d " .. option .. " rule")) do
			local entry = renamed(each, { priority = "priority", iif = "iif", oif = "oif", action = "action",
				suppress_prefixlength = "suppress_prefixlen", proto = "protocol", ["goto"] = "goto",
				ipproto = "ipproto" })
			entry.family = option == "-4" and "inet" or "inet6"
			entry.ipproto = each.ipproto and number_or_name((each.ipproto:gsub("^ipproto%-", "")))
			entry.table = number_or_name(each.table)
			entry.from, entry.to = prefix(each.src, each.srclen), prefix(each.dst or "all", each.dstlen)
			entry.tos = each.tos and tonumber(each.tos)
			entry.fwmark = each.fwmark and tonumber(each.fwmark)
			entry.fwmask = entry.fwmark and tonumber(each.fwmask or "0xffffffff")
			entry.sport, entry.dport, entry.uidrange = range(each, "sport"), range(each, "dport"),
				range(each, "uid")
			entry.invert = each["not"] ~= nil or nil
			entry.l3mdev = each.l3mdev ~= nil or nil
			entry.action = entry.action or entry["goto"] and "goto" or entry.table and "lookup" or "nop"
			out[#out + 1] = entry
		end
	end
	return out
end

local function neigh(ns, words)
	local out = {}
	for _, each in ipairs(ask(ns, words)) do
		local entry = renamed(each, { dst = "dst", dev = "dev", lladdr = "lladdr", proto = "protocol" })
		entry.family = each.dst:find ":" and "inet6" or "inet"
		entry.state = each.state and each.state[1]:lower() or "none"
		entry.proxy, entry.router = each.proxy ~= nil or nil, each.router ~= nil or nil
		entry.extern_learn = each.extern_learn ~= nil or nil
		out[#out + 1] = entry
	end
	return out
end

function as_ip.neigh(ns)
	return neigh(ns, "ip -j -d neigh show nud all")
end

function as_ip.proxy(ns)
	return neigh(ns, "ip -j -d neigh show proxy")
end

function as_ip.fdb(ns)
	local out = {}
	for _, each in ipairs(ask(ns, "bridge -j -d fdb")) do
		local entry = renamed(each, { dev = "ifname", lladdr = "mac", dst = "dst", vlan = "vlan",
			vni = "vni", port = "port", via = "viaIf", master = "master", state = "state",
			src_vni = "src_vni" })
		entry.state = entry.state == "" and "dynamic" or entry.state
		for _, flag in ipairs(each.flags) do
			if flag == "sticky" or flag == "extern_learn" then
				entry[flag] = true
			end
		end
		out[#out + 1] = entry
	end
	return out
end

local function bits(bytes)
	return bytes * 8
end

-- What tc calls a field, and how it counts.
local options = {
	tbf = { rate = { "rate", bits }, burst = { "burst" } },
	htb = { r2q = { "r2q" }, default = { "default", tonumber } },
	pfifo = { limit = { "limit" } },
	bfifo = { limit = { "limit" } },
	fq_codel = { limit = { "limit" }, flows = { "flows" }, quantum = { "quantum" },
		ecn = { "ecn" } },
}

local places = { ["ffff:fff1"] = "ingress" }

function as_ip.qdisc(ns)
	local out = {}
	for _, each in ipairs(ask(ns, "tc -j qdisc")) do
		local entry = renamed(each, { dev = "dev", kind = "kind", handle = "handle", refcnt = "refcnt" })
		entry.parent = each.root and "root" or places[each.parent]
			or each.parent and each.parent:gsub("^:", "0:") or nil
		for ours, theirs in pairs(options[each.kind] or {}) do
			local value = each.options[theirs[1]]
			entry.data = entry.data or {}
			entry.data[ours] = theirs[2] and theirs[2](value) or value
		end
		out[#out + 1] = entry
	end
	return out
end

-- What iproute2 does not tell, or tells in other words.
local function without(entry)
	entry.stats = nil
	if entry.kind then
		if entry.data and options[entry.kind] then
			for key in pairs(entry.data) do
				entry.data[key] = options[entry.kind][key] and entry.data[key] or nil
			end
		else
			entry.data = nil
		end
		entry.refcnt = entry.refcnt and entry.refcnt > 1 and entry.refcnt or nil
	end
	if entry.addr then
		entry.proto = nil -- iproute2 tells it from release 6.2 on
	end
	if entry.action and entry.action ~= "lookup" then
		entry.suppress_prefixlength = nil -- which iproute2 tells of tables only
	end
	if entry.l3mdev then
		entry.action = nil
	end
	if entry.lladdr and not entry.lladdr:find ":" then
		entry.lladdr = nil -- of no length: what iproute2 reads is behind it
	end
	for i, flag in ipairs(entry.flags or {}) do
		if flag == "linkdown" then -- the kernel gets round to it between two questions
			table.remove(entry.flags, i)
			break
		end
	end
	table.sort(entry.flags or {})
	-- time passes between two questions
	for _, key in ipairs { "valid", "preferred" } do
		entry[key] = tonumber(entry[key]) and entry[key] // 64 or entry[key]
	end
	return entry
end

-- Lists whose order nobody has promised, as sets of texts.
local function texts(list)
	local out = {}
	for _, entry in ipairs(list) do
		-- others are joined or asked for at any time, and may go when the machine has too many
		if not entry.family or not entry.state or entry.state == "permanent" or entry.proxy then
			out[#out + 1] = as_ip.show(without(entry))
		end
	end
	table.sort(out)
	return table.concat(out, "\n")
end

-- The lines of one text that the other has not.
function as_ip.only(text, other)
	local there, out = {}, {}
	for line in other:gmatch "[^\n]+" do
		there[line] = true
	end
	for line in text:gmatch "[^\n]+" do
		out[#out + 1] = not there[line] and line or nil
	end
	return table.concat(out, "\n")
end

-- A value as one line of text.
function as_ip.show(value)
	if type(value) ~= "table" then
		return tostring(value)
	end
	local out = {}
	for key, each in pairs(value) do
		out[#out + 1] = (math.type(key) and "" or key .. "=") .. as_ip.show(each)
	end
	if #out ~= #value then
		table.sort(out)
	end
	return "{ " .. table.concat(out, ", ") .. " }"
end

local filters = { route = { table = "all" }, proxy = { proxy = true } }

local function same_links(ns)
	local told = {}
	for _, link in ipairs(ask(ns, "ip -j -d link")) do
		told[link.ifname] = link
	end
	for _, link in ipairs(ns.link:list()) do
		as_ip.same_link(assert(told[link.name], link.name), link)
		told[link.name] = nil
	end
	assert.is_nil(next(told))
end

-- All that a namespace has is what iproute2 says that it has. What the kernel does by itself (it
-- learns an address, hears of a carrier) may come between two listings, which are then made again.
function as_ip.same(ns)
	for _, object in ipairs { "addr", "route", "rule", "neigh", "proxy", "fdb", "qdisc" } do
		local wanted, found
		local equal = support.eventually(function()
			local ours = ns[object == "proxy" and "neigh" or object]:list(filters[object])
			wanted, found = texts(as_ip[object](ns)), texts(ours)
			return wanted == found
		end, 1)
		if not equal then
			error(("%s:\niproute2 says\n%s\nwe say\n%s"):format(object, as_ip.only(wanted, found),
				as_ip.only(found, wanted)), 0)
		end
	end
	local ok, e
	support.eventually(function()
		ok, e = pcall(same_links, ns)
		return ok
	end, 1)
	if not ok then
		error(e, 0)
	end
end

return as_ip
