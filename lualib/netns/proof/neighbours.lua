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
--- it needs: one at either end of a pair, none of who asks itself.
local function wave_of(left, at, list, room)
	local entries, n, wave = {}, 0, {}
	while left[at] and n < room do
		local q = list[left[at]]
		if q.from ~= q.to then
			n = n + need(entries, q.from, q.to or q.addr) + (q.to and need(entries, q.to, q.from) or 0)
		end
		wave[#wave + 1], at = left[at], at + 1
	end
	return wave, at, n
end

local function name_of(entry)
	return ("%s %s %s"):format(entry.family, entry.dst, entry.dev)
end

--- What the tables hold of the namespaces that a wave is about.
local function remember(wave, list, around)
	local held = {}
	local function look(ns)
		if ns and not held[ns] then
			held[ns] = {}
			for _, entry in ipairs(ns.neigh:list()) do
				held[ns][name_of(entry)] = true
			end
		end
	end
	for _, at in ipairs(wave) do
		look(list[at].from)
		look(list[at].to)
	end
	for _, ns in ipairs(around) do
		look(ns)
	end
	return held
end

--- Take out what came meanwhile. One that the kernel took out itself is no loss.
local function forget(held)
	for ns, old in next, held do
		local new = {}
		for _, entry in ipairs(ns.neigh:list()) do
			if not old[name_of(entry)] and entry.state ~= "permanent" and entry.state ~= "noarp" then
				new[#new + 1] = { dst = entry.dst, dev = entry.dev }
			end
		end
		if #new > 0 and not pcall(ns.neigh.delete, ns.neigh, new) then
			for _, entry in ipairs(new) do
				pcall(ns.neigh.delete, ns.neigh, entry)
			end
		end
	end
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

--- core.probe for any number of questions. `around`: namespaces that packets cross beside the ends.
local function probe(list, options, around)
	local left, found = {}, {}
	for i = 1, #list do
		left[i] = i
	end
	for round = 1, ROUNDS do
		local again, at = {}, 1
		while left[at] do
			local before = tables(list[left[at]].from)
			local room = math.min(before.inet.room, before.inet6 and before.inet6.room or math.huge)
			local wave, next_at, needed = wave_of(left, at, list, math.max(SMALL, room * SHARE / round))
			local held = needed > SMALL and remember(wave, list, around or {})
			ask_wave(wave, list, options, before, found, again)
			at = next_at
			if held and (left[at] or again[1]) then
				forget(held)
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
