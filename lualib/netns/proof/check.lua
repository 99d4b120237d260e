-- SPDX-License-Identifier: MIT
-- netns.proof.check - a truth table over a lab: asked, controlled, judged
--
-- Theory. All questions of a table are in flight at once, and with them the controls: each sender
-- of which a row expects silence or refusal must have reached somebody on a segment of its own, in
-- the same run, as seen by that neighbour's stack. A sender that reached nobody proves nothing by
-- reaching nobody else: its silences are inconclusive (controls.lua). A refusal needs no such
-- control, since it quotes the very packet; nor does what the sender's own stack says, but that a
-- link of its own is down.

local acquaint = require "netns.proof.acquaint".acquaint
local caller = require "netns.caller"
local core = require "netns.core"
local controls = require "netns.proof.controls"
local explain = require "netns.proof.explain"
local impairment = require "netns.lab.impairment"
local layer2 = require "netns.proof.layer2"
local live = require "netns.lab.running"
local nodes = require "netns.lab.node"
local probes = require "netns.proof.probe"
local reports = require "netns.proof.report"
local rows_of = require "netns.proof.rows"
local verdicts = require "netns.proof.verdict"
local ways = require "netns.proof.way"

local EXPLAINED = 8 -- failed silences a report
local HELD_BACK = 8 -- silences that may be refusals, a report
local LOOKED_UP = 256 -- pairs whose way is looked up for that

local function misuse(index, attr, message, ...)
	core.raise { op = "lab check", attr = attr, index = index, message = message:format(...),
		code = "EINVAL", misuse = true }
end

--- What rows.lua asks about the lab as it stands: addresses are the kernel's, and beside them those
--- of the plan that a downed link has lost.
local function world_of(self)
	local running = live.running(self, "lab check")
	local layout, namespaces = running.layout, running.namespaces
	local world, known, single, segments, texts = {}, {}, {}, {}, {}

	function world.handle(name)
		return namespaces[name]
	end

	local function everybody()
		local list = {}
		for _, node in ipairs(layout.order) do
			if node.kind ~= "switch" and node.kind ~= "router" then
				list[#list + 1] = node.name
			end
		end
		return list
	end

	function world.nodes(value, index, attr)
		local list = single[value]
		if list then -- a node that was asked for before
			return list
		elseif value == "*" then
			return everybody()
		end
		list = {}
		for _, each in ipairs(type(value) == "table" and not nodes.is_node(value) and value
			or { value }) do
			local name = nodes.is_node(each) and each.name or each
			local node = type(name) == "string" and layout.nodes[name]
			if not node or nodes.is_node(each) and nodes.lab_of(each) ~= self then
				misuse(index, attr, "'%s' is no node of this lab", tostring(name))
			elseif node.kind == "switch" then
				misuse(index, attr, "%s is a switch, which has no address", name)
			end
			list[#list + 1] = name
		end
		if #list == 0 then
			misuse(index, attr, "is missing")
		elseif type(value) == "string" or nodes.is_node(value) then
			single[value] = list
		end
		return list
	end

	--- The segments that a node is on: { [segment] = true }; cables that lead nowhere are `false`.
	local function segments_of(name)
		if not segments[name] then
			segments[name] = {}
			for _, interface in ipairs(layout.nodes[name].interfaces) do
				segments[name][interface.segment or false] = true
			end
		end
		return segments[name]
	end

	local function text_of(address)
		texts[address] = texts[address] or address:address()
		return texts[address]
	end

	local function read_addresses(name)
		local out, seen = { inet = {}, inet6 = {} }, {}
		local function put(family, address)
			if not seen[address] then
				seen[address] = true
				table.insert(out[family], address)
			end
		end
		for _, entry in ipairs(namespaces[name].addr:list()) do
			if probes.is_global(entry) then
				put(entry.family, entry.addr:match("^[^/]+"))
			end
		end
		for _, interface in ipairs(layout.nodes[name].interfaces) do
			for family, address in next, interface.address or {} do
				put(family, text_of(address))
			end
		end
		return out
	end

	function world.addresses(name, family)
		known[name] = known[name] or read_addresses(name)
		return known[name][family]
	end

	--- The target's address on a segment that both are on, else its first.
	function world.nearest(from, to, family)
		local here = segments_of(from)
		for _, interface in ipairs(layout.nodes[to].interfaces) do
			if interface.segment and here[interface.segment] and interface.address[family] then
				return text_of(interface.address[family])
			end
		end
		return world.addresses(to, family)[1]
	end

	--- The target's MACs; with `near` the one on a segment that both are on, else its first.
	function world.macs(from, to, near)
		local here, list = segments_of(from), {}
		for _, interface in ipairs(layout.nodes[to].interfaces) do
			if near and interface.segment and here[interface.segment] then
				return { interface.mac }
			end
			list[#list + 1] = interface.mac
		end
		return near and { list[1] } or list
	end

	return world, layout
end

--- Questions of all kinds, each to who can ask it.
local function ask_all(questions, settle, way, around, known)
	local parts, positions, results = { {}, {} }, { {}, {} }, {}
	for at, q in ipairs(questions) do
		local n = layer2.kinds[q.proto] and 2 or 1
		parts[n][#parts[n] + 1], positions[n][#positions[n] + 1] = q, at
	end
	local answers = { probes.ask_checked(parts[1], { settle = settle }, way, around, known),
		layer2.ask(parts[2], settle) }
	for n, list in ipairs(answers) do
		for i, result in ipairs(list) do
			results[positions[n][i]] = result
		end
	end
	return results
end

--- On a busy machine a neighbour's answer may come too late, and the next question finds it. So
--- what rests on a neighbour that did not answer is asked once more before it is believed.
local function confirm(questions, results, settle, way)
	local again, positions = {}, {}
	for at, result in ipairs(results) do
		local icmp = result.icmp and verdicts.unresolved[result.icmp.name]
		if result.verdict == "no_neighbour" or result.verdict == "rejected" and icmp then
			again[#again + 1], positions[#positions + 1] = questions[at], at
		end
	end
	for i, result in ipairs(probes.ask_checked(again, { settle = settle }, way)) do
		results[positions[i]] = result
	end
end

--- A router's routes refuse five packets of a sender at once, and then one a second. Silences that
--- may be such a refusal are asked for again, at that pace: some of them, for each takes a second.
local function ask_slowly(job, results, way)
	local again, positions, known, left = {}, {}, {}, LOOKED_UP
	local function is_refused(q)
		local key = q.names.from .. " " .. q.addr
		if known[key] == nil and left > 0 then
			left = left - 1
			known[key] = ways.refusing(job.lab.running, q.names.from, q.addr) ~= nil
		end
		return known[key]
	end
	for at = 1, job.asked do
		local q = job.questions[at]
		if results[at].verdict == "dropped" and q.family == "inet" and not layer2.kinds[q.proto]
			and #again < HELD_BACK and is_refused(q) then
			again[#again + 1], positions[#positions + 1] = q, at
		end
	end
	for i, result in ipairs(probes.ask_checked(again, nil, way)) do
		results[positions[i]] = result
	end
end

--- Judge row number `index`: { ok, index, where, row, verdict, verdicts, why }.
local function judge(out, index, job, results, judged)
	local entry = { ok = true, index = index, where = job.where, row = out.row, verdicts = {} }
	for i, at in ipairs(out.questions) do
		local result = judged[at]
		local doubt = controls.doubt(out, result, job.questions[at], job, results)
		if doubt then -- of this row; others that ask the same may be sure
			result = setmetatable({ verdict = "inconclusive", why = doubt }, { __index = result })
		end
		entry.verdicts[i] = result
		if entry.ok and not out.set[result.verdict] then
			entry.ok, entry.verdict, entry.why = false, result.verdict, result.why
		end
	end
	if #entry.verdicts == 0 then
		entry.ok, entry.verdict = false, "inconclusive"
		entry.why = "No family in which both ends have an address, so nothing could be asked."
	elseif entry.ok and out.unasked then
		entry.ok, entry.verdict, entry.why = false, "inconclusive", out.unasked
	elseif entry.ok then
		entry.verdict, entry.why = entry.verdicts[1].verdict, entry.verdicts[1].why
	end
	return entry
end

--- How long silence must last, in seconds: lab nodes limit no ICMP errors and give neighbours up
--- quickly (lab/plan.lua), so only the cables' own delays count.
local function settling(layout)
	local most = 0
	for _, ends in ipairs(layout.cables) do
		most = most + 2 * impairment.seconds(ends[1].link.delay)
	end
	return math.max(0.1, most)
end

--- Say of silences where they began: a second pass, one probe each, with every node watched.
local function locate(self, expanded, questions, judged, options)
	local left = options.explain == "none" and 0 or options.explain == "all" and math.huge or EXPLAINED
	local done = {}
	for _, out in ipairs(expanded) do
		for _, at in ipairs(out.questions) do
			local result = judged[at]
			local asked_for = options.explain == "all" or not out.set[result.verdict]
			if result.verdict == "dropped" and asked_for and not done[at] and left > 0
				and not layer2.kinds[questions[at].proto] then
				done[at], left = true, left - 1
				local walk = explain.walk(self, questions[at])
				if walk.verdict.verdict == "dropped" then
					result.at = walk.ended
					result.why = ("%s Last seen at %s: %s."):format(result.why, walk.ended.node, walk.ended.why)
				end
			end
		end
	end
end

local choices = {
	explain = { failed = true, all = true, none = true, words = '"failed", "all" or "none"' },
	neighbours = { asked = true, known = true, words = '"asked" or "known"' },
}

local function read_options(options)
	if options ~= nil and type(options) ~= "table" then
		misuse(nil, "options", "table expected, got %s", type(options))
	end
	for key, value in next, options or {} do
		local choice = choices[key]
		if not choice then
			misuse(nil, tostring(key), "unknown key")
		elseif choice[value] ~= true then
			misuse(nil, key, "%s expected", choice.words)
		end
	end
	return options or {}
end

--- What is to be asked: a job.
local function prepare(self, rows, options)
	local job = { lab = self, began = core.clock(), options = read_options(options),
		where = caller(), flows = {} }
	local world, layout = world_of(self)
	job.questions, job.expanded = rows_of.expand(rows, world)
	job.asked = #job.questions
	job.controls = controls.add(job.questions, job.expanded, world, layout)
	job.layout, job.settle = layout, settling(layout)
	return job
end

--- The report of a job, from the answers to its questions.
local function conclude(job, results)
	local questions, judged, entries = job.questions, {}, {}
	controls.look_again(job, results)
	for i = 1, job.asked do
		local q = questions[i]
		local result = controls.controlled(results[i], q, job, results)
		result.from, result.to, result.what = q.names.from, q.names.to, q.names.what
		result.family, result.addr, result.size = q.family, q.addr, q.size
		judged[i] = result
	end
	locate(job.lab, job.expanded, questions, judged, job.options)
	for i, out in ipairs(job.expanded) do
		entries[i] = judge(out, i, job, results, judged)
	end
	return reports.new(entries,
		{ name = job.lab.description.name, layout = job.layout, time = os.time(),
		seconds = core.clock() - job.began, neighbours = job.options.neighbours or "asked" })
end

--- The namespaces that packets may cross.
local function routers_of(jobs)
	local list = {}
	for _, job in ipairs(jobs) do
		for name, node in next, job.layout.nodes do
			if node.kind == "router" then
				list[#list + 1] = job.lab.running.namespaces[name]
			end
		end
	end
	return list
end

--- One table over several labs, all questions in flight at once: an array of reports.
local function check_all(labs, rows, options)
	local jobs, questions, reports_of, settle, at = {}, {}, {}, 0, 0
	for i, each in ipairs(labs) do
		jobs[i] = prepare(each, rows, options)
		table.move(jobs[i].questions, 1, #jobs[i].questions, #questions + 1, questions)
		settle = math.max(settle, jobs[i].settle)
	end
	local way, around = ways.of(labs), routers_of(jobs)
	local told <close> = jobs[1].options.neighbours == "known" and acquaint(jobs) or nil
	local results = ask_all(questions, settle, way, around, told and told.known)
	confirm(questions, results, settle, way)
	for i, job in ipairs(jobs) do
		local own = table.move(results, at + 1, at + #job.questions, 1, {})
		ask_slowly(job, own, way)
		reports_of[i] = conclude(job, own)
		at = at + #job.questions
	end
	return reports_of
end

local methods = {}

--- lab:check(rows [, options]) -> report. options.explain: of which silences it is found out where
--- they began: "failed" rows' (a few of them), "all", "none"; options.neighbours: "known" tells
--- everybody the link-layer addresses of whom it asks, "asked" leaves that to ARP and ND.
function methods:check(rows, options)
	return check_all({ self }, rows, options)[1]
end

--- For a person: the report, and a shell where the first row that does not hold was asked from.
local function look_around(self, report)
	for _, entry in ipairs(report) do
		local first = not entry.ok and entry.verdicts[1]
		if first then
			io.stderr:write(report:text(reports.in_colour(2)), "\nNSLUA_KEEP: a shell in ", first.from,
				"; exit to go on\n")
			self:shell(first.from)
			return
		end
	end
end

--- lab:expect(rows [, options]) -> report; raises unless every row holds
function methods:expect(rows, options)
	local report = self:check(rows, options)
	if not report.ok then
		if os.getenv "NSLUA_KEEP" == "1" and core.isatty(0) and core.isatty(2) then
			look_around(self, report)
		end
		local ok, e = pcall(core.raise, { op = "lab expect", subject = self.description.name,
			code = "EXPECT", message = report:failures() })
		assert(not ok)
		e.report = report
		error(e, 0)
	end
	return report
end

--- lab:eventually(rows, timeout) -> report: waits until every row holds, and then still does
function methods:eventually(rows, timeout)
	local deadline = core.deadline(timeout == nil and 10 or timeout)
	local steady = false
	while true do
		local report = self:check(rows)
		if report.ok and steady then
			return report
		elseif not report.ok and core.clock() >= deadline then
			return report
		end
		steady = report.ok
		core.sleep(report.ok and 0.05 or 0.02)
	end
end

-- What a matrix's rows accept: any verdict but `inconclusive`.
local any = {}
for name in next, verdicts.names do
	any[#any + 1] = name ~= "inconclusive" and name or nil
end
table.sort(any)

local matrix_mt = { __name = "netns.matrix" }
matrix_mt.__index = matrix_mt

function matrix_mt:__tostring()
	return reports.matrix(self)
end

--- lab:matrix(what [, family [, options]]) -> m.from.to is a verdict's name
function methods:matrix(what, family, options)
	local rows = {}
	local world = world_of(self)
	local names = world.nodes("*")
	for _, from in ipairs(names) do
		for _, to in ipairs(names) do
			if from ~= to then
				rows[#rows + 1] = { from, to, what or "icmp", any, family = family }
			end
		end
	end
	local report, matrix = self:check(rows, options), setmetatable({}, matrix_mt)
	for _, from in ipairs(names) do
		matrix[from] = {}
	end
	for i, entry in ipairs(report) do
		matrix[rows[i][1]][rows[i][2]] = entry.verdict
	end
	return matrix, report
end

return { methods = methods, check_all = check_all }
