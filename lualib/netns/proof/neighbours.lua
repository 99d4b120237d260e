-- SPDX-License-Identifier: MIT
-- netns.proof.neighbours - many probes, and the neighbour tables that all namespaces share
--
-- Theory. The machine has one table for ARP and one for IPv6, each with room for a thousand
-- neighbours of all namespaces together, and an entry in use stays for five seconds. A packet whose
-- neighbour finds no room is thrown away without a word, and who finds none for the sender of a
-- question does not answer it: a silence that no policy made. So pairs are asked in waves that fit,
-- and what a wave brought into the tables goes before the next. The kernel counts how often a table
-- was full. Where it was, silences are asked for again, and at last believed no more: their
-- observation is `crowded`.
local core = require "netns.core"
local verdicts = require "netns.proof.verdict"

local ROUNDS = 4
local SMALL = 64 -- entries that are always risked
local SHARE = 0.7 -- of the free room that a wave takes: others need some, too

--- Each family's table: { room = free entries, fulls = how often it was full }.
local function tables(ns)
	local found = {}
	for _, entry in ipairs(ns.ntable:list()) do
		if entry.thresh3 then
			found[entry.family] = { room = entry.thresh3 - entry.config.entries,
				fulls = entry.stats.table_fulls }
		end
	end
	return found
end

--- Does the observation rest on what a full table does not touch?
local function is_heard(o)
	return not o.sent or o.reply or o.icmp and not verdicts.unresolved[o.icmp.name]
end

--- Note that `ns` needs an entry for `other`; 1 if that is new, else 0.
local function need(entries, ns, other)
	local of = entries[ns] or {}
	entries[ns] = of
	if of[other] then
		return 0
	end
	of[other] = true
	return 1
end

--- The positions from `at` on that one wave takes, where the next one begins, and how many entries
--- it needs: one at either end of a pair, none of who asks itself, or knows the other already.
local function wave_of(left, at, list, room, known)
	local entries, n, wave = {}, 0, {}
	for ns, others in next, known do
		entries[ns] = setmetatable({}, { __index = others })
	end
	while left[at] and n < room do
		local q = list[left[at]]
		if q.from ~= q.to then
			n = n + need(entries, q.from, q.to or q.addr) + (q.to and need(entries, q.to, q.from) or 0)
		end
		wave[#wave + 1], at = left[at], at + 1
	end
	return wave, at, n
end

--- The namespaces that a wave is about, each once.
local function places_of(wave, list, around)
	local places, seen = {}, {}
	local function add(ns)
		if ns and not seen[ns] then
			seen[ns], places[#places + 1] = true, ns
		end
	end
	for _, at in ipairs(wave) do
		add(list[at].from)
		add(list[at].to)
	end
	for _, ns in ipairs(around) do
		add(ns)
	end
	return places
end

--- Ask one wave; its observations go to `found`, those that are to be asked again to `again`.
local function ask_wave(wave, list, options, before, found, again)
	local questions = {}
	for i, at in ipairs(wave) do
		questions[i] = list[at]
	end
	local ok, observations = pcall(core.probe, questions, options)
	if not ok then
		local e = observations
		if type(e) == "table" and e.index then
			e.index = wave[e.index]
		end
		error(e, 0)
	end
	local after = tables(questions[1].from)
	for i, o in ipairs(observations) do
		local family = questions[i].family
		found[wave[i]] = o
		if not is_heard(o) and after[family].fulls > before[family].fulls then
			o.crowded = true
			again[#again + 1] = wave[i]
		end
	end
end

--- The positions of all questions, those of one pair of ends together: what one direction brings
--- into the tables serves the other, too.
local function in_pairs(list)
	local order, back = {}, {}
	for at, q in ipairs(list) do
		local there = q.to and back[q.to] and back[q.to][q.from]
		if there then
			there[#there + 1] = at
		else
			local of = back[q.from] or {}
			back[q.from] = of
			local group = of[q.to or q.addr]
			if not group then
				group = {}
				of[q.to or q.addr], order[#order + 1] = group, group
			end
			group[#group + 1] = at
		end
	end
	local left = {}
	for _, group in ipairs(order) do
		table.move(group, 1, #group, #left + 1, left)
	end
	return left
end

--- core.probe for any number of questions. `around`: namespaces that packets cross beside the ends;
--- `known`: { [namespace] = { [namespace] = true } }, who needs no entry any more for whom.
local function probe(list, options, around, known)
	local left, found, memory = in_pairs(list), {}, core.neighbours()
	for round = 1, ROUNDS do
		local again, at = {}, 1
		while left[at] do
			local before = tables(list[left[at]].from)
			local room = math.min(before.inet.room, before.inet6 and before.inet6.room or math.huge)
			local wave, next_at, needed = wave_of(left, at, list, math.max(SMALL, room * SHARE / round),
				known or {})
			local places = needed > SMALL and places_of(wave, list, around or {})
			if places then
				memory:remember(places)
			end
			ask_wave(wave, list, options, before, found, again)
			at = next_at
			if places and (left[at] or again[1]) then
				memory:forget(places)
			end
		end
		if #again == 0 then
			break
		end
		left = again
	end
	return found
end

return { probe = probe }
