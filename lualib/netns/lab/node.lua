-- SPDX-License-Identifier: MIT
-- netns.lab.node - a node of a lab: while the lab is up, a namespace
--
-- A node is accepted wherever a namespace is (`__netns` in its metatable), and has a namespace's
-- fields and methods. It can be named in scripts long before it exists.

local core = require "netns.core"
local live = require "netns.lab.running"

local node_methods = {}
local node_mt = { __name = "netns.lab.node", __methods = node_methods, __fields = {} }

-- lab and handle of each node, which are no fields of it.
local labs = setmetatable({}, { __mode = "k" })
local handles = setmetatable({}, { __mode = "k" })

local function handle(self, op)
	local ns = handles[self]
	if not ns then
		live.running(labs[self], op or "lab")
		live.refuse(op or "lab", self.name, "it is no node of the lab any more")
	end
	return ns
end

function node_mt:__index(key)
	local method = node_methods[key]
	if method ~= nil then
		return method
	end
	return handle(self, tostring(key))[key]
end

function node_mt:__netns()
	return handle(self)
end

function node_mt:__tostring()
	return ("netns.lab.node (%s)"):format(self.name)
end

--- The address of a node: its first one, or the one on the segment that it shares with `on` (a node
--- or its name). Without prefix length.
function node_methods:address(family, on)
	if family ~= nil and family ~= "inet" and family ~= "inet6" then
		core.raise { op = "node address", attr = "family", code = "EINVAL", misuse = true,
			message = "\"inet\" or \"inet6\" expected" }
	end
	return labs[self]:address_of(self.name, family, type(on) == "table" and on.name or on)
end

local function new(lab, name, kind)
	local node = setmetatable({ name = name, kind = kind }, node_mt)
	labs[node] = lab
	return node
end

--- Connect a node with its namespace, or with nil part them.
local function attach(node, ns)
	handles[node] = ns
end

local function lab_of(node)
	return labs[node]
end

local function is_node(value)
	return getmetatable(value) == node_mt
end

return { new = new, attach = attach, lab_of = lab_of, is_node = is_node, methods = node_methods }
