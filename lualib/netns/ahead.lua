-- SPDX-License-Identifier: MIT
-- netns.ahead - which namespaces of a list of operations a helper makes ahead of their use, and in
-- which order
--
-- The helper also writes the settings that a namespace gets before anything else. Who needs a
-- namespace says so, and waits if it is not there yet; where the helper could not do its part, the
-- operations are done in the ordinary way, and raise what they raise.

local core = require "netns.core"
local sysctls = require "netns.sysctl"

-- With fewer, a helper costs more than it saves.
local LEAST = 24

local ahead = {}
ahead.__index = ahead

--- f(context, name) for each namespace that an operation needs; a link may lead to others.
local function each_name(op, f, context)
	local spec = op.spec
	local peer = spec.peer
	f(context, op.ns)
	if spec.netns ~= nil then
		f(context, spec.netns)
	end
	if type(peer) == "table" and peer.netns ~= nil then
		f(context, peer.netns)
	end
end

local function is_plain(key, value)
	return math.type(value) == "integer" and type(key) == "string" and key:find "^net%.[%w_.]+$"
		and not key:find("..", 1, true)
end

--- The settings of an operation as core.ahead takes them; nil if the helper cannot write one: it
--- takes numbers for keys without special characters.
local function settings(op)
	if op.object ~= "sysctl" then
		return nil
	end
	local keys = {}
	for key, value in next, op.spec do
		if not is_plain(key, value) then
			return nil
		end
		keys[#keys + 1] = key
	end
	for i, key in ipairs(sysctls.order(keys)) do
		keys[i] = ("/proc/sys/%s\0%d\n\0"):format(core.sysctl.path(key), op.spec[key])
	end
	return table.concat(keys)
end

--- What the helper does of a list: names in the order in which they are needed, the part of each
--- (the operations, of which the first makes it, and the settings as text), and the set of all that
--- it does; nil if it should do nothing.
local function divide(list, namespaces)
	local parts, order, touched, carries, n = {}, {}, {}, {}, 0
	local function place(_, name)
		local part = parts[name]
		if part and not part.placed then
			part.placed = true
			order[#order + 1] = name
		end
	end
	for _, op in ipairs(list) do
		local part = parts[op.ns]
		local text = part and not touched[op.ns] and settings(op)
		if op.object == "netns" then
			if op.verb ~= "add" or part or namespaces[op.ns] then
				return nil
			end
			parts[op.ns], n = { op, text = "" }, n + 1
			carries[op] = true
		elseif text then
			part[#part + 1], part.text = op, part.text .. text
			carries[op] = true
		elseif op.object == "link" or not touched[op.ns] then
			touched[op.ns] = true
			each_name(op, place)
		end
	end
	if n < LEAST then
		return nil
	end
	for _, op in ipairs(list) do
		place(nil, op.ns)
	end
	return order, parts, carries
end

--- Begin; nil if there is too little to do. `perform(op)` does an operation in the ordinary way.
local function new(list, namespaces, perform)
	local order, parts, carries = divide(list, namespaces)
	if not order then
		return nil
	end
	local texts = {}
	for i, name in ipairs(order) do
		texts[i] = parts[name].text .. "\0"
	end
	return setmetatable({
		helper = core.ahead(#order, table.concat(texts)), order = order, parts = parts,
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

local function wait_for(self, name)
	while self.parts[name] and not self.namespaces[name] do
		self:take()
	end
end

--- Wait until the namespaces of an operation are there; only links lead from one to another.
function ahead:need(op)
	if op.object == "link" or not self.namespaces[op.ns] then
		each_name(op, wait_for, self)
	end
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
