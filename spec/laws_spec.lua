-- SPDX-License-Identifier: MIT
-- laws_spec.lua - what holds whatever was done: after random sequences of operations
--
-- A few rounds in the suite, always the same; LAWS=1000 does so many others. A failure says its
-- seed: LAWS_SEED does that round again.
local as_ip = require "spec.as_ip"
local laws = require "spec.laws"

local more = tonumber(os.getenv "LAWS")
local rounds = more or 3
local STEPS = 120
local given = tonumber(os.getenv "LAWS_SEED")

local show = as_ip.show

local function state(ns)
	local out = {}
	assert.is_true(ns.addr:settle(5))
	for _, object in ipairs(laws.objects) do
		local ok, text = pcall(laws.texts, ns, object, show)
		if not ok and text.code ~= "EOPNOTSUPP" then
			error(text, 0)
		end
		out[object] = ok and text or nil
	end
	return out
end

-- Two states are the same, or the difference is told.
local function same(wanted, found)
	for _, object in ipairs(laws.objects) do
		local a, b = wanted[object] or "", found[object] or ""
		if a ~= b then
			error(("%s:\nwanted\n%s\nfound\n%s"):format(object, as_ip.only(a, b), as_ip.only(b, a)), 0)
		end
	end
end

-- The qdiscs that stand on no class: classes stand on them, and others on those.
local function roots(list)
	local out = {}
	for _, qdisc in ipairs(list) do
		out[#out + 1] = not qdisc.parent:find "%x:%x" and qdisc or nil
	end
	return out
end

local function copy_one(copy, object, list)
	local collection = copy[object == "proxy" and "neigh" or object]
	local done, e = pcall(collection.replace, collection, list)
	if not done then
		error(("%s\nof %s"):format(e, show(list[e.index])), 0)
	end
	assert.is_true(copy.addr:settle(5)) -- a route may have one as its source
end

local function copy_all(ns, copy)
	for _, object in ipairs(laws.objects) do
		local ok, list = pcall(laws.list, ns, object)
		if object == "qdisc" then
			copy_one(copy, object, roots(list))
			copy_one(copy, "class", laws.list(ns, "class"))
		end
		copy_one(copy, object, ok and list or {})
	end
end

-- What was done up to a failure.
local function told(seed, log)
	return ("LAWS_SEED=%d, operation %d:\n%s\n"):format(seed, #log,
		table.concat(log, "\n", math.max(1, #log - 3)))
end

local function each_round(f)
	local start = given or more and os.time() * 1000 or 1
	for round = 1, given and 1 or rounds do
		local seed, log = start + round - 1, {}
		math.randomseed(seed)
		local ns <close> = laws.world()
		laws.populate(ns)
		local ok, e = pcall(f, ns, log, seed)
		if not ok then
			error(told(seed, log) .. tostring(type(e) == "table" and e.message or e), 0)
		end
	end
end

-- One operation; true, or false and its error.
local function step(ns, log)
	local object, verb, spec = laws.operation()
	log[#log + 1] = ("ns.%s:%s %s"):format(object, verb, show(spec))
	local ok, e = pcall(ns[object][verb], ns[object], spec)
	if not ok then
		assert.equal("netns.error", getmetatable(e) and getmetatable(e).__name, tostring(e))
		log[#log] = log[#log] .. " -- " .. tostring(e)
	end
	return ok, e
end

describe("after any operations", function()
	it("a refused call has changed nothing", function()
		local done, refused = 0, 0
		each_round(function(ns, log)
			local before = state(ns)
			for _ = 1, STEPS do
				local ok = step(ns, log)
				local after = state(ns)
				if not ok then
					refused = refused + 1
					same(before, after)
				end
				done = done + (ok and 1 or 0)
				before = after
			end
		end)
		assert.is_true(done > 10 and refused > 10)
	end)

	it("a listing is what iproute2 says", function()
		each_round(function(ns, log)
			for i = 1, STEPS do
				step(ns, log)
				if i % 20 == 0 then
					assert.is_true(ns.addr:settle(5))
					as_ip.same(ns)
				end
			end
		end)
	end)

	it("a listing makes the same elsewhere, and changes nothing there a second time", function()
		each_round(function(ns, log)
			for i = 1, STEPS do
				step(ns, log)
				if i % 30 == 0 then
					local copy <close> = laws.world()
					for _ = 1, 2 do
						copy_all(ns, copy)
						same(state(ns), state(copy))
					end
				end
			end
		end)
	end)
end)
