-- SPDX-License-Identifier: MIT
-- neighbours_spec.lua - many probes, and a neighbour table that has no room for them
--
-- Filling the machine's own table would disturb others, so these namespaces only count.
local core = require "netns.core"
local neighbours = require "netns.proof.neighbours"
local verdict = require "netns.proof.verdict".read

-- A namespace in tables with `room`, which are full `more` times more whenever one looks.
local function place(room, more)
	local fulls = 0
	local function list()
		fulls = fulls + (more or 0)
		local entry = { thresh3 = 1000, config = { entries = 1000 - room }, family = "inet",
			stats = { table_fulls = fulls } }
		return { entry }
	end
	return { ntable = { list = list }, neigh = { list = function() return {} end } }
end

local function questions(n, from)
	local list = {}
	for i = 1, n do
		list[i] = { from = from, to = place(1000), addr = "10.0.0." .. i, family = "inet" }
	end
	return list
end

describe("many probes", function()
	local real, waves, answer

	before_each(function()
		real, waves = core.probe, {}
		answer = function() return { sent = true, delivered = false } end
		core.probe = function(list)
			waves[#waves + 1] = #list
			local out = {}
			for i, q in ipairs(list) do
				out[i] = answer(q)
				out[i].addr = q.addr
			end
			return out
		end
	end)

	after_each(function()
		core.probe = real
	end)

	it("are asked at once where there is room", function()
		local found = neighbours.probe(questions(100, place(1000)))
		assert.same({ 100 }, waves)
		assert.is_nil(found[100].crowded)
	end)

	it("are asked in waves that fit, and answered in order", function()
		local found = neighbours.probe(questions(100, place(100)))
		assert.same({ 35, 35, 30 }, waves)
		for i = 1, 100 do
			assert.equal("10.0.0." .. i, found[i].addr)
		end
	end)

	it("leave nothing behind of a wave in the tables, for the next one's sake", function()
		local from, router = place(100), place(100)
		-- what each has when it is looked at for the n-th time, and what was taken out of it
		local function neigh_of(ns, dev)
			local looks, deleted = 0, {}
			ns.neigh = {
				list = function()
					looks = looks + 1
					local list = { { family = "inet", dst = "10.9.0.1", dev = dev, state = "reachable" } }
					if looks > 1 then
						for i, state in ipairs { "reachable", "failed", "permanent", "noarp" } do
							list[#list + 1] = { family = "inet", dst = "10.9.1." .. i, dev = dev,
							state = state }
						end
					end
					return list
				end;
				delete = function(_, list)
					for _, entry in ipairs(list) do
						deleted[#deleted + 1] = entry.dst .. " " .. entry.dev
					end
				end;
			}
			return deleted
		end
		local at_sender, at_router = neigh_of(from, "eth0"), neigh_of(router, "eth1")
		neighbours.probe(questions(60, from), nil, { router })
		assert.same({ 35, 25 }, waves)
		assert.same({ "10.9.1.1 eth0", "10.9.1.2 eth0" }, at_sender)
		assert.same({ "10.9.1.1 eth1", "10.9.1.2 eth1" }, at_router)
	end)

	it("of one pair need one place", function()
		local list = questions(500, place(100))
		for _, q in ipairs(list) do
			q.to = list[1].to
		end
		for i = 1, 500, 2 do
			list[i].from, list[i].to = list[i].to, list[i].from
		end
		neighbours.probe(list)
		assert.same({ 500 }, waves)
	end)

	it("are asked again when the table was full, and then not believed", function()
		local found = neighbours.probe(questions(2, place(1000, 1)))
		assert.same({ 2, 2, 2, 2 }, waves)
		assert.is_true(found[1].crowded)
		local v = verdict(found[1], { proto = "icmp", addr = "10.0.0.1" })
		assert.equal("inconclusive", v.verdict)
		assert.truthy(v.why:find("neighbour table", 1, true))
	end)

	it("that were answered are believed all the same", function()
		local replies = {
			{ sent = true, delivered = true, reply = { kind = "echo", from = "10.0.0.1" } },
			{ sent = true, delivered = false, icmp = { name = "admin-prohibited", from = "10.0.0.9" } },
			{ sent = false, errno = "ENETUNREACH" },
		}
		for _, reply in ipairs(replies) do
			answer = function() return reply end
			waves = {}
			assert.is_nil(neighbours.probe(questions(1, place(1000, 1)))[1].crowded)
			assert.same({ 1 }, waves)
		end
		local later = 0
		answer = function()
			later = later + 1
			return later < 3 and { sent = true, delivered = false } or replies[1]
		end
		waves = {}
		assert.is_nil(neighbours.probe(questions(1, place(1000, 1)))[1].crowded)
		assert.same({ 1, 1, 1 }, waves)
	end)

	it("name the question at fault by its place among all", function()
		local asked = core.probe
		core.probe = function(list)
			if #list == 30 then
				error({ index = 7 }, 0)
			end
			return asked(list)
		end
		local ok, e = pcall(neighbours.probe, questions(100, place(100)))
		assert.is_false(ok)
		assert.equal(77, e.index)
	end)
end)
