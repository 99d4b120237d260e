-- SPDX-License-Identifier: MIT
-- netns.lab.build - carries a plan out, all or nothing, and waits until the lab is usable
--
-- A namespace without a name is held by its handle alone, so taking back is closing; names are
-- removed. Whatever ends the build (a refusal, Ctrl-C, no memory), what it made is gone.

local core = require "netns.core"
local changes = require "netns.lab.change"
local descriptions = require "netns.lab.description"
local netns = require "netns"
local nodes = require "netns.lab.node"
local operations = require "netns.operations"
local plans = require "netns.lab.plan"
local features = require "netns.lab.features"

local READY_WITHIN = 30 -- seconds for commands that say what they are ready by
local PATIENCE = 1 -- seconds until a terminal is told how far it is
local DESCRIPTORS = 3 -- that a node holds
local USABLE_WITHIN = 10
local POLL = 0.001

local function misuse(attr, message, ...)
	core.raise { op = "lab up", attr = attr, message = message:format(...), code = "EINVAL",
		misuse = true }
end

local option_checks = {
	named = function(value) return type(value) == "boolean" or type(value) == "string" end,
	routing = function(value) return value == "static" or value == "none" end,
}

local function check_options(options)
	if options ~= nil and type(options) ~= "table" then
		misuse("options", "table expected, got %s", type(options))
	end
	for key, value in next, options or {} do
		local check = option_checks[key]
		if not check then
			misuse(tostring(key), "unknown key")
		elseif not check(value) then
			misuse(key, key == "routing" and "\"static\" or \"none\" expected"
				or "true or a prefix expected")
		end
	end
	return options or {}
end

--- Close everything that a build holds.
local function take_down(running)
	for i = #running.processes, 1, -1 do
		running.processes[i].process:close()
	end
	for _, ns in next, running.namespaces do
		if running.named then
			pcall(ns.delete, ns)
		end
		ns:close()
	end
	running.processes, running.namespaces = {}, {}
end

--- A command says by `ready` when it is: "tcp/80", "udp/53", or a pattern that its output matches.
local function wait_ready(process, op, doing)
	local ready = op.spec.ready
	if ready == nil then
		return
	end
	local wait = tostring(ready):find("^%l+/%d+$") and process.listening or process.expect
	if not wait(process, ready, READY_WITHIN) then
		core.raise { op = doing, subject = op.spec[1], netns = op.ns, code = "ETIMEDOUT",
			message = ("not ready (%s) within %d s"):format(ready, READY_WITHIN) }
	end
end

--- Has the kernel taken the interface's IPv6 address into use? Only when it has a local route does
--- it answer for it, and a link without carrier gives it none.
local function has_address(interface, ns)
	local found, e = pcall(ns.route.lookup, ns.route, interface.address.inet6:address())
	if not found and (type(e) ~= "table" or e.code ~= "ENETUNREACH") then
		error(e, 0)
	end
	return found and e.type == "local"
end

--- Would a packet get through at once? The kernel tells a link of its carrier in the background,
--- and takes an IPv6 address into use there. A link that is down is as the user wants it.
local function is_usable(interface, ns, link)
	local waits = interface.address and interface.address.inet6
	if waits and has_address(interface, ns) then
		return true
	end
	link = link or ns.link:get(interface.name)
	return not link or not link.up or link.state == "up" and not waits
end

--- Those of `interfaces`, all of one node, that are not yet usable. One listing tells of many.
local function unusable(interfaces, ns)
	local links, left = {}, {}
	if #interfaces > 1 then
		for _, link in ipairs(ns.link:list()) do
			links[link.name] = link
		end
	end
	for _, interface in ipairs(interfaces) do
		if not is_usable(interface, ns, links[interface.name]) then
			left[#left + 1] = interface
		end
	end
	return left
end

local function wait_usable(layout, namespaces, doing)
	local waiting = {}
	for _, ends in ipairs(layout.cables) do
		for i = 1, ends[1].link.up ~= false and 2 or 0 do
			local name = ends[i].node.name
			-- of a switch the bridge itself comes last
			waiting[name] = waiting[name]
				or { ends[i].node.kind == "switch" and { name = "br0" } or nil }
			table.insert(waiting[name], ends[i])
		end
	end
	local deadline, nap = netns.clock() + USABLE_WITHIN, POLL / 16
	while true do
		for name, interfaces in next, waiting do
			local left = unusable(interfaces, namespaces[name])
			waiting[name] = left[1] and left
		end
		local name, left = next(waiting)
		if not name then
			return
		elseif netns.clock() > deadline then
			core.raise { op = doing, subject = left[1].name, netns = name, code = "ETIMEDOUT",
				message = ("the link is not usable after %d s"):format(USABLE_WITHIN) }
		end
		netns.sleep(nap)
		nap = math.min(2 * nap, POLL)
	end
end

--- A line on the terminal when it takes long.
local function progress(self)
	local shown, began = 0, netns.clock()
	local name = self.description.name and " " .. self.description.name or ""
	if not core.isatty(2) then
		return nil
	end
	return function(at, n)
		local now = netns.clock()
		if now - began > PATIENCE and now - shown > 0.1 then
			shown = now
			io.stderr:write(("\r\27[Klab%s: step %d of %d"):format(name, at, n))
			io.stderr:flush()
		end
		if at >= n and shown > 0 then
			io.stderr:write("\r\27[K")
			io.stderr:flush()
		end
	end
end

--- What operations.apply is told: how a namespace is made, who owns a process. `doing` is what
--- errors call it.
local function makers(running, doing)
	local made = {}
	function made.spawned(process, op)
		table.insert(running.processes, { process = process, op = op })
		wait_ready(process, op, doing)
	end
	if running.named then
		local prefix = type(running.named) == "string" and running.named or ""
		function made.make(name)
			local ns = netns.add(prefix .. name)
			core.label(ns, name)
			return ns
		end
	end
	return made
end

local function attach(self, running)
	for name, node in next, self.nodes do
		nodes.attach(node, running.namespaces[name])
	end
end

--- Commands start when the network can be used; so they are apart. They come last in every plan.
local function split(list, is_command)
	local first = #list + 1
	while list[first - 1] and is_command(list[first - 1]) do
		first = first - 1
	end
	return table.move(list, 1, first - 1, 1, {}), table.move(list, first, #list, 1, {})
end

--- Inside every node the others' names resolve.
local function name_hosts(running)
	local lines, list = { "127.0.0.1 localhost", "::1 localhost ip6-localhost" }, {}
	for _, node in ipairs(running.layout.order) do
		for _, interface in ipairs(node.interfaces) do
			for _, address in next, interface.address or {} do
				lines[#lines + 1] = address:address() .. " " .. node.name
			end
		end
		for _, address in next, node.address or {} do
			lines[#lines + 1] = address:address() .. " " .. node.name
		end
		list[#list + 1] = running.namespaces[node.name]
	end
	core.hosts(list, table.concat(lines, "\n") .. "\n")
end

local function build(self, running)
	local made = makers(running, "lab up")
	made.progress = progress(self)
	core.need_descriptors(DESCRIPTORS * #running.layout.order + 256)
	local network, commands = split(running.operations, function(op)
		return op.object == "exec"
	end)
	operations.apply(network, running.namespaces, made)
	made.progress = nil
	wait_usable(running.layout, running.namespaces, "lab up")
	name_hosts(running)
	operations.apply(commands, running.namespaces, made)
	attach(self, running)
end

local methods = {}

--- lab:up([options]): build it. All or nothing; returns when it can be used.
function methods:up(options)
	options = check_options(options)
	if self.running then
		core.raise { op = "lab up", subject = self.description.name, code = "EALREADY",
			message = "the lab is up", misuse = true }
	end
	local layout = self:layout(nil, "lab up")
	local plan_options = features.check(layout, "lab up")
	plan_options.routing = options.routing
	local running = {
		layout = layout, namespaces = {}, processes = {}, named = options.named,
		options = plan_options, operations = plans.new(layout, plan_options),
	}
	local done, e = pcall(build, self, running)
	if not done then
		take_down(running)
		error(e, 0)
	end
	self.running = running
	return self
end

--- lab:down(): end its processes and give its namespaces up; again is nothing.
function methods:down()
	local running = self.running
	if not running then
		return
	end
	self.running = nil
	for _, node in next, self.nodes do
		nodes.attach(node, nil)
	end
	take_down(running)
end

--- lab:shell(node) -> exit code: an interactive shell in a node, on this terminal
function methods:shell(node)
	local name = nodes.is_node(node) and node.name or node
	local handle = type(name) == "string" and self.nodes[name]
	if not handle then
		core.raise { op = "lab shell", attr = "node", code = "EINVAL", misuse = true,
			message = ("'%s' is no node of this lab"):format(tostring(name)) }
	end
	return handle:exec({
		os.getenv "SHELL" or "sh",
		stdin = io.stdin, stdout = "inherit", stderr = "inherit",
		env = { PS1 = name .. "$ " }, check = false,
	}).code
end

-- Changing a lab that is up

local function stop_process(running, op)
	local wanted = changes.text_of(op.spec)
	for i, each in ipairs(running.processes) do
		if each.op.ns == op.ns and changes.text_of(each.op.spec) == wanted then
			table.remove(running.processes, i)
			each.process:close()
			return
		end
	end
end

--- The value that the kernel gives a sysctl in a fresh namespace.
local function usual_value(key)
	local fresh <close> = netns.new()
	return fresh.sysctl[key]
end

local function carry_out_one(running, op, made)
	if op.verb == "stop" then
		stop_process(running, op)
		return
	end
	if op.object == "sysctl" then
		local key, value = next(op.spec)
		if value == false then
			value = usual_value(key)
			if value == nil then -- of a link that a fresh namespace does not have
				return
			end
			op = operations.new(op.ns, "set", "sysctl", { [key] = value }, op.from)
		end
	end
	operations.apply({ op }, running.namespaces, made)
end

--- Carry changes out one by one; `state` (items in order, and by identity) follows.
local function carry_out(running, list, state, made)
	for _, each in ipairs(list) do
		if each.op then
			carry_out_one(running, each.op, made)
		end
		if each.gone then
			state.by_id[each.gone] = nil
		end
		if each.item then
			if not state.by_id[each.item.id] then
				state.list[#state.list + 1] = each.item
			end
			state.by_id[each.item.id] = each.item
		end
	end
end

local function current_items(state)
	local list = {}
	for _, item in ipairs(state.list) do
		if state.by_id[item.id] == item then
			list[#list + 1] = item
		end
	end
	return list
end

local function state_of(ops)
	local list, by_id = changes.items_of(ops)
	return { list = list, by_id = by_id }
end

--- Carry out the changes from `state` to `now`, items both.
local function go(running, layout, state, now, doing)
	local made = makers(running, doing)
	local network, commands = split(changes.between(state.list, state.by_id, now.list, now.by_id),
		function(each)
			return each.op and each.op.verb == "spawn"
		end)
	carry_out(running, network, state, made)
	wait_usable(layout, running.namespaces, doing)
	carry_out(running, commands, state, made)
end

--- Go from the running plan to `ops`; on a refusal, back.
local function go_to(running, layout, ops, doing)
	local state = state_of(running.operations)
	local done, e = pcall(go, running, layout, state, state_of(ops), doing)
	if done then
		return
	end
	local reached = { list = current_items(state), by_id = state.by_id }
	local returned, why = pcall(go, running, running.layout, reached, state_of(running.operations),
		doing)
	if not returned then
		why = ("; going back failed too, so the lab is down: %s"):format(tostring(why))
	end
	return e, not returned and why or nil
end

local function adopt(self, description)
	self.description = description
	local names = {}
	for _, node in ipairs(description.nodes) do
		names[node.name] = true
		self.nodes[node.name] = self.nodes[node.name] or nodes.new(self, node.name, node.kind)
	end
	for name, node in next, self.nodes do
		if not names[name] then
			nodes.attach(node, nil)
			self.nodes[name] = nil
		end
	end
end

--- Make the lab what the description (its own, if none is given) says; errors call it `doing`.
local function apply(self, description, doing)
	local running = self.running
	if description == nil then
		description = self.description
	elseif getmetatable(description) == getmetatable(self) then
		description = description.description
	end
	description = descriptions.new(description)
	local layout = self:layout_of(description, running and running.layout, doing)
	if not running then
		adopt(self, description)
		return self
	end
	local plan_options = features.check(layout, doing)
	plan_options.routing = running.options.routing
	local ops = plans.new(layout, plan_options)
	local e, lost = go_to(running, layout, ops, doing)
	attach(self, running)
	if lost then
		self:down()
		if type(e) == "table" then
			e.message = (e.message or "") .. lost
		end
	end
	if e then
		error(e, 0)
	end
	running.layout, running.options, running.operations = layout, plan_options, ops
	name_hosts(running)
	adopt(self, description)
	attach(self, running)
	return self
end

--- lab:apply([description]): changes only what differs. On a refusal the lab is again as it was. A
--- lab that is down only takes the description over.
function methods:apply(description)
	return apply(self, description, "lab apply")
end

return { methods = methods, options = option_checks, apply = apply }
