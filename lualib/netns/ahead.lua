-- SPDX-License-Identifier: MIT
-- netns.ahead - which namespaces of a list of operations a helper makes ahead of their use, and in
-- which order
--
-- The helper also writes the settings that a namespace gets before anything else. Who needs a
-- namespace says so, and waits if it is not there yet; where the helper could not do its part, the
-- operations are done in the ordinary way, and raise what they raise.

local core = require "netns.core"

-- With fewer, a helper costs more than it saves.
local LEAST = 24

local ahead = {}
ahead.__index = ahead

--- f(name) for each namespace that an operation needs.
local function each_name(op, f)
	f(op.ns)
	for _, spec in ipairs { op.spec, type(op.spec.peer) == "table" and op.spec.peer or nil } do
		if type(spec.netns) == "string" then
			f(spec.netns)
		end
	end
end

--- Settings that the helper can write are plain: a number for a key without special characters.
local function setting(op)
	if op.object ~= "sysctl" then
		return nil
	end
	local key, value = next(op.spec)
	if next(op.spec, key) == nil and math.type(value) == "integer" and type(key) == "string"
		and key:find "^net%.[%w_.]+$" and not key:find("..", 1, true) then
		return string.pack("zz", "/proc/sys/" .. core.sysctl.path(key), value .. "\n")
	end
end

--- What the helper does of a list: names in the order in which they are needed, the operations for
--- each (first its making), and the set of all that it does; nil if it should do nothing.
local function divide(list, namespaces)
	local parts, order, placed, touched, carries, n = {}, {}, {}, {}, {}, 0
	local function place(name)
		if parts[name] and not placed[name] then
			placed[name] = true
			order[#order + 1] = name
		end
	end
	for _, op in ipairs(list) do
		if op.object == "netns" then
			if op.verb ~= "add" or parts[op.ns] or namespaces[op.ns] then
				return nil
			end
			parts[op.ns], n = { op }, n + 1
			carries[op] = true
		elseif parts[op.ns] and not touched[op.ns] and setting(op) then
			table.insert(parts[op.ns], op)
			carries[op] = true
		else
			touched[op.ns] = true
			each_name(op, place)
		end
	end
	if n < LEAST then
		return nil
	end
	for _, op in ipairs(list) do
		place(op.ns)
	end
	return order, parts, carries
end

--- Begin; nil if there is too little to do. `perform(op)` does an operation in the ordinary way.
local function new(list, namespaces, perform)
	local order, parts, carries = divide(list, namespaces)
	if not order then
		return nil
	end
	local text = {}
	for _, name in ipairs(order) do
		for i = 2, #parts[name] do
			text[#text + 1] = setting(parts[name][i])
		end
		text[#text + 1] = "\0"
	end
	return setmetatable({
		helper = core.ahead(#order, table.concat(text)), order = order, parts = parts,
		carries = carries, taken = 0, namespaces = namespaces, perform = perform,
	}, ahead)
end

function ahead:take()
	self.taken = self.taken + 1
	local name = self.order[self.taken]
	local part = self.parts[name]
	local ns, written = self.helper:take()
	if ns then
		core.label(ns, name)
		self.namespaces[name] = ns
	else
		self.perform(part[1])
	end
	if not written then
		for i = 2, #part do
			self.perform(part[i])
		end
	end
end

--- Wait until the namespaces of an operation are there.
function ahead:need(op)
	each_name(op, function(name)
		while self.parts[name] and not self.namespaces[name] do
			self:take()
		end
	end)
end

--- Wait for all that are left.
function ahead:finish()
	while self.taken < #self.order do
		self:take()
	end
end

function ahead:close()
	self.helper:close()
end

ahead.__close = ahead.close

return { new = new }
