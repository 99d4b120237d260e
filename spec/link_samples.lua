-- SPDX-License-Identifier: MIT
-- link_samples.lua - what link_kinds_spec.lua makes of every kind, and how `ip` calls its fields
local link_samples = {}

-- Several of each kind: together they give each field that can be written a value which is not its
-- default. `low0` is a veth that is there. `needs`: what a kernel that has the kind may still lack.
link_samples.kinds = {
	bond = {
		{ mode = "balance-rr", miimon = 100, updelay = 200, downdelay = 300, peer_notify_delay = 400,
			packets_per_slave = 3, resend_igmp = 2, num_grat_arp = 3, all_slaves_active = true,
			min_links = 1, lp_interval = 2, xmit_hash_policy = "layer3+4", fail_over_mac = "active",
			use_carrier = true },
		{ mode = "active-backup", arp_interval = 500, arp_ip_target = { "10.9.0.1", "10.9.0.2" },
			ns_ip6_target = { "fd00::9" }, arp_validate = "active", arp_all_targets = "all",
			primary_reselect = "failure", fail_over_mac = "follow", needs = "IPv6 targets" },
		{ mode = "active-backup", arp_interval = 500, arp_ip_target = { "10.9.0.1" },
			arp_validate = "backup", arp_missed_max = 3, needs = "arp_missed_max" },
		{ mode = "802.3ad", miimon = 50, lacp_rate = "fast", ad_select = "bandwidth",
			ad_actor_sys_prio = 100, ad_user_port_key = 5, ad_actor_system = "02:00:00:00:09:01" },
		{ mode = "802.3ad", lacp_active = false, needs = "lacp_active" },
		{ mode = "balance-tlb", tlb_dynamic_lb = false },
	},
	bridge = {
		{ forward_delay = 400, hello_time = 300, max_age = 1900, ageing_time = 20000, stp_state = 1,
			priority = 4096, group_fwd_mask = 8, group_address = "01:80:c2:00:00:05",
			no_linklocal_learn = true, mcast_snooping = false, mcast_router = 2, mcast_querier = true,
			mcast_query_use_ifaddr = true, mcast_hash_elasticity = 16, mcast_hash_max = 1024,
			mcast_last_member_count = 3, mcast_startup_query_count = 4,
			mcast_last_member_interval = 200, mcast_membership_interval = 25000,
			mcast_querier_interval = 24000, mcast_query_interval = 12000,
			mcast_query_response_interval = 900, mcast_startup_query_interval = 3000,
			mcast_stats_enabled = true, mcast_igmp_version = 3, mcast_mld_version = 2,
			nf_call_iptables = true, nf_call_ip6tables = true, nf_call_arptables = true },
		{ vlan_filtering = true, vlan_protocol = "802.1ad", vlan_default_pvid = 7,
			vlan_stats_enabled = true, vlan_stats_per_port = true, needs = "VLAN filtering" },
		{ vlan_filtering = true, mcast_vlan_snooping = true, needs = "mcast_vlan_snooping" },
		{ vlan_default_pvid = 0, mst_enabled = true, needs = "mst_enabled" },
		{ fdb_max_learned = 50, needs = "fdb_max_learned" },
	},
	dummy = { {} },
	geneve = {
		{ id = 5, remote = "10.0.0.1", dstport = 6082, ttl = "inherit", tos = "inherit", df = "set",
			udpcsum = false },
		{ id = 6, remote = "fd00::1", dstport = 6083, ttl = 9, tos = 4, flowlabel = 77,
			udp6zerocsumtx = true, udp6zerocsumrx = true, df = "inherit" },
		{ id = 7, remote = "10.0.0.1", dstport = 6084, ttl = "auto", df = "unset" },
		{ external = true, id = 0, dstport = 6085 },
		{ external = true, id = 0, dstport = 6086, innerprotoinherit = true,
			needs = "innerprotoinherit" },
	},
	ifb = { {} },
	ip6tnl = {
		{ ["local"] = "fd00::1", remote = "fd00::2", dev = "low0", mode = "ip6ip6", hoplimit = 9,
			encaplimit = "none", tclass = 8, flowlabel = 77, fwmark = 5, dscp_inherit = true,
			allow_localremote = true },
		{ ["local"] = "fd00::1", remote = "fd00::3", mode = "ipip6", encaplimit = 3, tclass = "inherit",
			flowlabel = "inherit", fwmark = "inherit" },
		{ ["local"] = "fd00::1", remote = "fd00::4", mode = "any", encap = "fou", encap_sport = 5555,
			encap_dport = 5556, encap_csum = true, encap_csum6 = true, encap_remcsum = true,
			needs = "FOU" },
		{ external = true, needs = "external" },
	},
	ipip = {
		{ ["local"] = "10.0.0.1", remote = "10.0.0.2", dev = "low0", mode = "ipip", ttl = 9,
			tos = "inherit", pmtudisc = true, fwmark = 5 },
		{ ["local"] = "10.0.0.1", remote = "10.0.0.3", mode = "any", ttl = "inherit", tos = 8,
			pmtudisc = false },
		{ ["local"] = "10.0.0.1", remote = "10.0.0.4", encap = "gue", encap_sport = 5555,
			encap_dport = 5556, encap_csum = true, encap_csum6 = true, encap_remcsum = true,
			needs = "GUE" },
		{ external = true, needs = "external" },
	},
	ipvlan = { { mode = "l2", flags = "private" }, { mode = "l3", flags = "vepa" },
		{ mode = "l3s", flags = "bridge", needs = "l3s" } },
	ipvtap = { { mode = "l2", flags = "private" }, { mode = "l3", flags = "bridge" } },
	macvlan = { { mode = "private", flag = { "nodst" }, bcqueuelen = 500 },
		{ mode = "bridge" },
		{ mode = "source", macaddr = { "02:00:00:00:00:07", "02:00:00:00:00:08" } },
		{ mode = "passthru", flag = { "nopromisc" } } },
	macvtap = { { mode = "vepa", flag = { "nodst" }, bcqueuelen = 500 },
		{ mode = "source", macaddr = { "02:00:00:00:00:07" } } },
	netkit = { { mode = "l3", policy = "blackhole" }, { mode = "l2", peer_policy = "blackhole" },
		{ mode = "l3", scrub = "none", peer_scrub = "none", needs = "scrub" } },
	sit = {
		{ ["local"] = "10.0.0.1", remote = "10.0.0.2", dev = "low0", mode = "ip6ip", ttl = 9,
			tos = "inherit", pmtudisc = true, fwmark = 5 },
		{ ["local"] = "10.0.0.1", mode = "ip6ip", isatap = true, ttl = 9 },
		{ ["local"] = "10.0.0.1", remote = "10.0.0.3", mode = "any", tos = 8, ttl = "inherit",
			pmtudisc = false },
		{ ["local"] = "10.0.0.1", remote = "10.0.0.4", encap = "fou", encap_sport = 5555,
			encap_dport = 5556, encap_csum = true, encap_csum6 = true, encap_remcsum = true,
			needs = "FOU" },
	},
	tun = { { mode = "tun", user = 0, group = 0 }, { mode = "tap", pi = true, multi_queue = true },
		{ mode = "tap", vnet_hdr = true } },
	vlan = {
		{ id = 5, reorder_hdr = false, loose_binding = true, ingress_qos_map = { { from = 1, to = 3 } },
			egress_qos_map = { { from = 2, to = 4 }, { from = 5, to = 6 } } },
		{ id = 6, protocol = "802.1ad", reorder_hdr = true },
		{ id = 7, bridge_binding = true, needs = "bridge_binding" },
		{ id = 8, gvrp = true, needs = "GVRP" },
		{ id = 9, mvrp = true, needs = "MVRP" },
	},
	vrf = { { table = 10 } },
	vxlan = {
		{ id = 5, remote = "10.0.0.1", ["local"] = "10.0.0.2", dev = "low0", dstport = 4789,
			srcport = { min = 1000, max = 2000 }, ttl = "inherit", tos = "inherit", df = "set",
			learning = false, proxy = true, rsc = true, l2miss = true, l3miss = true, ageing = 50,
			maxaddress = 9, udpcsum = false, remcsumtx = true, remcsumrx = true, gbp = true },
		{ id = 6, group = "ff05::100", dev = "low0", dstport = 4790, ttl = 9, tos = 4, flowlabel = 77,
			udp6zerocsumtx = true, udp6zerocsumrx = true, df = "inherit" },
		{ id = 7, group = "239.0.0.1", dev = "low0", dstport = 4791, ttl = "auto", df = "unset" },
		{ external = true, id = 0, dstport = 4792, vnifilter = true },
		{ external = true, id = 0, dstport = 4793, gpe = true, learning = false },
		{ id = 8, remote = "10.0.0.1", dstport = 4794, localbypass = false, needs = "localbypass" },
	},
	wireguard = {
		{ private_key = "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=", listen_port = 51820,
			fwmark = 5 },
	},
}

local gre = {
	{ ["local"] = "10.0.0.1", remote = "10.0.0.2", dev = "low0", ttl = 9, tos = "inherit",
		pmtudisc = true, ikey = 5, okey = 6, fwmark = 5, icsum = true, ocsum = true },
	{ ["local"] = "10.0.0.1", remote = "10.0.0.3", ttl = "inherit", tos = 8, pmtudisc = false,
		ignore_df = true, iseq = true, oseq = true, okey = 0 },
	{ ["local"] = "10.0.0.1", remote = "10.0.0.4", encap = "fou", encap_sport = 5555,
		encap_dport = 5556, encap_csum = true, encap_csum6 = true, encap_remcsum = true, needs = "FOU" },
	{ external = true, needs = "external" },
}

local ip6gre = {
	{ ["local"] = "fd00::1", remote = "fd00::2", dev = "low0", hoplimit = 9, encaplimit = "none",
		tclass = 8, flowlabel = 77, fwmark = 5, dscp_inherit = true, allow_localremote = true,
		ikey = 5, okey = 6, icsum = true, ocsum = true },
	{ ["local"] = "fd00::1", remote = "fd00::3", encaplimit = 3, tclass = "inherit",
		flowlabel = "inherit", fwmark = "inherit", iseq = true, oseq = true },
	{ ["local"] = "fd00::1", remote = "fd00::4", encap = "fou", encap_sport = 5555,
		encap_dport = 5556, encap_csum = true, encap_csum6 = true, encap_remcsum = true, needs = "FOU" },
	{ external = true, needs = "external" },
}

link_samples.kinds.gre, link_samples.kinds.gretap = gre, gre
link_samples.kinds.ip6gre, link_samples.kinds.ip6gretap = ip6gre, ip6gre

-- Fields that want more than a link of the kind: tested by themselves.
link_samples.apart = { bond = { primary = true }, wireguard = { peers = true } }

-- Those that stand on another link; each sample gets one of its own, which some modes want for
-- themselves.
link_samples.lower = {
	ipvlan = true, ipvtap = true, macvlan = true, macvtap = true, vlan = true,
}

-- Those without a link-layer address that could be chosen.
function link_samples.has_mac(kind, sample)
	local none = {
		gre = true, ip6gre = true, ip6tnl = true, ipip = true, sit = true, wireguard = true,
		ipvlan = true, ipvtap = true, -- that of the lower link
	}
	if none[kind] or kind == "netkit" and sample.mode == "l3" then
		return false
	end
	return sample.mode ~= "tun" and sample.mode ~= "passthru" and not sample.gpe
		and not sample.innerprotoinherit
end

-- How `ip -j -d link` calls a field of data, where it is not called the same: another key, or a
-- function of its info_data. false: it does not tell, or in another way.

local function flags(...)
	local names = { ... }
	return function(info)
		local found = {}
		for _, flag in ipairs(names) do
			found[#found + 1] = info[flag] and flag
		end
		return found
	end
end

local function listed(flag)
	return function(info)
		for _, each in ipairs(info.flags or {}) do
			if each == flag then
				return true
			end
		end
		return false
	end
end

-- A number that our listing has a word for.
local function worded(key, words)
	return function(info)
		local word = words[info[key]]
		return word == nil and info[key] or word
	end
end

-- "0.0.0.5" or 5
local function key_number(key)
	return function(info)
		local a, b, c, d = tostring(info[key]):match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
		return a and math.tointeger(a * 2^24 + b * 2^16 + c * 2^8 + d) or info[key]
	end
end

-- The first of several keys, for different releases of iproute2.
local function first(...)
	local keys = { ... }
	return function(info)
		for _, key in ipairs(keys) do
			if info[key] ~= nil then
				return info[key]
			end
		end
	end
end

local tos = worded("tos", { ["0x1"] = "inherit", [1] = "inherit" })
local ttl_of_ip = worded("ttl", { [0] = "inherit" })
local switch = { on = true, off = false }

local over_ip = {
	ttl = ttl_of_ip, tos = tos, dev = "link", fwmark = "fwmark", mode = false, encap = false,
	encap_sport = false, encap_dport = false, encap_csum = false, encap_csum6 = false,
	encap_remcsum = false, ikey = key_number "ikey", okey = key_number "okey",
}

local over_ip6 = {
	dev = "link", hoplimit = first("hoplimit", "ttl"), encaplimit = false, tclass = false,
	flowlabel = false, mode = false, dscp_inherit = false, allow_localremote = false, fwmark = false,
	encap = false, encap_sport = false, encap_dport = false, encap_csum = false,
	encap_csum6 = false, encap_remcsum = false, ikey = key_number "ikey", okey = key_number "okey",
}

link_samples.in_ip = {
	bond = {
		num_grat_arp = "num_peer_notif", lacp_rate = "ad_lacp_rate",
		lacp_active = worded("ad_lacp_active", switch), ad_info = false,
	},
	bridge = {
		group_address = "group_addr", group_fwd_mask = "group_fwd_mask_str", bridge_id = false,
		root_id = false, mcast_last_member_count = "mcast_last_member_cnt",
		mcast_startup_query_count = "mcast_startup_query_cnt",
		mcast_last_member_interval = "mcast_last_member_intvl",
		mcast_membership_interval = "mcast_membership_intvl",
		mcast_querier_interval = "mcast_querier_intvl", mcast_query_interval = "mcast_query_intvl",
		mcast_query_response_interval = "mcast_query_response_intvl",
		mcast_startup_query_interval = "mcast_startup_query_intvl",
	},
	geneve = {
		dstport = "port", udpcsum = "udp_csum", udp6zerocsumtx = "udp_zero_csum6_tx",
		udp6zerocsumrx = "udp_zero_csum6_rx", flowlabel = "label", tos = tos,
		ttl = worded("ttl", { [0] = "auto" }), remote = first("remote", "remote6"),
	},
	gre = over_ip, gretap = over_ip, ipip = over_ip, sit = over_ip,
	ip6gre = over_ip6, ip6gretap = over_ip6, ip6tnl = over_ip6,
	macvlan = { flag = flags("nopromisc", "nodst"), macaddr = "macaddr_data" },
	macvtap = { flag = flags("nopromisc", "nodst"), macaddr = "macaddr_data" },
	tun = { mode = "type", user = false, group = false },
	vlan = {
		reorder_hdr = listed "REORDER_HDR", gvrp = listed "GVRP", mvrp = listed "MVRP",
		loose_binding = listed "LOOSE_BINDING", bridge_binding = listed "BRIDGE_BINDING",
		ingress_qos_map = "ingress_qos", egress_qos_map = "egress_qos",
	},
	vxlan = {
		dev = "link", dstport = "port", udpcsum = "udp_csum", udp6zerocsumtx = "udp_zero_csum6_tx",
		udp6zerocsumrx = "udp_zero_csum6_rx", remcsumtx = "remcsum_tx", remcsumrx = "remcsum_rx",
		maxaddress = "limit", flowlabel = "label", group = first("group", "group6"), tos = tos,
		remote = first("remote", "remote6"), ["local"] = first("local", "local6"),
		ttl = worded("ttl", { [0] = "auto" }),
		srcport = function(info)
			return { min = info.port_range.low, max = info.port_range.high }
		end,
	},
}

return link_samples
