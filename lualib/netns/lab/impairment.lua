-- SPDX-License-Identifier: MIT
-- netns.lab.impairment - what makes a cable worse: delay, loss, rate ...
--
-- netem does all of it, at both ends of the cable, each for what it sends. Where the kernel lacks
-- netem (`options.netem` is false), a rate is left to tbf and loss to a rule of nftables; the rest
-- cannot be done, and `missing` says so before anything is built.

local keys = { "delay", "jitter", "loss", "rate", "reorder", "duplicate", "corrupt" }

-- What can be done without netem.
local substitutes = { rate = "tbf", loss = "nftables" }

local function wanted(link)
	local data
	for _, key in ipairs(keys) do
		if link[key] ~= nil then
			data = data or {}
			data[key] = link[key]
		end
	end
	return data
end

--- A number between 0 and 1 for "1%" or 0.01; nil for neither.
local function fraction(value)
	local percent = type(value) == "string" and tonumber(value:match("^([%d.]+)%%$"))
	local number = percent and percent / 100 or tonumber(value)
	return number and number >= 0 and number <= 1 and number or nil
end

local units = {
	bit = 1, kbit = 1e3, mbit = 1e6, gbit = 1e9, tbit = 1e12,
	bps = 8, kbps = 8e3, mbps = 8e6, gbps = 8e9,
}

--- Bits a second for "100mbit" or a number; nil for neither.
local function rate(value)
	local number, unit = tostring(value):match("^([%d.]+)(%a*)$")
	unit = unit and unit:lower()
	number = tonumber(number)
	return number and (unit == "" and number or units[unit] and number * units[unit]) or nil
end

local time_units = { us = 1e-6, usec = 1e-6, ms = 1e-3, msec = 1e-3, s = 1, sec = 1 }

--- Seconds for "5ms" or a number; 0 for nil, nil for neither.
local function seconds(value)
	if type(value) ~= "string" then
		return value or 0
	end
	local number, unit = value:match("^([%d.]+)(%a+)$")
	return number and time_units[unit] and tonumber(number) and number * time_units[unit] or nil
end

--- What of a link's wishes this kernel cannot do, as a sentence; nil when all can be done.
local function missing(link, options)
	local lacking = {}
	for key in next, options.netem == false and wanted(link) or {} do
		if not substitutes[key] then
			lacking[#lacking + 1] = key
		end
	end
	table.sort(lacking)
	if #lacking > 0 then
		return ("%s needs the qdisc netem: %s"):format(table.concat(lacking, ", "),
			options.netem_why or "this kernel lacks it")
	end
end

local expected = {
	rate = "number of bits a second nor one with a unit (\"10mbit\")",
	delay = "number of seconds nor a time (\"5ms\")",
	jitter = "number of seconds nor a time (\"5ms\")",
}
local checks = { delay = seconds, jitter = seconds, loss = fraction, duplicate = fraction,
	corrupt = fraction, reorder = fraction, rate = rate }

--- What is wrong with a link's values, as a sentence.
local function wrong(link)
	for _, key in ipairs(keys) do
		local check = checks[key]
		if link[key] ~= nil and check and not check(link[key]) then
			return ("%s: '%s' is neither a %s"):format(key, tostring(link[key]),
				expected[key] or "fraction nor a percentage (\"1%\")")
		end
	end
	if link.reorder and not link.delay then
		return "reorder: without a delay there is nothing to overtake"
	end
end

local PARTS = 100000 -- what a share is counted in

local function loss_rule(interface, loss)
	local lost = math.floor(loss * PARTS + 0.5)
	local which = lost < PARTS and ("numgen random mod %d < %d "):format(PARTS, lost) or ""
	return ([[
table netdev lab_%s {
	chain loss {
		type filter hook ingress device "%s" priority -500;
		%sdrop
	}
}
]]):format(interface.name:gsub("[^%w]", "_"), interface.name, which)
end

--- Add the operations for one end of a cable: for what it sends, and where only a receiver can
--- lose, for what it receives.
local function plan(interface, options, add)
	local data = wanted(interface.link)
	if not data then
		return
	end
	if options.netem ~= false then
		add("add", "qdisc", { dev = interface.name, parent = "root", kind = "netem", data = data })
		return
	end
	if data.rate then
		local bits = rate(data.rate)
		add("add", "qdisc", { dev = interface.name, parent = "root", kind = "tbf", data = {
			rate = data.rate;
			burst = math.max(2000, math.floor(bits / 8 / 100)); -- bytes of 10 ms, at least a frame
			latency = "50ms";
		} })
	end
	if data.loss and fraction(data.loss) > 0 then
		add("run", "nft", { text = loss_rule(interface, fraction(data.loss)) })
	end
end

return {
	plan = plan, missing = missing, wrong = wrong, wanted = wanted, rate = rate, seconds = seconds,
}
