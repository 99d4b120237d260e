-- SPDX-License-Identifier: MIT
-- netns.proof.mutate - does the table notice? Each thing that could be missing is taken away once
--
-- Theory. A table that holds proves that the policy does what the table says; not that the table
-- says enough. So every firewall rule, policy, route and setting is taken away in a fresh copy of
-- the lab, and the table is asked again: a mutant is `killed` when some row no longer holds,
-- `survived` when none noticed, `void` when it could not be made. First an unchanged copy is asked,
-- of which every row must hold: else rows that fail for another reason would look like killers.
-- And a table that kills nothing proves nothing, also where nothing could have survived.

local checks = require "netns.proof.check"
local core = require "netns.core"
local finder = require "netns.proof.mutants"
local live = require "netns.lab.running"
local nodes = require "netns.lab.node"

local AT_ONCE = 16 -- copies that stand at the same time

local function misuse(attr, message, ...)
	core.raise { op = "lab mutate", attr = attr, message = message:format(...), code = "EINVAL",
		misuse = true }
end

local result_methods = {}
local result_mt = { __name = "netns.mutation", __index = result_methods }

--- Rows name nodes of this lab; for a copy they must be names.
local function by_name(value)
	if nodes.is_node(value) then
		return value.name
	elseif type(value) == "table" then
		local out = {}
		for key, each in next, value do
			out[key] = by_name(each)
		end
		return out
	end
	return value
end

--- The description with the firewall that is really there.
local function description_of(self)
	local description = self:describe()
	for _, node in ipairs(description.nodes) do
		local text = self.running.namespaces[node.name].nft:list()
		node.nft = text ~= "" and text or nil
	end
	return description
end

local function route_id(route)
	return ("%s %s %s %s %s %s"):format(
		route.family, route.type, route.dst, route.via or "", route.dev or "",
		route.metric or "")
end

--- Make a copy's routes those of the original, where somebody changed them.
local function copy_routes(original, copy)
	for name, ns in next, original.running.namespaces do
		local there, wanted = copy.running.namespaces[name], {}
		for _, route in ipairs(ns.route:list()) do
			wanted[route_id(route)] = route.proto ~= "kernel" and route or nil
		end
		for _, route in ipairs(there.route:list()) do
			if route.proto ~= "kernel" and not wanted[route_id(route)] then
				there.route:delete(route)
			end
			wanted[route_id(route)] = nil
		end
		for _, route in next, wanted do
			there.route:replace(route)
		end
	end
end

--- Likewise the ports of switches that may not talk to each other.
local function copy_ports(original, copy)
	for name, ns in next, original.running.namespaces do
		for _, link in ipairs(ns.link:list()) do
			if link.bridge_slave and link.bridge_slave.isolated then
				copy.running.namespaces[name].link:set { name = link.name,
					bridge_slave = { isolated = true } }
			end
		end
	end
end

--- Settings that differ from those of a copy, because somebody changed them since: for each node,
--- { [key] = { is, was } }. What a namespace counts is no setting.
local function changed_sysctls(original, copy)
	local out = {}
	for name, ns in next, original.running.namespaces do
		local fresh, changed = copy.running.namespaces[name].sysctl:list(), {}
		for key, value in next, ns.sysctl:list() do
			if fresh[key] ~= nil and fresh[key] ~= value and not key:find "_count$" then
				changed[key] = { is = value, was = fresh[key] }
			end
		end
		out[name] = changed
	end
	return out
end

local function copy_changes(original, copy, sysctls)
	for name, changed in next, sysctls do
		local values = {}
		for key, value in next, changed do
			values[key] = value.is
		end
		copy.running.namespaces[name].sysctl:set(values)
	end
	copy_routes(original, copy)
	copy_ports(original, copy)
end

--- A fresh copy that is up, with what was changed since, `sysctls` among it (changed_sysctls, which
--- the first copy finds out); the caller closes it.
local function copy_of(self, description, sysctls)
	local lab = require "netns.lab"
	local copy = lab.new(description)
	copy:up { routing = self.running.options.routing }
	local done, e = pcall(function()
		sysctls = sysctls or changed_sysctls(self, copy)
		copy_changes(self, copy, sysctls)
	end)
	if not done then
		copy:down()
		error(e, 0)
	end
	return copy, sysctls
end

-- What the lab sets for the probes' sake, and not for the policy's.
local for_probes = {
	["net.ipv4.icmp_ratemask"] = true, ["net.ipv6.icmp.ratelimit"] = true,
	["net.ipv4.ip_default_ttl"] = true, ["net.ipv6.conf.default.hop_limit"] = true,
	["net.ipv6.conf.default.disable_ipv6"] = true,
}

local function planned_sysctls(self)
	local out = {}
	for _, op in ipairs(self.running.operations) do
		if op.object == "sysctl" then
			out[op.ns] = out[op.ns] or {}
			for key in next, op.spec do
				out[op.ns][key] = not for_probes[key] or nil
			end
		end
	end
	return out
end

local function usual_values()
	local known = {}
	return function(key)
		if known[key] == nil then
			local fresh <close> = core.new()
			known[key] = { fresh.sysctl[key] }
		end
		return known[key][1]
	end
end

--- Which rows of a report do not hold, as a sentence.
local function killers(report)
	local list = {}
	for i, entry in ipairs(report) do
		if not entry.ok then
			list[#list + 1] = ("row %d is %s"):format(i, entry.verdict)
		end
	end
	return #list > 0 and table.concat(list, ", ") or nil
end

--- Make one mutant: its copy, or what is wrong with it.
local function make(self, description, sysctls, mutant)
	local made, copy = pcall(copy_of, self, description, sysctls)
	if not made then
		return nil, tostring(copy)
	end
	local applied, e = pcall(mutant.apply, copy.running.namespaces[mutant.node])
	if not applied then
		copy:down()
		return nil, tostring(e)
	end
	return copy
end

--- Ask the table of several mutants at once, since most of the time goes by waiting for silence.
--- `note(mutant, fate, why)` takes the results.
local function try(self, description, sysctls, rows, batch, note)
	local copies, made = {}, {}
	local guard <close> = setmetatable({}, { __close = function()
		for _, copy in ipairs(copies) do
			copy:down()
		end
	end })
	for _, mutant in ipairs(batch) do
		local copy, why = make(self, description, sysctls, mutant)
		if copy then
			copies[#copies + 1], made[#made + 1] = copy, mutant
		else
			note(mutant, "void", why)
		end
	end
	for i, report in ipairs(checks.check_all(copies, rows, { explain = "none" })) do
		local why = killers(report)
		note(made[i], why and "killed" or "survived", why or "every row still holds")
	end
	return guard
end

local function progress(i, n)
	if core.isatty(2) then
		io.stderr:write(("\r\27[Kmutant %d of %d"):format(i, n))
		io.stderr:flush()
	end
end

local function end_progress()
	if core.isatty(2) then
		io.stderr:write("\r\27[K")
	end
end

local function read_options(options)
	if options ~= nil and type(options) ~= "table" then
		misuse("options", "table expected, got %s", type(options))
	end
	for key, value in next, options or {} do
		if key ~= "strict" then
			misuse(tostring(key), "unknown key")
		elseif type(value) ~= "boolean" then
			misuse(key, "true or false expected, got %s", type(value))
		end
	end
	return options or {}
end

--- Raise unless the table killed all that could be made.
local function demand(self, result)
	if result.ok then
		return
	end
	local lines = { ("%d of %d mutants survived"):format(#result.survived,
		#result.survived + #result.killed) }
	if #result.survived == 0 then
		lines[1] = "a table that kills nothing proves nothing"
	end
	for _, each in ipairs(result.survived) do
		lines[#lines + 1] = ("  %s: %s"):format(each.node, each.what)
	end
	local ok, e = pcall(core.raise, { op = "lab mutate", subject = self.description.name,
		code = "EXPECT", message = table.concat(lines, "\n") })
	assert(not ok)
	e.mutation = result
	error(e, 0)
end

local methods = {}

--- lab:mutate(rows [, options]) -> { survived, killed, void, ok }: arrays of { what, node, why }.
--- options.strict: raise unless it is `ok`
function methods:mutate(rows, options)
	live.running(self, "lab mutate")
	options = read_options(options)
	rows = by_name(rows)
	local result = setmetatable({ survived = {}, killed = {}, void = {} }, result_mt)
	local description, order = description_of(self), {}
	for i, node in ipairs(self.running.layout.order) do
		order[i] = node.name
	end
	local list, sysctls
	do
		local first, changed = copy_of(self, description)
		local copy <close> = first
		sysctls = changed
		local report = copy:check(rows)
		if not report.ok then
			core.raise { op = "lab mutate", subject = self.description.name, code = "EXPECT",
				message = "in an unchanged copy of the lab, " .. report:failures() }
		end
		list = finder.find(order, copy.running.namespaces, { sysctls = planned_sysctls(self),
			usual = usual_values(), changed = changed })
	end
	for first = 1, #list, AT_ONCE do
		progress(first, #list)
		try(self, description, sysctls, rows, table.move(list, first, first + AT_ONCE - 1, 1, {}),
			function(mutant, fate, why)
				table.insert(result[fate], { what = mutant.what, node = mutant.node, why = why })
			end)
	end
	end_progress()
	result.ok = #result.survived == 0 and #result.killed > 0
	if options.strict then
		demand(self, result)
	end
	return result
end

function result_methods:text()
	local lines = {}
	for _, fate in ipairs { "survived", "void", "killed" } do
		for _, each in ipairs(self[fate]) do
			lines[#lines + 1] = ("%-8s  %s: %s (%s)"):format(fate, each.node, each.what, each.why)
		end
	end
	lines[#lines + 1] = ("%d killed, %d survived, %d void"):format(
		#self.killed, #self.survived, #self.void)
	return table.concat(lines, "\n")
end

function result_mt:__tostring()
	return self:text()
end

return methods
