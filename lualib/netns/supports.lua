-- SPDX-License-Identifier: MIT
-- netns.supports - what this kernel can do, found out by having it done
--
-- Each question is asked in a namespace of its own, which is gone with all that was made in it, and
-- once: the answer is remembered. The kernel may load a module for it, as it would for the thing.

local core = require "netns.core"
local firewall = require "netns.firewall"

-- The tables: what a kind needs to be made, and what the kernel calls it. `lower` stands for a link
-- that is there. Data that the codec has no rows for is left out; then a kernel that knows the kind
-- complains about what is missing, and that is an answer, too.

local lower = {}
local tunnel = { data = { ["local"] = "192.0.2.1", remote = "192.0.2.2" } }
local tunnel6 = { data = { ["local"] = "2001:db8::1", remote = "2001:db8::2" } }

-- kind = { CONFIG_, module, spec }
local links = {
	amt = { "AMT", "amt" };
	bareudp = { "BAREUDP", "bareudp" };
	batadv = { "BATMAN_ADV", "batman-adv" };
	bond = { "BONDING", "bonding" };
	bridge = { "BRIDGE", "bridge" };
	dummy = { "DUMMY", "dummy" };
	erspan = { "NET_IPGRE", "ip_gre", tunnel };
	geneve = { "GENEVE", "geneve", { data = { id = 1, remote = "192.0.2.1" } } };
	gre = { "NET_IPGRE", "ip_gre", tunnel };
	gretap = { "NET_IPGRE", "ip_gre", tunnel };
	gtp = { "GTP", "gtp" };
	hsr = { "HSR", "hsr" };
	ifb = { "IFB", "ifb" };
	ip6gre = { "IPV6_GRE", "ip6_gre", tunnel6 };
	ip6gretap = { "IPV6_GRE", "ip6_gre", tunnel6 };
	ip6tnl = { "IPV6_TUNNEL", "ip6_tunnel", tunnel6 };
	ipip = { "NET_IPIP", "ipip", tunnel };
	ipvlan = { "IPVLAN", "ipvlan", { link = lower } };
	ipvtap = { "IPVTAP", "ipvtap", { link = lower } };
	macsec = { "MACSEC", "macsec", { link = lower } };
	macvlan = { "MACVLAN", "macvlan", { link = lower } };
	macvtap = { "MACVTAP", "macvtap", { link = lower } };
	netkit = { "NETKIT" };
	nlmon = { "NLMON", "nlmon" };
	sit = { "IPV6_SIT", "sit", tunnel };
	tap = { "TUN", "tun", { kind = "tun", data = { mode = "tap" } } };
	team = { "NET_TEAM", "team" };
	tun = { "TUN", "tun" };
	vcan = { "CAN_VCAN", "vcan" };
	veth = { "VETH", "veth", { peer = { name = "peer" } } };
	vlan = { "VLAN_8021Q", "8021q", { link = lower, data = { id = 1 } } };
	vrf = { "NET_VRF", "vrf", { data = { table = 10 } } };
	vti = { "NET_IPVTI", "ip_vti", tunnel };
	vti6 = { "IPV6_VTI", "ip6_vti", tunnel6 };
	vxcan = { "CAN_VXCAN", "vxcan" };
	vxlan = { "VXLAN", "vxlan", { data = { id = 1, dstport = 4789 } } };
	wireguard = { "WIREGUARD", "wireguard" };
	xfrm = { "XFRM_INTERFACE", "xfrm_interface", { data = { if_id = 1 } } };
}

-- Others are called CONFIG_NET_SCH_KIND and sch_KIND.
local qdiscs = {
	clsact = { "NET_SCH_INGRESS", "sch_ingress", { parent = "ingress" } };
	ingress = { "NET_SCH_INGRESS", "sch_ingress", { parent = "ingress" } };
	tbf = { "NET_SCH_TBF", "sch_tbf", { data = { rate = "1mbit", burst = "10kb", limit = "10kb" } } };
}

-- Others are called CONFIG_NET_CLS_KIND and cls_KIND.
local filters = { u32 = { "NET_CLS_U32", "cls_u32", {} } }

-- These are all that the codec can write.
local actions = {
	gact = { "NET_ACT_GACT", "act_gact", { action = "drop" } };
	mirred = { "NET_ACT_MIRRED", "act_mirred", { mode = "mirror" } };
	police = { "NET_ACT_POLICE", "act_police", { rate = "1mbit", burst = "10kb" } };
}

-- What the kernel answers when it has not got a thing, and when it does not let us have it.
local lacks = {
	EOPNOTSUPP = true, EPROTONOSUPPORT = true, EAFNOSUPPORT = true, ENOENT = true,
}
local forbids = { EPERM = true, EACCES = true }

-- What it answers when it knows the kind, and has been told too little, or has made one by itself.
local knows = {
	EINVAL = true, EDESTADDRREQ = true, ENODEV = true, ENXIO = true, EEXIST = true, ENOTUNIQ = true,
}

local function misuse(attr, message)
	core.raise { op = "supports", attr = attr, message = message, code = "EINVAL", misuse = true }
end

--- The keys of data that the codec can write for a kind.
local function writable(object, kind)
	local keys = {}
	for _, row in ipairs(core.schema(object)) do
		for _, inner in ipairs(row.key == "data" and row.choices[kind] or {}) do
			keys[inner.key] = true
		end
	end
	return keys
end

--- The spec for a kind, from its row and what stands in all.
local function spec_of(object, kind, row, spec)
	spec.kind = kind
	for key, value in next, row and row[3] or {} do
		spec[key] = value
	end
	local known = writable(object, spec.kind)
	for key in next, spec.data or {} do
		if not known[key] then
			spec.data = nil
			break
		end
	end
	return spec
end

--- A link for others to stand on; the queues are for mq.
local function make_lower(ns)
	for _, kind in ipairs { "veth", "dummy", "bridge" } do
		local spec = { name = "lower0", kind = kind, numtxqueues = 2 }
		spec.peer = kind == "veth" and { name = "peer0" } or nil
		if pcall(ns.link.add, ns.link, spec) then
			return spec.name
		end
	end
	return "lo"
end

--- true, or false and why: from how an attempt ended.
local function judge(remedy, made, e)
	local code = not made and type(e) == "table" and not e.misuse and e.code
	if made or knows[code] then
		return true
	elseif lacks[code] then
		return false, e.message .. remedy
	elseif forbids[code] then
		return false, e.message .. (e.hint and "; " .. e.hint or "")
	end
	error(e, 0)
end

local function built_without(config, module)
	return (": the kernel is built without CONFIG_%s%s"):format(config,
		module and ", or its module " .. module .. " is not installed" or "")
end

-- Asking: what = f(ns, kind)

local ask = {}

function ask.link(ns, kind)
	local row = links[kind]
	local spec = spec_of("link", kind, row, { name = "probe0" })
	if spec.link == lower then
		spec.link = make_lower(ns)
	end
	local remedy = row and built_without(row[1], row[2])
		or ": no module for it (rtnl-link-" .. kind .. ") is installed"
	return judge(remedy, pcall(ns.link.add, ns.link, spec))
end

function ask.qdisc(ns, kind)
	local row = qdiscs[kind] or { "NET_SCH_" .. kind:upper():gsub("-", "_"), "sch_" .. kind }
	local spec = spec_of("qdisc", kind, row, { dev = make_lower(ns) })
	return judge(built_without(row[1], row[2]), pcall(ns.qdisc.add, ns.qdisc, spec))
end

--- A classifier that looks for nothing, on the way in.
function ask.filter(ns, kind)
	local row = filters[kind] or { "NET_CLS_" .. kind:upper(), "cls_" .. kind }
	local dev = make_lower(ns)
	local made, e = pcall(ns.qdisc.add, ns.qdisc, { dev = dev, kind = "ingress" })
	if made then
		made, e = pcall(ns.filter.add, ns.filter,
			{ dev = dev, parent = "ingress", kind = kind, data = row[3] })
	end
	return judge(built_without(row[1], row[2]), made, e)
end

--- Something done with what a filter finds.
function ask.action(ns, kind)
	local row = actions[kind] or misuse("kind", "\"gact\", \"mirred\" or \"police\" expected")
	local dev = make_lower(ns)
	local action = { kind = kind, dev = kind == "mirred" and dev or nil }
	for key, value in next, row[3] do
		action[key] = value
	end
	local made, e = pcall(ns.qdisc.add, ns.qdisc, { dev = dev, kind = "ingress" })
	if made then
		made, e = pcall(ns.filter.add, ns.filter,
			{ dev = dev, parent = "ingress", kind = "u32", data = { actions = { action } } })
	end
	return judge(built_without(row[1], row[2]), made, e)
end

function ask.nft(ns)
	local there, why = firewall.available()
	if not there then
		return false, why
	end
	local made, e = pcall(ns.nft.run, ns.nft, "add table inet probe")
	if not made and type(e) == "table" and e.code == "EINVAL" then
		e.code = "EOPNOTSUPP" -- nft's text tells what is missing, its code does not
	end
	return judge(built_without("NF_TABLES", "nf_tables"), made, e)
end

local of_kinds = { link = true, qdisc = true, filter = true, action = true }
local answers = {}

local function answer(what, kind)
	local key = kind and what .. " " .. kind or what
	if not answers[key] then
		local ns <close> = core.new()
		answers[key] = table.pack(ask[what](ns, kind))
	end
	return table.unpack(answers[key], 1, answers[key].n)
end

local function check_kind(what, kind)
	if not of_kinds[what] and kind ~= nil then
		misuse("kind", what .. " has no kinds")
	elseif of_kinds[what] and type(kind) ~= "string" then
		misuse("kind", "string expected, got " .. type(kind))
	elseif of_kinds[what] and (not kind:find "^[%w_-]+$" or #kind > 15) then
		misuse("kind", "1 to 15 letters, digits, '_' and '-' expected")
	end
end

--- Can this kernel do that, here and for us? true, or false and why not.
local function supports(what, kind)
	if what ~= "rootless" and not ask[what] then
		misuse("what", "\"link\", \"qdisc\", \"filter\", \"action\", \"nft\" or \"rootless\" expected")
	end
	check_kind(what, kind)
	if what == "rootless" then
		return core.rootless() -- asked anew: what is in the way may be taken out of it
	end
	return answer(what, kind)
end

return { supports = supports }
