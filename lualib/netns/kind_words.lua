-- SPDX-License-Identifier: MIT
-- netns.kind_words - what `ip link add ... type KIND` calls the fields that a kind of link adds
--
-- The keys are iproute2's words already, so only what is not written as a word and a value stands
-- here: switches, which every kind spells in its own way, lists, and numbers that it reads in base
-- 16. What a kind has is asked of core.schema.

local core = require "netns.core"

-- How a kind writes true and false.
local switches = {}

function switches.number(out, word, value)
	out[#out + 1] = word
	out[#out + 1] = value and "1" or "0"
end

function switches.onoff(out, word, value)
	out[#out + 1] = word
	out[#out + 1] = value and "on" or "off"
end

function switches.no(out, word, value)
	out[#out + 1] = (value and "" or "no") .. word
end

-- There is no word for "off".
function switches.bare(out, word, value)
	out[#out + 1] = value and word or nil
end

local switch_of = {
	vlan = "onoff", bridge_slave = "onoff", vxlan = "no", geneve = "no", gre = "no", gretap = "no",
	ip6gre = "no", ip6gretap = "no", ip6tnl = "no", ipip = "no", sit = "no",
}

-- The writers of single fields.
local writers = {}

local function pair(word)
	return function(out, value)
		out[#out + 1] = word
		out[#out + 1] = tostring(value)
	end
end

local function hex(word)
	return function(out, value)
		pair(word)(out, math.type(value) and ("0x%x"):format(value) or value)
	end
end

local function bare(word)
	return function(out, value)
		switches.bare(out, word, value)
	end
end

local function onoff(word)
	return function(out, value)
		switches.onoff(out, word, value)
	end
end

local function joined(word)
	return function(out, value)
		pair(word)(out, table.concat(value, ","))
	end
end

local function without_word(key)
	return function(_, _, misuse)
		misuse("data." .. key, "there is no word for it")
	end
end

local function qos_map(word)
	return function(out, value)
		out[#out + 1] = #value > 0 and word or nil
		for _, mapping in ipairs(value) do
			out[#out + 1] = ("%d:%d"):format(mapping.from, mapping.to)
		end
	end
end

local function hyphens(out, key, value)
	local word = key:gsub("_", "-")
	if type(value) == "boolean" then
		switches.no(out, word, value)
	else
		pair(word)(out, value)
	end
end

local function hyphened(key)
	return function(out, value)
		hyphens(out, key, value)
	end
end

local tunnel = {
	tos = hex "tos", tclass = hex "tclass", flowlabel = hex "flowlabel", external = bare "external",
	isatap = bare "isatap", innerprotoinherit = bare "innerprotoinherit", gbp = bare "gbp",
	gpe = bare "gpe", vnifilter = bare "vnifilter",
	id = function(out, value, _, data)
		if not data.external then -- where `ip` takes none
			pair "id"(out, value)
		end
	end,
	dscp_inherit = function(out, value)
		if value then
			pair "dscp"(out, "inherit")
		end
	end,
	srcport = function(out, value)
		pair "srcport"(out, value.min)
		out[#out + 1] = tostring(value.max)
	end,
}
for _, key in ipairs {
	"ignore_df", "allow_localremote", "encap_sport", "encap_dport", "encap_csum", "encap_csum6",
	"encap_remcsum",
} do
	tunnel[key] = hyphened(key)
end
for _, kind in ipairs {
	"vxlan", "geneve", "gre", "gretap", "ip6gre", "ip6gretap", "ip6tnl", "ipip", "sit",
} do
	writers[kind] = tunnel
end

writers.bond = {
	arp_ip_target = joined "arp_ip_target", ns_ip6_target = joined "ns_ip6_target",
	lacp_active = onoff "lacp_active",
}

writers.bridge = {
	fdb_flush = bare "fdb_flush",
}

writers.ipvlan = {
	flags = function(out, value)
		out[#out + 1] = value
	end,
}
writers.ipvtap = writers.ipvlan

writers.macvlan = {
	flag = function(out, value)
		for _, flag in ipairs(type(value) == "table" and value or { value }) do
			pair "flag"(out, flag)
		end
	end,
	macaddr = function(out, value)
		pair "macaddr"(out, "set")
		table.move(value, 1, #value, #out + 1, out)
	end,
}
writers.macvtap = writers.macvlan

writers.netkit = {
	peer_policy = without_word "peer_policy", peer_scrub = without_word "peer_scrub",
}

writers.tun = { pi = bare "pi", vnet_hdr = bare "vnet_hdr", multi_queue = bare "multi_queue" }

writers.vlan = {
	ingress_qos_map = qos_map "ingress-qos-map", egress_qos_map = qos_map "egress-qos-map",
}

-- What the kernel knows of a kind, or of what a master adds to its ports: key -> row.
local function rows_of(kind)
	local found = {}
	for _, row in ipairs(core.schema "link") do
		local fields = row.key == kind and row.fields or row.choices and row.choices[kind]
		for _, field in ipairs(fields or {}) do
			found[field.key] = field
		end
	end
	return found
end

--- Append the words of `data`, which a kind (or "bridge_slave", "bond_slave") has; `keys` are its
--- keys in order, `misuse(key, why)` raises. What only a listing has is passed over.
local function append(out, kind, data, keys, misuse)
	local rows, special = rows_of(kind), writers[kind] or {}
	local switch = switches[switch_of[kind] or "number"]
	for _, key in ipairs(keys) do
		local value = data[key]
		if not rows[key] then
			misuse("data." .. key, "a " .. kind .. " has no such field")
		elseif not rows[key].ro then
			if special[key] then
				special[key](out, value, misuse, data)
			elseif type(value) == "boolean" then
				switch(out, key, value)
			elseif type(value) == "string" or type(value) == "number" then
				pair(key)(out, math.type(value) == "float" and math.tointeger(value) or value)
			else
				misuse("data." .. key, "string, number or boolean expected, got " .. type(value))
			end
		end
	end
	return out
end

return { append = append }
