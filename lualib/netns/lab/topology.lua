-- SPDX-License-Identifier: MIT
-- netns.lab.topology - ready-made labs as functions of a size
--
-- Each returns a lab that is not up yet, to be added to as any other. Hosts are called h1, h2 ...,
-- routers r1 ..., switches s1 ...; `options` are those of lab.new as a description has them (name,
-- pools).

local core = require "netns.core"

local function size(op, attr, value, min)
	if math.type(value) ~= "integer" or value < min or value > 10000 then
		core.raise { op = "lab " .. op, attr = attr, code = "EINVAL", misuse = true,
			message = ("a whole number from %d to 10000 expected"):format(min) }
	end
end

local topologies = {}

--- n hosts on one switch.
function topologies.star(new, n, options)
	size("star", "n", n, 1)
	local lab = new(options)
	lab:link(lab:hosts("h", n), lab:switch "s1")
	return lab
end

local function routers_in_a_row(lab, n)
	lab:routers("r", n)
	for i = 1, n - 1 do
		lab:link("r" .. i, "r" .. i + 1)
	end
end

local function host_on_each(lab, n)
	for i = 1, n do
		lab:link(lab:host("h" .. i), "r" .. i)
	end
end

--- n routers one behind the other, and a host at each end.
function topologies.line(new, n, options)
	size("line", "n", n, 1)
	local lab = new(options)
	routers_in_a_row(lab, n)
	lab:hosts("h", 2)
	lab:link("h1", "r1")
	lab:link("h2", "r" .. n)
	return lab
end

--- n routers in a circle, each with a host.
function topologies.ring(new, n, options)
	size("ring", "n", n, 3)
	local lab = new(options)
	routers_in_a_row(lab, n)
	lab:link("r" .. n, "r1")
	host_on_each(lab, n)
	return lab
end

--- n routers, each with a cable to each other one, and with a host.
function topologies.mesh(new, n, options)
	size("mesh", "n", n, 2)
	local lab = new(options)
	lab:routers("r", n)
	for i = 1, n do
		for j = i + 1, n do
			lab:link("r" .. i, "r" .. j)
		end
	end
	host_on_each(lab, n)
	return lab
end

--- A tree of routers, each with `fanout` below it, `depth` levels; below the last one, hosts.
function topologies.tree(new, depth, fanout, options)
	size("tree", "depth", depth, 1)
	size("tree", "fanout", fanout, 1)
	local lab = new(options)
	local level, routers, hosts = { lab:router "r1" }, 1, 0
	for _ = 2, depth do
		local below = {}
		for _, above in ipairs(level) do
			for _ = 1, fanout do
				routers = routers + 1
				below[#below + 1] = lab:router("r" .. routers)
				lab:link(above, below[#below])
			end
		end
		level = below
	end
	for _, router in ipairs(level) do
		for _ = 1, fanout do
			hosts = hosts + 1
			lab:link(lab:host("h" .. hosts), router)
		end
	end
	return lab
end

--- A Clos network: each leaf (a router with its hosts on a segment of its own) has a cable to each
--- spine.
function topologies.leaf_spine(new, leaves, spines, hosts, options)
	size("leaf_spine", "leaves", leaves, 1)
	size("leaf_spine", "spines", spines, 1)
	size("leaf_spine", "hosts", hosts, 1)
	local lab = new(options)
	lab:routers("spine", spines)
	for i = 1, leaves do
		local leaf = lab:router("leaf" .. i)
		for j = 1, spines do
			lab:link(leaf, "spine" .. j)
		end
		local switch = lab:switch("s" .. i)
		lab:link(leaf, switch)
		for j = 1, hosts do
			lab:link(lab:host("h" .. (i - 1) * hosts + j), switch)
		end
	end
	return lab
end

return topologies
