-- SPDX-License-Identifier: MIT
-- netns.proof.controls - what a negative rests on beside the probe itself
--
-- Each sender must have reached somebody on a segment of its own, in the same run: else its silence
-- says nothing of others, and a link of its own that is down nothing of a policy. And where a
-- connection is established already, a probe that is stopped says nothing of that.

local core = require "netns.core"
local probes = require "netns.proof.probe"
local verdicts = require "netns.proof.verdict"

--- Whom a sender can reach without anybody's help: on each of its segments, routers first.
local function neighbours(layout, name, family)
	local list = {}
	for _, interface in ipairs(layout.nodes[name].interfaces) do
		local best
		for _, member in ipairs(interface.segment and interface.segment.members or {}) do
			if member.node.name ~= name and (family == "link" or member.address[family])
				and (not best or member.node.kind == "router" and best.node.kind ~= "router") then
				best = member
			end
		end
		list[#list + 1] = best
	end
	return list
end

--- Control questions behind `questions`: { [sender .. family] = positions }.
local function add_controls(questions, expanded, world, layout)
	local controls = {}
	for _, out in ipairs(expanded) do
		for _, at in ipairs(out.questions) do
			local q = questions[at]
			local key = q.names.from .. " " .. q.family
			if not controls[key] then
				controls[key] = {}
				for _, member in ipairs(neighbours(layout, q.names.from, q.family)) do
					questions[#questions + 1] = {
						names = { from = q.names.from, to = member.node.name };
						from = q.from;
						to = world.handle(member.node.name);
						proto = q.family == "link" and "ethernet" or "icmp";
						family = q.family;
						addr = q.family == "link" and member.mac or member.address[q.family]:address();
					}
					table.insert(controls[key], #questions)
				end
			end
		end
	end
	return controls
end

--- The senders (and families) of whose silences no control was seen: { [key] = control questions }.
local function uncontrolled(questions, results, asked, controls)
	local list = {}
	for at = 1, asked do
		local key = questions[at].names.from .. " " .. questions[at].family
		if results[at].verdict == "dropped" and controls[key] and not list[key] then
			local missing = true
			for _, control in ipairs(controls[key]) do
				missing = missing and not results[control].delivered
			end
			list[key] = missing and controls[key] or nil
		end
	end
	return list
end

--- A neighbour whose firewall lets no control in can still be seen to receive it: by a packet
--- socket, which sees a frame before any hook does. Marks the results of controls that were seen
--- so.
local function look_again(job, results)
	local questions, watched, again = job.questions, {}, {}
	local missing = uncontrolled(questions, results, job.asked, job.controls)
	local guard <close> = setmetatable({}, { __close = function()
		for _, frames in next, watched do
			frames:close()
		end
	end })
	for key, positions in next, missing do
		for _, at in ipairs(key:find " link$" and {} or positions) do -- a frame was watched for already
			local q = questions[at]
			watched[q.names.to] = watched[q.names.to] or core.frames(q.to)
			again[#again + 1] = { from = q.from, to = q.to, proto = "icmp", family = q.family,
				addr = q.addr }
		end
	end
	if #again == 0 then
		return guard
	end
	probes.probe(again, { settle = job.settle / 4 }) -- whether they answer does not matter
	local seen = {}
	for name, frames in next, watched do
		for _, frame in ipairs(frames:read()) do
			if frame.direction == "in" and frame.here then
				seen[("%s %s"):format(name, frame.dst)] = seen[("%s %s"):format(name, frame.dst)] or {}
				seen[("%s %s"):format(name, frame.dst)][frame.src] = true
			end
		end
	end
	for key, positions in next, missing do
		for _, at in ipairs(key:find " link$" and {} or positions) do
			local q = questions[at]
			for _, entry in ipairs(q.from.addr:list { family = q.family }) do
				local frames = seen[("%s %s"):format(q.names.to, q.addr)]
				results[at].arrived = results[at].arrived or frames and frames[entry.addr:match("^[^/]+")]
			end
		end
	end
end

--- The first neighbour that a control was seen to reach; nil when it reached none.
local function reached(controls, key, questions, results)
	for _, at in ipairs(controls[key] or {}) do
		if results[at].delivered or results[at].arrived then
			return questions[at]
		end
	end
end

--- A silence without its control is inconclusive, and says so.
local function controlled(result, q, job, results)
	local controls, questions = job.controls, job.questions
	if result.verdict ~= "dropped" then
		return result
	end
	local key = q.names.from .. " " .. q.family
	local neighbour = reached(controls, key, questions, results)
	local out = {}
	for name, value in next, result do
		out[name] = value
	end
	if neighbour then
		out.control = { sender = true, neighbour = neighbour.names.to, addr = neighbour.addr }
		out.why = ("%s Control: %s reached %s (%s) meanwhile."):format(result.why, q.names.from,
			neighbour.names.to, neighbour.addr)
		return out
	end
	local tried = controls[key] or {}
	out.control = { sender = false }
	out.verdict = "inconclusive"
	out.why = ("It looks like dropped, but the control failed: %s reached %s. %s"):format(q.names.from,
		#tried == 0 and "nobody, having no neighbour to try" or "none of its own neighbours", result.why)
	return out
end

--- Isolation that the sender's own downed link brings about counts for who is seen to send else.
local function uncontrolled_end(out, result, job, results)
	if out.set[result.verdict] ~= "controlled" then
		return nil
	end
	for _, family in ipairs { "inet", "inet6", "link" } do
		if reached(job.controls, result.from .. " " .. family, job.questions, results) then
			return nil
		end
	end
	return ("It looks like %s, but the control failed: %s was not seen to reach anybody. %s"):format(
		result.verdict, result.from, result.why)
end

--- What a node's sockets are connected to: "tcp 10.0.0.2 22" and so on. A firewall that keeps state
--- lets packets of established connections pass before it asks its other rules.
local function connections(ns)
	local found = {}
	local looked, sockets = pcall(ns.sockets, ns, { state = "established" })
	for _, socket in ipairs(looked and sockets or {}) do
		if socket.dport then
			found[("%s %s %d"):format(socket.proto, (socket.dst:gsub("^::ffff:(%d+%.)", "%1")),
				socket.dport)] = true
		end
	end
	return found
end

--- A connection that is there already says more than a probe that is stopped.
local function established(result, q, known)
	if not verdicts.isolated[result.verdict] or not q.port then
		return nil
	end
	known[q.from] = known[q.from] or connections(q.from)
	if known[q.from][("%s %s %d"):format(q.proto, q.addr, q.port)] then
		return ("It looks like %s, but %s is connected to %s port %d already: rules that let "
			.. "established connections pass do not stop that one. %s"):format(result.verdict, result.from,
			q.addr, q.port, result.why)
	end
end

--- Why an answer is inconclusive all the same, as a sentence; nil when it stands.
local function doubt(out, result, q, job, results)
	return uncontrolled_end(out, result, job, results) or established(result, q, job.flows)
end

return { add = add_controls, look_again = look_again, controlled = controlled, doubt = doubt }
