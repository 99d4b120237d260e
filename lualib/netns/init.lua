-- SPDX-License-Identifier: MIT
-- netns - network namespaces, links, addresses, routes, firewall and processes; proof of isolation.
-- The facade: it takes the public part of netns.core (C) and adds what is written in Lua, each part
-- loaded when it is first used.

local core = require "netns.core"

local VERSION = "scm"
if core.version ~= VERSION then
	error(("netns: the Lua half is version %s, netns.core %s: install both from one build")
		:format(VERSION, tostring(core.version)), 0)
end

core.own(debug.getinfo(1, "S").source:match("^(@.*[/\\])") or "@netns/")

-- What the C half offers to everybody; the rest of netns.core is private.
local PUBLIC = {
	"new", "add", "current", "list", "delete", "identify", "prune", "close_wait",
	"sandbox", "wait", "sleep", "clock",
}

-- Functions written in Lua: name -> module, and the function's name there.
local LAZY = {
	probe = { "netns.proof.probe", "probe" };
	supports = { "netns.supports", "supports" };
}

local netns = { _VERSION = "netns " .. VERSION }

for _, name in ipairs(PUBLIC) do
	netns[name] = core[name]
end

function netns.open(ref)
	if type(ref) == "table" and getmetatable(ref) == nil then
		return require "netns.container".open(ref)
	end
	return core.open(ref)
end

function core.fields.nft(ns)
	return require "netns.firewall".new(ns)
end

function core.fields.sysctl(ns)
	return require "netns.sysctl".new(ns)
end

require "netns.addr"
require "netns.link"
require "netns.process"

return setmetatable(netns, {
	__name = "netns";
	__fields = LAZY; -- for those who want to know all names
	__index = function(_, key)
		local lazy = LAZY[key]
		if lazy then
			local f = require(lazy[1])[lazy[2]]
			rawset(netns, key, f)
			return f
		end
	end;
})
