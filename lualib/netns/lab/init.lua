-- SPDX-License-Identifier: MIT
-- netns.lab - a topology: described, planned, built, taken down
--
-- Three rooms: the description (what the user said), the plan (operations, computed from it alone),
-- and the build (the only part that touches the kernel). Everything else a lab can do is in a file
-- of its own and loaded when it is first used.

local caller = require "netns.caller"
local core = require "netns.core"
local descriptions = require "netns.lab.description"
local layouts = require "netns.lab.layout"
local nodes = require "netns.lab.node"
local plans = require "netns.lab.plan"
local topologies = require "netns.lab.topology"

local lab_methods = {}
local lab_mt = { __name = "netns.lab", methods = lab_methods }

-- Methods in files of their own: name -> module, which returns a table of functions by method.
local elsewhere = {
	up = "netns.lab.build", down = "netns.lab.build", apply = "netns.lab.build",
	shell = "netns.lab.build",
	script = "netns.lab.script", draw = "netns.lab.draw",
	check = "netns.proof.check", expect = "netns.proof.check", eventually = "netns.proof.check",
	matrix = "netns.proof.check", mutate = "netns.proof.mutate", explain = "netns.proof.explain",
	model = "netns.proof.model",
}

lab_mt.elsewhere = elsewhere

function lab_mt.__index(_, key)
	local method = lab_methods[key]
	if method == nil and elsewhere[key] then
		local module = require(elsewhere[key])
		method = (module.methods or module)[key]
		lab_methods[key] = method
	end
	return method
end

function lab_mt:__tostring()
	return ("netns.lab (%s, %s)"):format(self.description.name or "unnamed",
		self.running and "up" or "down")
end

function lab_mt:__close()
	self:down()
end

lab_mt.__gc = lab_mt.__close

local function misuse(op, attr, message, ...)
	core.raise { op = op, attr = attr, message = message:format(...), code = "EINVAL",
		misuse = true }
end

local function add_node(self, kind, name, options, from)
	local description = descriptions.node(kind, name, options, from)
	local node = self.nodes[name] or nodes.new(self, name, kind)
	table.insert(self.description.nodes, description)
	self.nodes[name] = node
	return node
end

for _, kind in ipairs { "host", "router", "switch" } do
	--- lab:host(name [, options]) -> node
	lab_methods[kind] = function(self, name, options)
		return add_node(self, kind, name, options, caller())
	end
	--- lab:hosts(stem, count [, options]) or lab:hosts({ names } [, options]) -> array of nodes
	lab_methods[kind == "switch" and "switches" or kind .. "s"] = function(self, names, count, options)
		local from, list = caller(), {}
		if type(names) == "table" then
			options = count
			for i, name in ipairs(names) do
				list[i] = add_node(self, kind, name, options, from)
			end
			return list
		end
		if type(names) ~= "string" then
			misuse("lab " .. kind .. "s", "name", "a stem or an array of names expected, got %s",
				type(names))
		elseif math.type(count) ~= "integer" or count < 0 then
			misuse("lab " .. kind .. "s", "count", "a whole number expected")
		end
		for i = 1, count do
			list[i] = add_node(self, kind, names .. i, options, from)
		end
		return list
	end
end

--- lab:internet([name]) -> the node that stands for the outside
function lab_methods:internet(name, options)
	return add_node(self, "internet", name or "internet", options, caller())
end

local function name_of(self, op, value, attr)
	if nodes.is_node(value) then
		if nodes.lab_of(value) ~= self then
			misuse(op, attr, "%s is a node of another lab", value.name)
		end
		return value.name
	elseif type(value) ~= "string" then
		misuse(op, attr, "a node or its name expected, got %s", type(value))
	end
	return value
end

local function names_of(self, value, attr)
	if type(value) ~= "table" or nodes.is_node(value) then
		return { name_of(self, "lab link", value, attr) }, false
	end
	local list = {}
	for i, each in ipairs(value) do
		list[i] = name_of(self, "lab link", each, attr)
	end
	return list, true
end

--- lab:link(a, b [, options]): a cable; one side may be an array, for a cable from each
function lab_methods:link(a, b, options)
	local from = caller()
	local first, many = names_of(self, a, "from")
	local second, many_more = names_of(self, b, "to")
	if many and many_more then
		misuse("lab link", "to", "only one side can be an array")
	end
	for _, x in ipairs(first) do
		for _, y in ipairs(second) do
			table.insert(self.description.links,
				descriptions.link(x, y, descriptions.copy(options), from))
		end
	end
end

--- The cables between two nodes; raises when there is none.
local function between(self, op, a, b)
	local x, y, list = name_of(self, op, a, "from"), name_of(self, op, b, "to"), {}
	for i, link in ipairs(self.description.links) do
		if link[1] == x and link[2] == y or link[1] == y and link[2] == x then
			list[#list + 1] = i
		end
	end
	if #list == 0 then
		misuse(op, "to", "there is no cable between %s and %s", x, y)
	end
	return list
end

--- Change the description; where the lab is up, the lab with it, and where that is refused,
--- neither. Errors call it `op`.
local function alter(self, op, f)
	local before = self.description
	self.description = descriptions.copy(before)
	f(self.description)
	if self.running then
		local done, e = pcall(require "netns.lab.build".apply, self, nil, op)
		if not done then
			self.description = before
			error(e, 0)
		end
	end
end

--- lab:set(a, b, options): change the cables between two nodes, such as { up = false }
function lab_methods:set(a, b, options)
	local list, from = between(self, "lab set", a, b), caller()
	alter(self, "lab set", function(description)
		for _, i in ipairs(list) do
			local link = description.links[i]
			local changed = descriptions.link(link[1], link[2], descriptions.copy(options), from, "lab set")
			for key, value in next, link do
				if changed[key] == nil then
					changed[key] = value
				end
			end
			description.links[i] = changed
		end
	end)
end

--- lab:unlink(a, b): remove the cables between two nodes
function lab_methods:unlink(a, b)
	local list = between(self, "lab unlink", a, b)
	alter(self, "lab unlink", function(description)
		for i = #list, 1, -1 do
			table.remove(description.links, list[i])
		end
	end)
end

local function set_stopped(self, op, node, stopped)
	local name = name_of(self, op, node, "node")
	if not self.nodes[name] then
		misuse(op, "node", "there is no node '%s'", name)
	end
	alter(self, op, function(description)
		for _, each in ipairs(description.nodes) do
			if each.name == name then
				each.stopped = stopped
			end
		end
	end)
end

--- lab:stop(node): its commands end and its cables go down; its namespace stays
function lab_methods:stop(node)
	set_stopped(self, "lab stop", node, true)
end

--- lab:start(node): what stop took away comes back
function lab_methods:start(node)
	set_stopped(self, "lab start", node, nil)
end

--- lab:node(name) -> node | nil
function lab_methods:node(name)
	return self.nodes[name]
end

--- lab:describe() -> the description, which lab.new takes
function lab_methods:describe()
	return descriptions.copy(self.description)
end

local function raise_mistakes(mistakes, op)
	local lines = {}
	for i, each in ipairs(mistakes) do
		lines[i] = (each.from and each.from .. ": " or "") .. each.message
	end
	local ok, e = pcall(core.raise, { op = op, code = "EINVAL", misuse = true,
		message = (#lines == 1 and "%s" or #lines .. " mistakes:\n\t%s"):format(
			table.concat(lines, "\n\t")) })
	assert(not ok)
	e.mistakes = mistakes
	error(e, 0)
end

--- The layout of a description. Raises with all mistakes at once.
function lab_methods.layout_of(_, description, previous, op)
	local layout, mistakes = layouts.new(description, previous)
	if #mistakes > 0 then
		raise_mistakes(mistakes, op)
	end
	return layout
end

function lab_methods:layout(previous, op)
	return self:layout_of(self.description, previous, op or "lab plan")
end

--- lab:plan([options]) -> operations
function lab_methods:plan(options)
	return plans.new(self:layout(), options)
end

--- The address of a node, from the lab that is up, else from the one that would be.
function lab_methods:address_of(name, family, on)
	local layout = self.running and self.running.layout or self:layout(nil, "node address")
	local node = layout.nodes[name]
	for _, interface in ipairs(node and node.interfaces or {}) do
		for _, each in ipairs { "inet", "inet6" } do
			local address = interface.address and interface.address[each]
			local fits = not on
			for _, member in ipairs(on and interface.segment and interface.segment.members or {}) do
				fits = fits or member.node.name == on
			end
			fits = fits or interface.peer == on
			if address and fits and (family or each) == each then
				return address:address()
			end
		end
	end
	if node and node.address and not on and node.address[family or "inet"] then
		return node.address[family or "inet"]:address()
	end
end

-- All methods, by name.
lab_mt.__methods = {}
for _, methods in ipairs { lab_methods, elsewhere } do
	for name in pairs(methods) do
		lab_mt.__methods[name] = true
	end
end

--- lab.new([name or description]) -> lab
local function new(given)
	local self = setmetatable({ nodes = {} }, lab_mt)
	self.description = descriptions.new(given, caller())
	for _, node in ipairs(self.description.nodes) do
		self.nodes[node.name] = nodes.new(self, node.name, node.kind)
	end
	return self
end

local lab = { new = new }

for name, make in next, topologies do
	--- lab.star(n) and the like -> lab
	lab[name] = function(...)
		return make(new, ...)
	end
end

return lab
