-- SPDX-License-Identifier: MIT
-- neighbours_spec.lua - many probes, and a neighbour table that has no room for them
--
-- Filling the machine's own table would disturb others, so these namespaces only count.
local core = require "netns.core"
local neighbours = require "netns.proof.neighbours"
local netns = require "netns"
local verdict = require "netns.proof.verdict".read

-- A namespace in tables with `room` (IPv6: `room6`), which are full `more` times more whenever one
-- looks.
local function place(room, more, room6)
	local fulls = 0
	local function list()
		fulls = fulls + (more or 0)
		local entry = { thresh3 = 1000, config = { entries = 1000 - room }, family = "inet",
			stats = { table_fulls = fulls } }
		local six = room6 and { thresh3 = 1000, config = { entries = 1000 - room6 }, family = "inet6",
			stats = { table_fulls = 0 } }
		return { entry, six }
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
	local real, memory, waves, answer, told

	before_each(function()
		real, memory, waves, told = core.probe, core.neighbours, {}, {}
		core.neighbours = function()
			local function teller(what)
				return function(_, list)
					told[#told + 1] = { what, table.unpack(list) }
				end
			end
			return { remember = teller "remember", forget = teller "forget" }
		end
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
		core.probe, core.neighbours = real, memory
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

	it("take the last place that they may, and as many as they need where there is room for few",
		function()
			neighbours.probe(questions(100, place(101))) -- 70.7 places, two a pair
			assert.same({ 36, 36, 28 }, waves)
			waves = {}
			neighbours.probe(questions(70, place(5)))
			assert.same({ 32, 32, 6 }, waves)
			waves = {}
			neighbours.probe(questions(100, place(1000, 0, 100)))
			assert.same({ 35, 35, 30 }, waves)
		end)

	it("are fewer at once each time that the table was full", function()
		neighbours.probe(questions(200, place(401, 1))) -- 280.7 places, 140.35, 93.57, 70.175
		assert.same({ 141, 59, 71, 71, 58, 47, 47, 47, 47, 12, 36, 36, 36, 36, 36, 20 }, waves)
	end)

	it("leave nothing behind of a wave in the tables, for the next one's sake", function()
		local from, router = place(100), place(100)
		local list = questions(105, from)
		local asked = core.probe
		core.probe = function(...)
			told[#told + 1] = { "ask" }
			return asked(...)
		end
		neighbours.probe(list, nil, { router })
		assert.same({ 35, 35, 35 }, waves)
		local expected = {}
		for wave = 0, 2 do
			local places = { from }
			for i = wave * 35 + 1, wave * 35 + 35 do
				places[#places + 1] = list[i].to
			end
			places[#places + 1] = router
			expected[#expected + 1] = { "remember", table.unpack(places) }
			expected[#expected + 1] = { "ask" }
			expected[#expected + 1] = wave < 2 and { "forget", table.unpack(places) } or nil
		end
		assert.equal(#expected, #told)
		for i, each in ipairs(expected) do
			assert.equal(#each, #told[i])
			for j, value in ipairs(each) do
				assert.is_true(rawequal(value, told[i][j]), i .. " " .. j)
			end
		end
	end)

	it("of one pair are asked in one wave, whoever asks", function()
		local a, b, others = place(100), place(100), questions(100, place(100))
		local list = { { from = a, to = b, addr = "b", family = "inet" } }
		table.move(others, 1, 100, 2, list)
		list[102] = { from = b, to = a, addr = "a", family = "inet" }
		local wave_of = {}
		answer = function(q)
			wave_of[q.addr] = #waves
			return { sent = true, delivered = false }
		end
		local found = neighbours.probe(list)
		assert.same({ 1, 1, 2 }, { wave_of.a, wave_of.b, wave_of["10.0.0.40"] })
		for i, q in ipairs(list) do
			assert.equal(q.addr, found[i].addr)
		end
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
		waves = {}
		for _, q in ipairs(list) do -- who asks himself needs none
			q.from = place(100)
			q.to = q.from
		end
		neighbours.probe(list)
		assert.same({ 500 }, waves)
	end)

	it("of whom the other is known need none", function()
		local list, known = questions(100, place(100)), {}
		for i, q in ipairs(list) do
			known[q.from] = known[q.from] or {}
			known[q.from][q.to], known[q.to] = true, { [q.from] = i <= 60 or nil }
		end
		neighbours.probe(list, nil, nil, known)
		assert.same({ 100 }, waves) -- forty places, the sender's being known to sixty
		known[list[1].from] = nil
		waves = {}
		neighbours.probe(list, nil, nil, known)
		assert.same({ 65, 35 }, waves) -- the sender needs a hundred, too
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

describe("core.neighbours", function()
	-- What `ns` knows of others, as "address state".
	local function known(ns)
		local list = {}
		for _, entry in ipairs(ns.neigh:list()) do
			list[#list + 1] = entry.state ~= "noarp" and entry.dst .. " " .. entry.state or nil
		end
		table.sort(list)
		return list
	end

	local function linked()
		local ns = netns.new()
		ns.link:add { name = "d0", kind = "veth", up = true, peer = { name = "d1", up = true } }
		return ns
	end

	local function add(ns, family, from, to, state)
		for i = from, to do
			ns.neigh:add { dev = "d0", dst = (family == "inet" and "10.0.%d.%d" or "fd00::%x:%x")
				:format(i >> 8, i & 255), lladdr = "02:00:00:00:00:01", state = state }
		end
	end

	it("forgets what came since, and nothing else", function()
		local a <close> = linked()
		local b <close> = linked()
		local untouched <close> = linked()
		for _, ns in ipairs { a, untouched } do
			add(ns, "inet", 1, 2, "stale")
			add(ns, "inet6", 1, 1, "stale")
		end
		local memory = core.neighbours()
		memory:remember { a, b, a }
		add(a, "inet", 3, 4, "stale")
		memory:remember { a, untouched } -- what is remembered already stays as it is
		add(a, "inet6", 2, 3, "stale")
		add(a, "inet", 5, 5, "permanent")
		add(a, "inet6", 5, 5, "permanent")
		add(b, "inet", 1, 150, "stale") -- more than a batch of requests takes
		add(untouched, "inet", 7, 7, "stale")
		assert.equal(150, #known(b))
		memory:forget { b, a }
		assert.same({ "10.0.0.1 stale", "10.0.0.2 stale", "10.0.0.5 permanent", "fd00::1 stale",
			"fd00::5 permanent" }, known(a))
		assert.same({}, known(b))
		assert.equal(4, #known(untouched))
	end)

	it("removes what carries a mark", function()
		local a <close> = linked()
		add(a, "inet", 1, 2, "permanent")
		add(a, "inet6", 1, 2, "stale")
		for _, dst in ipairs { "10.0.0.9", "fd00::9" } do
			a.neigh:add { { dev = "d0", dst = dst, lladdr = "02:00:00:00:00:01", proto = 110 } }
		end
		local memory = core.neighbours()
		memory:remove({ a }, 111)
		assert.equal(6, #known(a))
		memory:remove({ a, a }, 110)
		assert.same({ "10.0.0.1 permanent", "10.0.0.2 permanent", "fd00::1 stale", "fd00::2 stale" },
			known(a))
		for _, mark in ipairs { 0, 256 } do
			assert.is_false(pcall(memory.remove, memory, { a }, mark))
		end
	end)

	it("says what is no namespace", function()
		local closed = netns.new()
		closed:close()
		for _, list in ipairs { { 1 }, { closed }, 7 } do
			for _, verb in ipairs { "remember", "forget" } do
				local memory = core.neighbours()
				local ok, e = pcall(memory[verb], memory, list)
				assert.is_false(ok)
				assert.matches("list", tostring(e))
			end
		end
	end)
end)
