-- SPDX-License-Identifier: MIT
-- netns.luassert - busted's assertions on reachability: assert.reaches, assert.isolated
--
--   require "netns.luassert"
--   assert.reaches(web, db, "tcp/5432")
--   assert.isolated(web, db, "tcp/22")
--
-- Between nodes of a lab they are rows of its table, with all controls; between bare namespaces,
-- probes of every family in which the target has an address.

local assert = require "luassert"
local say = require "say"
local netns = require "netns"
local nodes = require "netns.lab.node"
local probes = require "netns.proof.probe"
local rows = require "netns.proof.rows"
local verdicts = require "netns.proof.verdict"

local families = { "inet", "inet6" }

--- The answers of bare namespaces.
local function ask(from, to, what)
	local proto, port = rows.parse_what(what)
	if not proto then
		error(("'%s': \"icmp\", \"tcp/PORT\" or \"udp/PORT\" expected"):format(tostring(what)), 0)
	end
	local questions = {}
	for _, family in ipairs(families) do
		for _, entry in ipairs(to.addr:list { family = family }) do
			if probes.is_global(entry) then
				questions[#questions + 1] = { from = from, to = to, proto = proto, port = port,
					addr = entry.addr:match("^[^/]+"), listen = proto ~= "icmp" or nil }
			end
		end
	end
	return netns.probe(questions)
end

--- Do all answers fit? Also a sentence: of the first that does not, else of the first.
local function judge(from, to, what, expected)
	if nodes.is_node(from) and nodes.is_node(to) and nodes.lab_of(from) == nodes.lab_of(to) then
		local entry = nodes.lab_of(from):check({ { from, to, what, expected } })[1]
		return entry.ok, entry.why
	end
	local answers = ask(from, to, what)
	for _, answer in ipairs(answers) do
		local fits = expected == "isolated" and verdicts.isolated[answer.verdict]
			or answer.verdict == expected
		if not fits then
			return false, answer.verdict .. ": " .. answer.why
		end
	end
	return #answers > 0, answers[1] and answers[1].why
		or "The target has no global address to ask for."
end

local function assertion(name, expected, positive, negative)
	say:set("assertion." .. name .. ".positive", positive)
	say:set("assertion." .. name .. ".negative", negative)
	local function holds(_, arguments)
		local ok, why = judge(arguments[1], arguments[2], arguments[3], expected)
		arguments[1], arguments[2] = tostring(arguments[1]), tostring(arguments[2])
		arguments[4], arguments.n = why, 4
		arguments.nofmt = { true, true, true, true }
		return ok
	end
	assert:register("assertion", name, holds, "assertion." .. name .. ".positive",
		"assertion." .. name .. ".negative")
	return holds
end

return {
	reaches = assertion("reaches", "open", "Expected %s to reach %s with %s.\n%s",
		"Expected %s not to reach %s with %s.\n%s"),
	isolated = assertion("isolated", "isolated", "Expected %s to be isolated from %s with %s.\n%s",
		"Expected %s not to be isolated from %s with %s.\n%s"),
}
